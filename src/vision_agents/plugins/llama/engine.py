"""A GGUF model: requests in, pieces of text out, and a stop that stops."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from vision_agents.core.conversation import ToolCall

from .process import LlamaError, ModelProcess

__all__ = ["Engine", "EngineOptions", "LlamaError", "Prompt", "Summary", "check_model", "require_xllamacpp"]

logger = logging.getLogger(__name__)

_CLOSED = "the model was closed. Make another"

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """What is fixed once a model is loaded.

    `model`: path of a GGUF file. `context`: how many tokens prompt and reply may have together. `n_threads`: of the
    CPU. `n_gpu_layers`: how many layers go to a GPU, where xllamacpp was built for one.
    """

    model: Path
    context: int = 2048
    n_threads: int = 1
    n_gpu_layers: int = 0


@dataclass(frozen=True, slots=True)
class Prompt:
    """One request, in the terms of the chat completions API.

    `messages` and `tools` are in its JSON form. The first `keep` messages are never dropped; of the others the oldest
    turns are, when prompt and `max_tokens` of reply do not fit into the context. `temperature` 0 always takes the
    likeliest token (greedy). `repeat_penalty` 1 is none.
    """

    messages: Sequence[Json]
    keep: int = 0
    tools: Sequence[Json] = ()
    max_tokens: int = 100
    temperature: float = 0.0
    repeat_penalty: float = 1.0

    def request(self) -> Json:
        """As the worker takes it."""
        body: Json = {
            "messages": list(self.messages),
            "temperature": self.temperature,
            "repeat_penalty": self.repeat_penalty,
        }
        if self.tools:
            body["tools"] = list(self.tools)
        return {"keep": self.keep, "max_tokens": self.max_tokens, "body": body}


@dataclass(frozen=True, slots=True)
class Summary:
    """How a reply ended. `reason`: "stop", "length" (cut at `max_tokens`), "tool_calls" or "cancelled".

    `cached_tokens` of the `prompt_tokens` needed no reading; `dropped` of the messages did not fit.
    """

    reason: str
    prompt_tokens: int
    cached_tokens: int
    dropped: int


class Engine:
    """One model in a process of its own, answering one request at a time; others wait their turn.

    It belongs to the event loop that it is started on. When its process fails, the next request starts another.
    """

    def __init__(self, options: EngineOptions) -> None:
        require_xllamacpp()
        self.options = options
        self.last: Summary | None = None
        """Of the reply that ended last, unless it was left early."""
        self._process: ModelProcess | None = None
        self._loading: asyncio.Task[None] | None = None
        self._cancels = 0
        self._closed = False

    async def start(self) -> None:
        """Load the model; returns at once when that is done already. Cancelling one who waits does not stop it.

        Raises FileNotFoundError, or LlamaError for a file that is no model, or that does not load.
        """
        if self._closed:
            raise LlamaError(_CLOSED)
        if self._loading is None or self._has_failed(self._loading):
            self._loading = asyncio.create_task(self._load(), name="llama load")
        loading = self._loading
        try:
            await asyncio.shield(loading)
        except asyncio.CancelledError:
            if loading.cancelled() and self._closed:
                raise LlamaError(_CLOSED) from None
            raise

    async def generate(self, prompt: Prompt) -> AsyncGenerator[str | ToolCall, None]:
        """Yield the reply piece by piece. Leaving the generator, in whatever way, stops the model.

        Raises LlamaError if the model fails, or if the last turn alone does not fit into the context.
        """
        cancels = self._cancels
        await self.start()
        if cancels != self._cancels:
            return  # it was cancelled while the model was still loading
        assert self._process is not None
        async with aclosing(self._process.ask(prompt.request())) as messages:
            async for message in messages:
                if "text" in message:
                    yield message["text"]
                elif "call" in message:
                    yield _tool_call(message["call"])
                else:
                    self.last = Summary(**message["done"])

    def cancel(self) -> None:
        """Stop all that is being made, also before its first token: each `generate` ends and yields nothing more."""
        self._cancels += 1
        if self._process is not None:
            self._process.cancel()

    async def stopped(self) -> None:
        """Wait until the work on all that was cancelled, or left, so far has really stopped."""
        if self._process is not None:
            await self._process.stopped()

    async def close(self) -> None:
        """End the process, which frees its memory. A reply in the making ends with LlamaError, and so does loading."""
        self._closed = True
        if self._loading is not None:
            self._loading.cancel()
            await asyncio.wait([self._loading])
        if self._process is not None:
            await self._process.stop()

    async def _load(self) -> None:
        if self._process is not None:
            logger.warning("%s; starting it again", self._process.failure)
            await self._process.stop()
            self._process = None
        await asyncio.to_thread(check_model, self.options.model)
        self._process = await ModelProcess.start(asdict(self.options) | {"model": str(self.options.model)})

    def _has_failed(self, loading: asyncio.Task[None]) -> bool:
        return loading.done() and (self._process is None or bool(self._process.failure))


def require_xllamacpp() -> None:
    """Raise ImportError if xllamacpp is not installed. It is not imported: only the worker needs its 100 MB."""
    if find_spec("xllamacpp") is None:
        raise ImportError('xllamacpp is not installed. Run: pip install "vision-agents[llama]"')


def check_model(path: Path) -> None:
    """Is `path` a GGUF file, by its first bytes? Raises FileNotFoundError or LlamaError, which say what to do."""
    if not path.exists():
        raise FileNotFoundError(f"there is no model {path}. Give the path of a GGUF file")
    try:
        with path.open("rb") as stream:
            magic = stream.read(4)
    except OSError as error:
        raise LlamaError(f"cannot read {path}: {error.strerror}. Give the path of a GGUF file") from error
    if magic != b"GGUF":
        raise LlamaError(
            f"{path} is no GGUF file: it begins with {magic!r}. Give another, or convert or fetch it again"
        )


def _tool_call(call: Json) -> ToolCall:
    try:
        arguments = json.loads(call["arguments"] or "{}")
    except ValueError:
        arguments = None
    if not isinstance(arguments, dict):
        # The function then complains of what it lacks, and the model is told so and can try again.
        logger.warning("the model called %s with arguments that are no JSON object", call["name"])
        arguments = {}
    return ToolCall(call["id"] or call["name"], call["name"], arguments)
