"""Drafts: answers that are prepared before it is certain that their turn is over, and what it says.

Nothing of a draft is heard, put down or done. When the turn is complete, with the words that the draft was made for,
the answer begins with what is prepared; in any other case that is thrown away.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from . import effects as fx
from .reply import Draft
from .reply_queue import ReplyQueue
from .turn import FINALIZING, PAUSED, QUIET, Turn
from .unfinished import Ending, ending
from .vocabulary import tokens

# Drafts of one turn: each costs what a model takes for an answer.
MOST_DRAFTS = 3

# The recogniser's confidence from which its words are worth a draft, where it gives one.
CONFIDENT = 0.5


@dataclass(slots=True)
class Drafts:
    """Decides when an answer is prepared, and until when. There is one draft at a time, and only for a free voice.

    `early`: at any pause; otherwise only where a detector expects the end of the turn.
    """

    turns: dict[str, Turn]
    replies: ReplyQueue
    early: bool

    def settle(self, seen: Sequence[fx.Effect], *, answer_begins: bool) -> list[fx.Effect]:
        """Look at what has happened. `seen`: the effects of the event so far; `answer_begins`: the answer does now."""
        draft, effects = self.replies.draft, list[fx.Effect]()
        if draft is not None and (why := self._against(draft, seen, answer_begins)):
            self.replies.draft = None
            effects.append(fx.DiscardReply(draft.number, why))
        if self.replies.draft is None and (turn := self._next()) is not None:
            turn.drafts += 1
            effects.append(self.replies.prepare(turn.participant, turn.words.text))
        return effects

    def fail(self, number: int) -> list[fx.Effect]:
        """The draft cannot be made: neither can another one of the same words."""
        draft = self.replies.draft
        if draft is None or draft.number != number:
            return []
        self.replies.draft = None
        self.turns[draft.participant].drafts = MOST_DRAFTS
        return [fx.DiscardReply(number, "it could not be made")]

    def _against(self, draft: Draft, seen: Sequence[fx.Effect], answer_begins: bool) -> str:
        """Return why the draft is of no use any more; empty if it still is."""
        if draft.epoch < self.replies.epoch:
            return "interrupted"
        recorded = [effect for effect in seen if isinstance(effect, fx.RecordTurn)]
        if recorded:
            [*others, said] = recorded
            same = not others and said.participant == draft.participant and same_words(said.text, draft.text)
            return "" if same and answer_begins else "something else was said"
        turn = self.turns.get(draft.participant)
        if turn is None or not self._worth_it(turn) or self._busy(turn):
            return "the turn goes on, or is none"
        return "" if same_words(turn.words.text, draft.text) else "the words have changed"

    def _next(self) -> Turn | None:
        """Return the turn that an answer is to be prepared for, if there is one."""
        for turn in self.turns.values():
            wanted = self._worth_it(turn) and (self.early or turn.detection.end_expected)
            if wanted and turn.drafts < MOST_DRAFTS and not self._busy(turn):
                return turn
        return None

    def _worth_it(self, turn: Turn) -> bool:
        """Return True if the turn has words, and is over or perhaps so."""
        words = turn.words
        if not words.text:
            return False
        if turn.detection.end_expected or turn.phase is FINALIZING:
            return True
        sure = words.confidence is None or words.confidence >= CONFIDENT
        # Words that go on are not all: the answer to them would be thrown away. And by the time a pause is judged, the
        # recogniser has read up to it; where that is the end, nothing was to be won before.
        known = turn.detection.judged is not None or not turn.detection.judges
        return self.early and sure and known and turn.phase is PAUSED and ending(words.text) is not Ending.OPEN

    def _busy(self, turn: Turn) -> bool:
        """Return True if the voice is not free, or others have a turn: their words would be answered too."""
        replies = self.replies
        others = any(other.phase is not QUIET for other in self.turns.values() if other is not turn)
        return others or replies.reply is not None or bool(replies.queue)


def same_words(one: str, other: str) -> bool:
    """Return True if both say the same, however they are written. A question is not a statement."""
    return tokens(one) == tokens(other) and one.rstrip().endswith("?") == other.rstrip().endswith("?")
