"""The base class of language models in a cascade."""

from __future__ import annotations

import abc
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import partial

from ..characters import Characters
from ..conversation import Message, Role, ToolCall, recent
from ..interruptible import Interruptible
from ..tasks import own_errors, own_pieces
from .answer_calls import AnswerCalls
from .events import LLMResponseChunkEvent, LLMResponseCompletedEvent
from .function_caller import FunctionCaller
from .tools import Tool
from .usage import UsageReporter

logger = logging.getLogger(__name__)

# Tokens of history in a request by default: what most models take, answer fast, and cost little with.
HISTORY_TOKENS = 16_000

# How often a model may call functions and be asked again before it has to answer: then it is told so, and offered none.
TOOL_ROUNDS = 8
LIMIT_PROMPT = (
    f"You have called functions {TOOL_ROUNDS} times in a row, and may call none any more. Tell me what you know by "
    "now, and what you could not do."
)


@dataclass(frozen=True, slots=True)
class LLMRequest:
    """A request to a model: the instructions, the history (the last message is what to answer) and its functions."""

    instructions: str
    messages: tuple[Message, ...]
    tools: tuple[Tool, ...] = ()


class LLM(UsageReporter, FunctionCaller, abc.ABC):
    """Turns a conversation into text, streaming.

    A subclass implements `stream`. Function calls, epochs and events are done here.
    """

    history_tokens: int = HISTORY_TOKENS
    """The tokens, by estimate, that the history in a request may have. Set it by the model's context."""
    calls_functions: bool = True
    """Whether the model can call functions. Where it cannot, `stream` leaves them out."""
    may_be_silent: bool = False
    """Whether an answer without a word is one: the model has chosen to say nothing. Otherwise it has failed, unless it
    was told last that functions with effects returned None."""

    def __init__(self) -> None:
        Interruptible.__init__(self)
        FunctionCaller.__init__(self)

    async def start(self) -> None:
        """Connect or load, off the event loop. Called once before any request."""

    async def warm(self, instructions: str) -> None:
        """Prepare for requests that begin with `instructions`, so that the first answer is as fast as the others."""

    @abc.abstractmethod
    def stream(self, request: LLMRequest) -> AsyncIterator[str | ToolCall]:
        """Answer `request`: an async generator of pieces of text and, where the model wants them, of function calls.

        An interruption closes the generator (and calls `cancel_work`): stop the provider's work in its `finally`.
        """

    async def shorten(self, messages: tuple[Message, ...]) -> tuple[Message, ...]:
        """Return the messages to ask with: by default the latest ones that have about `history_tokens`.

        Called before each answer, with the whole history. Override it to put a summary in the place of the oldest ones;
        keep a message with `tool_calls` together with the outputs that follow it. The instructions are no part of this.
        """
        return recent(messages, self.history_tokens)

    async def close(self) -> None:
        """Free everything. Called once."""

    async def respond(
        self,
        request: LLMRequest,
        epoch: int | None = None,
        calls: AnswerCalls | None = None,
        *,
        functions: bool = True,
        instructions: Callable[[], str] | None = None,
    ) -> AsyncGenerator[str, None]:
        """Stream the text of an answer, calling functions in between, as long as `epoch` is not past.

        `calls` keeps what is called in a history, and is for whoever speaks the answer: all of the text may be written
        long before it is heard, and interrupted then. `functions`: whether the model may call any. `instructions`:
        returns those of now, where a function may change them; they hold for what the model makes of its result, as do
        the functions of then. Raises what the provider raises.
        """
        born = self.epoch if epoch is None else epoch
        calls = AnswerCalls(born) if calls is None else calls
        with self.function_calls.answering(calls):
            messages = await own_errors(self.shorten(request.messages), f"{type(self).__name__}.shorten")
            request = replace(request, messages=messages)
            async with aclosing(self._rounds(request, born, calls, functions, instructions)) as pieces:
                async for piece in pieces:
                    yield piece

    async def _rounds(
        self,
        request: LLMRequest,
        born: int,
        made: AnswerCalls,
        functions: bool,
        instructions: Callable[[], str] | None,
    ) -> AsyncGenerator[str, None]:
        written: list[str] = []
        characters = Characters()

        def write(piece: str) -> str:
            written.append(piece)
            if self.events.has_subscribers(LLMResponseChunkEvent):
                event = LLMResponseChunkEvent(delta=piece, epoch=born)
                made.confirmation.then(partial(self.events.send, event))
            return piece

        for turn in range(TOOL_ROUNDS + 1):
            if born < self.epoch or made.over:
                return
            if turn == TOOL_ROUNDS:
                logger.warning("the model called functions %d times in a row, and may call no more", TOOL_ROUNDS)
                functions = False
                request = replace(request, messages=(*request.messages, Message(Role.USER, LIMIT_PROMPT)))
            calls: list[ToolCall] = []
            begun = len(written)
            told = request.instructions if instructions is None else instructions()
            request = replace(request, instructions=told, tools=tuple(self.tools) if functions else ())
            async with aclosing(own_pieces(self.stream(request), type(self).__name__)) as pieces:
                async for piece in pieces:
                    if born < self.epoch:
                        return
                    if isinstance(piece, ToolCall):
                        # Some models call what they were not offered, since they have called it before.
                        calls += [piece] if functions else []
                    elif piece := characters.take(piece):
                        yield write(piece)
            if (rest := characters.finish()) and born >= self.epoch:
                yield write(rest)
            if not calls:
                break
            if born < self.epoch:
                return
            said = "".join(written[begun:])
            if said.strip():
                yield "\n"  # It is a sentence, which may be spoken while the functions run.
            request = replace(request, messages=request.messages + await made.make(calls, self.function_calls, said))
        completed = LLMResponseCompletedEvent(text="".join(written), epoch=born)
        made.confirmation.then(partial(self.events.send, completed))

    async def simple_response(self, text: str, instructions: str = "") -> str:
        """Answer one text without a conversation and return the whole answer."""
        request = LLMRequest(instructions, (Message(Role.USER, text),))
        async with aclosing(self.respond(request)) as pieces:
            return "".join([piece async for piece in pieces])
