"""Reads what participants say: their speech, and the turns that were made of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from ..floor import effects as fx
from ..floor import events as ev
from ..trace import notes
from .listener import StoryListener
from .part_reader import Handlers, PartReader
from .story import Speech, SpokenTurn, Story


class TurnReader(PartReader):
    """Folds facts into the speech and the turns of the story. `closed`: told of each turn that is complete, or none."""

    def __init__(self, story: Story, listener: StoryListener, closed: Callable[[SpokenTurn], None]) -> None:
        super().__init__(story, listener)
        self._closed = closed
        # By participant: the speech that runs, and the turn that it belongs to.
        self._speech: dict[str, Speech] = {}
        self._turns: dict[str, SpokenTurn] = {}

    def words(self, participant: str | None) -> str:
        """The words of the participant's turn so far."""
        return self._turns[participant].text if participant in self._turns else ""

    def finish(self) -> None:
        """No more facts come."""
        for speech in self._speech.values():
            speech.end = max(speech.end, speech.start)
        for participant in list(self._turns):
            self._close(participant, None)
        self.story.turns.sort(key=lambda turn: turn.start)

    # Speech.

    def _speech_started(self, fact: ev.SpeechStarted) -> None:
        self._begin_speech(fact.participant, self.now - fact.onset_delay)

    def _turn_started(self, fact: ev.TurnStarted) -> None:
        # For detectors that report turns and no windows; otherwise the speech is known already.
        if self._open(fact.participant) is None:
            self._begin_speech(fact.participant, self.now)

    def _begin_speech(self, participant: str, start: float) -> None:
        speech = self._speech[participant] = Speech(participant, start, self.now)
        self.story.speech.append(speech)

    def _speech_continued(self, fact: ev.SpeechContinued) -> None:
        self._extend_speech(fact.participant, self.now)

    def _speech_ended(self, fact: ev.SpeechEnded | ev.TurnEnded) -> None:
        # The end of a turn counts for detectors that report turns and no windows; otherwise the speech is over already.
        self._extend_speech(fact.participant, self.now - fact.trailing_silence, over=True)

    def _extend_speech(self, participant: str, end: float, over: bool = False) -> None:
        speech = self._speech.get(participant)
        if speech is None:
            return
        speech.end = max(end, speech.start) if over else max(speech.end, end)
        if participant in self._turns:
            self._turns[participant].end = speech.end
        if over:
            del self._speech[participant]

    # Turns.

    def _turn_begun(self, fact: fx.BeginTurn) -> None:
        """A turn begins with the speech that runs, or goes on after a pause."""
        participant = fact.participant
        turn = self._open(participant)
        if turn is None:
            if participant in self._turns:
                self._close(participant, self._turns[participant].text)
            speech = self._speech.get(participant)
            start = speech.start if speech is not None else self.now
            turn = self._turns[participant] = SpokenTurn(participant, start, self.now)
        turn.end, turn.announced_end = self.now, None

    def _open(self, participant: str) -> SpokenTurn | None:
        """The participant's turn, unless it is over: a realtime model tells the words of a turn in its own time."""
        turn = self._turns.get(participant)
        over = turn is not None and turn.announced_end is not None and not self.story.answers
        return None if over else turn

    def _transcript(self, fact: notes.UserTranscript) -> None:
        if fact.participant in self._turns:
            self._turns[fact.participant].text = fact.turn or fact.text

    def _end_announced(self, fact: fx.AnnounceTurnEnded) -> None:
        if fact.participant in self._turns:
            self._turns[fact.participant].announced_end = self.now

    def _recorded(self, fact: fx.RecordTurn) -> None:
        self._close(fact.participant, fact.text)

    def _discarded(self, fact: fx.DiscardTurn) -> None:
        self._close(fact.participant, None)

    def _call_ended(self, fact: notes.CallEnded) -> None:
        for participant, turn in list(self._turns.items()):
            self._close(participant, turn.text if turn.announced_end is not None else None)

    def _close(self, participant: str, text: str | None) -> None:
        """`text` is None if it was no turn."""
        turn = self._turns.pop(participant, None)
        if turn is None:
            if text is None:
                return
            # A realtime model's transcript, later than the speech that it is of.
            turn = SpokenTurn(participant, self.now, self.now)
        turn.taken = text is not None
        turn.text = turn.text if text is None else text
        turn.closed = self.now
        self.story.turns.append(turn)
        self._closed(turn)
        self.listener.turn_ended(turn)

    handlers: ClassVar[Handlers] = {
        ev.SpeechStarted: _speech_started,
        ev.SpeechContinued: _speech_continued,
        ev.SpeechEnded: _speech_ended,
        ev.TurnStarted: _turn_started,
        ev.TurnEnded: _speech_ended,
        fx.BeginTurn: _turn_begun,
        fx.AnnounceTurnEnded: _end_announced,
        fx.RecordTurn: _recorded,
        fx.DiscardTurn: _discarded,
        notes.UserTranscript: _transcript,
        notes.CallEnded: _call_ended,
    }
