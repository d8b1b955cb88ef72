"""The Piper text-to-speech plugin: local, streaming, with word times."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from vision_agents.core.models import ModelStore
from vision_agents.core.tts import TTS as BaseTTS
from vision_agents.core.tts import SpeechChunk

from .synthesizer import Synthesis, Synthesizer
from .voice import Prosody, Voice

T = TypeVar("T")

DEFAULT_VOICE = "piper-en-us-joe"

DEADLINE = 60.0
"""Seconds that loading a voice or making a chunk may take before it counts as stuck; usually 1.5 and 0.05."""


class TTS(BaseTTS):
    """Speaks on this machine, without account or network, about 70 ms after it is given a sentence of ten words.

    Audio is at the voice's own rate (22,050 Hz for the default one), and word times come from the voice itself. All
    work is done in one thread of this object, in the order in which chunks are asked for and only when they are.

    Args:
        model: a Piper voice's `.onnx` file; by default the English voice of the model store.
        config: its `.onnx.json` file; by default the one beside `model`.
        speaker: number or name, for voices of several speakers.
        length_scale: duration, above 1.0 is slower. Like the noise scales, None is the voice's own setting.
        noise_scale: how much the sound varies from one rendering to the next.
        noise_w_scale: how much the durations vary.
        volume: factor on the samples; 1.0 leaves them as the voice made them.

    Raises:
        ValueError: a parameter is out of range.
    """

    def __init__(
        self,
        model: Path | str | None = None,
        config: Path | str | None = None,
        *,
        speaker: int | str | None = None,
        length_scale: float | None = None,
        noise_scale: float | None = None,
        noise_w_scale: float | None = None,
        volume: float = 1.0,
    ) -> None:
        super().__init__()
        if model is None and config is not None:
            raise ValueError("a config without its model: pass model too, or neither for the default voice")
        self._model, self._config = model, config
        self._prosody = Prosody(speaker, length_scale, noise_scale, noise_w_scale, volume)
        self._synthesizer: Synthesizer | None = None
        self._running: dict[Synthesis, int] = {}
        self._worker: ThreadPoolExecutor | None = ThreadPoolExecutor(1, thread_name_prefix="piper")

    async def start(self) -> None:
        """Load the voice, if it is not loaded yet.

        Raises:
            MissingModelError, FileNotFoundError: the voice is not on this machine; the message says what to run.
            ValueError: the files are not a voice that can be streamed, or it has no such speaker.
            TimeoutError: it took longer than `DEADLINE`.
        """
        await self._work(self._loaded)

    async def stream_audio(self, text: str) -> AsyncGenerator[SpeechChunk, None]:
        """Speak any text; the first chunk comes long before the text is synthesised. Loads the voice if need be.

        Raises what `start` raises.
        """
        born = self.epoch
        synthesis = (await self._work(self._loaded)).synthesize(text)
        self._running[synthesis] = born
        try:
            while (chunk := await self._work(lambda: next(synthesis, None))) is not None:
                yield chunk
        finally:
            synthesis.stop()
            del self._running[synthesis]

    async def stop_audio(self) -> None:
        """End all that is being synthesised, within milliseconds."""
        self._stop(set(self._running))

    async def cancel_work(self) -> None:
        """End what was begun before the last interruption: the reply after it may have begun by now."""
        self._stop({synthesis for synthesis, epoch in self._running.items() if epoch < self.epoch})

    async def close(self) -> None:
        """End everything and free the voice; harmless twice."""
        await self.stop_audio()
        worker, self._worker, self._synthesizer = self._worker, None, None
        if worker is not None:
            worker.shutdown(wait=False)  # its jobs were told to end; cancelled ones would cancel their listeners

    @staticmethod
    def _stop(syntheses: set[Synthesis]) -> None:
        for synthesis in syntheses:
            synthesis.stop()

    async def _work(self, job: Callable[[], T]) -> T:
        """Run `job` in the worker thread."""
        if self._worker is None:
            raise RuntimeError("this piper.TTS is closed; make a new one")
        try:
            async with asyncio.timeout(DEADLINE):
                return await asyncio.get_running_loop().run_in_executor(self._worker, job)
        except TimeoutError:
            raise TimeoutError(
                f"Piper did not finish a step within {DEADLINE:.0f} s; is the machine overloaded?"
            ) from None

    def _loaded(self) -> Synthesizer:
        """The synthesizer. In the worker thread, hence never loaded twice."""
        if self._synthesizer is None:
            model, config = self._files()
            synthesizer = Synthesizer(Voice(model, config, self._prosody))
            for _ in synthesizer.synthesize("Ready."):  # the first run costs 40 ms more than all others
                pass
            self._synthesizer = synthesizer
        return self._synthesizer

    def _files(self) -> tuple[Path, Path]:
        if self._model is None:
            files = ModelStore().files(DEFAULT_VOICE)
            return files["model"], files["config"]
        return Path(self._model), Path(self._config or f"{self._model}.json")
