"""Silero as the voice activity detector of an agent."""

from __future__ import annotations

from pathlib import Path

from vision_agents.core import vad
from vision_agents.core.models.networks import NetworkLease, NetworkSpec
from vision_agents.core.models.onnx import require_onnxruntime
from vision_agents.core.vad import SAMPLE_RATE

from .model import WINDOW, SileroModel, SileroStream, load

MODEL = "silero-vad"


class VAD(vad.VAD):
    """Silero VAD v6 on windows of 32 ms, about 0.05 ms of one core each.

    The network is loaded once a process and shared by all instances; each participant has a stream of its own. An
    instance may serve several parts of an agent: it is in use until each that started it has closed it.

    Args:
        model_path: an .onnx file to use instead of the one in the model store.

    Raises:
        ImportError: onnxruntime is not installed.
    """

    window = WINDOW / SAMPLE_RATE

    def __init__(self, model_path: Path | str | None = None) -> None:
        require_onnxruntime("silero")
        files = None if model_path is None else {"model": Path(model_path)}
        self._network = NetworkLease(NetworkSpec(load, MODEL, files), "silero.VAD")
        self._users = 0

    @property
    def networks(self) -> tuple[NetworkSpec[SileroModel], ...]:
        """The networks that this part uses, for `warm_up`."""
        return (self._network.spec,)

    async def start(self) -> None:
        """Load the network in a thread, unless the process has it.

        Raises:
            ModelError: it is not here, and cannot be fetched (FetchError, WrongHashError, DiskFullError, StoreError)
                or, with VISION_AGENTS_FETCH=no, must not be (MissingModelError).
        """
        self._users += 1
        await self._network.start()

    def stream(self) -> SileroStream:
        """A new participant. Raises RuntimeError before `start`."""
        return self._network.network.stream()

    async def close(self) -> None:
        """End the use of the network; it stays loaded for the next."""
        self._users = max(0, self._users - 1)
        if not self._users:
            self._network.close()
