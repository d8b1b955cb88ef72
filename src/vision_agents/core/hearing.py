"""Reports of the parts that listen: the one interface between a detector or recogniser and the rest of the agent."""

from __future__ import annotations

import logging

from .failures import log_failure
from .listeners import HearingListener
from .part import Part
from .participants import Participant

logger = logging.getLogger(__name__)


class Hearing(Part):
    """The reporting half of a detector or recogniser: facts go to the listener of the call that it is attached to."""

    @property
    def _listener(self) -> HearingListener | None:
        return self._attachment.hearing if self._attachment is not None else None

    def report_speech_started(self, participant: Participant, confidence: float, onset_delay: float = 0.0) -> None:
        """Say that speech begins: its first window. See `HearingListener` for all of these."""
        if (listener := self._listener) is not None:
            listener.speech_started(participant, confidence, onset_delay)

    def report_speech_continued(
        self, participant: Participant, confidence: float, voiced: float, level: float | None = None
    ) -> None:
        if (listener := self._listener) is not None:
            listener.speech_continued(participant, confidence, voiced, level)

    def report_speech_ended(self, participant: Participant, voiced: float, trailing_silence: float = 0.0) -> None:
        if (listener := self._listener) is not None:
            listener.speech_ended(participant, voiced, trailing_silence)

    def report_turn_started(self, participant: Participant, confidence: float = 1.0) -> None:
        if (listener := self._listener) is not None:
            listener.turn_started(participant, confidence)

    def report_turn_ended(
        self,
        participant: Participant,
        confidence: float = 1.0,
        duration: float | None = None,
        trailing_silence: float = 0.0,
    ) -> None:
        if (listener := self._listener) is not None:
            listener.turn_ended(participant, confidence, duration, trailing_silence)

    def report_pause_judged(self, participant: Participant, confidence: float, longest: float) -> bool:
        """Report what a pause is judged to be. Returns False if nobody else decides: the detector ends the turn."""
        listener = self._listener
        return listener is not None and listener.pause_judged(participant, confidence, longest)

    def report_turn_end_expected(self, participant: Participant, confidence: float = 1.0) -> None:
        """Report that the participant is probably done: an answer to the words reported so far is prepared.

        `report_turn_ended` follows when that is certain, or `report_turn_resumed`.
        """
        if (listener := self._listener) is not None:
            listener.turn_end_expected(participant, confidence)

    def report_turn_resumed(self, participant: Participant) -> None:
        """Report that a turn of which the end was expected goes on."""
        if (listener := self._listener) is not None:
            listener.turn_resumed(participant)

    def report_words(
        self,
        participant: Participant,
        text: str,
        final: bool,
        confidence: float | None = None,
        alternative: str = "",
        place: int | None = None,
    ) -> None:
        if (listener := self._listener) is not None:
            listener.words(participant, text, final, confidence, alternative, place)

    def report_failure(self, error: BaseException) -> None:
        if (listener := self._listener) is not None:
            listener.failed(type(self).__name__, error)
        else:
            log_failure(logger, type(self).__name__, error)
