"""The ears of a session: for each participant, audio to the detector and to the recogniser."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..audio import PcmData, Resampler
from ..llm import Realtime
from ..participants import Participant
from ..stt import STT
from ..tasks import bounded, together
from ..turn_detection import TurnDetector
from .lane import AudioLane
from .listener import HearingListener

STT_SAMPLE_RATE = 16_000


@dataclass(slots=True)
class Ear:
    """One participant's lanes."""

    participant: Participant
    lanes: list[AudioLane]
    words: AudioLane | None


class Ears:
    """Who listens: any number of detectors, and at most one recogniser or realtime model."""

    def __init__(
        self,
        listener: HearingListener,
        detectors: Sequence[TurnDetector],
        stt: STT | None = None,
        model: Realtime | None = None,
    ) -> None:
        self._listener = listener
        self._detectors = list(detectors)
        self._stt = stt
        self._model = model
        self._ears: dict[Participant, Ear] = {}
        for hearing in (*self._detectors, stt, model):
            if hearing is not None:
                hearing.listener = listener

    async def start(self) -> None:
        """Load and connect everything, at the same time."""
        await together(*(part.start() for part in self._parts()))

    def hear(self, audio: PcmData, participant: Participant) -> None:
        """Take the next piece of a participant's audio."""
        ear = self._ears.get(participant)
        if ear is None:
            ear = self._ears[participant] = self._grow(participant)
        for lane in ear.lanes:
            lane.push(audio)

    def begin_turn(self, participant: Participant) -> None:
        """Speech begins."""
        if self._stt is not None:
            self._guard(lambda stt: stt.begin_turn(participant))

    def discard_turn(self, participant: Participant) -> None:
        """It was no turn."""
        if self._stt is not None:
            self._guard(lambda stt: stt.discard_turn(participant))

    async def finish_turn(self, participant: Participant) -> None:
        """Return when the final words of what was said so far are reported. Errors are reported, not raised."""
        if self._stt is None:
            return
        ear = self._ears.get(participant)
        try:
            if ear is not None and ear.words is not None:
                await ear.words.drain()
            await self._stt.finish_turn(participant)
        except Exception as error:
            self._listener.failed(type(self._stt).__name__, error)

    async def forget(self, participant: Participant) -> None:
        """The participant is gone."""
        ear = self._ears.pop(participant, None)
        if ear is None:
            return
        await asyncio.gather(*(lane.close() for lane in ear.lanes))
        # A realtime model mixes everybody's microphone: one that is gone must not be waited for.
        for part in (*self._parts(), *([self._model] if self._model is not None else [])):
            try:
                part.forget(participant)
            except Exception as error:
                self._listener.failed(type(part).__name__, error)

    async def close(self) -> None:
        """Stop listening and free everything."""
        await asyncio.gather(*(self.forget(participant) for participant in list(self._ears)))
        await asyncio.gather(*(bounded(part.close(), f"closing {type(part).__name__}") for part in self._parts()))

    def _parts(self) -> list[TurnDetector | STT]:
        return [*self._detectors, *([self._stt] if self._stt is not None else [])]

    def _guard(self, call: Callable[[STT], None]) -> None:
        assert self._stt is not None
        try:
            call(self._stt)
        except Exception as error:
            self._listener.failed(type(self._stt).__name__, error)

    def _grow(self, participant: Participant) -> Ear:
        lanes = [self._detector_lane(detector, participant) for detector in self._detectors]
        words: AudioLane | None = None
        if self._stt is not None:
            words = self._resampled_lane(self._stt, STT_SAMPLE_RATE, participant)
        elif self._model is not None:
            words = self._resampled_lane(self._model, self._model.input_sample_rate, participant)
        return Ear(participant, lanes + ([words] if words else []), words)

    def _detector_lane(self, detector: TurnDetector, participant: Participant) -> AudioLane:
        name = type(detector).__name__
        return AudioLane(
            f"{name} of {participant.id}",
            lambda audio: detector.process_audio(audio, participant),
            lambda error: self._listener.failed(name, error),
        )

    def _resampled_lane(self, part: STT | Realtime, rate: int, participant: Participant) -> AudioLane:
        name = type(part).__name__
        resampler = Resampler(rate)
        process = part.process_audio if isinstance(part, STT) else part.send_audio

        async def consume(audio: PcmData) -> None:
            samples = resampler.push(audio)
            if len(samples):
                await process(PcmData(samples, rate), participant)

        return AudioLane(f"{name} of {participant.id}", consume, lambda error: self._listener.failed(name, error))
