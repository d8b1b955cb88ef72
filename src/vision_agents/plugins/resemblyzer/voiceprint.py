"""Resemblyzer's encoder as the voiceprint of an agent."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vision_agents.core import voiceprint
from vision_agents.core.audio import Samples
from vision_agents.core.models.networks import NetworkLease, NetworkSpec
from vision_agents.core.models.onnx import require_onnxruntime

from .model import GE2EModel, load

MODEL = "ge2e"


class Voiceprint(voiceprint.Voiceprint):
    """The GE2E speaker encoder of Resemblyzer 0.1.4: 256 numbers a voice, about 10 ms of one core for 2 s of speech.

    They are seen from the centre of many voices, so that strangers are about 0 alike; `benchmarks/voiceprint.py` tells
    where "another voice" begins. It is loaded once a process, and all sessions share one worker thread.

    Args:
        model_path: a checkpoint to use instead of the one in the model store.

    Raises:
        ImportError: onnxruntime is not installed.
    """

    def __init__(self, model_path: Path | str | None = None) -> None:
        require_onnxruntime("resemblyzer")
        files = None if model_path is None else {"model": Path(model_path)}
        self._network = NetworkLease(NetworkSpec(load, MODEL, files), "resemblyzer.Voiceprint")

    @property
    def networks(self) -> tuple[NetworkSpec[GE2EModel], ...]:
        """The networks that this part uses, for `warm_up`."""
        return (self._network.spec,)

    async def start(self) -> None:
        """Load the network in a thread, unless the process has it.

        Raises:
            ModelError: it is not here, and cannot be fetched (FetchError, WrongHashError, DiskFullError, StoreError)
                or, with VISION_AGENTS_FETCH=no, must not be (MissingModelError).
        """
        await self._network.start()

    async def embed(self, samples: Samples) -> NDArray[np.float32]:
        """See the base class; shape (256,). Raises RuntimeError before `start`, OverloadedError under too much work."""
        return await self._network.run(self._network.network.embed, samples)

    async def close(self) -> None:
        """End the use of the network; it stays loaded for the next."""
        self._network.close()
