"""The base class of echo cancellers."""

from __future__ import annotations

import abc

from ..audio import PcmData, Samples
from ..part import Part
from ..participants import Participant


class EchoCanceller(Part, abc.ABC):
    """Takes the agent's voice out of the participants' audio, for callers whose devices do not do it themselves.

    It knows what was played (`played`) and what came back (`cancel`); how long the way from one to the other takes it
    finds out itself. One for an agent; state is kept for each participant. Both methods run on the event loop for each
    20 ms frame, so they must take well under a millisecond. Whatever they raise, the user is still heard: the ears
    report it and use the audio as it came.
    """

    async def start(self) -> None:
        """Load what is needed, off the event loop. Called once, before any audio."""

    @abc.abstractmethod
    def played(self, frame: Samples) -> None:
        """Take the 20 ms that the agent plays now: int16, shape (960,), 48 kHz. Silence is played too.

        The array is reused by whoever gives it: copy it to keep it.
        """

    @abc.abstractmethod
    def cancel(self, audio: PcmData, participant: Participant) -> PcmData:
        """The next piece of a participant's audio, without the agent's voice.

        In comes any rate and any length; the rate may change in mid-stream. Out comes the same stream at a rate of the
        canceller's own choice: nothing of it is lost or repeated, but a piece may be shorter than what went in, or
        empty, by what waits for a block to be complete. Subclasses say how far the output lags.
        """

    def forget(self, participant: Participant) -> None:
        """The participant left: drop its state. Harmless for one never heard."""

    async def close(self) -> None:
        """Free everything. Called once; no audio comes afterwards."""
