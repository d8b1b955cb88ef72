"""The floor: one pure state machine, the only place where it is decided who may speak.

Rules of this package
---------------------
- Everything that may start, stop, hold or resume the agent's voice comes in as an event and is decided here. No
  other module has such an `if`.
- No asyncio, no clock, no I/O, no logging. Time is the `at` of events. The same events give the same effects, always.
- Any event may come at any time: late, twice, for a reply or a participant long gone. It is then without effect; it
  never raises.
- Whatever waits has an entry in `_deadlines`, which leads out of it. Deadlines are computed from the state, never
  stored.

Theory of operation
-------------------
Three small machines run side by side, each with its table, and `_settle` looks at all of them after each event. Each
participant has a turn (`turn.py`, its facts `turn_facts.py`; `turn_taking.py` opens, ends and completes them):

    QUIET ── speech ──▶ SPEAKING ── silence ──▶ PAUSED ── detector or deadline ──▶ FINALIZING ── words known ──▶ QUIET
                            ◀────── speech goes on ──────┴───────────────────────────┘           (and RecordTurn)

The agent has one voice. Replies queue for it (`waiting.py`, `reply_queue.py`); `replying.py` sees what becomes of them:

    no reply ── one is wanted ──▶ PREPARING ── first sample pulled ──▶ AUDIBLE ── last sample pulled ──▶ no reply

Speech while there is a reply that may be interrupted opens a challenge (`challenge.py`). The reply is held at once, and
evidence is gathered from then on (`judge.py`), on which strategies vote (`strategies`):

    ── speech ──▶ HELD ── silence ──▶ SETTLING ── resume_after ──▶ LINGERING ── late_transcript ──▶ no challenge
                   │ ◀──── speech ───────┘                          │      ▲
                   │ ◀──── speech, while holds are left ────────────┤      │
               hold_limit                                           ▼      │
                   └──────────────────────────────────────────▶ UNHELD ── silence

From each phase a commit leads out when the votes are enough: a new epoch, the reply is gone, the turn goes on as any
other. From LINGERING the deadline leads out: it was no turn, and is discarded. So the hold ends before the challenge
does, and a transcript that comes late may still make it an interruption. Without a reply nothing is challenged and the
turn just runs. And a commit may be wrong: if the turn turns out to have no words, the agent says the rest of what was
cut off.

No failure of a part ends in silence: what could not be made is made once more, or gone on with, and at last the agent
apologises (`recovery.py`).

When the last participant has left, what is being said or would be is interrupted, and nothing begins before somebody is
there again. Reports about those who left are without effect, but for their last words: these are put into the history.

A turn is announced when there is as much evidence for it as an interruption needs, or when its words are known: thus a
cough is never announced, whatever the agent was doing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from . import effects as fx
from . import events as ev
from .clearance import Clearance, clearance_of
from .drafts import Drafts
from .evidence import Evidence, Vote
from .judge import Judge, reason_for
from .policy import InterruptionPolicy
from .presence import Presence
from .recovery import Recovery
from .reply import ReplyPhase
from .reply_queue import ReplyQueue
from .replying import REPLYING, Deadlines, Replying
from .state import FloorState
from .turn import FINALIZING, PAUSED, QUIET, SPEAKING, TURNS, Announced, Turn
from .turn_facts import ClosedTurn, CutOff
from .turn_taking import TurnTaking
from .vocabulary import ALL, Vocabulary


class Floor:
    """The state machine: events in, effects out.

    Args:
        policy: the settings, by default `InterruptionPolicy()`.
        answers: True if the floor decides when to answer a turn (a cascade), False if the model does (realtime).
        vocabulary: the words by which a backchannel is told from a command.
        apology: what is said when the agent's words cannot be made; empty for nothing.
    """

    def __init__(
        self,
        policy: InterruptionPolicy | None = None,
        *,
        answers: bool = True,
        vocabulary: Vocabulary = ALL,
        apology: str = "",
    ) -> None:
        self.policy = policy or InterruptionPolicy()
        self.answers, self.vocabulary, self.apology = answers, vocabulary, apology
        self._judge = Judge(self.policy, vocabulary)
        self._turns: dict[str, Turn] = {}
        self._replies = ReplyQueue(self.policy.queue_limit)
        self._recovery = Recovery(self._replies, self.policy, apology)
        self._taking = TurnTaking(self._turns, self._judge, self._replies, answers=answers)
        self._presence = Presence()
        self._replying = Replying(
            self._replies, self._judge, self._taking, self._presence, self._recovery, answers=answers
        )
        self._drafts = Drafts(self._turns, self._replies, early=self.policy.prepare)
        # Of the event that is being handled; and how many of them `_settle` has seen.
        self._effects: list[fx.Effect] = []
        self._seen = 0
        # The call is over: what was said in it is put down still, and nothing else happens.
        self._over = False

    # Seen from outside.

    @property
    def state(self) -> FloorState:
        """The state of the floor as a whole."""
        phases = {turn.phase for turn in self._turns.values()}
        reply = self._replies.reply
        if self._judge.holds:
            return FloorState.HELD
        if reply is not None and reply.phase is ReplyPhase.AUDIBLE:
            return FloorState.SPEAKING
        if phases & {SPEAKING, PAUSED}:
            return FloorState.USER_SPEAKING
        if FINALIZING in phases or self._replies.busy or self._replies.functions:
            return FloorState.THINKING
        return FloorState.IDLE

    @property
    def epoch(self) -> int:
        """The number of interruptions so far, or the epoch that code has advanced to."""
        return self._replies.epoch

    @property
    def reply(self) -> int | None:
        """The number of the reply that has the voice."""
        return self._replies.reply.number if self._replies.reply is not None else None

    @property
    def last_reply(self) -> int:
        """The highest reply number used so far: a new reply takes the next one."""
        return self._replies.last_reply

    def may_continue(self, reply: int) -> bool:
        """Return True as long as the rest of a reply may still be said, since what cut it off may have been nothing."""
        wanted = self._replies.is_continued(reply) or self._recovery.will_go_on(reply)
        return wanted or any(turn.cut_off.reply == reply for turn in self._turns.values())

    def has_failed(self, reply: int) -> bool:
        """Return True if a part has failed before at what the reply that has the voice is to say."""
        current = self._replies.current(reply)
        return current is not None and current.attempt.failures > 0

    def clearance(self, epoch: int, reply: int | None = None) -> Clearance:
        """Return whether a function with effects may be called for an answer that was wanted in `epoch`.

        `reply`: the number of the answer, where it is known. Not while it is only prepared, while it is challenged,
        while somebody goes on speaking before a realtime model says anything, or while the last words of somebody whom
        it answers are waited for. Never when these have said more since, nor when nobody is there any more.
        """
        if epoch < self.epoch or self.deserted:
            return Clearance.NEVER
        return clearance_of(reply, self._replies, self._taking, self._judge)

    @property
    def decides_ends(self) -> bool:
        """True if the floor decides when a pause ends a turn; otherwise the detector does, by its own rule."""
        return self.answers and self.policy.endpointing == "learned"

    @property
    def deserted(self) -> bool:
        """True when everybody has left or the call is over: what the agent says would be heard by nobody."""
        return self._over or self._presence.deserted(self._turns)

    @property
    def deadline(self) -> float | None:
        """The time at which to come back with `TimePassed`, on the clock of the events; None if nothing waits."""
        return min((at for at, _ in self._deadlines()), default=None)

    def transcript(self, participant: str) -> str:
        """The words of the participant's open turn so far, in a cascade; empty without any."""
        turn = self._turns.get(participant)
        return turn.words.text if turn is not None else ""

    def evidence(self, participant: str) -> tuple[Evidence, tuple[Vote, ...]] | None:
        """Return the evidence on the participant's speech over the agent and the votes on it; None if there is none."""
        turn = self._turns.get(participant)
        return self._judge.poll(turn) if turn is not None and self._judge.challenger(turn) else None

    def handle(self, event: ev.FloorEvent) -> list[fx.Effect]:
        """Take one event. Returns its effects, to be carried out in order."""
        self._effects, self._seen = [], 0
        if self._over:
            return self._after(event)
        handler = _HANDLERS.get(type(event))
        if handler is not None and not self._of_somebody_gone(event):
            handler(self, event)
            self._settle(event.at)
        return self._effects

    def _after(self, event: ev.FloorEvent) -> list[fx.Effect]:
        """Put down words that come when the call is over, whoever said them."""
        if not isinstance(event, ev.TranscriptReceived):
            return []
        if event.participant not in self._presence.left:
            self._presence.leave(event.participant, ClosedTurn())
        return self._taking.on_last_words(event, self._presence.left[event.participant])

    def _of_somebody_gone(self, event: ev.FloorEvent) -> bool:
        """Return True for a report that is late: its participant has left, and only last words count still."""
        if not isinstance(event, ev.ParticipantEvent) or event.participant not in self._presence.left:
            return False
        return not isinstance(event, ev.ParticipantJoined | ev.TranscriptReceived)

    def _settle(self, at: float) -> None:
        """Decide challenges, announce and end turns, begin a reply: whatever has become possible."""
        decided = self._judge.winner(self._turns)
        if decided is not None:
            self._interrupt_by(*decided, at)
        else:
            self._do(self._judge.watch(at, self._turns))
        self._do(self._taking.settle(at))
        if self.deserted:
            self._do(self._replies.clear("nobody is there"))
            self._replies.shelve_news()
        self._stop_waiting_calls(at)
        if self._taking.quiet:
            self._replies.queue_news(at)
        if self._taking.quiet and not self.answers and self._judge.challenge is None:
            self._replies.step_aside()
        begins_at = self._replies.begins_at(quiet=self._taking.quiet)
        begins = begins_at is not None and begins_at <= at
        if self.answers:
            answer_begins = begins and self._replies.answer_is_next
            self._do(self._drafts.settle(self._effects[self._seen :], answer_begins=answer_begins))
        if begins:
            self._do(self._replies.begin_next(at))
        active = self._replies.busy or bool(self._replies.functions)
        self._do(self._presence.update(at, self._effects[self._seen :], agent_active=active))
        self._seen = len(self._effects)

    def _do(self, effects: Iterable[fx.Effect]) -> None:
        self._effects.extend(effects)

    # Deadlines.

    def _deadlines(self) -> Deadlines:
        yield from self._judge.deadlines(self._turns)
        yield from self._replying.deadlines()
        yield from self._taking.deadlines()
        away, replies = self._presence.deadline(self.policy.user_away), self._replies
        if away is not None and not (replies.busy or replies.functions or self._taking.somebody_speaks):
            yield away, self._presence.leave_alone

    def _on_policy(self, event: ev.PolicySet) -> None:
        self.policy = self._judge.policy = self._recovery.policy = event.policy
        self._replies.limit, self._drafts.early = event.policy.queue_limit, event.policy.prepare

    def _on_time(self, event: ev.TimePassed) -> None:
        # One at a time: what one does may undo the next. What these leave over is due at once, by `deadline`.
        for _ in range(len(self._turns) + 4):
            due = min(self._deadlines(), key=lambda entry: entry[0], default=None)
            if due is None or due[0] > event.at:
                return
            self._do(due[1](event.at))
            self._settle(event.at)

    # Participants.

    def _on_turn(self, event: ev.ParticipantEvent) -> None:
        self._do(self._taking.on_turn(event))

    def _on_words(self, event: ev.TranscriptReceived) -> None:
        last = self._presence.left.get(event.participant)
        self._do(self._taking.on_words(event) if last is None else self._taking.on_last_words(event, last))

    def _on_joined(self, event: ev.ParticipantJoined) -> None:
        self._presence.join(event.participant, event.at)

    def _on_left(self, event: ev.ParticipantLeft) -> None:
        others = (self._presence.participants | self._turns.keys()) - {event.participant}
        if not self._leaves(event, others=bool(others)):
            return  # Nobody has heard of them.
        replies = self._replies
        if self.deserted and (replies.at_work or replies.functions or replies.calls_wait):
            self._interrupt_by_code(self.epoch + 1, "nobody is there any more")

    def _leaves(self, event: ev.ParticipantLeft, *, others: bool) -> bool:
        """Take a participant out of the call. Returns False if they were not in it. `others`: somebody still is."""
        turn = self._turns.get(event.participant)
        self._do(self._taking.on_left(event, others=others))
        if turn is None and event.participant not in self._presence.participants:
            return False
        self._presence.leave(event.participant, (turn and turn.closed) or ClosedTurn())
        return True

    def _on_over(self, event: ev.CallOver) -> None:
        """Put down what people said. Nothing is said to them any more, and nobody has cut that off."""
        for participant in dict.fromkeys((*self._turns, *sorted(self._presence.participants))):
            self._leaves(ev.ParticipantLeft(event.at, participant), others=False)
        why, replies = "the call is over", self._replies
        if replies.reply is not None:
            self._do(self._replying.drop(replies.reply, why))
        self._do(replies.clear(why))
        replies.functions.clear()
        replies.news = False
        self._over = True

    # Challenges.

    def _interrupt_by(self, turn: Turn, votes: tuple[Vote, ...], at: float) -> None:
        """Give the floor to a participant: the reply is gone, the turn goes on as any other."""
        reply = self._replies.reply
        assert reply is not None  # or there was nothing to challenge
        self._replies.owed.suspend()
        self._commit(self.epoch + 1, turn.participant, reason_for(votes), votes)
        turn.cut_off.add(reply)
        self._replies.addressees |= reply.to or set()
        if turn.announced is Announced.STARTED:
            # It began before the reply did. Now it begins again, this time against the agent.
            self._do(turn.announce_end())
            turn.speech.onset = turn.speech.began
        self._do(turn.announce(self.epoch, interrupted=True))

    def _commit(self, epoch: int, by: str | None, reason: str, votes: tuple[Vote, ...] = ()) -> None:
        """Cut off the reply, and with it what may be interrupted in the queue."""
        reply, self._replies.reply, self._judge.challenge = self._replies.reply, None, None
        # What was to be told is told after what the user says.
        self._replies.keep_news(reply if by is not None else None)
        self._replies.epoch = epoch
        self._do([fx.Commit(epoch, reply.number if reply else None, by, reason, votes)])
        # What people said still wants its answer, unless it is code that wants silence.
        self._do(self._replies.interrupt_queue(answers=by is None))

    def _stop_waiting_calls(self, at: float) -> None:
        """Give up what a realtime model is at that waits to call functions and says nothing: somebody took the turn."""
        if not self._replies.calls_wait or not self._taking.unvoiced:
            return
        taken = [e.participant for e in self._effects[self._seen :] if isinstance(e, fx.AnnounceTurnStarted)]
        who = next(filter(self._judge.people.may_interrupt, (*taken, *self._taking.speakers(announced=True))), None)
        if who is None:
            return
        self._replies.epoch += 1
        self._replies.calls_wait = 0
        self._do([fx.Commit(self.epoch, None, who, "somebody spoke while a function waited to be called")])
        # Without words it was a noise, and the model goes on.
        turn = self._turns[who]
        if turn.phase is QUIET:
            self._replies.queue_continuation(at, 0, turn.taken)
        elif turn.cut_off.reply is None:
            turn.cut_off.reply = 0

    def _on_evidence(self, event: ev.FloorEvent) -> None:
        self._judge.add_evidence(event)

    def _on_interrupt(self, event: ev.InterruptRequested) -> None:
        epoch = self.epoch + 1 if event.epoch is None else event.epoch
        if epoch > self.epoch:
            self._interrupt_by_code(epoch, "asked for by code")
            if not event.by_model:  # Else who has asked for something waits for it all the same.
                self._replies.owed.settle()
                self._replies.silence(epoch)

    def _interrupt_by_code(self, epoch: int, reason: str) -> None:
        reply = self._replies.reply
        self._commit(epoch, None, reason)
        self._replies.keep_news(reply)
        for turn in self._turns.values():
            turn.cut_off = CutOff()

    # The agent's voice.

    def _on_reply(self, event: ev.FloorEvent) -> None:
        self._do(self._replying.on_reply(event))

    def _on_requested(self, event: ev.ReplyRequested) -> None:
        if event.interrupts and event.within is None and event.reply > self.last_reply and self._replies.at_work:
            self._replies.owed.settle()
            self._interrupt_by_code(self.epoch + 1, "a text is to be answered at once")
        self._on_reply(event)

    def _on_failed(self, event: ev.ReplyFailed) -> None:
        self._do(self._drafts.fail(event.reply))
        self._on_reply(event)


_HANDLERS: dict[type[ev.FloorEvent], Callable[[Floor, Any], None]] = {
    ev.TimePassed: Floor._on_time,
    ev.PolicySet: Floor._on_policy,
    **dict.fromkeys(TURNS, Floor._on_turn),
    ev.TranscriptReceived: Floor._on_words,
    ev.ParticipantJoined: Floor._on_joined,
    ev.ParticipantLeft: Floor._on_left,
    ev.CallOver: Floor._on_over,
    ev.InterruptRequested: Floor._on_interrupt,
    **dict.fromkeys(REPLYING, Floor._on_reply),
    ev.ReplyRequested: Floor._on_requested,
    ev.ReplyFailed: Floor._on_failed,
    **dict.fromkeys((ev.VoiceCompared, ev.Voted, ev.InterruptingAllowed, ev.AgentWordsPlayed), Floor._on_evidence),
}

EVENTS = tuple(_HANDLERS)  # every kind that means something here
