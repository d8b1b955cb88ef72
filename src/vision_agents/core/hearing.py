"""Reports of the parts that listen: the one interface between a detector or recogniser and the rest of the agent."""

from __future__ import annotations

import logging
from typing import Protocol

from .participants import Participant

logger = logging.getLogger(__name__)


class HearingListener(Protocol):
    """Takes facts about what a participant says. Every method returns at once and never raises."""

    def speech_started(self, participant: Participant, confidence: float, onset_delay: float) -> None:
        """The first window of speech. The sound began about `onset_delay` seconds ago."""

    def speech_continued(self, participant: Participant, confidence: float, voiced: float, level: float | None) -> None:
        """Speech goes on: `voiced` seconds of windows judged speech since `speech_started`.

        `level`: of the latest window, in dB of full scale; None where the detector does not measure it.
        """

    def speech_ended(self, participant: Participant, voiced: float, trailing_silence: float) -> None:
        """The sound stopped `trailing_silence` seconds ago, after `voiced` seconds of speech. The turn may go on."""

    def turn_started(self, participant: Participant, confidence: float) -> None:
        """A detector vouches that the participant took the turn: no further evidence is asked for."""

    def turn_ended(
        self, participant: Participant, confidence: float, duration: float | None, trailing_silence: float
    ) -> None:
        """The participant is done. `duration`: seconds from the turn's start to its last sound, None if not known."""

    def words(
        self, participant: Participant, text: str, final: bool, confidence: float | None, alternative: str = ""
    ) -> None:
        """A transcript. A partial one replaces the partial before it, a final one stays.

        An empty text says that none were found. `confidence`: from 0 to 1, None if the recogniser does not say.
        `alternative`: what it may have been instead, if the recogniser hesitated.
        """

    def voice_compared(self, participant: Participant, similarity: float) -> None:
        """How much the voice of the running turn is like the one in conversation on the participant's microphone.

        `similarity`: a cosine, 1.0 at most; where "another voice" begins depends on the network. Comes a few times in a
        turn, from half a second of speech on, each time on more of it: the latest counts. Never comes before a turn of
        this participant was taken.
        """

    def failed(self, component: str, error: BaseException) -> None:
        """Something went wrong in `component`; what it still can do it goes on doing."""


class Hearing:
    """The reporting half of a detector or recogniser: facts go to the listener, once the agent has set one."""

    def __init__(self) -> None:
        self.listener: HearingListener | None = None

    def report_speech_started(self, participant: Participant, confidence: float, onset_delay: float = 0.0) -> None:
        """Say that speech begins: its first window. See `HearingListener` for all of these."""
        if self.listener is not None:
            self.listener.speech_started(participant, confidence, onset_delay)

    def report_speech_continued(
        self, participant: Participant, confidence: float, voiced: float, level: float | None = None
    ) -> None:
        if self.listener is not None:
            self.listener.speech_continued(participant, confidence, voiced, level)

    def report_speech_ended(self, participant: Participant, voiced: float, trailing_silence: float = 0.0) -> None:
        if self.listener is not None:
            self.listener.speech_ended(participant, voiced, trailing_silence)

    def report_turn_started(self, participant: Participant, confidence: float = 1.0) -> None:
        if self.listener is not None:
            self.listener.turn_started(participant, confidence)

    def report_turn_ended(
        self,
        participant: Participant,
        confidence: float = 1.0,
        duration: float | None = None,
        trailing_silence: float = 0.0,
    ) -> None:
        if self.listener is not None:
            self.listener.turn_ended(participant, confidence, duration, trailing_silence)

    def report_words(
        self,
        participant: Participant,
        text: str,
        final: bool,
        confidence: float | None = None,
        alternative: str = "",
    ) -> None:
        if self.listener is not None:
            self.listener.words(participant, text, final, confidence, alternative)

    def report_failure(self, error: BaseException) -> None:
        if self.listener is not None:
            self.listener.failed(type(self).__name__, error)
        else:
            logger.error("%s failed: %s", type(self).__name__, error)
