"""The model's process, seen from asyncio: it is started, asked, told to stop, and watched."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import sys
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

logger = logging.getLogger(__name__)

WORKER = Path(__file__).with_name("worker.py")

# Deadlines in seconds. A process that lets one pass is ended.
LOAD_TIMEOUT = 300.0
STALL_TIMEOUT = 60.0  # with work to do and no sign of life: a token, or a step of the prompt
EXIT_TIMEOUT = 5.0

# Requests that may wait for the one being answered. One more is refused: it would come minutes late.
MOST_WAITING = 16

_LINE_LIMIT = 1 << 20  # bytes; the longest lines are function calls
_LOG_LINES = 20
_LOG_PREFIX = re.compile(r"^[\d.]+ [A-Z] +")
_ERROR = re.compile(r"error( loading model)?:", re.IGNORECASE)
_CANCELLED = {"reason": "cancelled", "prompt_tokens": 0, "cached_tokens": 0, "dropped": 0}

Json = dict[str, Any]


class LlamaError(RuntimeError):
    """The model could not be loaded, or could not answer. The message says why, and what to do next."""


class ModelProcess:
    """A running `worker.py`, and who waits for what from it. Its messages are described there."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.failure = ""
        """Why it is of no more use; empty while it is well."""
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        self._process = process
        self._stdin, self._stdout, self._stderr = process.stdin, process.stdout, process.stderr
        self._numbers = count(1)
        self._asked = 0.0  # when the last request was sent, on the loop's clock
        self._unanswered: dict[int, asyncio.Future[None]] = {}
        self._cancelled: set[int] = set()  # of the unanswered ones
        self._replies: dict[int, asyncio.Queue[Json]] = {}
        self._log: deque[str] = deque(maxlen=_LOG_LINES)
        self._tasks: dict[str, asyncio.Task[None]] = {}

    @classmethod
    async def start(cls, settings: Json) -> ModelProcess:
        """Start the process and load the model that `settings` name. Raises LlamaError if that fails."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", str(WORKER)),  # -P: the modules beside the worker must not hide others
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=_LINE_LIMIT,
        )
        self = cls(process)
        self._tasks["log"] = asyncio.create_task(self._read_log(), name="llama log")
        try:
            self._send(settings)
            await self._loaded(settings["model"])
        except BaseException:
            await self.stop()
            raise
        self._tasks["replies"] = asyncio.create_task(self._read(), name="llama replies")
        return self

    async def ask(self, request: Json) -> AsyncGenerator[Json, None]:
        """Send a request (without its id) and yield the messages that answer it, up to the ``done``.

        Leaving the generator cancels the request. Raises LlamaError.
        """
        if self.failure:
            raise LlamaError(self.failure)
        if len(self._unanswered) > MOST_WAITING:
            raise LlamaError(f"{MOST_WAITING} requests are waiting for this model already. Ask it less at once")
        number = next(self._numbers)
        # A reply has at most one piece of text a token, so nothing has to be dropped; a worker that sends more is
        # broken, and is treated so.
        replies = self._replies[number] = asyncio.Queue(maxsize=request["max_tokens"] + 64)
        loop = asyncio.get_running_loop()
        self._unanswered[number] = loop.create_future()
        self._asked = loop.time()
        try:
            self._send({"id": number} | request)
            while True:
                message = await replies.get()
                if "error" in message:
                    raise LlamaError(message["error"])
                yield message
                if "done" in message:
                    return
        finally:
            del self._replies[number]
            self._cancel({number})

    def cancel(self) -> None:
        """Stop all that was asked so far; those who wait get a ``done`` at once and nothing more."""
        self._cancel(set(self._unanswered))
        self._end_all({"done": _CANCELLED})

    async def stopped(self) -> None:
        """Wait until the work on all that was cancelled so far has really stopped."""
        if working := [self._unanswered[number] for number in self._cancelled]:
            await asyncio.wait(working)

    async def stop(self) -> None:
        """End the process, at once: it has nothing to save."""
        self._fail("the model was closed")
        with suppress(TimeoutError):
            async with asyncio.timeout(EXIT_TIMEOUT):
                await self._process.wait()
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    def _cancel(self, numbers: set[int]) -> None:
        numbers = (numbers & self._unanswered.keys()) - self._cancelled
        if numbers:
            self._cancelled |= numbers
            self._send({"cancel": sorted(numbers)})

    def _answered(self, number: int) -> None:
        self._unanswered.pop(number).set_result(None)
        self._cancelled.discard(number)

    def _send(self, message: Json) -> None:
        if not self._stdin.is_closing():
            self._stdin.write(json.dumps(message).encode() + b"\n")

    async def _loaded(self, model: str) -> None:
        try:
            async with asyncio.timeout(LOAD_TIMEOUT):
                message = await self._line()
        except TimeoutError:
            raise LlamaError(
                f"{model} was not loaded within {LOAD_TIMEOUT:.0f} s. Is it too large for this machine?"
            ) from None
        if "ready" not in message:
            raise LlamaError(
                f"cannot load {model}: {await self._reason()}. "
                "Is it a complete GGUF file, of a kind that this xllamacpp knows?"
            )

    async def _read(self) -> None:
        """Hand each message to whom it is for, until the process ends or fails."""
        try:
            while message := await self._next():
                self._take(message)
            self._fail(f"the model's process ended: {await self._reason()}")
        except TimeoutError:
            self._fail(
                f"the model gave no sign of life for {STALL_TIMEOUT:g} s and was ended; is the machine overloaded?"
            )
        except Exception as error:
            logger.exception("cannot read what the model's process wrote")
            self._fail(f"the model's process wrote nonsense ({error!r}) and was ended")

    async def _next(self) -> Json:
        """The next message. Raises TimeoutError if there is something to wait for, and it did not come."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                async with asyncio.timeout(STALL_TIMEOUT):
                    return await self._line()
            except TimeoutError:
                if self._unanswered and loop.time() - self._asked >= STALL_TIMEOUT:
                    raise

    async def _line(self) -> Json:
        message: Json = json.loads(await self._stdout.readline() or b"{}")
        return message

    def _take(self, message: Json) -> None:
        number = message["id"]
        if message.keys() & {"done", "error"}:
            self._answered(number)
        replies = self._replies.get(number)
        if replies is not None and "progress" not in message:
            replies.put_nowait(message)

    def _fail(self, why: str) -> None:
        if not self.failure:
            self.failure = why
            with suppress(ProcessLookupError):
                self._process.kill()
            for number in list(self._unanswered):
                self._answered(number)
            self._end_all({"error": why})

    def _end_all(self, message: Json) -> None:
        for replies in self._replies.values():
            while not replies.empty():
                replies.get_nowait()
            replies.put_nowait(message)

    async def _read_log(self) -> None:
        while line := await self._stderr.readline():
            self._log.append(_LOG_PREFIX.sub("", line.decode(errors="replace").strip()))
            logger.debug("%s", self._log[-1])

    async def _reason(self) -> str:
        """Why the process ended: what it left on stderr, else its exit status."""
        with suppress(TimeoutError):
            async with asyncio.timeout(EXIT_TIMEOUT):
                await self._process.wait()
                await asyncio.wait([self._tasks["log"]])
        errors = [line for line in self._log if _ERROR.search(line)]
        return "; ".join(errors[:2] or list(self._log)[-2:]) or f"exit status {self._process.returncode}"
