"""Resemblyzer's encoder as the voiceprint of an agent."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vision_agents.core import voiceprint
from vision_agents.core.audio import Samples
from vision_agents.core.models import ModelStore

from ..silero.session import require_onnxruntime
from .model import GE2EModel

MODEL = "ge2e"


class Voiceprint(voiceprint.Voiceprint):
    """The GE2E speaker encoder of Resemblyzer 0.1.4: 256 numbers a voice, about 10 ms of one core for 2 s of speech.

    None of its numbers is negative, so that even strangers are about 0.5 alike; `benchmarks/voiceprint.py` tells where
    "another voice" begins. It is not fetched with the other models: run `vision-agents models pull ge2e`. All
    participants share one worker thread.

    Args:
        model_path: a checkpoint to use instead of the one in the model store.

    Raises:
        ImportError: onnxruntime is not installed.
    """

    def __init__(self, model_path: Path | str | None = None) -> None:
        require_onnxruntime("resemblyzer")
        self._path = model_path
        self._model: GE2EModel | None = None
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="resemblyzer")

    async def start(self) -> None:
        """Load the network in a thread. Raises MissingModelError if the store does not have it yet."""
        if self._model is None:
            self._model = await asyncio.get_running_loop().run_in_executor(self._worker, self._load)

    async def embed(self, samples: Samples) -> NDArray[np.float32]:
        """See the base class; shape (256,). Raises RuntimeError before `start`."""
        if self._model is None:
            raise RuntimeError("resemblyzer.Voiceprint has not loaded its model yet: await start() before embed().")
        return await asyncio.get_running_loop().run_in_executor(self._worker, self._model.embed, samples)

    async def close(self) -> None:
        """End the worker; what it has not begun is cancelled."""
        self._worker.shutdown(wait=False, cancel_futures=True)

    def _load(self) -> GE2EModel:
        return GE2EModel(self._path or ModelStore().files(MODEL)["model"])
