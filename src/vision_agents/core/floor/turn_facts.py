"""Facts of a participant's turn: its sound, words and silences, what detectors say of it, and what it cut off.

The turn itself, with its phases, is in `turn.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from .endpointing import MEMORY
from .loudness import Loudness
from .reply import Reply
from .vocabulary import tokens


@dataclass(slots=True)
class Speech:
    """The sound of a turn. Times are on the clock of the events; `voiced` and `counted` are seconds of speech."""

    onset: float = 0.0
    # When the segment that runs, or the last one, began; and when the last sound was.
    began: float = 0.0
    last_sound: float = 0.0
    # In all of the turn; and how much of the running segment is already in that sum.
    voiced: float = 0.0
    counted: float = 0.0
    confidence: float = 0.0
    # Speech is reported window by window, not only its start and end.
    windows: bool = False
    loudness: Loudness = field(default_factory=Loudness)

    def grow(self, voiced: float, level: float | None = None) -> None:
        """Set the segment's speech to `voiced` seconds, the new part of it at `level` dB."""
        gained = max(0.0, voiced - self.counted)
        self.voiced += gained
        self.counted += gained
        self.loudness.add(level, gained)


@dataclass(slots=True)
class Transcript:
    """The words of a turn: final ones, and a guess at the next."""

    final: list[str] = field(default_factory=list)
    partial: str = ""
    # The recogniser has reported on the turn, even that there were no words; and how sure it was of the latest.
    reported: bool = False
    confidence: float | None = None
    # All words are said to be known, and there are none: late ones are waited for.
    awaited: bool = False
    # The latest request for final words: an answer to an older one does not complete the turn.
    request: int = 0

    @property
    def text(self) -> str:
        return " ".join(words for words in (*self.final, self.partial) if words)


@dataclass(slots=True)
class Silences:
    """The silences around the speech of a turn, in seconds."""

    # From the turn before to this one, if there was one.
    gap: float | None = None
    # The pauses in this turn so far, the latest `MEMORY` of them.
    pauses: list[float] = field(default_factory=list)

    def add_pause(self, seconds: float) -> None:
        """Add a pause after which the turn went on."""
        self.pauses.append(max(0.0, seconds))
        del self.pauses[: -int(MEMORY)]


@dataclass(frozen=True, slots=True)
class Judged:
    """A detector's judgement of a pause: that it is the end, from 0 to 1, and the seconds that end any turn."""

    confidence: float
    longest: float


@dataclass(frozen=True, slots=True)
class Done:
    """A detector reported that the participant has finished."""

    confidence: float
    duration: float | None = None


@dataclass(slots=True)
class Detection:
    """The reports of detectors on a turn."""

    # One reported the start of the turn, so it will also report its end.
    claimed: bool = False
    # One says that it is over; within a challenge it is not decided yet whether it was a turn at all.
    done: Done | None = None
    # What one makes of the pause; and, of any turn of this participant, that one judges each pause.
    judged: Judged | None = None
    judges: bool = False
    # One expects that these are all words.
    end_expected: bool = False
    # No report came for too long, but none said that the speech ended.
    lapsed: bool = False

    def go_on(self) -> None:
        """Speech begins, or goes on: what was said of its end is void."""
        self.done = self.judged = None
        self.end_expected = self.lapsed = False

    def settle(self) -> None:
        """The turn is over."""
        self.done = self.judged = None
        self.claimed = False

    def clear(self) -> None:
        """Forget the turn, and not the participant."""
        self.settle()
        self.end_expected = False


@dataclass(slots=True)
class CutOff:
    """The replies that a turn has cut off, as far as they are still wanted."""

    # An answer of which nothing had been played: whatever comes of the turn, that question still stands.
    unanswered: bool = False
    # Another reply, by its number: if there are no words in the turn, that goes on.
    reply: int | None = None

    def add(self, reply: Reply) -> None:
        """Take note that the turn has cut off a reply."""
        self.unanswered |= reply.unheard_answer
        if not (reply.unheard_answer or reply.untold):
            self.reply = reply.number


@dataclass(slots=True)
class ClosedTurn:
    """A turn that is over: the recogniser may report words of it still."""

    speech: Speech = field(default_factory=Speech)
    announced: bool = False
    text: str = ""
    # The part of the text that was never final.
    guess: str = ""

    def take(self, words: str) -> str:
        """Take final words that come late. Returns what is new of them, beside a guess that they confirm."""
        guess, self.guess = self.guess.split(), ""
        given = words.split()
        confirmed = [tokens(word) for word in given[: len(guess)]] == [tokens(word) for word in guess]
        new = " ".join(given[len(guess) :]) if confirmed else words
        self.text = f"{self.text} {new}".strip()
        return new
