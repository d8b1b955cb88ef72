"""The agent's side of the floor: the reply that has the voice, those that wait for it, and what challenges it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from enum import Enum

from . import effects as fx


class VoicePhase(Enum):
    """Where the agent's reply stands."""

    PREPARING = "preparing"
    AUDIBLE = "audible"


@dataclass(slots=True)
class Reply:
    """The reply that has the voice."""

    number: int
    interruptible: bool
    answer: bool
    phase: VoicePhase = VoicePhase.PREPARING
    # When the phase began or the playout last got on.
    since: float = 0.0


@dataclass(frozen=True, slots=True)
class Waiting:
    """A reply that waits for the voice. `number` is None for an answer, which is numbered when it begins.

    `started`: a realtime model makes it already, so it waits for nobody but the reply before it.
    """

    since: float
    number: int | None = None
    interruptible: bool = True
    started: bool = False


@dataclass(slots=True)
class Voice:
    """One reply at a time, the others in a queue of at most `limit`."""

    limit: int
    reply: Reply | None = None
    queue: deque[Waiting] = field(default_factory=deque)
    # The highest number used so far.
    last_reply: int = 0

    def enqueue(self, number: int, waiting: Waiting) -> list[fx.Effect]:
        """Let a reply wait. A number used before is a repetition, and is ignored."""
        if number <= self.last_reply:
            return []
        self.last_reply = number
        if len(self.queue) >= self.limit:
            return [fx.DropReply(number, f"{len(self.queue)} replies wait already")]
        # What is being made goes before what is not.
        place = sum(other.started for other in self.queue) if waiting.started else len(self.queue)
        self.queue.insert(place, waiting)
        return []

    def want_answer(self, at: float) -> None:
        """Let an answer wait; one answers all that was said by then."""
        if all(waiting.number is not None for waiting in self.queue):
            self.queue.append(Waiting(at))

    def begin_next(self, at: float, epoch: int) -> list[fx.Effect]:
        """Give the voice to the first in the queue."""
        waiting = self.queue.popleft()
        answer = waiting.number is None
        number = self.last_reply + 1 if waiting.number is None else waiting.number
        self.last_reply = max(self.last_reply, number)
        self.reply = Reply(number, waiting.interruptible, answer, since=at)
        return [] if waiting.started else [fx.BeginReply(number, epoch, answer)]

    def current(self, number: int) -> Reply | None:
        """The reply that has the voice, if it has this number."""
        return self.reply if self.reply is not None and self.reply.number == number else None

    def withdraw(self, number: int) -> bool:
        """Take a reply out of the queue; whether it was there."""
        waiting = next((waiting for waiting in self.queue if waiting.number == number), None)
        if waiting is not None:
            self.queue.remove(waiting)
        return waiting is not None

    def interrupt_queue(self, *, answers: bool) -> list[fx.Effect]:
        """Drop what waits and may be interrupted; answers only if `answers`."""
        dropped = [w for w in self.queue if w.interruptible and (w.number is not None or answers)]
        self.queue = deque(w for w in self.queue if w not in dropped)
        return [fx.DropReply(w.number, "interrupted") for w in dropped if w.number is not None]


@dataclass(frozen=True, slots=True)
class Challenger:
    """Who challenges the reply. `voiced`: seconds of speech in their turn before. `fresh`: there was no turn before."""

    voiced: float
    fresh: bool


@dataclass(slots=True)
class Challenge:
    """Speech that may turn out to be an interruption of `reply`."""

    reply: Reply
    challengers: dict[str, Challenger] = field(default_factory=dict)
    # The reply is held since then, None if it is not; and none of the challengers speaks since then.
    held_since: float | None = None
    quiet_since: float | None = None
