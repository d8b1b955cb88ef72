"""Silero as the voice activity detector of an agent."""

from __future__ import annotations

import asyncio
from pathlib import Path

from vision_agents.core import vad
from vision_agents.core.models import ModelStore
from vision_agents.core.vad import SAMPLE_RATE

from .model import WINDOW, SileroModel, SileroStream
from .session import require_onnxruntime

MODEL = "silero-vad"


class VAD(vad.VAD):
    """Silero VAD v6 on windows of 32 ms, about 0.1 ms of one core each.

    One instance may serve several components: it loads once.

    Args:
        model_path: an .onnx file to use instead of the one in the model store.

    Raises:
        ImportError: onnxruntime is not installed.
    """

    window = WINDOW / SAMPLE_RATE

    def __init__(self, model_path: Path | str | None = None) -> None:
        require_onnxruntime("silero")
        self._path = model_path
        self._model: SileroModel | None = None
        self._loading = asyncio.Lock()

    async def start(self) -> None:
        """Load the network in a thread. Raises MissingModelError if the store does not have it yet."""
        async with self._loading:
            if self._model is None:
                self._model = await asyncio.to_thread(self._load)

    def stream(self) -> SileroStream:
        """A new participant. Raises RuntimeError before `start`."""
        if self._model is None:
            raise RuntimeError("silero.VAD has not loaded its model yet: await start() before stream().")
        return self._model.stream()

    def _load(self) -> SileroModel:
        return SileroModel(self._path or ModelStore().files(MODEL)["model"])
