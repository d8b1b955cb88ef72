"""The users' turns as the service tells them: by their words, once it takes them for over, or as interruptions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from vision_agents.core import llm
from vision_agents.core.participants import Participant
from vision_agents.core.remote.sound import Interruptions

# Seconds of silence after which a turn is taken to be over: longer than the service waits before it answers.
TURN_SILENCE = 3.0


@dataclass(slots=True)
class UserTurn:
    """A user's turn. `place`: where the next words stand in the history. `answered`: the answer has begun."""

    place: int
    participant: Participant
    began: float = 0.0
    ended: bool = False
    answered: bool = False
    said: bool = False


@dataclass(slots=True)
class UserTurns:
    """The latest turn. `now`: a clock; `turn_over` tells how long the users spoke in the turn that ends, and how long
    they have been silent since. All in seconds."""

    model: llm.Realtime
    now: Callable[[], float]
    turn_over: Callable[[], tuple[float, float]]
    _turn: UserTurn | None = None
    _interruptions: Interruptions = field(default_factory=Interruptions)
    # Seconds since the last sound.
    _silence: float = 0.0

    @property
    def unanswered(self) -> bool:
        """Return whether somebody has spoken, and the answer has not begun."""
        return self._turn is not None and not self._turn.answered

    @property
    def understood(self) -> bool:
        """Return whether somebody has spoken words, and the answer has not begun."""
        return self._turn is not None and self._turn.said and not self._turn.answered

    def begin(self) -> None:
        """Somebody speaks. Without effect while a turn is open."""
        who = self.model.microphones.loudest
        if who is None:
            self.model.report_interrupted()
            return
        if self._turn is None or self._turn.ended:
            self._turn = turn = UserTurn(self.model.conversation.place(), who)
            self.model.report_turn_started(who)
            # Not before: the agent takes a sound before its own note of the beginning for one of another turn.
            turn.began = self.now()

    def noticed(self) -> None:
        """The service has heard somebody, unless nothing was to be heard time after time."""
        if self._interruptions.by_somebody(self._silence):
            self.begin()

    def heard(self, words: str, *, over_model: bool) -> None:
        """Words come. `over_model`: it speaks, so that they are of what it did not take for an interruption."""
        self._interruptions.words_came()
        who = self.model.microphones.loudest
        if who is None:
            return
        if not self.unanswered and over_model:
            self.model.report_words(who, words, final=True)
            return
        if not self.unanswered:
            self.begin()
        turn = self._turn
        assert turn is not None
        # The service tells the words when it judges that the turn is over.
        self._end(turn)
        # One turn may come as several texts, each a message behind the one before.
        place, turn.place = turn.place, self.model.conversation.place(after=turn.place)
        self.model.report_words(turn.participant, words, True, place=place)
        turn.said = True

    def quiet(self, seconds: float) -> None:
        """Take note that nobody has spoken for so long. The service tells of a turn's end only by its words or its
        answer, and a noise has neither: silence ends the turn here."""
        turn, self._silence = self._turn, seconds
        if turn is not None and not turn.ended and min(seconds, self.now() - turn.began) >= TURN_SILENCE:
            self._end(turn)

    def answered(self) -> None:
        """The turn is over, and the answer begins, or will not come any more."""
        if self._turn is not None:
            self._end(self._turn)
            self._turn.answered = True

    def _end(self, turn: UserTurn) -> None:
        if not turn.ended:
            turn.ended = True
            speech, silence = self.turn_over()
            # It may be known only now that there was a turn.
            silence = min(silence, self.now() - turn.began)
            self.model.report_turn_ended(turn.participant, 1.0, speech or None, silence)
