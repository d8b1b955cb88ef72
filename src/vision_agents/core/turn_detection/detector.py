"""The base class of turn detectors."""

from __future__ import annotations

import abc
from collections.abc import Awaitable
from typing import TYPE_CHECKING

from ..audio import PcmData
from ..hearing import Hearing
from ..participants import Participant

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

    def forget(self, participant: Participant) -> None:
        """The participant left: drop its state."""

    async def close(self) -> None:
        """Free everything. Called once; no audio comes afterwards."""
