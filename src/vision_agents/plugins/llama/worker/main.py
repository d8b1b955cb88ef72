"""The worker: requests of all sessions come in on stdin and text goes out on stdout, one JSON object a line.

It is a process of its own because xllamacpp keeps the interpreter's lock while it loads a model, which would stop
the audio of every call in ours, and because a crash in native code then costs a few replies and not the agents.

What it reads:

* first ``{"model", "context", "cells", "n_threads", "n_gpu_layers", "folder"}``, answered by ``{"ready": true}`` or
  ``{"failed": why}``. `folder` is empty, and for the worker alone;
* ``{"id", "session", "keep", "max_tokens", "body", "warm", "pausable"}``: answer ``body``, a chat completion request,
  and drop what does not fit from its messages after the first `keep`. Answered, each with the ``id``, by a
  ``{"begun": true}`` when its turn comes, by any number of ``{"progress"}`` (prompt tokens read so far) and
  ``{"text"}``, then ``{"call"}`` for each function call, then one ``{"done": {…}}`` or ``{"error": why}``. With
  ``warm`` nothing is to be said: the first `keep` messages shall be in the session's slot. What is ``pausable`` lets
  others write their first words first;
* ``{"cancel": [id, …]}``: stop these requests, running or waiting; each is still answered, by a ``done``;
* ``{"forget": session}``: this session will ask nothing more.

The end of stdin, so also the end of the parent, ends it.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, BinaryIO, Protocol

from .answer import Answer
from .model import MOST_BUSY, SLOTS, load
from .precedence import Precedence
from .slots import Slot, Slots

Json = dict[str, Any]

# Beginnings of conversations that are kept for further sessions. Each takes the memory of its tokens, once.
PREFIXES = 8


class SlotModel(Protocol):
    """The part of `Model` that is used here."""

    def complete(self, slot: int, body: Json, take: Callable[[Json], bool]) -> None: ...
    def save(self, slot: int, name: str) -> int: ...
    def restore(self, slot: int, name: str) -> bool: ...
    def erase(self, slot: int) -> None: ...
    def discard(self, name: str) -> None: ...


class Worker:
    """Answers requests side by side, each in a thread and a slot of its own, in the order they came.

    Args:
        model: the loaded model.
        context: tokens that prompt and reply may have together.
        cells: tokens that all slots hold together.
        send: takes the messages to the parent; called by any thread, one at a time.
    """

    def __init__(self, model: SlotModel, context: int, cells: int, send: Callable[[Json], None]) -> None:
        self._model = model
        self._context = context
        self._slots = Slots(SLOTS, cells, MOST_BUSY)
        self._send_out = send
        self._precedence = Precedence()
        self._lock = threading.RLock()
        self._waiting: list[Json] = []
        self._answers: dict[int, Answer] = {}
        self._prefixes: dict[str, int] = {}  # kept ones by key, and their tokens; the one used last is the last
        self._being_read: set[str] = set()

    def read(self, lines: Iterable[bytes]) -> None:
        """Take what the parent sends until the lines end."""
        for line in lines:
            message = json.loads(line)
            with self._lock:
                if "cancel" in message:
                    self._cancel(message["cancel"])
                elif "forget" in message:
                    self._forget(message["forget"])
                else:
                    self._waiting.append(message)
                    self._begin_all()

    def _cancel(self, numbers: list[int]) -> None:
        for number in numbers:
            if number in self._answers:
                self._answers[number].cancelled = True
                self._precedence.wake()
        never_begun = [request for request in self._waiting if request["id"] in numbers]
        self._waiting = [request for request in self._waiting if request["id"] not in numbers]
        for request in never_begun:
            nothing = {"reason": "cancelled", "prompt_tokens": 0, "cached_tokens": 0, "written_tokens": 0, "dropped": 0}
            self._send({"id": request["id"], "done": nothing})

    def _forget(self, session: int) -> None:
        if slot := self._slots.forget(session):
            self._run(self._erase, slot)

    def _begin_all(self) -> None:
        """Begin those that wait, in order, for as many as there is room. A prefix is read for all who want it once."""
        for request in list(self._waiting):
            key = prefix_key(request)
            if request["warm"] and key in self._being_read:
                continue
            taken = self._slots.take(request["session"], self._most_tokens(request, key))
            if taken is None:
                return
            self._waiting.remove(request)
            slot, erased = taken
            answer = Answer(request, self._context, self._send, partial(self._fits, slot), self._precedence)
            self._answers[request["id"]] = answer
            if request["warm"] and key not in self._prefixes:
                self._being_read.add(key)
            self._run(self._answer, request, key, answer, slot, erased)

    def _most_tokens(self, request: Json, key: str) -> int:
        """At most so many tokens the request will have in the cache."""
        messages: list[Json] = request["body"]["messages"]
        most: int = request["max_tokens"]
        if (known := self._prefixes.get(key)) is not None:
            return min(self._context, known + tokens_at_most(messages[request["keep"] :]) + most)
        return min(self._context, tokens_at_most([messages, request["body"].get("tools")]) + most)

    def _answer(self, request: Json, key: str, answer: Answer, slot: Slot, erased: list[Slot]) -> None:
        try:
            for other in erased:
                self._erase(other)
            answer.send({"begun": True})
            end = self._warm(request, key, answer, slot) if request["warm"] else self._reply(key, answer, slot)
        except Exception as error:
            end = {"id": request["id"], "error": f"{type(error).__name__}: {error}"}
        with self._lock:
            slot.tokens = answer.tokens or slot.tokens
            del self._answers[request["id"]]
            self._being_read.discard(key)
            forgotten = slot.session is None
            if not forgotten:
                self._slots.release(slot)
        self._send(end)  # only now: the session's next request finds its slot idle
        if forgotten:
            self._erase(slot)
        with self._lock:
            self._begin_all()

    def _reply(self, key: str, answer: Answer, slot: Slot) -> Json:
        self._bring_prefix(key, slot)
        self._precedence.begin(answer.number)
        try:
            end = answer.run(self._model, slot.number)
        finally:
            self._precedence.end(answer.number)
        if answer.tokens:
            slot.prefix = key
        return end

    def _warm(self, request: Json, key: str, answer: Answer, slot: Slot) -> Json:
        if self._bring_prefix(key, slot):
            answer.tokens = known = self._prefixes[key]
            done = {"reason": "stop", "prompt_tokens": known, "cached_tokens": known, "written_tokens": 0, "dropped": 0}
            return {"id": request["id"], "done": done}
        end = answer.run(self._model, slot.number)
        if "done" in end and not answer.cancelled and (saved := self._model.save(slot.number, key)):
            slot.prefix = key
            with self._lock:
                self._prefixes[key] = answer.tokens = saved
                while len(self._prefixes) > PREFIXES:
                    oldest = next(iter(self._prefixes))
                    del self._prefixes[oldest]
                    self._model.discard(oldest)
        return end

    def _bring_prefix(self, key: str, slot: Slot) -> bool:
        """Make the slot begin with this prefix, if that is kept. Returns whether it does."""
        with self._lock:
            if key not in self._prefixes:
                return False
            self._prefixes[key] = self._prefixes.pop(key)
        if slot.prefix != key and self._model.restore(slot.number, key):
            slot.prefix = key
        return slot.prefix == key

    def _fits(self, slot: Slot, tokens: int) -> None:
        with self._lock:
            slot.tokens = tokens
            self._begin_all()

    def _erase(self, slot: Slot) -> None:
        self._model.erase(slot.number)
        with self._lock:
            slot.tokens, slot.prefix = 0, ""
            self._slots.release(slot)
            self._begin_all()

    def _run(self, work: Callable[..., None], *args: Any) -> None:
        threading.Thread(target=work, args=args, daemon=True).start()

    def _send(self, message: Json) -> None:
        with self._lock:
            self._send_out(message)


def prefix_key(request: Json) -> str:
    """A name for what the conversation of a request begins with."""
    body = request["body"]
    beginning = json.dumps([body["messages"][: request["keep"]], body.get("tools")], sort_keys=True)
    return hashlib.sha256(beginning.encode()).hexdigest()


def tokens_at_most(messages: list[Any]) -> int:
    """At most so many tokens messages and functions have: a token is a byte at least, and templates put some around."""
    size = len(json.dumps(messages, ensure_ascii=False).encode("utf-8", "replace"))
    return size + 16 * (len(messages) + 1)


def main() -> int:
    """Serve the parent until it closes our stdin."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):  # those to our group are the parent's; it then closes stdin
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    out = _claim_stdout()

    def send(message: Json) -> None:
        out.write(json.dumps(message).encode() + b"\n")
        out.flush()

    requests = sys.stdin.buffer
    settings = json.loads(requests.readline() or b"null")
    if settings is None:
        return 0
    try:
        model = load(settings)
    except Exception as error:
        send({"failed": f"{type(error).__name__}: {error}"})
        return 1
    send({"ready": True})
    status = 1
    try:
        Worker(model, settings["context"], settings["cells"], send).read(requests)
        status = 0
    except Exception:
        traceback.print_exc()
    finally:
        shutil.rmtree(settings["folder"], ignore_errors=True)
        sys.stderr.flush()
        os._exit(status)  # there is nothing to save, and what runs shall not be waited for


def _claim_stdout() -> BinaryIO:
    """Our stdout, for us alone: what native code prints there goes to stderr instead of between our lines."""
    ours = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return ours
