"""Replying: takes what becomes of the agent's replies, and leads out of each that goes wrong.

It belongs to the floor, which gives it the events of replies and functions, and carries out what it returns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from . import effects as fx
from . import events as ev
from .judge import Judge
from .presence import Presence
from .recovery import Recovery
from .reply import Attempt, QueuedReply, Reply, ReplyPhase
from .reply_queue import ReplyQueue
from .turn_taking import TurnTaking

Effects = list[fx.Effect]

NOT_APOLOGISED = "the apology could not be made: the caller hears nothing, and is answered when they speak again"

Deadlines = Iterator[tuple[float, Callable[[float], Effects]]]


class Replying:
    """The agent's side of the floor.

    `answers`: the floor decides when to answer a turn (a cascade); otherwise the model does (realtime).
    """

    def __init__(
        self,
        replies: ReplyQueue,
        judge: Judge,
        taking: TurnTaking,
        presence: Presence,
        recovery: Recovery,
        *,
        answers: bool,
    ) -> None:
        self._replies, self._judge, self._taking = replies, judge, taking
        self._presence, self._recovery = presence, recovery
        self._answers = answers

    def on_reply(self, event: ev.FloorEvent) -> Effects:
        """Take an event about a reply, or about the functions of one."""
        return _ACTIONS[type(event)](self, event)

    def drop(self, reply: Reply, reason: str) -> Effects:
        """Give up the reply that has the voice, which nobody misses."""
        self._replies.shelved |= reply.untold
        self._judge.challenge = None
        return self._replies.drop(reason)

    # Deadlines.

    def deadlines(self) -> Deadlines:
        """Yield when each reply gets further by itself, and how."""
        yield from self._deadlines_of_functions()
        yield from self._deadlines_of_reply()
        yield from self._deadlines_of_answer()

    def _deadlines_of_functions(self) -> Deadlines:
        replies, policy = self._replies, self._judge.policy
        for number, running in replies.functions.items():
            yield running.since + policy.function_limit, partial(self._functions_hang, number)
            free = self._taking.quiet and not (self._judge.holds or self._presence.deserted(self._taking.turns))
            due = replies.filler_due(number) if free and self._may_fill(number) else None
            if due is not None:
                yield due, partial(replies.fill, number, inside=self._answers)

    def _may_fill(self, number: int) -> bool:
        """Return True if a filler can be said for the functions of a reply: inside it, or before a model says it."""
        reply = self._replies.current(number)
        if self._answers or number == 0:
            return (number > 0) is self._answers
        silent = reply is not None and reply.phase is ReplyPhase.PREPARING and not reply.inner
        return silent and self._judge.challenge is None

    def _deadlines_of_reply(self) -> Deadlines:
        replies, policy, reply = self._replies, self._judge.policy, self._replies.reply
        # A reply that is held, or needs a function, or waits to call one, may stand still.
        waits = reply is not None and reply.number in replies.functions and not reply.insertions
        stands = self._judge.holds or waits or (self._judge.contested and replies.calls_wait > 0)
        if reply is not None and not stands and reply.phase is ReplyPhase.PREPARING:
            patience, setting = self._patience(reply)
            limit = f"{patience:.3g} s ({setting})"
            yield reply.since + patience, partial(self._late, reply, "no sound in time", limit)
        elif reply is not None and not stands:
            limit = f"{policy.stall_timeout:g} s (stall_timeout)"
            yield reply.since + policy.stall_timeout, partial(self._late, reply, "the sound stalled", limit)
        elif reply is None and replies.queue:
            if (begins_at := replies.begins_at(quiet=self._taking.quiet)) is not None:
                yield begins_at, lambda at: []  # The floor begins what may begin after each event.
            yield replies.queue[0].since + policy.wait_limit, replies.begin_next

    def _patience(self, reply: Reply) -> tuple[float, str]:
        """Return the seconds in which the reply has to sound, and the setting that says so."""
        policy = self._judge.policy
        if not reply.attempt.failures:
            return policy.reply_timeout, "reply_timeout"
        left = reply.attempt.begun + policy.reply_timeout - reply.since
        return max((policy.retry_timeout, "retry_timeout"), (left, "reply_timeout"))

    def _deadlines_of_answer(self) -> Deadlines:
        replies, owed, policy = self._replies, self._replies.owed, self._judge.policy
        if owed.since is None or not owed.expected or replies.functions:
            return
        noise = replies.rest_waits and not owed.understood  # as far as is known
        waiting = replies.continuation
        if owed.awaited and waiting is not None:
            yield waiting.since + policy.continue_after, self._answer_overdue
        elif owed.awaited and (noise or (replies.news and not (replies.known and owed.understood))):
            yield owed.since + policy.continue_after, self._answer_overdue
        yield owed.since + policy.reply_timeout, self._answer_missing

    # What is late.

    def _answer_overdue(self, at: float) -> Effects:
        """The realtime model did not answer in time: what waits for that may begin."""
        self._replies.owed.overdue = True
        return []

    def _answer_missing(self, at: float) -> Effects:
        """The realtime model did not answer, or not go on. Where words are known that it owes an answer to, or a part
        of that was heard, it is asked."""
        owed = self._replies.owed
        due, wanted = owed.since, owed.wanted
        owed.settle()
        if not wanted or self._replies.answer_waits or self._replies.news:
            return []  # What is to be told makes it speak, too.
        assert due is not None  # or nothing would be missing
        self._recovery.ask(due, at)
        reason = f"no answer in time: {self._judge.policy.reply_timeout:g} s (reply_timeout)"
        return [fx.AnnounceFailure(0, reason)]

    def _functions_hang(self, number: int, at: float) -> Effects:
        self._replies.end_functions(number, at)
        reply = self._replies.current(number)
        if reply is None:
            return []
        # What they have done is not known: they are not to be called again.
        limit = f"{self._judge.policy.function_limit:g} s (function_limit)"
        return self._late(reply, "a function did not return", limit, at, again=False)

    def _late(self, reply: Reply, reason: str, limit: str, at: float, *, again: bool = True) -> Effects:
        """Give up a reply that is not in time. Where nobody has come yet, nothing asks for its sound."""
        if not (self._presence.participants or self._taking.turns):
            return self.drop(reply, reason)
        return [fx.AnnounceFailure(reply.number, f"{reason}: {limit}"), *self._fail(reply, reason, at, again=again)]

    def _fail(
        self, reply: Reply, reason: str, at: float, *, again: bool = True, failed_at: float | None = None
    ) -> Effects:
        """Give up a reply, since a part failed at it: at `failed_at`, by default now."""
        self._judge.challenge = None
        silence = self._recovery.ends_in_silence(reply, again=again)
        effects: Effects = [fx.AnnounceFailure(reply.number, NOT_APOLOGISED)] if silence else []
        effects += self._replies.drop(reason)
        self._recovery.follow(reply, at if failed_at is None else failed_at, at, again=again)
        return effects

    # Events.

    def _requested(self, event: ev.ReplyRequested) -> Effects:
        if event.reply <= self._replies.last_reply:
            return []
        if self._answers and event.within is not None and self._replies.current(event.within) is not None:
            effects = self._replies.insert(event.reply, event.within, event.at, event.interruptible)
            if not event.interruptible:
                self._judge.end_challenge()
            return effects
        waiting = QueuedReply(
            event.at, event.reply, event.interruptible, attempt=Attempt(event.at), inner=event.within is not None
        )
        return self._replies.enqueue(event.reply, waiting)

    def _started(self, event: ev.ReplyStarted) -> Effects:
        if event.reply <= self._replies.last_reply:
            return []
        effects = self._taking.give_way(event.at)
        waiting = QueuedReply(event.at, event.reply, started=True, attempt=Attempt(event.at))
        return effects + self._replies.enqueue(event.reply, waiting)

    def _audible(self, event: ev.AudioStarted | ev.AudioProgressed) -> Effects:
        current, challenge = self._replies.current(event.reply), self._judge.challenge
        effects = self._replies.overtake(event.reply, event.at) if current is None else []
        reply = self._replies.current(event.reply)
        if reply is not None:
            reply.phase, reply.since = ReplyPhase.AUDIBLE, event.at
            self._replies.apologised = event.at if reply.attempt.is_apology else None
            self._replies.has_heard(reply)
        if reply is not None and challenge is not None:
            challenge.reply = reply
        return effects

    def _drained(self, event: ev.AudioDrained) -> Effects:
        reply = self._replies.current(event.reply)
        if reply is not None:
            self._replies.drained()
            self._judge.challenge = None
            if reply.failed_at is not None:
                self._recovery.follow(reply, reply.failed_at, event.at)
            elif event.more:
                self._replies.owe_part(event.at)
        self._replies.insertion_over(event.reply)
        withdrawn = self._replies.withdraw(event.reply)
        if withdrawn is None or not withdrawn.news:
            return []
        # A model was faster with its own answer than with what has the voice.
        self._replies.tell_news(withdrawn)
        return [fx.TellNews(event.reply, withdrawn.later)]

    def _prepared_in_vain(self, event: ev.PreparedInVain) -> Effects:
        if self._replies.current(event.reply) is None:
            return []
        self._judge.challenge = None
        return self._replies.begin_anew(event.at)

    def _failed(self, event: ev.ReplyFailed) -> Effects:
        reply, effects = self._replies.current(event.reply), Effects()
        if reply is not None and reply.phase is ReplyPhase.PREPARING and not event.begun:
            reply.news &= not event.told
            reason = "it could not be made"
            effects += self._fail(reply, reason, event.at) if event.again else self.drop(reply, reason)
        elif reply is not None and event.again:
            # What was made before it failed is played to its end: that comes as AudioDrained.
            self._recovery.fail(reply, event.at)
        self._replies.insertion_over(event.reply)
        return effects + self._failed_waiting(event)

    def _failed_waiting(self, event: ev.ReplyFailed) -> Effects:
        """Give up a reply that waits for the voice. One that was being made is missed as one that has it."""
        reply = self._replies.latest(event.reply)
        withdrawn = self._replies.withdraw(event.reply)
        if withdrawn is None:
            return []
        if event.again and (withdrawn.started or withdrawn.aside is not None):
            self._recovery.follow(reply, event.at, event.at)
        else:
            self._replies.shelved |= withdrawn.aside is not None and withdrawn.aside.untold
        return [fx.DropReply(event.reply, "it could not be made")]

    def _lost(self, event: ev.AnswerLost) -> Effects:
        if event.reply > self._replies.last_reply:
            return []
        reply, reason = self._replies.latest(event.reply), "the model has lost it"
        unborn, noise = reply is self._replies.reply and not event.begun, not self._taking.quiet
        cut_by = self._taking.last_taken(event.at)
        if unborn and reply.unheard_apology:
            return self._fail(reply, reason, event.at, failed_at=cut_by)
        if unborn and reply.interruptible and (reply.untold or not noise):
            return self._fail(reply, reason, event.at)
        self._recovery.go_on(reply, event.at, cut_by, noise=noise)
        return self.drop(reply, reason) if unborn else []

    def _function_started(self, event: ev.FunctionStarted) -> Effects:
        if event.reply <= self._replies.last_reply:
            self._replies.function_started(
                event.reply, event.at, event.filler, event.filler_after, spoken=event.spoken, told=event.told
            )
        return []

    def _function_ended(self, event: ev.FunctionEnded) -> Effects:
        self._replies.function_ended(event.reply, event.at)
        return []

    def _function_found(self, event: ev.FunctionFound) -> Effects:
        self._replies.found(event.epoch, known=event.known)
        return []

    def _calls_wait(self, event: ev.CallsWait) -> Effects:
        self._replies.calls_wait = event.count
        return []


_ACTIONS: dict[type[ev.FloorEvent], Callable[[Replying, Any], Effects]] = {
    ev.ReplyRequested: Replying._requested,
    ev.ReplyStarted: Replying._started,
    ev.AudioStarted: Replying._audible,
    ev.AudioProgressed: Replying._audible,
    ev.AudioDrained: Replying._drained,
    ev.PreparedInVain: Replying._prepared_in_vain,
    ev.ReplyFailed: Replying._failed,
    ev.AnswerLost: Replying._lost,
    ev.FunctionStarted: Replying._function_started,
    ev.FunctionEnded: Replying._function_ended,
    ev.FunctionFound: Replying._function_found,
    ev.CallsWait: Replying._calls_wait,
}

REPLYING = tuple(_ACTIONS)
"""The events that `Replying.on_reply` takes."""
