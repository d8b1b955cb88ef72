"""The reply queue: the reply that has the agent's voice, and those that wait for it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from enum import Enum

from . import effects as fx


class ReplyPhase(Enum):
    """The phases of a reply that has the voice."""

    PREPARING = "preparing"
    AUDIBLE = "audible"


@dataclass(slots=True)
class Reply:
    """The reply that has the voice."""

    number: int
    interruptible: bool
    answer: bool
    # The participants whom it answers; None: nobody or everybody.
    to: frozenset[str] | None = None
    phase: ReplyPhase = ReplyPhase.PREPARING
    # When the phase began or the playout last got on.
    since: float = 0.0
    # What functions say inside it and was not heard yet, by its numbers; and whether speech may interrupt that.
    insertions: dict[int, bool] = field(default_factory=dict)

    @property
    def yields(self) -> bool:
        """True if speech may interrupt it now."""
        return self.interruptible and all(self.insertions.values())

    @property
    def unheard_answer(self) -> bool:
        """True for an answer of which nothing was played: if it is cut off now, the question still stands."""
        return self.answer and self.phase is ReplyPhase.PREPARING


@dataclass(frozen=True, slots=True)
class QueuedReply:
    """A reply that waits for the voice."""

    since: float
    # None for an answer or a continuation: it is numbered when it begins.
    number: int | None = None
    interruptible: bool = True
    # A realtime model makes it already: it waits for nobody but the reply before it.
    started: bool = False
    # The reply whose unplayed rest it is to say.
    continues: int | None = None
    # A function wants it: it belongs to the answer that waits for that.
    inner: bool = False


@dataclass(slots=True)
class RunningFunctions:
    """The functions of a reply that run: how many, and since when."""

    since: float
    count: int = 1


@dataclass(slots=True)
class ReplyQueue:
    """Holds one reply with the voice and at most `limit` that wait for it."""

    limit: int
    epoch: int = 0
    reply: Reply | None = None
    queue: deque[QueuedReply] = field(default_factory=deque)
    # The highest number used so far.
    last_reply: int = 0
    # The participants whom the next answer answers.
    addressees: set[str] = field(default_factory=set)
    # Those of each reply, by its number; the reply may be over.
    functions: dict[int, RunningFunctions] = field(default_factory=dict)
    # Functions that a model wants called and that wait for their clearance.
    calls_wait: int = 0
    # A realtime model owes an answer since then.
    answer_due_since: float | None = None

    def enqueue(self, number: int, waiting: QueuedReply) -> list[fx.Effect]:
        """Queue a reply. A number used before is a repetition, and is ignored."""
        if number <= self.last_reply:
            return []
        self.last_reply = number
        if waiting.started:
            self.answer_due_since = None  # This is the answer.
            self.drop_continuation()
        if len(self.queue) >= self.limit:
            return [fx.DropReply(number, f"{len(self.queue)} replies wait already")]
        # What is being made goes before what is not, what belongs to it next, and the rest of something after all else.
        if waiting.started:
            place = sum(other.started for other in self.queue)
        elif waiting.inner:
            place = sum(other.started or other.inner for other in self.queue)
        else:
            place = sum(other.continues is None for other in self.queue)
        self.queue.insert(place, waiting)
        return []

    def insert(self, number: int, within: int, interruptible: bool, at: float) -> list[fx.Effect]:
        """Have something said inside the reply that has the voice. It has to be heard in time, as that has."""
        reply = self.current(within)
        assert reply is not None
        self.last_reply = number
        if len(reply.insertions) >= self.limit:
            return [fx.DropReply(number, f"{self.limit} things are to be said in that reply already")]
        reply.insertions[number] = interruptible
        reply.since = at
        return [fx.InsertSpeech(number, within)]

    def want_answer(self, at: float, addressees: str | None = None) -> None:
        """Queue an answer, unless one waits already: one answers all that was said by then."""
        if addressees is not None:
            self.addressees.add(addressees)
        self.drop_continuation()
        if all(waiting.number is not None for waiting in self.queue):
            self.queue.append(QueuedReply(at))

    def queue_continuation(self, at: float, reply: int | None) -> None:
        """Queue the unplayed rest of a reply, unless there is none or an answer waits. One that waits already waits
        anew."""
        if self.continuation_waits:
            waiting = self.queue.pop()
            reply = waiting.continues if reply is None else reply
        if reply is not None and all(waiting.number is not None for waiting in self.queue):
            self.queue.append(QueuedReply(at, continues=reply))

    def continues(self, reply: int) -> bool:
        """Return True if the rest of this reply is queued."""
        return any(waiting.continues == reply for waiting in self.queue)

    def drop_continuation(self) -> None:
        """Unqueue the continuation: somebody said words, and wants those answered."""
        self.queue = deque(waiting for waiting in self.queue if waiting.continues is None)

    @property
    def busy(self) -> bool:
        """True if a reply has the voice, waits for it, or is owed by a model."""
        return self.reply is not None or bool(self.queue) or self.answer_due_since is not None

    @property
    def continuation_waits(self) -> bool:
        """True if the last in the queue is a continuation."""
        return bool(self.queue) and self.queue[-1].continues is not None

    def may_begin(self, quiet: bool) -> bool:
        """Return True if the first in the queue may have the voice. `quiet`: nobody has the turn."""
        if self.reply is not None or not self.queue:
            return False
        first = self.queue[0]
        # A model that owes an answer may have understood something.
        return first.started or (quiet and (first.continues is None or self.answer_due_since is None))

    def begin_next(self, at: float) -> list[fx.Effect]:
        """Give the voice to the first in the queue."""
        waiting = self.queue.popleft()
        number = self.last_reply + 1 if waiting.number is None else waiting.number
        self.last_reply = max(self.last_reply, number)
        answer = waiting.number is None and waiting.continues is None
        to = None
        if answer or waiting.started or waiting.continues is not None:
            to, self.addressees = frozenset(self.addressees) or None, set()
        self.reply = Reply(number, waiting.interruptible, answer, to, since=at)
        return [] if waiting.started else [fx.BeginReply(number, self.epoch, answer, waiting.continues)]

    def current(self, number: int) -> Reply | None:
        """Return the reply that has the voice, if it has this number."""
        return self.reply if self.reply is not None and self.reply.number == number else None

    def drop(self, reason: str) -> list[fx.Effect]:
        """Give up the reply that has the voice."""
        assert self.reply is not None
        number, self.reply = self.reply.number, None
        return [fx.DropReply(number, reason)]

    def function_started(self, number: int, at: float) -> None:
        """Take note of a function that a reply needs."""
        running = self.functions.get(number)
        if running is None:
            self.functions[number] = RunningFunctions(at)
        else:
            running.count += 1

    def function_ended(self, number: int, at: float) -> None:
        """Take note of its end. After the last one the reply's own deadlines run again, from now on."""
        running = self.functions.get(number)
        if running is None:
            return
        running.count -= 1
        if running.count == 0:
            self.end_functions(number, at)

    def end_functions(self, number: int, at: float) -> None:
        """Forget the functions of a reply."""
        del self.functions[number]
        reply = self.current(number)
        if reply is not None:
            reply.since = at

    def insertion_over(self, number: int) -> None:
        """Take note that something was said inside the reply that has the voice, or cannot be."""
        if self.reply is not None:
            self.reply.insertions.pop(number, None)

    def withdraw(self, number: int) -> bool:
        """Take a reply out of the queue. Returns False if it was not there."""
        waiting = next((waiting for waiting in self.queue if waiting.number == number), None)
        if waiting is not None:
            self.queue.remove(waiting)
        return waiting is not None

    def forget(self, participant: str) -> None:
        """Answer a participant no more. What is said to nobody else goes on for those who are there."""
        self.addressees.discard(participant)
        if self.reply is not None and self.reply.to is not None:
            self.reply.to = self.reply.to - {participant} or None

    def clear(self, reason: str) -> list[fx.Effect]:
        """Drop everything that waits: nobody would hear it."""
        waiting, self.queue = self.queue, deque()
        self.addressees.clear()
        self.answer_due_since = None
        return [fx.DropReply(w.number, reason) for w in waiting if w.number is not None]

    def interrupt_queue(self, *, answers: bool) -> list[fx.Effect]:
        """Drop what waits and may be interrupted; answers only if `answers`."""
        dropped = [w for w in self.queue if w.interruptible and (w.number is not None or answers)]
        self.queue = deque(w for w in self.queue if w not in dropped)
        if answers:
            self.addressees.clear()
        return [fx.DropReply(w.number, "interrupted") for w in dropped if w.number is not None]
