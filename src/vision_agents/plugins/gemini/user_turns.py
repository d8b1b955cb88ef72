"""The user's turns as the service hears them: their words, and where they end.

Nothing but the words, the answer and the sound tells of a turn, each in its own time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from google.genai import types

from vision_agents.core import llm
from vision_agents.core.audio import PcmData
from vision_agents.core.participants import Participant
from vision_agents.core.remote.sound import GAP, LATELY, Interruptions, SoundTracker
from vision_agents.core.remote.voice_trigger import VOICE_SECONDS

# Seconds within which the next piece of a transcript comes: a word may be in two of them.
PIECES = 0.2

# Seconds of silence after which a turn is taken to be over, whatever the service says; it waits half as long itself.
TURN_SILENCE = GAP


@dataclass(slots=True)
class UserTurn:
    """A user's turn as the service hears it. `reported`: how much of the words was reported as final.

    `place`: where the next words stand in the history. `sounded`: seconds of sound since it was answered; None if it
    was not answered, or no sound was heard of it either.
    """

    place: int
    participant: Participant
    claimed_at: float
    words: str = ""
    reported: int = 0
    ended: bool = False
    answered: bool = False
    sounded: float | None = None
    # When its last words came.
    heard_at: float = 0.0

    def rest(self) -> str:
        """The words that were not reported as final yet; now they are."""
        rest, self.reported = self.words[self.reported :].strip(), len(self.words)
        return rest


@dataclass(slots=True)
class UserTurns:
    """The latest turn. `now`: a clock, in seconds. `sound`: what the service is given to hear.

    `silent`: tells whether the agent certainly says nothing; `making`: whether the model is making something that it
    says, the end of which will be told.
    """

    model: llm.Realtime
    now: Callable[[], float]
    silent: Callable[[], bool]
    making: Callable[[], bool]
    sound: SoundTracker = field(default_factory=SoundTracker)
    _interruptions: Interruptions = field(default_factory=Interruptions)
    _turn: UserTurn | None = None

    @property
    def unanswered(self) -> bool:
        """Return whether somebody speaks, or has spoken and not been answered."""
        return self._turn is not None and not self._turn.answered

    @property
    def understood(self) -> bool:
        """Return whether somebody has spoken words and not been answered."""
        return self._turn is not None and not self._turn.answered and bool(self._turn.words.strip())

    @property
    def told(self) -> bool:
        """Return whether somebody has spoken words that were reported as final, and not been answered."""
        return self._turn is not None and not self._turn.answered and self._turn.reported > 0

    @property
    def quiet(self) -> bool:
        """Return whether no sound was heard for a while."""
        stretch = self.sound.stretch()
        return stretch is None or stretch[1] >= TURN_SILENCE

    def hear(self, audio: PcmData) -> None:
        """Take the next piece of what the service is given to hear.

        The service tells of a turn's end at best by its answer, and of a noise not at all: silence ends the turn here.
        """
        self.sound.hear(audio)
        turn, stretch = self._turn, self.sound.stretch()
        if turn is None:
            return
        seconds, silence = stretch or (0.0, TURN_SILENCE)
        if turn.answered:
            if turn.sounded is not None and not silence:
                turn.sounded += audio.duration
            # Behind the answer, or the call, nothing tells that they are complete.
            if not self.making() and self.now() - turn.heard_at >= PIECES:
                self.report_words()
            return
        if turn.ended and self.now() - turn.heard_at >= TURN_SILENCE:
            self.report_words()  # The service may never say that it has judged the turn to be over.
        if not turn.ended and min(silence, self.now() - turn.claimed_at) >= TURN_SILENCE:
            self.end()
        elif turn.ended and not silence and VOICE_SECONDS <= seconds < self.now() - turn.claimed_at - TURN_SILENCE:
            self.begin()  # It was a pause.

    def begin(self) -> None:
        """Somebody speaks."""
        who = self.model.microphones.loudest
        if who is None:
            self.model.report_interrupted()
            return
        if self._turn is None or self._turn.ended:
            self._new(who)
        self.model.report_turn_started(who)

    def noticed(self) -> None:
        """The service has heard somebody, unless nothing was to be heard time after time."""
        _, silence = self.sound.stretch() or (0.0, LATELY)
        if self._interruptions.by_somebody(silence):
            self.begin()

    def answered(self) -> None:
        """The model has judged that the user is done."""
        self.end()
        self.report_words()
        turn = self._turn
        if turn is not None and not turn.answered:
            turn.answered, turn.sounded = True, None if self.sound.stretch() is None else 0.0

    def end(self) -> None:
        """The turn is over. Without effect twice."""
        turn = self._turn
        if turn is not None and not turn.ended:
            turn.ended = True
            duration, silence = self.sound.stretch() or (None, 0.0)
            # The claim comes later than the sound: an end before it would be that of another turn.
            silence = min(silence, self.now() - turn.claimed_at)
            self.model.report_turn_ended(turn.participant, 1.0, duration, silence)

    def guessed(self, text: str) -> None:
        """Words come that may change."""
        self._interruptions.words_came()
        turn = self._turn_of_words()
        if turn is not None and not turn.answered and text.strip():
            self.model.report_words(turn.participant, text.strip(), final=False)

    def heard(self, transcript: types.Transcription) -> None:
        """A piece of a transcript comes."""
        self._interruptions.words_came()
        turn = self._turn_of_words()
        if turn is None:
            return
        turn.words += transcript.text or ""
        turn.heard_at = self.now()
        if transcript.finished:
            self.report_words()
        elif not turn.answered and (rest := turn.words[turn.reported :].strip()):
            self.model.report_words(turn.participant, rest, final=False)

    def report_words(self) -> None:
        """Report the words that are not reported yet."""
        turn = self._turn
        if turn is not None and (words := turn.rest()):
            # Words that come later still are a message of their own, behind the first ones.
            place, turn.place = turn.place, self.model.conversation.place(after=turn.place)
            self.model.report_words(turn.participant, words, True, place=place)

    def forget_words(self) -> None:
        """Forget the words that are not reported yet: they come once more."""
        if self._turn is not None:
            self._turn.words = self._turn.words[: self._turn.reported]

    def _turn_of_words(self) -> UserTurn | None:
        who = self.model.microphones.loudest
        if who is None:
            return None
        if self.unanswered or self._late:
            return self._turn
        if self.silent():
            # Nothing else says that somebody has begun to speak. While the agent speaks this would be no proof: words
            # may come after the answer to them has begun.
            self.begin()
        elif self._turn is None:
            turn = self._new(who)
            turn.ended = turn.answered = True
        return self._turn

    @property
    def _late(self) -> bool:
        """Return whether words that come now are of a turn that was answered: no voice was heard since."""
        return self._turn is not None and self._turn.sounded is not None and self._turn.sounded < VOICE_SECONDS

    def _new(self, who: Participant) -> UserTurn:
        self.report_words()
        self._turn = turn = UserTurn(self.model.conversation.place(), who, self.now())
        return turn
