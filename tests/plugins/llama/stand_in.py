"""A worker process that is told what to do."""

import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from vision_agents.plugins.llama import process
from vision_agents.plugins.llama.process import ModelProcess

Json = dict[str, Any]

# Stands in for the worker: the first message of a request tells it what to do.
STAND_IN = """
import json, os, sys

def send(**message):
    print(json.dumps(message), flush=True)

def done(number, reason="stop"):
    send(id=number, done={"reason": reason, "prompt_tokens": 1, "cached_tokens": 0, "written_tokens": 0, "dropped": 0})

settings = json.loads(sys.stdin.readline())
with open(settings["model"] + ".starts", "a") as starts:
    starts.write(".")
send(ready=True)
hanging, cancelled = set(), []
for line in sys.stdin:
    message = json.loads(line)
    if "cancel" in message:
        cancelled += message["cancel"]
        continue
    if "forget" in message:
        cancelled.append(-message["forget"])
        continue
    number, order = message["id"], message["body"]["messages"][0]
    if "wait" in order:
        continue
    send(id=number, begun=True)
    for piece in order.get("say", ()):
        send(id=number, text=piece)
    if "hang" in order:
        hanging.add(number)
    elif "release" in order:  # only now it has "really stopped" what was cancelled
        for other in cancelled:
            done(other, "cancelled")
        done(number)
    elif "cancelled" in order:
        send(id=number, text=json.dumps(cancelled))
        done(number)
    elif "die" in order:
        sys.stderr.write("0.01.002 E some: noise\\n0.01.003 E ggml: error: " + order["die"] + "\\n")
        sys.stderr.flush()
        os._exit(3)
    elif "raw" in order:
        print(order["raw"], flush=True)
    else:
        done(number)
"""


def stand_in(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str = STAND_IN) -> Path:
    """Have `script` run in place of the worker. Returns a model file for it, beside which it notes its starts."""
    (folder / "stand_in.py").write_text(script)
    monkeypatch.setattr(process, "COMMAND", (sys.executable, str(folder / "stand_in.py")))
    path = folder / "model.gguf"
    path.write_bytes(b"GGUF")
    return path


def starts(model: Path) -> int:
    """How often the stand-in was started."""
    noted = Path(f"{model}.starts")
    return len(noted.read_text()) if noted.exists() else 0


class Asked:
    """A request and what came for it."""

    def __init__(self, running: ModelProcess, body: Json | None = None, **order: Any) -> None:
        self.messages: list[Json] = []
        self._over = threading.Event()
        body = body or {"messages": [order]}
        request = {"session": 1, "keep": 0, "max_tokens": 100, "warm": False, "pausable": False, "body": body}
        self.number = running.ask(request, self._take)

    def end(self) -> Json:
        """Wait for the last message."""
        assert self._over.wait(timeout=60)
        return self.messages[-1]

    @property
    def texts(self) -> list[str]:
        self.end()
        return [message["text"] for message in self.messages if "text" in message]

    @property
    def over(self) -> bool:
        return self._over.is_set()

    def _take(self, message: Json) -> None:
        self.messages.append(message)
        if message.keys() & {"done", "error"}:
            self._over.set()
