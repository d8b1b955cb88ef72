"""The base class of turn detectors."""

from __future__ import annotations

import abc
from collections.abc import Awaitable
from functools import cached_property
from time import monotonic
from typing import TYPE_CHECKING

from ..audio import PcmData
from ..events import EventManager
from ..hearing import Hearing
from ..participants import Participant
from .events import TurnEndedEvent, TurnStartedEvent

if TYPE_CHECKING:
    from ..floor.policy import InterruptionPolicy


class TurnDetector(Hearing, abc.ABC):
    """Hears when a participant begins and ends a turn. State is kept for each participant.

    A subclass implements `process_audio` and calls the `report_…` methods. Two depths are possible. The simple one:
    `report_turn_started` and `report_turn_ended`. The fast one adds `report_speech_started` at the first window of
    speech, so that the agent holds its voice at once, `report_speech_continued` as evidence grows, and
    `report_speech_ended`.
    """

    @property
    def policy(self) -> InterruptionPolicy | None:
        """The policy of interruptions that this detector's parameters ask for; None for the defaults."""
        return None

    async def start(self) -> None:
        """Load what is needed, off the event loop. Called once before any audio."""

    @abc.abstractmethod
    def process_audio(self, audio: PcmData, participant: Participant) -> Awaitable[None] | None:
        """Take the next piece of a participant's audio: usually 20 ms, from an agent at 16 kHz, but at any rate.

        Write it as an async function, for which the participant's further audio waits in a bounded queue; or as a
        plain one if it takes well under a millisecond, which is called as the audio comes.
        """

    def end_turn(self, participant: Participant) -> None:
        """The agent takes the participant's turn for over, as `report_pause_judged` let it: what comes is a new one.

        Comes after every turn, those included whose end the detector has reported. The default does nothing.
        """

    def forget(self, participant: Participant) -> None:
        """The participant left: drop its state. A subclass that has some calls this too."""
        if "events" in self.__dict__:
            self._open_turns.pop(participant.id, None)

    async def close(self) -> None:
        """Free everything. Called once; no audio comes afterwards."""

    async def stop(self) -> None:
        """Close the detector, for programs that use one without an agent; an agent closes its own."""
        await self.close()

    # What it hears by itself, for whoever subscribes to it.

    @cached_property
    def events(self) -> EventManager:
        """The turns as this detector alone hears them, in a call or without an agent.

        An agent's own events say what was made of them: a cough may be a turn here and is none there.
        """
        return EventManager()

    @cached_property
    def _open_turns(self) -> dict[str, float]:
        """The times at which the turns began that are not over, by participant, for those who subscribed."""
        return {}

    def report_speech_started(self, participant: Participant, confidence: float, onset_delay: float = 0.0) -> None:
        super().report_speech_started(participant, confidence, onset_delay)
        self._announce_start(participant, confidence, onset_delay)

    def report_turn_started(self, participant: Participant, confidence: float = 1.0) -> None:
        super().report_turn_started(participant, confidence)
        self._announce_start(participant, confidence, 0.0)

    def report_turn_ended(
        self,
        participant: Participant,
        confidence: float = 1.0,
        duration: float | None = None,
        trailing_silence: float = 0.0,
    ) -> None:
        super().report_turn_ended(participant, confidence, duration, trailing_silence)
        if "events" not in self.__dict__:
            return  # Nobody has asked for them.
        began = self._open_turns.pop(participant.id, None)
        if duration is None:
            duration = 0.0 if began is None else max(0.0, monotonic() - began - trailing_silence)
        self.events.send(
            TurnEndedEvent(
                participant=participant,
                confidence=confidence,
                duration_ms=duration * 1000.0,
                trailing_silence_ms=trailing_silence * 1000.0,
            )
        )

    def _announce_start(self, participant: Participant, confidence: float, onset_delay: float) -> None:
        if "events" not in self.__dict__ or participant.id in self._open_turns:
            return
        self._open_turns[participant.id] = monotonic() - onset_delay
        self.events.send(TurnStartedEvent(participant=participant, confidence=confidence))
