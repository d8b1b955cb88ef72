"""The base class of speech recognisers."""

from __future__ import annotations

import abc
from collections.abc import Awaitable

from ..audio import PcmData
from ..hearing import Hearing
from ..participants import Participant

SAMPLE_RATE = 16_000
"""The rate in Hz of the audio that a recogniser gets."""


class STT(Hearing, abc.ABC):
    """Turns participants' audio into words.

    A subclass implements `process_audio` and calls `report_words`. A recogniser that also knows turns sets
    `turn_detection = True` and calls `report_turn_started` and `report_turn_ended` (and, where its provider says so,
    `report_speech_started`, which makes the agent hold at once).
    """

    # Whether this recogniser decides turns itself; a separate turn detector is then ignored.
    turn_detection: bool = False

    async def start(self) -> None:
        """Connect or load, off the event loop. Called once before any audio."""

    @abc.abstractmethod
    def process_audio(self, audio: PcmData, participant: Participant) -> Awaitable[None] | None:
        """Take the next piece of a participant's audio, speech or not: mono at 16 kHz, usually 20 ms.

        Write it as an async function, for which the participant's further audio waits in a bounded queue; or as a
        plain one if it takes well under a millisecond, which is called as the audio comes.
        """

    def begin_turn(self, participant: Participant) -> None:
        """The participant was heard to begin speaking a moment ago. Called again if speech goes on after a pause.

        A recogniser that runs on whole stretches of speech keeps about half a second of audio from before this call.
        """

    async def finish_turn(self, participant: Participant) -> None:
        """The turn is over: report the final words of what was heard so far, then return.

        The agent waits for the return (up to a deadline) before it answers. The default suits recognisers whose final
        words come by themselves.
        """

    def discard_turn(self, participant: Participant) -> None:
        """Forget what was received, which was no turn (a cough, an "uh-huh"), and report no words for it."""

    def forget(self, participant: Participant) -> None:
        """The participant left: drop its state."""

    async def close(self) -> None:
        """Free everything. Called once; no audio comes afterwards."""
