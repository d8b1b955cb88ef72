"""Speech by voice activity alone, for agents whose turns are decided elsewhere (by an STT, by a realtime model)."""

from __future__ import annotations

from typing import Any

from ..audio import PcmData, Resampler, speech_level
from ..models.networks import NetworkSpec, networks_of
from ..participants import Participant
from ..turn_detection import TurnDetector
from ..vad import HOLD_SHARE, SAMPLE_RATE, VAD, SpeechEdge, SpeechSegmenter, VADStream


class SpeechDetector(TurnDetector):
    """Reports speech window by window, so that the agent holds at the first of them. It never ends a turn."""

    def __init__(self, vad: VAD, threshold: float = 0.5) -> None:
        super().__init__()
        self._vad = vad
        self._threshold = threshold
        self._states: dict[Participant, tuple[Resampler, VADStream, SpeechSegmenter]] = {}

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
            state = self._states[participant] = (Resampler(SAMPLE_RATE), self._vad.stream(), segmenter)
        resampler, stream, segmenter = state
        samples = resampler.push(audio)
        for probability in stream.feed(samples):
            edge = segmenter.feed(probability)
            if edge is SpeechEdge.STARTED:
                self.report_speech_started(participant, probability, onset_delay=self._vad.window)
            elif edge is SpeechEdge.CONTINUED:
                self.report_speech_continued(participant, probability, segmenter.voiced, speech_level(samples))
            elif edge is SpeechEdge.ENDED:
                self.report_speech_ended(participant, segmenter.voiced, segmenter.silence)

    def forget(self, participant: Participant) -> None:
        self._states.pop(participant, None)

    async def close(self) -> None:
        self._states.clear()
        await self._vad.close()
