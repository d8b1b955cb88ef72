"""The ears of a session: for each participant, audio to the detector and to the recogniser."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from ..audio import PcmData, Resampler, Samples
from ..echo import EchoCanceller
from ..listeners import HearingListener
from ..llm import Realtime
from ..participants import Participant
from ..stt import SAMPLE_RATE, STT
from ..tasks import OUTSIDE
from ..turn_detection import TurnDetector
from ..voiceprint import Voiceprint
from .lane import AudioLane, DirectLane, Lane
from .speaker_matcher import SpeakerMatcher


@dataclass(slots=True)
class ParticipantLanes:
    """One participant's lanes: those to 16 kHz, for which the audio is resampled once, and one to another rate."""

    participant: Participant
    lanes: list[Lane]
    model: Lane | None
    words: Lane | None
    resampler: Resampler = field(default_factory=lambda: Resampler(SAMPLE_RATE))

    def hear(self, audio: PcmData) -> None:
        """Give a piece of audio to every lane."""
        if self.model is not None:
            self.model.push(audio)
        samples = self.resampler.push(audio)
        if len(samples):
            heard = PcmData(samples, SAMPLE_RATE)
            for lane in self.lanes:
                lane.push(heard)

    async def close(self) -> None:
        """Close every lane."""
        lanes = self.lanes if self.model is None else [*self.lanes, self.model]
        # Nobody else knows them any more: they stop also where whoever waits here is cancelled.
        for lane in lanes:
            lane.stop()
        await asyncio.gather(*(lane.close() for lane in lanes))


class Ears:
    """The listening parts: any number of detectors, and at most one recogniser or realtime model.

    `canceller`: takes the agent's voice out of all audio before anyone hears it. If it fails, that is reported
    once, and the audio is heard as it came. `voiceprint`: tells another voice from the one in conversation.
    """

    def __init__(
        self,
        listener: HearingListener,
        detectors: Sequence[TurnDetector],
        stt: STT | None = None,
        model: Realtime | None = None,
        canceller: EchoCanceller | None = None,
        voiceprint: Voiceprint | None = None,
    ) -> None:
        self._listener = listener
        self._detectors = list(detectors)
        self._stt = stt
        self._model = model
        self._canceller = canceller
        self._canceller_failed = False
        self._speakers = SpeakerMatcher(listener, voiceprint) if voiceprint is not None else None
        self._ears: dict[Participant, ParticipantLanes] = {}

    def hear(self, audio: PcmData, participant: Participant) -> None:
        """Take the next piece of a participant's audio."""
        ear = self._ears.get(participant)
        if ear is None:
            ear = self._ears[participant] = self._grow(participant)
        audio = self._without_echo(audio, participant)
        if not len(audio):
            return
        if self._speakers is not None:
            self._speakers.hear(audio, participant)
        ear.hear(audio)

    def played(self, frame: Samples) -> None:
        """Take the 20 ms that the agent plays now: int16, shape (960,), 48 kHz. It comes back as an echo."""
        if self._canceller is not None:
            try:
                self._canceller.played(frame)
            except OUTSIDE:
                raise
            except BaseException as error:
                self._report_canceller(error)

    def begin_turn(self, participant: Participant) -> None:
        """Speech begins."""
        if self._speakers is not None:
            self._speakers.begin_turn(participant)
        if self._stt is not None:
            self._guard(lambda stt: stt.begin_turn(participant))

    def speech_continued(self, participant: Participant, voiced: float) -> None:
        """A detector hears speech: `voiced` seconds of it since it began."""
        if self._speakers is not None:
            self._speakers.speech_continued(participant, voiced)

    def speech_ended(self, participant: Participant) -> None:
        """A detector hears it no more."""
        if self._speakers is not None:
            self._speakers.speech_ended(participant)

    def end_turn(self, participant: Participant) -> None:
        """The turn is over, whatever the detectors think of it."""
        for detector in self._detectors:
            try:
                detector.end_turn(participant)
            except OUTSIDE:
                raise
            except BaseException as error:
                self._listener.failed(type(detector).__name__, error)

    def accept_turn(self, participant: Participant) -> None:
        """It was a turn, with words."""
        if self._speakers is not None:
            self._speakers.accept_turn(participant)

    def discard_turn(self, participant: Participant, *, awaits_words: bool = False) -> None:
        """It was no turn, or had no words. `awaits_words`: the recogniser may report some of it still."""
        self.end_turn(participant)
        if self._speakers is not None:
            self._speakers.discard_turn(participant)
        if self._stt is not None and not awaits_words:
            self._guard(lambda stt: stt.discard_turn(participant))

    async def finish_turn(self, participant: Participant) -> None:
        """Return when the final words of what was said so far are reported. Errors are reported, not raised."""
        if self._stt is None:
            return
        ear = self._ears.get(participant)
        try:
            if ear is not None and ear.words is not None:
                await ear.words.drain()
            finishing = partial(self._stt.finish_turn, participant)
            await self._stt.at_work(finishing, f"{type(self._stt).__name__}.finish_turn")
        except Exception as error:
            self._listener.failed(type(self._stt).__name__, error)

    async def forget(self, participant: Participant) -> None:
        """The participant is gone."""
        ear = self._ears.pop(participant, None)
        if ear is None:
            return
        try:
            await ear.close()
        finally:
            for part in self._parts():
                try:
                    part.forget(participant)
                except OUTSIDE:
                    raise
                except BaseException as error:
                    self._listener.failed(type(part).__name__, error)

    async def close(self) -> None:
        """Stop listening. The parts stay as they are: whoever started them closes them."""
        await asyncio.gather(*(self.forget(participant) for participant in list(self._ears)))
        if self._speakers is not None:
            await self._speakers.close()

    def _parts(self) -> list[TurnDetector | STT | Realtime | EchoCanceller | SpeakerMatcher]:
        # A realtime model mixes everybody's microphone: one that is gone must not be waited for.
        others = (self._stt, self._model, self._canceller, self._speakers)
        return [*self._detectors, *(part for part in others if part is not None)]

    def _without_echo(self, audio: PcmData, participant: Participant) -> PcmData:
        if self._canceller is None:
            return audio
        try:
            cleaned = self._canceller.cancel(audio, participant)
            if not isinstance(cleaned, PcmData):
                raise TypeError(f"cancel must return PcmData, not {type(cleaned).__name__}")
        except OUTSIDE:
            raise
        except BaseException as error:
            self._report_canceller(error)
            return audio
        return cleaned

    def _report_canceller(self, error: BaseException) -> None:
        # It is asked a hundred times a second, and may fail in the same way each time.
        if not self._canceller_failed:
            self._canceller_failed = True
            self._listener.failed(type(self._canceller).__name__, error)

    def _guard(self, call: Callable[[STT], None]) -> None:
        assert self._stt is not None
        try:
            call(self._stt)
        except OUTSIDE:
            raise
        except BaseException as error:
            self._listener.failed(type(self._stt).__name__, error)

    def _grow(self, participant: Participant) -> ParticipantLanes:
        lanes = [self._lane(detector, detector.process_audio, participant) for detector in self._detectors]
        model = words = None
        if self._stt is not None:
            words = self._lane(self._stt, self._stt.process_audio, participant)
        elif self._model is not None and self._model.input_sample_rate == SAMPLE_RATE:
            words = self._lane(self._model, self._model.send_audio, participant)
        elif self._model is not None:
            model = self._resampled_lane(self._model, participant)
        if words is not None:
            lanes.append(words)
        # Queues first: what a detector reports at once may ask a recogniser about all that it was given.
        lanes.sort(key=lambda lane: isinstance(lane, DirectLane))
        return ParticipantLanes(participant, lanes, model, words)

    def _lane(
        self,
        part: TurnDetector | STT | Realtime,
        process: Callable[[PcmData, Participant], Any],
        participant: Participant,
    ) -> Lane:
        name = type(part).__name__
        title = f"{name} of {participant.id}"

        def failed(error: BaseException) -> None:
            self._listener.failed(name, error)

        if inspect.iscoroutinefunction(process):
            return AudioLane(title, lambda audio: part.at_work(partial(process, audio, participant), title), failed)
        return DirectLane(title, lambda audio: process(audio, participant), failed)

    def _resampled_lane(self, model: Realtime, participant: Participant) -> Lane:
        rate = model.input_sample_rate
        resampler = Resampler(rate)

        async def send(audio: PcmData, participant: Participant) -> None:
            samples = resampler.push(audio)
            if len(samples):
                await model.send_audio(PcmData(samples, rate), participant)

        return self._lane(model, send, participant)
