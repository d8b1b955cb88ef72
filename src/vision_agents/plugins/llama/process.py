"""The worker process, seen from this one: it is started, asked, told to stop, and watched. Any thread may do that."""

from __future__ import annotations

import json
import logging
import math
import os
import queue
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from vision_agents.core.models import WorkerStats

logger = logging.getLogger(__name__)

# The worker is a package on its own there, so that it need not import this one. The folder is in the path only while
# the worker's modules are imported: what lies beside them must not hide others.
_START = "import sys; sys.path.insert(0, sys.argv[1]); import worker.main as w; del sys.path[0]; sys.exit(w.main())"
COMMAND = (sys.executable, "-P", "-c", _START, str(Path(__file__).parent))

# Deadlines in seconds. A process that lets one pass is ended.
LOAD_TIMEOUT = 300.0
STALL_TIMEOUT = 60.0  # in an answer without any sign of life: a token, or a step of the prompt
WAIT_TIMEOUT = 30.0  # for the turn of a request; when others are answered meanwhile, it is given up alone
EXIT_TIMEOUT = 5.0

# Requests that may wait for their turn. One more is refused: it would come minutes late.
MOST_WAITING = 64

_SPARE_PIECES = 64  # of a reply, beyond one a token
_LINE_LIMIT = 1 << 20  # bytes; the longest lines are function calls
_LOG_LINES = 20
_MEASURED = 512  # requests, for the quantiles
_LOG_PREFIX = re.compile(r"^[\d.]+ [A-Z] +")
_ERROR = re.compile(r"error( loading model)?:|_ASSERT\(", re.IGNORECASE)

Json = dict[str, Any]
Listener = Callable[[Json], None]


class LlamaError(RuntimeError):
    """The model could not be loaded, or could not answer. The message says why, and what to do next."""


@dataclass(slots=True)
class Meter:
    """Counts and times of requests, also over a restart of the process. Times are in seconds."""

    done: int = 0
    failed: int = 0
    refused: int = 0
    cancelled: int = 0
    replaced: int = 0
    waits: deque[float] = field(default_factory=lambda: deque(maxlen=_MEASURED))
    runs: deque[float] = field(default_factory=lambda: deque(maxlen=_MEASURED))

    def stats(self, queued: int) -> WorkerStats:
        """The figures that the list of loaded models shows."""
        waits, runs = sorted(self.waits), sorted(self.runs)
        return WorkerStats(
            queued,
            MOST_WAITING,
            done=self.done,
            failed=self.failed,
            refused=self.refused,
            cancelled=self.cancelled,
            replaced=self.replaced,
            wait_p50=_quantile(waits, 0.5),
            wait_p95=_quantile(waits, 0.95),
            run_p50=_quantile(runs, 0.5),
            run_p95=_quantile(runs, 0.95),
        )


@dataclass(slots=True)
class _Pending:
    """A request that is not answered yet."""

    listener: Listener
    pieces: int
    """That may still come: a reply has at most one a token, and a worker that sends more is broken."""
    asked: float
    begun: float | None = None


class ModelProcess:
    """A running worker, and who waits for what from it. Its messages are described in `worker/main.py`."""

    def __init__(self, process: subprocess.Popen[bytes], folder: str, meter: Meter) -> None:
        self.received = 0
        """Messages so far: while this grows, the worker is alive."""
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        self._process = process
        self._stdin, self._stdout, self._stderr = process.stdin, process.stdout, process.stderr
        self._folder = folder
        self._meter = meter
        self._owner = os.getpid()
        self._lock = threading.RLock()
        self._failure = ""
        self._numbers = count(1)
        self._pending: dict[int, _Pending] = {}
        self._outgoing: queue.SimpleQueue[Json | None] = queue.SimpleQueue()
        self._log: deque[str] = deque(maxlen=_LOG_LINES)
        self._threads = [
            threading.Thread(target=work, name=f"llama {name}", daemon=True)
            for name, work in (("log", self._read_log), ("requests", self._write), ("replies", self._read))
        ]

    @classmethod
    def start(cls, settings: Json, meter: Meter | None = None) -> ModelProcess:
        """Start the process and load the model that `settings` name; blocks. Raises LlamaError if that fails."""
        folder = tempfile.mkdtemp(prefix="vision-agents-llama-")
        pipe = subprocess.PIPE
        quick = os.environ | {"GGML_NO_BACKTRACE": "1"}  # a crash is over at once, and not after a debugger has looked
        process = subprocess.Popen(COMMAND, stdin=pipe, stdout=pipe, stderr=pipe, env=quick)
        self = cls(process, folder, Meter() if meter is None else meter)
        log, requests, replies = self._threads
        log.start()
        requests.start()
        try:
            self._outgoing.put(settings | {"folder": folder})
            self._load(settings["model"])
        except BaseException:
            self.stop()
            raise
        replies.start()
        return self

    @property
    def pid(self) -> int:
        """The id of the process."""
        return self._process.pid

    @property
    def failure(self) -> str:
        """The reason for which it is of no more use; empty while it is well."""
        return self._failure if self._owner == os.getpid() else "the process was forked since"

    def ask(self, request: Json, listener: Listener) -> int:
        """Send a request (without its id); returns that. `listener` gets the messages that answer it, in a thread.

        The last of them is a ``done`` or an ``error``, which comes in any case. Raises LlamaError if it cannot be sent.
        """
        with self._lock:
            if self.failure:
                raise LlamaError(self.failure)
            if self.queued() >= MOST_WAITING:
                self._meter.refused += 1
                raise LlamaError(
                    f"{MOST_WAITING} requests are waiting for this model already. Take fewer calls in this process"
                )
            number = next(self._numbers)
            self._pending[number] = _Pending(listener, request["max_tokens"] + _SPARE_PIECES, time.monotonic())
            self._outgoing.put({"id": number} | request)
            return number

    def cancel(self, numbers: Iterable[int]) -> None:
        """Stop these requests. Each still gets its ``done``, when the work on it has really stopped."""
        with self._lock:
            if unanswered := sorted(self._pending.keys() & set(numbers)):
                self._outgoing.put({"cancel": unanswered})

    def forget(self, session: int) -> None:
        """The session will ask nothing more: what the model remembers of it is wiped out."""
        self._outgoing.put({"forget": session})

    def queued(self) -> int:
        """The number of requests that wait for their turn."""
        with self._lock:
            return sum(pending.begun is None for pending in self._pending.values())

    def fail(self, why: str) -> None:
        """End the process, now: each who waits for something gets `why` as an ``error``."""
        with self._lock:
            if self._failure or self._owner != os.getpid():
                return
            self._failure = why
            pending, self._pending = self._pending, {}
            self._meter.failed += len(pending)
        with suppress(ProcessLookupError):
            self._process.kill()
        for one in pending.values():
            one.listener({"error": why})

    def stop(self) -> None:
        """End the process, which has nothing to save, and wait until it is gone; blocks for up to `EXIT_TIMEOUT`."""
        self.fail("the model was unloaded. The next start() loads it again")
        if self._owner != os.getpid():
            return
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(EXIT_TIMEOUT)
        self._outgoing.put(None)
        for thread in self._threads:
            if thread.ident is not None and thread is not threading.current_thread():
                thread.join(EXIT_TIMEOUT)
        for stream in (self._stdin, self._stdout, self._stderr):
            with suppress(OSError):
                stream.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _load(self, model: str) -> None:
        late = threading.Event()

        def give_up() -> None:
            late.set()
            self._process.kill()

        timer = threading.Timer(LOAD_TIMEOUT, give_up)
        timer.daemon = True
        timer.start()
        try:
            message = self._line() or {}
        except ValueError:
            message = {}
        finally:
            timer.cancel()
        if late.is_set():
            raise LlamaError(f"{model} was not loaded within {LOAD_TIMEOUT:g} s. Is it too large for this machine?")
        if "ready" not in message:
            raise LlamaError(
                f"cannot load {model}: {self._reason()}. "
                "Is it a complete GGUF file, of a kind that this xllamacpp knows?"
            )

    def _read(self) -> None:
        """Hand each message to whom it is for, until the process ends or fails."""
        try:
            while (message := self._line()) is not None:
                self._take(message)
        except Exception as error:
            if not self._failure:
                logger.exception("cannot read what the model's process wrote")
                self.fail(
                    f"the model's process wrote nonsense ({error!r}) and was ended. The next request starts another"
                )
        else:
            if not self._failure:
                self.fail(f"the model's process ended: {self._reason()}. The next request starts another")

    def _line(self) -> Json | None:
        """The next message, None at the end. Raises ValueError for what is none."""
        line = self._stdout.readline(_LINE_LIMIT)
        message = json.loads(line) if line else None
        if message is not None and not isinstance(message, dict):
            raise ValueError(f"no object: {message!r}")
        return message

    def _take(self, message: Json) -> None:
        with self._lock:
            if self._failure:
                return
            self.received += 1
            number = message["id"]
            pending = self._pending[number]
            if message.keys() & {"done", "error"}:
                del self._pending[number]
                self._note(pending, message)
            elif "begun" in message:
                pending.begun = time.monotonic()
                self._meter.waits.append(pending.begun - pending.asked)
            elif message.keys() & {"text", "call"}:
                pending.pieces -= 1
                if pending.pieces < 0:
                    raise ValueError("more text than tokens")
        pending.listener(message)

    def _note(self, pending: _Pending, message: Json) -> None:
        if "error" in message:
            self._meter.failed += 1
        elif message["done"]["reason"] == "cancelled":
            self._meter.cancelled += 1
        else:
            self._meter.done += 1
        if pending.begun is not None:
            self._meter.runs.append(time.monotonic() - pending.begun)

    def _write(self) -> None:
        """A process that does not read stops this thread, and no event loop."""
        with suppress(OSError, ValueError):  # it ended: `_read` tells why
            while (message := self._outgoing.get()) is not None:
                self._stdin.write(json.dumps(message).encode() + b"\n")
                self._stdin.flush()

    def _read_log(self) -> None:
        with suppress(OSError, ValueError):
            while line := self._stderr.readline(_LINE_LIMIT):
                self._log.append(_LOG_PREFIX.sub("", line.decode(errors="replace").strip()))
                logger.debug("%s", self._log[-1])

    def _reason(self) -> str:
        """Say why the process ended: what it left on stderr, else its exit status."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(EXIT_TIMEOUT)
            self._threads[0].join(EXIT_TIMEOUT)
        errors = [line for line in self._log if _ERROR.search(line)]
        return "; ".join(errors[:2] or list(self._log)[-2:]) or f"exit status {self._process.returncode}"


def _quantile(ordered: list[float], share: float) -> float:
    return ordered[math.ceil(share * len(ordered)) - 1] if ordered else 0.0
