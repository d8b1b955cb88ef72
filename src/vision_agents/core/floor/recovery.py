"""Recovery: what follows a reply that could not be made, so that no failure of a part ends in silence.

    failed unheard ──────── retry_after ──▶ made anew ─────┐
    failed when some of it was heard:                       ├── fails again ──▶ the apology
       heard to its end ─── retry_after ──▶ gone on with ──┘         ▲
    broken off by a realtime model ───────▶ gone on with ── and again, `continuations` times

The apology is made once more, too, if nothing of it was heard. Where that fails nothing follows, and the agent's code
is told: the next words are answered.

What a function found that nobody waits for is tried so often too, and then left to the next answer; if somebody waits
for it, since its answer is lost, they hear the apology first.

An answer is made anew from the history as it is by then. What functions found stands there, so that the model goes on
from that and calls none for it again; where one still runs of which the result is told by itself, that is all that
follows. What was heard stands, and the rest is said, since who has heard half of a sentence waits for the other half.
It keeps its place before what waited behind it. Whatever is wanted meanwhile takes the place of all this: words that
somebody says from then on, but for a listener's where somebody has asked for what failed; and code that interrupts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from .policy import InterruptionPolicy
from .reply import Attempt, QueuedReply, Reply
from .reply_queue import ReplyQueue


@dataclass(slots=True)
class Recovery:
    """Queues what follows a failure. `apology`: the words of the last resort; empty for none."""

    replies: ReplyQueue
    policy: InterruptionPolicy
    apology: str = ""

    def fail(self, reply: Reply, at: float) -> None:
        """Take note that a part failed at a reply of which something is heard: it plays to its end first."""
        if self._missed(reply):
            reply.failed_at = at

    def will_go_on(self, number: int) -> bool:
        """Return True if the reply that has the voice has this number, and is gone on with when it was heard."""
        reply = self.replies.current(number)
        return reply is not None and reply.failed_at is not None and reply.attempt.failures < self.policy.retries

    def follow(self, reply: Reply, failed_at: float, at: float, *, again: bool = True) -> None:
        """Queue what follows a reply that is over by now. `again`: it may be made once more."""
        missed = self._missed(reply)
        if missed and again and reply.attempt.failures < self.policy.retries:
            self._try_again(reply, failed_at, max(at, failed_at + self.policy.retry_after))
            return
        self.replies.shelved |= reply.untold
        if missed and not (reply.attempt.is_apology or (reply.untold and not reply.attempt.owed)):
            self._apologise(at, failed_at, reply.attempt)
        if reply.untold:
            self.replies.news_owed.clear()  # It is left to the next answer.
        if self._told_by_itself(reply) and reply.attempt.owed:
            self.replies.owe_news(reply.to)

    def ends_in_silence(self, reply: Reply, *, again: bool = True) -> bool:
        """Return True if nothing follows a failure of this reply, though somebody waits: it was the last resort."""
        return reply.unheard_apology and not (again and reply.attempt.failures < self.policy.retries)

    def ask(self, wanted: float, at: float) -> None:
        """Have a realtime model asked for the answer that it has owed since `wanted`."""
        attempt = Attempt(wanted, wanted, failures=1, owed=True)
        if self.policy.retries:
            self.replies.wait_again(QueuedReply(at + self.policy.retry_after, continues=0, cut_by=at, attempt=attempt))
        else:
            self._apologise(at, at, attempt)

    def go_on(self, reply: Reply, at: float, cut_by: float, *, noise: bool) -> None:
        """Queue the rest of what a realtime model broke off. `noise`: somebody is to be heard, which may be why."""
        before = reply.attempt
        if before.filler:
            return  # Its rest would count as something new that is broken off, and so would the apology for that.
        stopped = before.stopped + (not (noise and reply.interruptible))
        if stopped <= self.policy.continuations:
            self.replies.addressees |= reply.to or set()
            rest = Attempt(before.wanted, stopped=stopped)
            if reply.interruptible:
                self.replies.queue_continuation(at, reply.number, cut_by, rest)
            else:
                self.replies.queue_rest(at, reply.number, rest)
        elif self._missed(reply) and not noise:
            self._apologise(at, cut_by, before)
            if reply.number == 0 and self.replies.apology_waits:
                self.replies.owed.settle()

    def _apologise(self, at: float, cut_by: float, failed: Attempt) -> None:
        """Queue the apology. One is enough for all that nobody has asked for and that code wanted before it was heard,
        until something else is heard."""
        heard = self.replies.apologised
        again = heard is not None and failed.wanted <= heard and not failed.owed
        if self.apology and not (again or self.replies.answer_waits):
            attempt = Attempt(at, owed=failed.owed, filler=self.apology, is_apology=True)
            self.replies.put_first(QueuedReply(at, cut_by=cut_by, attempt=attempt))

    def _missed(self, reply: Reply) -> bool:
        """Return True if somebody waits for the reply: nobody does for the floor's own words, but for an apology of
        which nothing was heard, nor for what a function wants said, which is told that it was not; and what is told by
        itself comes in its time."""
        own = bool(reply.attempt.filler) and not reply.unheard_apology
        return not (own or reply.inner or self._told_by_itself(reply))

    def _told_by_itself(self, reply: Reply) -> bool:
        """Return True if what its functions find follows it."""
        running = self.replies.functions.get(reply.number)
        return running is not None and running.told

    def _try_again(self, reply: Reply, failed_at: float, since: float) -> None:
        replies = self.replies
        replies.addressees |= reply.to or set()
        if reply.interruptible and replies.answer_waits:
            replies.shelved |= reply.untold  # What waits answers that too.
            return
        anew = reply.untold or reply.unheard_answer or reply.unheard_apology
        again = QueuedReply(
            since,
            interruptible=reply.interruptible,
            continues=None if anew else reply.number,
            cut_by=failed_at,
            attempt=replace(reply.attempt, failures=reply.attempt.failures + 1),
            news=reply.untold,
        )
        replies.wait_again(again)
