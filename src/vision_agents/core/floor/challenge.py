"""A challenge: speech over the agent's voice that may turn out to be an interruption.

A small state machine like that of a turn: the table at the end says which phase follows at which signal. The reply is
held in two of the phases; entering and leaving them is what the floor carries out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from .challenger import Challenger
from .reply import Reply


class ChallengePhase(Enum):
    """The phases of a challenge. It begins in UNHELD."""

    HELD = "held"
    """The reply is held, and a challenger speaks."""

    SETTLING = "settling"
    """The reply is held, and no challenger speaks: it resumes in a moment."""

    UNHELD = "unheld"
    """A challenger speaks while the reply goes on: there is no hold, or it has lasted as long as it may."""

    LINGERING = "lingering"
    """No challenger speaks and the reply goes on: a late transcript may still make it an interruption."""


HELD, SETTLING, UNHELD, LINGERING = ChallengePhase

HOLDING = frozenset({HELD, SETTLING})

# How often a challenge may be released: a voice that comes and goes at the limit would have the reply stutter.
MOST_RELEASES = 2


class Signal(Enum):
    """The events of a challenge."""

    HOLD = "hold"
    """A challenger speaks, and the reply is to be held for it."""

    SPEECH = "speech"
    """A challenger speaks, and the reply need not be held for it."""

    SILENCE = "silence"
    """No challenger speaks any more."""

    RESUME = "resume"
    """The silence has lasted long enough for the reply to go on."""

    RELEASE = "release"
    """Nothing speaks for an interruption: the reply need not be held, unless something does later."""

    EXPIRE = "expire"
    """The hold has lasted as long as it may, or without a hold the doubt."""

    CALM = "calm"
    """Without a hold, the silence has lasted long enough for what waits to go on."""


class Change(Enum):
    """The consequence of a signal for the reply."""

    HOLDS = "holds"
    RELEASES = "releases"


@dataclass(slots=True)
class Challenge:
    """Speech over `reply`, of one participant or several."""

    number: int
    reply: Reply
    # False: the policy knows no hold, or this challenge has had all of it.
    may_hold: bool
    challengers: dict[str, Challenger] = field(default_factory=dict)
    phase: ChallengePhase = UNHELD
    # What the answer is to do waits: it may turn out that the user does not want it.
    contested: bool = True
    # It was undecided for as long as a hold may last. What waits does so on only for somebody who speaks and may win.
    expired: bool = False
    # When it began.
    opened: float = 0.0
    # When the reply was held last, or challengers began to speak without a hold; and when they fell silent last.
    held_since: float = 0.0
    quiet_since: float = 0.0
    releases: int = 0

    def handle(self, signal: Signal, at: float) -> Change | None:
        """Go to the next phase. Returns what that means for the reply; None if nothing."""
        before = self.phase
        self.phase = _NEXT[signal].get(before, before)
        if signal is Signal.SILENCE and self.phase is not before:
            self.quiet_since = at
        self.releases += signal is Signal.RELEASE
        if signal is Signal.EXPIRE:
            self.may_hold = self.may_hold and before not in HOLDING
            self.expired = True
        if self.releases == MOST_RELEASES:
            self.may_hold = False
        self._contest(signal, before, at)
        holds = self.phase in HOLDING
        if holds is (before in HOLDING):
            return None
        if holds:
            self.held_since = at
        else:
            self.reply.since = at
        return Change.HOLDS if holds else Change.RELEASES

    def _contest(self, signal: Signal, before: ChallengePhase, at: float) -> None:
        if signal in (Signal.RESUME, Signal.RELEASE, Signal.EXPIRE, Signal.CALM):
            self.contested = False
        elif before in (LINGERING, UNHELD) and self.phase is not before and self.phase in (HELD, UNHELD):
            self.contested = self.contested or not self.expired
            self.held_since = at


# signal -> phase -> next phase; without an entry the challenge stays as it is. A commit, the end of the reply, and the
# deadline of LINGERING end it.
_NEXT: dict[Signal, dict[ChallengePhase, ChallengePhase]] = {
    Signal.HOLD: {SETTLING: HELD, UNHELD: HELD, LINGERING: HELD},
    Signal.SPEECH: {SETTLING: HELD, LINGERING: UNHELD},
    Signal.SILENCE: {HELD: SETTLING, UNHELD: LINGERING},
    Signal.RESUME: {SETTLING: LINGERING},
    Signal.RELEASE: {HELD: UNHELD, SETTLING: LINGERING},
    Signal.EXPIRE: {HELD: UNHELD, SETTLING: LINGERING},
    Signal.CALM: {},
}
