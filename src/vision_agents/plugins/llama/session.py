"""A session's talk with the shared model: prompts in, pieces of text out, and a stop that stops nobody else's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass
from itertools import count
from typing import Any

from vision_agents.core.conversation import ToolCall

from . import process
from .engine import Engine
from .process import LlamaError, ModelProcess

# Seconds in which the model stops between two steps; a request waits no longer for what the session asked before.
STOPS_WITHIN = 1.0

_NUMBERS = count(1)  # of the sessions of this process
_CANCELLED = {"reason": "cancelled", "prompt_tokens": 0, "cached_tokens": 0, "written_tokens": 0, "dropped": 0}

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Prompt:
    """One request, in the terms of the chat completions API."""

    messages: Sequence[Json]
    """In its JSON form."""
    keep: int = 0
    """The first messages, which are never dropped; of the others the oldest turns are, when prompt and `max_tokens` of
    reply do not fit into the context. What sessions have in common here is read once for all of them."""
    tools: Sequence[Json] = ()
    """Functions that the model may call, in its JSON form."""
    max_tokens: int = 100
    """The longest reply."""
    temperature: float = 0.0
    """0 always takes the likeliest token (greedy)."""
    repeat_penalty: float = 1.0
    """1 is none."""
    warm: bool = False
    """Nothing is to be said: the first `keep` messages are to be read ahead."""
    pausable: bool = False
    """The reply may pause, once it is ahead of its voice, for the first words of others. The model's chat template has
    to be one that lets it write on from a text, and the reply must have no functions to call."""

    def request(self, session: int) -> Json:
        """The request as the worker takes it."""
        body: Json = {
            "messages": list(self.messages),
            "temperature": self.temperature,
            "repeat_penalty": self.repeat_penalty,
        }
        if self.tools:
            body["tools"] = list(self.tools)
        how = {"warm": self.warm, "pausable": self.pausable}
        return {"session": session, "keep": self.keep, "max_tokens": self.max_tokens, "body": body} | how


@dataclass(frozen=True, slots=True)
class Summary:
    """The ending of a reply."""

    reason: str
    """"stop", "length" (cut at `max_tokens`), "tool_calls" or "cancelled"."""
    prompt_tokens: int
    cached_tokens: int
    """Those of the prompt that needed no reading."""
    written_tokens: int
    """Those of the reply."""
    dropped: int
    """Messages that did not fit."""


class Session:
    """One conversation's use of an engine. It keeps a slot in the model, so that only what is new has to be read.

    It belongs to the event loop that asks first, until it is closed or that loop is.

    Args:
        engine: returns the engine; called for each request, may raise.
    """

    def __init__(self, engine: Callable[[], Engine]) -> None:
        self.last: Summary | None = None
        """Of the reply that ended last, unless it was left early."""
        self._engine = engine
        self._number = next(_NUMBERS)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._replies: set[_Reply] = set()
        self._cancels = 0

    def bind(self) -> None:
        """Belong to the running event loop. Raises LlamaError if another one has it."""
        loop = asyncio.get_running_loop()
        if self._loop is not None and self._loop is not loop and not self._loop.is_closed():
            raise LlamaError(
                "this llama.LLM is in use on another event loop. Close it there, or make one for each: "
                "the model is loaded once a process anyway"
            )
        self._loop = loop

    async def generate(self, prompt: Prompt) -> AsyncGenerator[str | ToolCall, None]:
        """Yield the reply piece by piece. Leaving the generator, in whatever way, stops the model.

        If the model's process has failed since the last request, it is started again. Raises LlamaError if the model
        fails, or if the last turn alone does not fit into the context.
        """
        self.bind()
        cancels = self._cancels
        await self._slot_is_free()
        engine = self._engine()
        running = engine.process
        if running is None:
            running = await asyncio.to_thread(engine.running)
        if cancels != self._cancels:
            return  # it was cancelled while the model was still loading
        reply = _Reply(running, prompt.request(self._number))
        self._replies.add(reply)
        reply.over.add_done_callback(lambda _: self._replies.discard(reply))
        async with aclosing(reply.messages()) as messages:
            async for message in messages:
                if "text" in message:
                    yield message["text"]
                elif "call" in message:
                    call = message["call"]
                    yield ToolCall.from_json(call["id"] or call["name"], call["name"], call["arguments"])
                elif "done" in message:
                    self.last = Summary(**message["done"])

    async def _slot_is_free(self) -> None:
        """Wait for what was left half read, but not long: in another slot all would have to be read anew."""
        if working := [reply.over for reply in self._replies if reply.cancelled and reply.begun]:
            await asyncio.wait(working, timeout=STOPS_WITHIN)

    async def warm(self, prompt: Prompt) -> None:
        """Have the first `keep` messages of the prompt read ahead, unless another session had that done already."""
        async with aclosing(self.generate(prompt)) as pieces:
            async for _ in pieces:
                pass

    def cancel(self) -> None:
        """Stop all that this session asked, also before its first token: each `generate` ends and yields no more."""
        self._cancels += 1
        for reply in list(self._replies):
            reply.cancel()

    async def stopped(self) -> None:
        """Wait until the work on all that was cancelled, or left, so far has really stopped."""
        if working := [reply.over for reply in self._replies if reply.cancelled]:
            await asyncio.wait(working)

    def close(self) -> None:
        """Stop everything, and give the slot back. The session may be used again, as a new one."""
        self.cancel()
        with suppress(RuntimeError):  # never started, or unloaded: there is no slot
            if (running := self._engine().process) is not None:
                running.forget(self._number)
        self._number = next(_NUMBERS)
        self._loop = None


class _Reply:
    """One request and the messages that answer it, on an event loop."""

    def __init__(self, running: ModelProcess, request: Json) -> None:
        self._running = running
        self._loop = asyncio.get_running_loop()
        self._messages: asyncio.Queue[Json] = asyncio.Queue()
        self.over: asyncio.Future[None] = self._loop.create_future()
        """Done when the model works on it no more."""
        self.cancelled = False
        self.begun = False
        self._number = running.ask(request, self._receive)

    async def messages(self) -> AsyncGenerator[Json, None]:
        """Yield what comes, up to the ``done``. Leaving the generator cancels the request. Raises LlamaError."""
        try:
            while True:
                message = await self._next()
                if "error" in message:
                    raise LlamaError(message["error"])
                yield message
                if "done" in message:
                    return
        finally:
            self._stop()

    def cancel(self) -> None:
        """Stop it; who waits gets a ``done`` at once and nothing more."""
        self._stop()
        while not self._messages.empty():
            self._messages.get_nowait()
        self._messages.put_nowait({"done": _CANCELLED})

    def _stop(self) -> None:
        if not self.over.done() and not self.cancelled:
            self.cancelled = True
            self._running.cancel({self._number})

    def _receive(self, message: Json) -> None:
        with suppress(RuntimeError):  # the loop was closed, and nobody is left who waits
            self._loop.call_soon_threadsafe(self._take, message)

    def _take(self, message: Json) -> None:
        self.begun = self.begun or "begun" in message
        if message.keys() & {"done", "error"} and not self.over.done():
            self.over.set_result(None)
        if not self.cancelled:
            self._messages.put_nowait(message)

    async def _next(self) -> Json:
        """The next piece or end. A process that is silent for too long is ended; what others ask changes nothing."""
        while True:
            received = self._running.received
            try:
                async with asyncio.timeout(process.STALL_TIMEOUT if self.begun else process.WAIT_TIMEOUT):
                    message = await self._messages.get()
            except TimeoutError:
                if not self.begun and self._running.received != received:
                    raise LlamaError(
                        f"the model was busy with other sessions for {process.WAIT_TIMEOUT:g} s. "
                        "Take fewer calls in this process"
                    ) from None
                self._running.fail(
                    "the model's process gave no sign of life and was ended; the next request starts another. "
                    "Is the machine overloaded?"
                )
                message = await self._messages.get()
            if not message.keys() & {"begun", "progress"}:
                return message
