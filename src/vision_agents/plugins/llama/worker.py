"""The process that holds the model. Requests come in on stdin and text goes out on stdout, one JSON object a line.

It is a process of its own because xllamacpp keeps the interpreter's lock while it loads a model, which would stop
the audio of every call in ours, and because a crash in native code then costs one reply and not the agent.

It runs as a plain script, on the standard library and xllamacpp alone. What it reads:

* first ``{"model", "context", "n_threads", "n_gpu_layers"}``, answered by ``{"ready": true}`` or ``{"failed": why}``;
* ``{"id", "keep", "max_tokens", "body"}``: answer ``body``, a chat completion request, and drop what does not fit
  from its messages after the first `keep`. Answered, each with the ``id``, by any number of
  ``{"progress"}`` (prompt tokens read so far) and ``{"text"}``, then ``{"call"}`` for each function call, then one
  ``{"done": {…}}`` or ``{"error": why}``;
* ``{"cancel": [id, …]}``: stop these requests, running or waiting; each is still answered, by a ``done``.

The end of stdin, so also the end of the parent, ends it.
"""

import json
import os
import queue
import secrets
import signal
import sys
import threading
from collections.abc import Callable, Iterable
from typing import Any, BinaryIO, Protocol

# The prompt is read in steps of this many tokens, and a cancellation takes effect between two steps: larger steps
# are hardly faster on one thread (140 tokens a second at 16, 151 at 64), and take longer to stop (0.11 s, 0.43 s).
BATCH = 16

# The shortest run of tokens that is moved in the cache, rather than read again, when older turns before it are dropped.
CACHE_REUSE = 16

# Room for a reply, in tokens, below which an answer is not worth beginning.
LEAST_REPLY = 32

Json = dict[str, Any]


class Server(Protocol):
    """The part of ``xllamacpp.Server`` that is used here."""

    def handle_chat_completions(self, prompt: Json, callback: Callable[[Json], bool]) -> object: ...


def load(settings: Json) -> Server:
    """Load the model; blocks. Raises RuntimeError, and llama.cpp says on stderr why."""
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = settings["model"]
    params.n_ctx = settings["context"]
    params.n_gpu_layers = settings["n_gpu_layers"]
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = settings["n_threads"]
    params.n_parallel = 1
    params.n_batch = params.n_ubatch = BATCH
    params.n_cache_reuse = CACHE_REUSE
    params.cache_ram_mib = 0  # prompts of other conversations are not kept: this one has one conversation
    params.fit_params = False
    params.verbosity = 1  # errors only
    # xllamacpp opens an HTTP server on a free port of 127.0.0.1 and cannot be told not to: nobody has this key.
    params.api_keys = [secrets.token_urlsafe(32)]
    params.n_threads_http = 1
    params.ui = params.endpoint_slots = False
    server: Server = xllamacpp.Server(params)
    return server


class Worker:
    """Answers one request at a time, in the order they came."""

    def __init__(self, server: Server, context: int, send: Callable[[Json], None]) -> None:
        self._server = server
        self._context = context
        self._send = send
        self._requests: queue.SimpleQueue[Json | None] = queue.SimpleQueue()
        self._cancelled: set[int] = set()
        self._ended = False

    def read(self, lines: Iterable[bytes]) -> None:
        """Take requests and cancellations until the lines end; runs in a thread of its own."""
        try:
            for line in lines:
                message = json.loads(line)
                if "cancel" in message:
                    self._cancelled.update(message["cancel"])
                else:
                    self._requests.put(message)
        finally:
            self._ended = True
            self._requests.put(None)

    def run(self) -> None:
        """Answer requests until `read` has come to its end."""
        while (request := self._requests.get()) is not None:
            self._answer(request)
            self._cancelled.discard(request["id"])

    def _answer(self, request: Json) -> None:
        number, keep = request["id"], request["keep"]
        body, most = request["body"], request["max_tokens"]
        dropped = 0
        while True:
            messages = body["messages"]
            last = len(turns(messages, keep)) < 2
            room = self._context - (min(LEAST_REPLY, most) if last else most)
            attempt = Attempt(number, room, lambda: self._ended or number in self._cancelled, self._send)
            error = self._attempt(body, min(most, self._context), attempt)
            if error is None and not attempt.too_long:
                self._send({"id": number, "done": attempt.summary() | {"dropped": dropped}})
                return
            if error is None and last:
                error = (
                    f"the instructions, the examples and the last message alone are {attempt.tokens} tokens long, "
                    f"and the context holds {self._context}: raise `context`, or shorten them"
                )
            if error is not None:
                self._send({"id": number, "error": error})
                return
            kept = drop_oldest(messages, keep, 1 - room / attempt.tokens)
            dropped += len(messages) - len(kept)
            body = body | {"messages": kept}

    def _attempt(self, body: Json, max_tokens: int, attempt: "Attempt") -> str | None:
        try:
            if not attempt.cancelled():
                self._server.handle_chat_completions(
                    body | {"max_tokens": max_tokens, "stream": True, "return_progress": True}, attempt
                )
        except Exception as error:  # xllamacpp refuses bad requests so
            return f"{type(error).__name__}: {error}"
        return attempt.error


class Attempt:
    """Takes what the model does with one prompt. Being called returns whether it shall stop."""

    def __init__(self, number: int, room: int, cancelled: Callable[[], bool], send: Callable[[Json], None]) -> None:
        self.cancelled = cancelled
        self.error: str | None = None
        self.tokens = 0  # of the prompt
        self.too_long = False
        self._number = number
        self._room = room
        self._send = send
        self._cached = 0
        self._reason = "cancelled"
        self._calls: dict[int, Json] = {}

    def __call__(self, chunk: Json) -> bool:
        try:
            return self.cancelled() or self._take(chunk)
        except Exception as error:  # it must not go through the C++ frames that called us
            self.error = f"{type(error).__name__}: {error}"
            return True

    def _take(self, chunk: Json) -> bool:
        if "error" in chunk:
            self._take_error(chunk["error"])
            return True
        if progress := chunk.get("prompt_progress"):
            self.tokens, self._cached = progress["total"], progress["cache"]
            self.too_long = self.tokens > self._room
            if not self.too_long:
                self._send({"id": self._number, "progress": progress["processed"]})
            return self.too_long
        for choice in chunk.get("choices", ()):
            self._take_choice(choice)
        return False

    def _take_error(self, error: Json) -> None:
        if error.get("type") == "exceed_context_size_error":
            self.tokens, self.too_long = error["n_prompt_tokens"], True
        else:
            self.error = str(error.get("message", error))

    def _take_choice(self, choice: Json) -> None:
        delta = choice.get("delta", {})
        if text := delta.get("content"):
            self._send({"id": self._number, "text": text})
        for piece in delta.get("tool_calls") or ():
            call = self._calls.setdefault(piece["index"], {"id": "", "name": "", "arguments": ""})
            function = piece.get("function", {})
            call["id"] = call["id"] or piece.get("id", "")
            call["name"] += function.get("name") or ""
            call["arguments"] += function.get("arguments") or ""
        if reason := choice.get("finish_reason"):
            self._reason = reason
            for call in self._calls.values():
                self._send({"id": self._number, "call": call})

    def summary(self) -> Json:
        """How it went: why it ended, the prompt's length in tokens, and how many of those were in the cache."""
        return {"reason": self._reason, "prompt_tokens": self.tokens, "cached_tokens": self._cached}


def turns(messages: list[Json], keep: int) -> list[list[Json]]:
    """The messages after the first `keep` as turns: each a user's message and all that follows from it."""
    found: list[list[Json]] = []
    for message in messages[keep:]:
        if message["role"] == "user" or not found:
            found.append([])
        found[-1].append(message)
    return found


def drop_oldest(messages: list[Json], keep: int, share: float) -> list[Json]:
    """Leave out the oldest turns, one at least and never the last, until about `share` (0…1) of the text is gone."""
    rest = turns(messages, keep)
    surplus = share * sum(map(_length, messages))
    while len(rest) > 1:
        surplus -= sum(map(_length, rest.pop(0)))
        if surplus <= 0:
            break
    return messages[:keep] + [message for turn in rest for message in turn]


def _length(message: Json) -> int:
    return len(json.dumps(message))


def main() -> int:
    """Serve the parent until it closes our stdin."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's; it then closes stdin
    out = _claim_stdout()

    def send(message: Json) -> None:
        out.write(json.dumps(message).encode() + b"\n")
        out.flush()

    requests = sys.stdin.buffer
    settings = json.loads(requests.readline() or b"null")
    if settings is None:
        return 0
    try:
        server = load(settings)
    except Exception as error:
        send({"failed": f"{type(error).__name__}: {error}"})
        return 1
    worker = Worker(server, settings["context"], send)
    threading.Thread(target=worker.read, args=(requests,), daemon=True).start()
    send({"ready": True})
    worker.run()
    return 0


def _claim_stdout() -> BinaryIO:
    """Our stdout, for us alone: what native code prints there goes to stderr instead of between our lines."""
    ours = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return ours


if __name__ == "__main__":
    sys.exit(main())
