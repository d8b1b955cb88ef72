"""The base class of language models in a cascade."""

from __future__ import annotations

import abc
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace

from ..conversation import Message, Role, ToolCall
from ..epoch import Interruptible
from ..events import EventManager
from .events import LLMResponseChunkEvent, LLMResponseCompletedEvent, ToolEndedEvent, ToolStartedEvent
from .tools import FunctionT, Tool, Tools, result_text

logger = logging.getLogger(__name__)

# How often a model may call functions and be asked again before it has to answer.
TOOL_ROUNDS = 8


@dataclass(frozen=True, slots=True)
class LLMRequest:
    """What a model is asked: the instructions, the history (the last message is what to answer) and its functions."""

    instructions: str
    messages: tuple[Message, ...]
    tools: tuple[Tool, ...] = ()


class LLM(Interruptible, abc.ABC):
    """Turns a conversation into text, streaming.

    A subclass implements `stream`. Function calls, epochs and events are done here.
    """

    def __init__(self) -> None:
        super().__init__()
        self.events = EventManager()
        self.tools = Tools()

    async def start(self) -> None:
        """Connect or load, off the event loop. Called once before any request."""

    async def warm(self, instructions: str) -> None:
        """Prepare for requests that begin with `instructions`, so that the first answer is as fast as the others."""

    @abc.abstractmethod
    def stream(self, request: LLMRequest) -> AsyncIterator[str | ToolCall]:
        """Answer `request`: an async generator of pieces of text and, where the model wants them, of function calls.

        An interruption closes the generator (and calls `cancel_work`): stop the provider's work in its `finally`.
        """

    async def close(self) -> None:
        """Free everything. Called once."""

    def register_function(
        self, name: str | None = None, description: str | None = None
    ) -> Callable[[FunctionT], FunctionT]:
        """Decorate a function that the model may call: typed parameters become the schema, the docstring the text."""
        return lambda function: self.tools.register(function, name, description)

    async def respond(
        self, request: LLMRequest, epoch: int | None = None, remember: Callable[[Message], None] | None = None
    ) -> AsyncGenerator[str, None]:
        """Stream the text of an answer, calling functions in between, as long as `epoch` is not past.

        `remember` takes the messages of function calls and their results as they are made, always as pairs, so that the
        history never holds a call without its output. Raises what the provider raises.
        """
        born = self.epoch if epoch is None else epoch
        request = replace(request, tools=tuple(self.tools))
        written: list[str] = []
        for _ in range(TOOL_ROUNDS):
            if born < self.epoch:
                return
            calls: list[ToolCall] = []
            async with aclosing(_as_generator(self.stream(request))) as pieces:
                async for piece in pieces:
                    if born < self.epoch:
                        return
                    if isinstance(piece, ToolCall):
                        calls.append(piece)
                    elif piece:
                        written.append(piece)
                        if self.events.has_subscribers(LLMResponseChunkEvent):
                            self.events.send(LLMResponseChunkEvent(delta=piece, epoch=born))
                        yield piece
            if not calls:
                break
            if born < self.epoch:
                return
            exchange = await self._call_all(calls, born)
            for message in exchange:
                if remember is not None:
                    remember(message)
            request = replace(request, messages=request.messages + exchange)
        else:
            logger.warning("the model called functions %d times in a row and was stopped", TOOL_ROUNDS)
        self.events.send(LLMResponseCompletedEvent(text="".join(written), epoch=born))

    async def simple_response(self, text: str, instructions: str = "") -> str:
        """Answer one text without a conversation and return the whole answer."""
        request = LLMRequest(instructions, (Message(Role.USER, text),))
        async with aclosing(self.respond(request)) as pieces:
            return "".join([piece async for piece in pieces])

    async def _call_all(self, calls: list[ToolCall], epoch: int) -> tuple[Message, ...]:
        results = [await self._call(call, epoch) for call in calls]
        outputs = (Message(Role.TOOL, text, tool_call_id=call.id) for call, text in zip(calls, results, strict=True))
        return (Message(Role.ASSISTANT, "", tool_calls=tuple(calls)), *outputs)

    async def _call(self, call: ToolCall, epoch: int) -> str:
        self.events.send(ToolStartedEvent(name=call.name, arguments=dict(call.arguments), epoch=epoch))
        try:
            result = await self.tools.call(call)
        except Exception as error:
            logger.exception("function %s failed; the model is told so", call.name)
            self.events.send(ToolEndedEvent(name=call.name, error=str(error), epoch=epoch))
            return f"error: {type(error).__name__}: {error}"
        self.events.send(ToolEndedEvent(name=call.name, result=result, epoch=epoch))
        return result_text(result)


async def _as_generator(source: AsyncIterator[str | ToolCall]) -> AsyncGenerator[str | ToolCall, None]:
    """Any async iterator as a generator, so that leaving the loop closes it at once."""
    try:
        async for piece in source:
            yield piece
    finally:
        aclose = getattr(source, "aclose", None)
        if aclose is not None:
            await aclose()
