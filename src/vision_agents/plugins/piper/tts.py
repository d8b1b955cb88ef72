"""The Piper text-to-speech plugin: local, streaming, with word times."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace
from pathlib import Path

from vision_agents.core.models import ModelStore
from vision_agents.core.models.networks import NetworkLease, NetworkSpec
from vision_agents.core.tts import TTS as BaseTTS
from vision_agents.core.tts import SpeechChunk, VoiceTuning

from .network import VoiceNetwork, read_config
from .synthesizer import LONG, WINDOWS, Synthesis, Synthesizer
from .voice import LENGTH_SCALES, Prosody, Voice, load, speaker_id

DEFAULT_VOICE = "piper-en-us-joe"

DEADLINE = 60.0
"""Seconds that making a chunk may take, with the wait for it, before it counts as stuck; usually 0.05."""
RESERVE = 0.25
"""Seconds of audio in advance of the listener up to which a chunk is as urgent as the first one of another session."""
PLENTY = 1.0
"""Seconds of audio in advance of the listener from which on a sentence begins with a long chunk: that costs less."""


class TTS(BaseTTS):
    """Speaks on this machine, without account or network, about 70 ms after it is given a sentence of ten words.

    Audio is at the voice's own rate (22,050 Hz for the default one), and word times come from the voice itself. A voice
    is loaded once a process, and one thread speaks for all sessions that have it, a chunk at a time: in a call, chunks
    for listeners who hear nothing yet come before those for listeners who still have audio, whichever has least first.

    Args:
        model: a Piper voice's `.onnx` file; by default the English voice of the model store.
        config: its `.onnx.json` file; by default the one beside `model`.
        speaker: number or name, for voices of several speakers.
        length_scale: duration, above 1.0 is slower. Like the noise scales, None is the voice's own setting.
        noise_scale: how much the sound varies from one rendering to the next.
        noise_w_scale: how much the durations vary.
        volume: factor on the samples; 1.0 leaves them as the voice made them.

    Raises:
        TypeError: a parameter is no number.
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
        files = None if model is None else {"model": Path(model), "config": Path(config or f"{model}.json")}
        self._network = NetworkLease(NetworkSpec(load, DEFAULT_VOICE, files), "piper.TTS")
        self._prosody = Prosody(speaker, length_scale, noise_scale, noise_w_scale, volume)
        self._running: dict[Synthesis, int] = {}
        self._closed = False

    @property
    def networks(self) -> tuple[NetworkSpec[VoiceNetwork], ...]:
        """The networks that this part uses, for `warm_up`."""
        return (self._network.spec,)

    def tuning(self) -> VoiceTuning:
        settings = self._network.network.settings
        numbers = {number: name for name, number in settings.speaker_id_map.items()}
        speaker = self._prosody.speaker
        name = numbers.get(speaker or 0, "") if not isinstance(speaker, str) else speaker
        scale = self._prosody.length_scale or settings.length_scale
        return VoiceTuning(tuple(settings.speaker_id_map), name, round(settings.length_scale / scale, 2))

    def tune(self, voice: str | None = None, pace: float | None = None) -> None:
        network, prosody = self._network.network, self._prosody
        if voice is not None:
            prosody = replace(prosody, speaker=voice)
        if pace is not None:
            usual = network.settings.length_scale
            slowest, fastest = (usual / scale for scale in reversed(LENGTH_SCALES))
            if not slowest <= pace <= fastest:
                raise ValueError(f"the pace of this voice is from {slowest:g} to {fastest:g}, not {pace:g}")
            prosody = replace(prosody, length_scale=usual / pace)
        Voice(network, prosody)  # complains of a speaker that it lacks
        self._prosody = prosody

    def preflight(self) -> None:
        """Look for the speaker in the voice's config. Raises ValueError if it has no such speaker."""
        files = self._network.spec.files or ModelStore().files(DEFAULT_VOICE)
        if files["config"].is_file():
            speaker_id(read_config(files["config"]), self._prosody.speaker)

    async def start(self) -> None:
        """Load the voice in a thread, unless the process has it.

        Raises:
            ModelError: the voice of the model store is not here, and cannot be fetched (FetchError, WrongHashError,
                DiskFullError, StoreError) or, with VISION_AGENTS_FETCH=no, must not be (MissingModelError).
            FileNotFoundError: there is no such file of a voice.
            ValueError: the files are not a voice that can be streamed, or it has no such speaker.
        """
        self._closed = False
        await self._network.start()
        Voice(self._network.network, self._prosody)  # complains of a speaker that it lacks

    async def stream_audio(self, text: str) -> AsyncGenerator[SpeechChunk, None]:
        """Speak any text; the first chunk comes long before the text is synthesised. Loads the voice if need be.

        Raises what `start` raises, OverloadedError or WorkerError from the network's worker, TimeoutError for a chunk
        that took longer than `DEADLINE`, RuntimeError after `close`.
        """
        born = self.epoch
        if self._closed:
            raise RuntimeError("this piper.TTS is closed; start it again or make a new one")
        await self._network.start()
        windows = WINDOWS if self.ahead < PLENTY else LONG
        synthesis = Synthesizer(Voice(self._network.network, self._prosody)).synthesize(text, windows)
        self._running[synthesis] = born
        try:
            while (chunk := await self._chunk(synthesis, slack=self.ahead - RESERVE)) is not None:
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
        """End everything, and the use of the voice, which stays loaded for the next. Harmless twice."""
        self._closed = True
        await self.stop_audio()
        self._network.close()

    @staticmethod
    def _stop(syntheses: set[Synthesis]) -> None:
        for synthesis in syntheses:
            synthesis.stop()

    async def _chunk(self, synthesis: Synthesis, slack: float) -> SpeechChunk | None:
        """The next chunk, or None after the last one and when the synthesis was stopped."""
        try:
            async with asyncio.timeout(DEADLINE):
                return await self._network.run(next, synthesis, None, slack=max(0.0, slack))
        except TimeoutError:
            raise TimeoutError(
                f"Piper did not finish a step within {DEADLINE:.0f} s; is the machine overloaded?"
            ) from None
        except Exception:
            if synthesis.stopped:  # withdrawn, as the part was closed: its listener is no longer interested
                return None
            raise
