"""A GGUF model in a worker process, shared by all sessions here: it is loaded, and started again if it fails."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from vision_agents.core.models import WorkerStats

from .process import LlamaError, Meter, ModelProcess

__all__ = ["Engine", "EngineOptions", "LlamaError", "check_model", "require_xllamacpp"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """Settings of a loaded model. Sessions that want the same model with the same settings share one engine.

    Being called with the model's files it loads them, as the store of loaded networks wants it.
    """

    context: int = 2048
    """Tokens that the prompt and the reply of one session may have together."""
    cells: int = 2048
    """Tokens that are kept in memory for all sessions together; at least `context`."""
    n_threads: int = 1
    """Threads of the CPU."""
    n_gpu_layers: int = 0
    """Layers that go to a GPU, where xllamacpp was built for one."""

    def __call__(self, files: Mapping[str, Path]) -> Engine:
        engine = Engine(files["model"], self)
        engine.running()
        return engine


class Engine:
    """A model and the process that runs it. Any thread may use it. What sessions ask of it, they ask of its process."""

    def __init__(self, model: Path, options: EngineOptions) -> None:
        require_xllamacpp()
        self.model = model
        self.options = options
        self._starting = threading.Lock()
        self._process: ModelProcess | None = None
        self._meter = Meter()
        self._closed = False

    @property
    def process(self) -> ModelProcess | None:
        """The running process. None if there is none that is well: `running` starts it."""
        process = self._process
        return None if process is None or process.failure else process

    def running(self) -> ModelProcess:
        """The running process, started by the first who wants it after it failed; blocks while the model loads.

        Raises FileNotFoundError, or LlamaError for a file that is no model, or that does not load.
        """
        with self._starting:
            if self._closed:
                raise LlamaError("the model was unloaded. Start this llama.LLM again")
            if (process := self.process) is not None:
                return process
            if self._process is not None:
                logger.warning("%s; starting it again", self._process.failure)
                self._process.stop()
                self._meter.replaced += 1
                self._process = None
            check_model(self.model)
            options = self.options
            settings = {"model": str(self.model), "context": options.context, "cells": options.cells}
            settings |= {"n_threads": options.n_threads, "n_gpu_layers": options.n_gpu_layers}
            self._process = ModelProcess.start(settings, self._meter)
            return self._process

    @property
    def pid(self) -> int | None:
        """The id of the running process."""
        process = self.process
        return None if process is None else process.pid

    def stats(self) -> WorkerStats:
        """The requests of all sessions: those that wait now, and what became of the others."""
        process = self.process
        return self._meter.stats(0 if process is None else process.queued())

    def close(self) -> None:
        """End the process, which frees its memory. Who waits for a reply gets a LlamaError. Blocks for some seconds."""
        with self._starting:
            self._closed = True
            if self._process is not None:
                self._process.stop()


def require_xllamacpp() -> None:
    """Raise ImportError if xllamacpp is not installed. It is not imported: only the worker needs its 100 MB."""
    if find_spec("xllamacpp") is None:
        raise ImportError('xllamacpp is not installed. Run: pip install "interruptible-agents[llama]"')


def check_model(path: Path) -> None:
    """Check by its first bytes that `path` is a GGUF file. Raises FileNotFoundError or LlamaError if it is not."""
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
