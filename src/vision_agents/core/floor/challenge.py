"""Speech that may turn out to be an interruption, and what is known of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from .evidence import Vote
from .loudness import Loudness
from .reply_queue import Reply
from .turn import Speech

# What windows of unsure speech take away, in parts of their length; and the longest that one of them counts for.
DOUBT = 0.5
LONGEST_WINDOW = 0.1

# Strategies of users that may have a vote on one challenge: it bounds code that invents names.
MOST_VOTES = 16

# Weights add up; a vote outside of this would leave the others nothing to say.
HEAVIEST = 3.0


@dataclass(slots=True)
class Challenger:
    """Who challenges the reply, and what their speech amounts to since they do.

    `fresh`: there was no turn of theirs before. `words_before`, `voiced_before`: what their turn had then.
    """

    fresh: bool
    words_before: int
    voiced_before: float
    began_at: float
    observed_at: float
    voiced: float = 0.0
    # From the beginning to the last sound.
    elapsed: float = 0.0
    clear_speech: float = 0.0
    loudness: Loudness = field(default_factory=Loudness)
    transcribed: bool = False
    stt_confidence: float | None = None
    alternative: str = ""
    similarity: float | None = None
    detector_confirmed: bool = False
    votes: dict[str, Vote] = field(default_factory=dict)

    def observe(self, at: float, speech: Speech, confidence: float, level: float | None, clear_from: float) -> None:
        """Another window: of speech if there is more of it than before, and clear if the detector is sure enough."""
        gained = speech.voiced - self.voiced_before - self.voiced
        passed = min(max(at - self.observed_at, 0.0), LONGEST_WINDOW)
        self.observed_at = at
        if gained > 0.0:
            self.voiced += gained
            self.loudness.add(level, gained)
        self.elapsed = max(self.elapsed, self.voiced, at - self.began_at)
        if gained > 0.0 and confidence >= clear_from:
            self.clear_speech += gained
        else:
            self.clear_speech = max(0.0, self.clear_speech - DOUBT * passed)

    def restart(self) -> None:
        """What was heard so far was too little: length counts from here on."""
        self.clear_speech = 0.0

    def take_vote(self, vote: Vote) -> None:
        """A vote from outside; a second one of the same strategy replaces the first."""
        if vote.strategy in self.votes or len(self.votes) < MOST_VOTES:
            weight = min(max(vote.weight, -HEAVIEST), HEAVIEST)
            self.votes[vote.strategy] = Vote(weight, vote.reason, vote.strategy)


@dataclass(slots=True)
class Challenge:
    """Speech over `reply`, of one participant or several."""

    number: int
    reply: Reply
    challengers: dict[str, Challenger] = field(default_factory=dict)
    # The reply is held since then, None if it is not; and none of the challengers speaks since then.
    held_since: float | None = None
    quiet_since: float | None = None
    # It was held for as long as that may be: what still comes is judged without a hold.
    spent: bool = False
