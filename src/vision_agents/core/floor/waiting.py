"""The replies that wait for the agent's voice: in which order, and what takes the place of what."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Collection
from dataclasses import dataclass, field, replace

from .owed_answer import OwedAnswer
from .reply import Attempt, QueuedReply, Reply

# Who waits for something, where it is not known who.
SOMEBODY = ""


@dataclass(slots=True)
class WaitingReplies:
    """Holds at most `limit` replies of code or a model, as many rests that must be heard, and an answer."""

    limit: int
    queue: deque[QueuedReply] = field(default_factory=deque)
    # What a realtime model has to say by itself.
    owed: OwedAnswer = field(default_factory=OwedAnswer)
    # Who waits for what functions found, or SOMEBODY: what was to answer them is lost, and they have heard nothing
    # since.
    news_owed: set[str] = field(default_factory=set)

    def owe_news(self, to: Collection[str] | None) -> None:
        """Take note of who waits for what is found; None: it is not known who."""
        self.news_owed |= set(to or (SOMEBODY,))

    def has_heard(self, reply: Reply) -> None:
        """Take note that whom a reply is for has heard it, or what it tells: they wait no more for what is found."""
        if reply.news or (reply.attempt.owed and reply.to is None):
            self.news_owed.clear()
        elif reply.to is not None:
            self.news_owed -= {SOMEBODY, *reply.to}

    @property
    def before_rests(self) -> int:
        """The place in the queue before the rest of anything; but what is made once more keeps its place."""
        place = len(self.queue)
        while place and self.queue[place - 1].continues is not None and not self.queue[place - 1].attempt.failures:
            place -= 1
        return place

    def put_first(self, waiting: QueuedReply) -> None:
        """Queue what had the voice before all that waits, but for what is being made and what belongs to that."""
        self.queue.insert(sum(other.started or other.inner for other in self.queue), waiting)

    def queue_continuation(self, at: float, reply: int | None, cut_by: float, attempt: Attempt | None = None) -> None:
        """Queue the unplayed rest of a reply, unless there is none or an answer waits. One that waits already waits
        anew. `cut_by`: when the turn began that cut it off."""
        if cut_by <= self.owed.asked_from:
            cut_by = at  # Somebody else has asked for something since, which may be what is lost.
        waiting, place = self.continuation, len(self.queue)
        if waiting is not None:
            place = self.queue.index(waiting)
            self.queue.remove(waiting)
            if reply is None:
                reply, cut_by = waiting.continues, waiting.cut_by
        answered = any(other.number is None and not (other.is_rest or other.attempt.is_apology) for other in self.queue)
        if reply is None or answered or self.continues(reply):
            return
        if waiting is not None and waiting.continues == reply:
            # It is as it was: so many failures of it are known, and it waits after the last one.
            self.queue.insert(place, replace(waiting, since=max(at, waiting.since), cut_by=cut_by))
        else:
            attempt = attempt or Attempt(wanted=at)
            self.queue.append(QueuedReply(at, continues=reply, cut_by=cut_by, attempt=attempt))

    def queue_rest(self, at: float, reply: int, attempt: Attempt) -> None:
        """Queue the rest of a reply that nobody may interrupt."""
        self.supersede()
        if not self.continues(reply) and self._room_for_rest:
            self.queue.append(QueuedReply(at, interruptible=False, continues=reply, attempt=attempt))

    def wait_again(self, again: QueuedReply) -> None:
        """Queue a reply that could not be made, in its old place, unless its rest is queued."""
        known = again.continues is not None and self.continues(again.continues)
        if not known and (self._room_for_rest or not again.is_rest):
            self.put_first(again)

    @property
    def _room_for_rest(self) -> bool:
        return sum(waiting.is_rest for waiting in self.queue) < self.limit

    def continues(self, reply: int) -> bool:
        """Return True if the rest of this reply is queued."""
        return any(waiting.continues == reply for waiting in self.queue)

    def supersede(self, began: float = math.inf, *, answered: bool = False) -> None:
        """Unqueue the continuation and the apology: somebody said words, and wants those answered. Not if their turn
        `began` before the one that cut off what is to go on: that may have been the answer to them. `answered`: what
        answers them is about to be queued. It is made in the place of one that failed, and tells the news."""
        superseded = [w for w in self.queue if (w.is_continuation or w.attempt.is_apology) and began >= w.cut_by]
        if answered:
            superseded += [
                w for w in self.queue if w.number is None and (w.news or (w.is_answer and w.attempt.failures))
            ]
        self.queue = deque(w for w in self.queue if w not in superseded)

    @property
    def owes_again(self) -> bool:
        """True if somebody waits for what could not be made: for the next attempt, or the apology for it."""
        return any(waiting.attempt.owed for waiting in self.queue)

    @property
    def answer_waits(self) -> bool:
        """True if something waits that is not numbered yet and is no rest: an answer, news, a continuation, the
        apology."""
        return any(waiting.number is None and not waiting.is_rest for waiting in self.queue)

    @property
    def apology_waits(self) -> bool:
        """True if the apology is in the queue."""
        return any(waiting.attempt.is_apology for waiting in self.queue)

    @property
    def rest_waits(self) -> bool:
        """True if the rest of something that nobody may interrupt is in the queue."""
        return any(waiting.is_rest for waiting in self.queue)

    @property
    def continuation(self) -> QueuedReply | None:
        """The continuation in the queue: words would unqueue it."""
        return next((waiting for waiting in self.queue if waiting.is_continuation), None)

    @property
    def answer_is_next(self) -> bool:
        """True if the first in the queue is an answer."""
        return bool(self.queue) and self.queue[0].is_answer

    def withdraw(self, number: int) -> QueuedReply | None:
        """Take a reply out of the queue. Returns None if it was not there."""
        waiting = next((waiting for waiting in self.queue if waiting.number == number), None)
        if waiting is not None:
            self.queue.remove(waiting)
        return waiting
