"""The model in xllamacpp's server: a reply in a slot, and what a slot holds kept, brought back, or wiped out."""

from __future__ import annotations

import http.client
import json
import secrets
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

Json = dict[str, Any]

# Tokens that one step of the model takes, of all slots together. Between two steps cancellations take effect and other
# slots come in: larger steps are hardly faster on one thread (140 tokens a second at 16, 151 at 64), and take longer
# (0.11 s, 0.43 s).
BATCH = 24

# Sessions that keep their conversation in the cache. A slot costs little, what counts is the cells; but llama.cpp wants
# to be able to take a token of each in one step.
SLOTS = BATCH

# Replies that are made at once, those included that pause for others. The rest of a step is for prompts: who asks last
# need not wait for the others' ends.
MOST_BUSY = 2 * BATCH // 3

# The shortest run of tokens that is moved in the cache, rather than read again, when older turns before it are dropped.
CACHE_REUSE = 16

# Seconds for an action on a slot. It waits for the step that is running, and for nothing else.
ACTION_TIMEOUT = 30.0


class Model:
    """A loaded model with slots. Any thread may use any slot, one at a time."""

    def __init__(self, server: Any, key: str, folder: Path) -> None:
        self._server = server
        self._address = server.listening_address.removeprefix("http://")
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        self._folder = folder

    def complete(self, slot: int, body: Json, take: Callable[[Json], bool]) -> None:
        """Answer a chat completion request in a slot. `take` gets each chunk and returns whether to stop.

        What the slot holds of the prompt's beginning is not read again. Raises what xllamacpp raises for bad requests.
        """
        self._server.handle_chat_completions(
            body | {"id_slot": slot, "cache_prompt": True, "stream": True, "return_progress": True}, take
        )

    def save(self, slot: int, name: str) -> int:
        """Keep what the slot holds under a name. Returns how many tokens that are, 0 if it did not work."""
        return int(self._act(slot, "save", {"filename": name}).get("n_saved", 0))

    def restore(self, slot: int, name: str) -> bool:
        """Make the slot hold what was kept under that name; takes some milliseconds. Returns whether it worked."""
        return "n_restored" in self._act(slot, "restore", {"filename": name})

    def erase(self, slot: int) -> None:
        """Free what the slot holds."""
        self._act(slot, "erase", {})

    def discard(self, name: str) -> None:
        """Keep it no longer."""
        (self._folder / name).unlink(missing_ok=True)

    def _act(self, slot: int, action: str, body: Json) -> Json:
        connection = http.client.HTTPConnection(self._address, timeout=ACTION_TIMEOUT)
        try:
            connection.request("POST", f"/slots/{slot}?action={action}", json.dumps(body), self._headers)
            answer: Json = json.loads(connection.getresponse().read())
        except (OSError, http.client.HTTPException, ValueError) as error:
            answer = {"error": repr(error)}
        finally:
            connection.close()
        if "error" in answer:
            # Without it a prompt is read again, or the server makes room in its own order: slower, never wrong.
            print(f"cannot {action} slot {slot}: {answer['error']}", file=sys.stderr)
        return answer


def load(settings: Json) -> Model:
    """Load the model; blocks. Raises RuntimeError, and llama.cpp says on stderr why."""
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = settings["model"]
    params.n_gpu_layers = settings["n_gpu_layers"]
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = settings["n_threads"]
    params.n_ctx = settings["cells"]
    params.kv_unified = True  # cells go to the slots that need them
    params.kv_unified_per_slot = settings["context"]
    params.n_parallel = SLOTS
    params.n_batch = params.n_ubatch = BATCH
    params.n_cache_reuse = CACHE_REUSE
    params.cache_ram_mib = 0  # a slot has one conversation, and what others share is kept in files
    params.cache_idle_slots = False
    params.slot_save_path = f"{settings['folder']}/"
    params.fit_params = False
    params.verbosity = 1  # errors only
    # Slots are saved and restored through an HTTP server on a free port of 127.0.0.1. Nobody else has this key.
    key = secrets.token_urlsafe(32)
    params.api_keys = [key]
    params.n_threads_http = 1
    params.ui = params.endpoint_slots = False
    return Model(xllamacpp.Server(params), key, Path(settings["folder"]))
