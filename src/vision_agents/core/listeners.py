"""The interfaces that a call lends its parts: listeners to what is heard and said, and a barrier for functions."""

from __future__ import annotations

from typing import Protocol

from .audio import PcmData, Word
from .participants import Participant


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

    def pause_judged(self, participant: Participant, confidence: float, longest: float) -> bool:
        """A detector judged a pause: with `confidence` (0 to 1) it is the end, at `longest` seconds of silence anyway.

        Returns True if the end is decided by the listener, and told by `TurnDetector.end_turn`; False leaves it to the
        detector.
        """

    def turn_end_expected(self, participant: Participant, confidence: float) -> None:
        """The participant is probably done, with the words reported so far; `turn_ended` or `turn_resumed` follows."""

    def turn_resumed(self, participant: Participant) -> None:
        """The turn of which the end was expected goes on."""

    def words(
        self,
        participant: Participant,
        text: str,
        final: bool,
        confidence: float | None,
        alternative: str = "",
        place: int | None = None,
    ) -> None:
        """A transcript. A partial one replaces the partial before it, a final one stays.

        An empty text says that none were found. `confidence`: from 0 to 1, None if the recogniser does not say.
        `alternative`: what it may have been instead, if the recogniser hesitated. `place`: where the words stand in the
        history (`Conversation.place`), if that was known before they were; None for the end.
        """

    def voice_compared(self, participant: Participant, similarity: float, seconds: float) -> None:
        """The voice of the running turn was compared with the one in conversation on the participant's microphone.

        `similarity`: a cosine, 1.0 at most. `seconds`: what it rests on, a·b / (a + b) of the seconds of speech that
        the two voices were worked out from. Comes a few times in a turn, from half a second of speech on, each time on
        more of it: the latest counts. Never comes before a turn of this participant was taken.
        """

    def failed(self, component: str, error: BaseException) -> None:
        """Something went wrong in `component`; what it still can do it goes on doing."""


class CallBarrier(Protocol):
    """The place at which a function with effects waits before it is called."""

    async def passed(self, epoch: int, reply: int | None = None) -> bool:
        """Wait until a function may be called for an answer of `epoch`. Returns False if it may never be.

        `reply`: the number of the answer, if it has one.

        When it has returned True, nothing else has happened since that was decided: call it before you await anything.
        """


class OutputListener(Protocol):
    """Takes what a realtime model says. Every method returns at once and never raises."""

    def response_started(self, response: str, epoch: int, request: int | None = None) -> None:
        """The model begins a response: to the text that was sent with the key `request`, or of its own accord."""

    def response_audio(self, response: str, audio: PcmData, epoch: int) -> None:
        """The next piece of the response's speech."""

    def response_text(self, response: str, delta: str, words: tuple[Word, ...]) -> None:
        """The next piece of the transcript of the response's speech, with the words' times where the model has them."""

    def response_done(self, response: str, more: bool = False) -> None:
        """No more audio of the response will come. What was sent may still be playing. `more`: functions were called in
        it, and another response of the same key follows when they have returned."""

    def answer_lost(self, response: str | None, request: int | None = None) -> None:
        """The model will say no more of this response, which is not finished; None: of one that had not begun, to the
        text that was sent with the key `request`, if it was to one."""

    def interrupted(self) -> None:
        """The model stopped by itself because it heard somebody speak."""
