"""Speech by voice activity alone, for agents whose turns are decided elsewhere (by an STT, by a realtime model)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..audio import PcmData, Resampler, Samples, speech_level
from ..models.networks import NetworkSpec, networks_of
from ..participants import Participant
from ..turn_detection import TurnDetector
from ..vad import HOLD_SHARE, SAMPLE_RATE, VAD, SpeechEdge, SpeechSegmenter, VADStream
from ..vad.offset import LOOK_BACK, RELEASE_LAG, offset_delay
from ..vad.tail import Tail

_STEP = 512  # samples taken at once, so that the end of the sound is looked for where the detector has heard it


@dataclass(slots=True)
class _ParticipantState:
    """All that is kept for one participant: the last second of audio."""

    stream: VADStream
    segmenter: SpeechSegmenter
    resampler: Resampler = field(default_factory=lambda: Resampler(SAMPLE_RATE))
    tail: Tail = field(default_factory=lambda: Tail(round(LOOK_BACK * SAMPLE_RATE)))


class SpeechDetector(TurnDetector):
    """Reports speech window by window, so that the agent holds at the first of them. It never ends a turn."""

    def __init__(self, vad: VAD, threshold: float = 0.5) -> None:
        super().__init__()
        self._vad = vad
        self._threshold = threshold
        self._states: dict[Participant, _ParticipantState] = {}

    @property
    def networks(self) -> tuple[NetworkSpec[Any], ...]:
        """The networks of the VAD."""
        return networks_of(self._vad)

    @property
    def subparts(self) -> tuple[VAD, ...]:
        return (self._vad,)

    async def start(self) -> None:
        await self._vad.start()

    def process_audio(self, audio: PcmData, participant: Participant) -> None:
        state = self._states.get(participant)
        if state is None:
            segmenter = SpeechSegmenter(self._vad.window, self._threshold, HOLD_SHARE * self._threshold)
            state = self._states[participant] = _ParticipantState(self._vad.stream(), segmenter)
        samples = state.resampler.push(audio)
        for start in range(0, len(samples), _STEP):
            self._judge(participant, state, samples[start : start + _STEP])

    def _judge(self, participant: Participant, state: _ParticipantState, samples: Samples) -> None:
        state.tail.push(samples)
        segmenter = state.segmenter
        for probability in state.stream.feed(samples):
            edge = segmenter.feed(probability)
            if edge is SpeechEdge.STARTED:
                self.report_speech_started(participant, probability, onset_delay=self._vad.window)
            elif edge is SpeechEdge.CONTINUED:
                self.report_speech_continued(participant, probability, segmenter.voiced, speech_level(samples))
            elif edge is SpeechEdge.ENDED:
                heard = state.tail.last(round(LOOK_BACK * SAMPLE_RATE))
                silence = offset_delay(heard, segmenter.silence + RELEASE_LAG)
                self.report_speech_ended(participant, segmenter.voiced, silence)

    def forget(self, participant: Participant) -> None:
        self._states.pop(participant, None)

    async def close(self) -> None:
        self._states.clear()
        await self._vad.close()
