"""A language model on this machine, by llama.cpp: no account, no key, no network."""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncGenerator, Awaitable, Sequence
from contextlib import aclosing
from pathlib import Path

from vision_agents.core import llm as base
from vision_agents.core.conversation import ToolCall
from vision_agents.core.models import ModelStore

from .engine import Engine, EngineOptions, Prompt, require_xllamacpp
from .prompt import SMOLLM2_EXAMPLES, SMOLLM2_INSTRUCTIONS, Example, functions, history, prefix

logger = logging.getLogger(__name__)

DEFAULT_MODEL = "smollm2-135m"
"""The model store's name of what is used when no path is given."""


class LLM(base.LLM):
    """Any GGUF chat model, run by xllamacpp in a process of its own.

    Args:
        model: path of a GGUF file that brings its chat template; by default SmolLM2 135M from the model store.
        context: how many tokens prompt and reply may have together. When they have more, the oldest turns are left
            out; never the instructions, the examples or the last message.
        n_threads: of the CPU. One by default, since two models with two threads each on two cores are several times
            slower than with one each.
        n_gpu_layers: how many layers go to a GPU, with an xllamacpp that is built for one.
        max_tokens: the longest reply. 100 are about half a minute of speech.
        temperature: 0 always takes the likeliest token, the only sensible choice for the default model.
        repeat_penalty: 1 is none. The default model becomes incoherent with more.
        examples: pairs of what a user says and what the agent answers, put before every conversation to show the
            model how to talk. The default model needs them and has `SMOLLM2_EXAMPLES`; others have none.

    Functions need a model whose chat template knows them. The default model is too small to call any, so they are
    not offered to it.

    Raises:
        ImportError: xllamacpp is not installed.
        ValueError: a parameter that cannot be.
    """

    def __init__(
        self,
        model: str | Path | None = None,
        *,
        context: int = 2048,
        n_threads: int = 1,
        n_gpu_layers: int = 0,
        max_tokens: int = 100,
        temperature: float = 0.0,
        repeat_penalty: float = 1.0,
        examples: Sequence[Example] | None = None,
    ) -> None:
        require_xllamacpp()
        if n_threads < 1:
            raise ValueError(f"n_threads is {n_threads}; at least 1 is needed")
        if not 1 <= max_tokens < context:
            raise ValueError(f"max_tokens is {max_tokens}; it must be at least 1 and less than context ({context})")
        if temperature < 0:
            raise ValueError(f"temperature is {temperature}; it must not be negative")
        super().__init__()
        self.model = None if model is None else Path(model)
        self.context = context
        self.n_threads = n_threads
        self.n_gpu_layers = n_gpu_layers
        self.max_tokens = max_tokens
        self.temperature = temperature
        self.repeat_penalty = repeat_penalty
        if examples is None:
            examples = SMOLLM2_EXAMPLES if model is None else ()
        self.examples = tuple(examples)
        self._engine: Engine | None = None

    async def start(self) -> None:
        """Load the model, without stopping the event loop.

        Raises MissingModelError if the default model was not pulled, FileNotFoundError if there is no such file, or
        LlamaError if it cannot be loaded.
        """
        await self._loaded()

    async def warm(self, instructions: str) -> None:
        """Read the instructions and examples ahead, so that the first reply begins as soon as all others do."""
        engine = await self._loaded()
        messages = [*prefix(self._instructions(instructions), self.examples), {"role": "user", "content": "Hi!"}]
        async with aclosing(engine.generate(Prompt(messages, keep=len(messages), max_tokens=1))) as pieces:
            async for _ in pieces:
                pass

    async def stream(self, request: base.LLMRequest) -> AsyncGenerator[str | ToolCall, None]:
        """Answer `request`, piece by piece. Raises what `start` raises, or LlamaError."""
        engine = await self._loaded()
        loop = LoopGuard()
        async with aclosing(engine.generate(self._prompt(request))) as pieces:
            async for piece in pieces:
                if isinstance(piece, str) and loop.closed_by(piece):
                    logger.info("the model repeats itself: its reply ends here")
                    yield piece.removesuffix(loop.rest)
                    return
                yield piece

    def cancel(self) -> Awaitable[None]:
        """Stop the model now, and not in the task that waits for it: what is asked next must not be hit."""
        if self._engine is not None:
            self._engine.cancel()
        return super().cancel()

    async def cancel_work(self) -> None:
        """Wait until the model has stopped."""
        if self._engine is not None:
            await self._engine.stopped()

    async def close(self) -> None:
        """End the model's process and so free its memory."""
        if self._engine is not None:
            await self._engine.close()

    async def _loaded(self) -> Engine:
        if self._engine is None:
            path = self.model or ModelStore().files(DEFAULT_MODEL)["model"]
            self._engine = Engine(EngineOptions(path, self.context, self.n_threads, self.n_gpu_layers))
        await self._engine.start()
        return self._engine

    def _prompt(self, request: base.LLMRequest) -> Prompt:
        first = prefix(self._instructions(request.instructions), self.examples)
        tools = functions(request)
        if tools and self.model is None:
            logger.warning("the default model cannot call functions; give llama.LLM(model=…) a larger one")
            tools = []
        return Prompt(
            messages=first + history(request.messages),
            keep=len(first),
            tools=tools,
            max_tokens=self.max_tokens,
            temperature=self.temperature,
            repeat_penalty=self.repeat_penalty,
        )

    def _instructions(self, instructions: str) -> str:
        # Without any, SmolLM2's template would put in its own, which are about its makers.
        return instructions or (SMOLLM2_INSTRUCTIONS if self.model is None else "")


class LoopGuard:
    """Notices the loop that greedy decoding can fall into: a sentence that was in this reply before, word for word."""

    _END = re.compile(r"[.!?\n]+\s")

    # A shorter sentence may well come twice ("He was happy. …").
    LEAST_WORDS = 4

    def __init__(self) -> None:
        self._said: set[str] = set()
        self.rest = ""
        """What was written after the last sentence that ended."""

    def closed_by(self, piece: str) -> bool:
        """Take the next piece of the reply: does a sentence end in it that repeats another?"""
        *sentences, self.rest = self._END.split(self.rest + piece)
        for sentence in map(str.strip, sentences):
            if len(sentence.split()) >= self.LEAST_WORDS and sentence in self._said:
                return True
            self._said.add(sentence)
        return False
