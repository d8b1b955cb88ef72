"""A language model on this machine, by llama.cpp: no account, no key, no network."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Sequence
from contextlib import aclosing
from functools import cache
from pathlib import Path

from vision_agents.core import llm as base
from vision_agents.core.conversation import Message, ToolCall
from vision_agents.core.models.networks import NetworkLease, NetworkSpec
from vision_agents.core.settings import check_number
from vision_agents.core.usage import TokenUsage

from .engine import Engine, EngineOptions, require_xllamacpp
from .identity import IdentityGuard
from .loops import LoopGuard
from .parrots import ParrotGuard
from .prompt import (
    CUT_OFF,
    SMOLLM2_EXAMPLES,
    SMOLLM2_INSTRUCTIONS,
    Example,
    functions,
    history,
    prefix,
    shown_from,
)
from .recall import Reminders
from .session import Prompt, Session

logger = logging.getLogger(__name__)

PROVIDER = "llama.cpp"
"""In the counts of tokens."""

DEFAULT_MODEL = "smollm2-135m"
"""The model store's name of what is used when no path is given."""

TOOL_LIMIT = (
    "the default model of llama.LLM calls no functions: its answers are made without them. "
    "Give llama.LLM(model=…) a larger one"
)

DEFAULT_CELLS = 8192
"""Tokens that the sessions of the default model share. It takes 23 KB for each, and a call seldom has more than 600."""

DEFAULT_EXCHANGES = 3
"""That the default model reads, before the last question."""

# Pieces behind a loop that are read on, unsaid, for a call of a function: a model that means one leaves the loop soon.
READ_ON = 48


class LLM(base.LLM):
    """Any GGUF chat model, run by xllamacpp in one worker process for all sessions with the same settings.

    Each instance is a session of its own: it has a slot in the model, which keeps its conversation, so that only what
    is new has to be read. Answers of several sessions are made side by side.

    Args:
        model: path of a GGUF file that brings its chat template; by default SmolLM2 135M from the model store.
        context: how many tokens prompt and reply may have together. When they have more, the oldest turns are left
            out; never the instructions, the examples or the last message.
        shared_context: how many tokens are kept in memory for all sessions together; the conversation that was used
            least recently is read again when its next answer is due. By default 8192 for the default model, and
            `context` for others.
        n_threads: of the CPU. One by default, since two models with two threads each on two cores are several times
            slower than with one each.
        n_gpu_layers: how many layers go to a GPU, with an xllamacpp that is built for one.
        max_tokens: the longest reply. 100 are about half a minute of speech.
        temperature: 0 always takes the likeliest token, the only sensible choice for the default model.
        repeat_penalty: 1 is none. The default model becomes incoherent with more.
        examples: pairs of what a user says and what the agent answers, put before every conversation to show the
            model how to talk. The default model needs them and has `SMOLLM2_EXAMPLES`; others have none.
        recall: whether the sentences of the instructions, and of what the user has said, that share words with a
            question are put right before it. A very small model finds them only there, so by default the default
            model has it and others have not. It knows English words.
        exchanges: how many questions and answers before the last question the model reads at most, at least one. By
            default 3 for the default model, which copies its own answers when it sees more; for others all that fit.

    Functions need a model whose chat template knows them. The default model is too small to call any, so they are
    not offered to it.

    A reply ends before it says a sentence of four words or more again: small models would go on so for ever. That of
    the default model also ends before such a clause comes again, and before a third one in a row that begins alike.
    When it begins an answer that it gave before, to a question about something else, it is asked again without those.
    A name or a trade that it claims, and that nobody gave it, is not said, but who it is by its instructions. It takes
    English to tell: with instructions in another language, and in answers in one, nothing is held back.

    Raises:
        ImportError: xllamacpp is not installed.
        TypeError: a parameter is no number.
        ValueError: a parameter is out of range.
    """

    def __init__(
        self,
        model: str | Path | None = None,
        *,
        context: int = 2048,
        shared_context: int | None = None,
        n_threads: int = 1,
        n_gpu_layers: int = 0,
        max_tokens: int = 100,
        temperature: float = 0.0,
        repeat_penalty: float = 1.0,
        examples: Sequence[Example] | None = None,
        recall: bool | None = None,
        exchanges: int | None = None,
    ) -> None:
        require_xllamacpp()
        check_number("context", context, 2, whole=True)
        check_number("n_threads", n_threads, 1, whole=True)
        check_number("n_gpu_layers", n_gpu_layers, whole=True)
        check_number("max_tokens", max_tokens, 1, whole=True)
        check_number("temperature", temperature, 0.0)
        check_number("repeat_penalty", repeat_penalty, above=0.0)
        if max_tokens >= context:
            raise ValueError(f"max_tokens is {max_tokens}; it must be less than context ({context})")
        check_number("exchanges", exchanges, 1, whole=True, optional=True)
        if shared_context is None:
            shared_context = max(context, DEFAULT_CELLS) if model is None else context
        check_number("shared_context", shared_context, whole=True)
        if shared_context < context:
            raise ValueError(f"shared_context is {shared_context}; it must be at least context ({context})")
        super().__init__()
        self.model = None if model is None else Path(model)
        self.calls_functions = model is not None
        self.max_tokens = max_tokens
        self.history_tokens = context - max_tokens
        self.temperature = temperature
        self.repeat_penalty = repeat_penalty
        if examples is None:
            examples = SMOLLM2_EXAMPLES if model is None else ()
        self.examples = tuple(examples)
        self.recall = model is None if recall is None else recall
        self._reminders = Reminders()
        self.exchanges = DEFAULT_EXCHANGES if model is None and exchanges is None else exchanges
        options = EngineOptions(context, shared_context, n_threads, n_gpu_layers)
        files = None if self.model is None else {"model": self.model}
        spec = NetworkSpec(options, DEFAULT_MODEL, files, gpu=n_gpu_layers != 0)
        self._network: NetworkLease[Engine] = NetworkLease(spec, "llama.LLM")
        self._session = Session(lambda: self._network.network)
        self._aside = Session(lambda: self._network.network)

    @property
    def networks(self) -> tuple[NetworkSpec[Engine], ...]:
        """The networks that this part uses, for `warm_up`."""
        return (self._network.spec,)

    async def start(self) -> None:
        """Load the model, unless the process has it, without stopping the event loop.

        Raises:
            ModelError: the default model is not here, and cannot be fetched (FetchError, WrongHashError, DiskFullError,
                StoreError) or, with VISION_AGENTS_FETCH=no, must not be (MissingModelError).
            FileNotFoundError: there is no such file.
            LlamaError: it cannot be loaded, or another event loop uses this instance.
        """
        self._session.bind()
        await self._network.start()

    async def warm(self, instructions: str) -> None:
        """Read the instructions and examples ahead, so that the first reply begins as soon as all others do.

        They are read once: for further sessions that begin alike it takes some milliseconds.
        """
        await self.start()
        first = prefix(self._instructions(instructions), self.examples)
        messages = [*first, {"role": "user", "content": "Hi!"}]
        await self._session.warm(Prompt(messages, keep=len(first), max_tokens=1, warm=True))

    async def stream(self, request: base.LLMRequest) -> AsyncGenerator[str | ToolCall, None]:
        """Answer `request`, piece by piece. Raises what `start` raises, or LlamaError."""
        await self.start()
        answer = self._answer(request, self._session) if self.model is not None else self._own_answer(request)
        async with aclosing(answer) as pieces:
            async for piece in pieces:
                yield piece

    async def _own_answer(self, request: base.LLMRequest) -> AsyncGenerator[str | ToolCall, None]:
        """Answer, without claiming to be somebody: left to itself, the default model gives itself a name."""
        guard = IdentityGuard(self._instructions(request.instructions), request.messages)
        async with aclosing(self._new_answer(request)) as pieces:
            async for piece in pieces:
                said = guard.feed(piece) if isinstance(piece, str) else piece
                if said:
                    yield said
        if rest := guard.end():
            yield rest

    async def _new_answer(self, request: base.LLMRequest) -> AsyncGenerator[str | ToolCall, None]:
        """Answer, without saying an earlier answer again: the default model, left to itself, does so for ever."""
        epoch, guard = self.epoch, ParrotGuard(request.messages, [answer for _, answer in self.examples])
        async with aclosing(self._answer(request, self._session)) as pieces:
            async for piece in pieces:
                said = guard.feed(piece) if isinstance(piece, str) else piece
                if guard.caught is not None:
                    break
                if said:
                    yield said
        if rest := guard.end():
            yield rest
        if guard.caught is not None and epoch == self.epoch:
            logger.info("the model gives an earlier answer to another question: it is asked again without those")
            # Another session is asked, so that this one need not read its conversation again.
            async with aclosing(self._answer(request, self._aside, guard.caught)) as pieces:
                async for piece in pieces:
                    yield piece

    async def _answer(
        self, request: base.LLMRequest, session: Session, without: str | None = None
    ) -> AsyncGenerator[str | ToolCall, None]:
        """Answer, up to where the model begins to go round in circles; `without`: not having read this answer."""
        epoch, before, guard = self.epoch, session.last, self._guard()
        prompt, unsaid = self._prompt(request, without), 0
        async with aclosing(session.generate(prompt)) as pieces:
            async for piece in pieces:
                if not isinstance(piece, str):
                    if text := guard.end():
                        yield text
                    yield piece
                    guard, unsaid = self._guard(), 0  # a loop ends the words before the call, and no further call
                    continue
                if text := guard.feed(piece):
                    yield text
                unsaid += guard.closed
                if unsaid == 1:
                    logger.info("the model repeats itself: its words end here")
                if unsaid > (READ_ON if prompt.tools else 0):
                    return
        if rest := guard.end():
            yield rest
        if (done := session.last) is not None and done is not before:
            used = (done.prompt_tokens, done.written_tokens, done.cached_tokens)
            model = DEFAULT_MODEL if self.model is None else self.model.stem
            self.report_usage(TokenUsage(PROVIDER, model, *used), epoch)

    def cancel(self) -> Awaitable[None]:
        """Stop the model now, and not in the task that waits for it: what is asked next must not be hit."""
        self._session.cancel()
        self._aside.cancel()
        return super().cancel()

    async def cancel_work(self) -> None:
        """Wait until the model has stopped."""
        await asyncio.gather(self._session.stopped(), self._aside.stopped())

    async def close(self) -> None:
        """End the session and forget its conversation; the model stays loaded for the next. Harmless twice."""
        self._session.close()
        self._aside.close()
        self._reminders.forget()
        self._network.close()

    def _prompt(self, request: base.LLMRequest, without: str | None) -> Prompt:
        examples = [example for example in self.examples if example[1] != without]
        first = prefix(self._instructions(request.instructions), examples)
        tools = functions(request)
        if tools and not self.calls_functions:
            tools = []
            _say_tool_limit()
        exchanges = self.exchanges if without is None else 0
        begin = 0 if exchanges is None else shown_from(request.messages, exchanges)
        shown: Sequence[Message] = request.messages[begin:]
        if self.recall:
            shown = self._reminders.of(request.instructions, request.messages, begin)
        # The smallest models parrot the mark of a cut reply.
        said = history(shown, cut="" if self.model is None else CUT_OFF)
        return Prompt(
            messages=first + said,
            keep=len(first),
            tools=tools,
            max_tokens=self.max_tokens,
            temperature=self.temperature,
            repeat_penalty=self.repeat_penalty,
            pausable=self.model is None,
        )

    def _guard(self) -> LoopGuard:
        # What the smallest model does not mean, others may: lists whose items begin alike, say.
        return LoopGuard(clauses=self.model is None)

    def _instructions(self, instructions: str) -> str:
        # Without any, SmolLM2's template would put in its own, which are about its makers.
        return instructions or (SMOLLM2_INSTRUCTIONS if self.model is None else "")


@cache
def _say_tool_limit() -> None:
    """Once a process, and not with each reply."""
    logger.warning("%s", TOOL_LIMIT)
