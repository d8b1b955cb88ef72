"""The floor: who may speak. One pure state machine, the only place where that is decided.

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
Two small machines run side by side, and `_settle` looks at both after each event. Each participant has a turn
(`turn.py`):

    QUIET ── speech ──▶ SPEAKING ── silence ──▶ PAUSED ── detector or deadline ──▶ FINALIZING ── words known ──▶ QUIET
                            ◀────── speech goes on ──────┴───────────────────────────┘           (and RecordTurn)

The agent has a voice (`voice.py`):

    no reply ── one is wanted ──▶ PREPARING ── first sample pulled ──▶ AUDIBLE ── last sample pulled ──▶ no reply

When somebody speaks while there is a reply that may be interrupted, a *challenge* opens: the voice is held at once, and
evidence is gathered from then on (`judge.py`), on which strategies vote (`strategies`). It ends in a commit (a new
epoch, the reply is gone, the turn goes on as any other) or comes to nothing (the turn is discarded). The hold ends
before the challenge does: soon after the speech, or when it has lasted too long. What comes to be known afterwards may
still make it an interruption. Without a reply nothing is challenged and the turn just runs. And a commit may be wrong:
if the turn turns out to have no words, the agent says the rest of what was cut off.

A turn is announced when there is as much evidence for it as an interruption needs, or when its words are known: thus a
cough is never announced, whatever the agent was doing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from . import effects as fx
from . import events as ev
from .evidence import Evidence, Vote
from .judge import Judge, reason_for
from .policy import InterruptionPolicy
from .reply_queue import QueuedReply, Reply, ReplyPhase, ReplyQueue
from .state import FloorState
from .strategies.length import OVER
from .turn import FINALIZING, PAUSED, QUIET, SPEAKING, Announced, Complete, Confirmed, Done, Opened, Turn, TurnPhase
from .vocabulary import ALL, Vocabulary

# Seconds of speech are sums of windows: this much may be lost in adding them.
EPSILON = 1e-9

# The confidence in the end of a turn when nothing speaks for it but the silence.
UNSURE = 0.5

Deadlines = Iterator[tuple[float, Callable[[float], None]]]


class Floor:
    """Events in, effects out.

    `answers`: whether the floor decides when to answer a turn (a cascade), or the model does (realtime). `vocabulary`:
    the words by which an "uh-huh" is known.
    """

    def __init__(
        self, policy: InterruptionPolicy | None = None, *, answers: bool = True, vocabulary: Vocabulary = ALL
    ) -> None:
        self.policy = policy or InterruptionPolicy()
        self.answers, self.vocabulary = answers, vocabulary
        self._judge = Judge(self.policy, vocabulary)
        self.epoch = 0
        self._turns: dict[str, Turn] = {}
        self._replies = ReplyQueue(self.policy.queue_limit)
        # A detector is at work: words alone open no turn, they are late ones of a turn that is over.
        self._detected = False
        self._last_request = 0
        self._effects: list[fx.Effect] = []

    # What is seen from outside.

    @property
    def state(self) -> FloorState:
        """The floor as a whole."""
        phases = {turn.phase for turn in self._turns.values()}
        reply = self._replies.reply
        if self._judge.holds:
            return FloorState.HELD
        if reply is not None and reply.phase is ReplyPhase.AUDIBLE:
            return FloorState.SPEAKING
        if phases & {SPEAKING, PAUSED}:
            return FloorState.USER_SPEAKING
        if reply is not None or FINALIZING in phases or self._replies.answer_due_since is not None:
            return FloorState.THINKING
        return FloorState.IDLE

    @property
    def reply(self) -> int | None:
        """The number of the reply that has the voice."""
        return self._replies.reply.number if self._replies.reply is not None else None

    @property
    def last_reply(self) -> int:
        """The highest reply number used so far: a new reply takes the next one."""
        return self._replies.last_reply

    @property
    def deadline(self) -> float | None:
        """When to come back with `TimePassed`, in the time of the events; None if nothing waits."""
        return min((at for at, _ in self._deadlines()), default=None)

    def transcript(self, participant: str) -> str:
        """The words of the participant's open turn so far, in a cascade; empty without any."""
        turn = self._turns.get(participant)
        return turn.words.text if turn is not None else ""

    def evidence(self, participant: str) -> tuple[Evidence, tuple[Vote, ...]] | None:
        """What is known of the participant's speech over the agent's voice and the votes on it; None without any."""
        turn = self._turns.get(participant)
        return self._judge.poll(turn) if turn is not None and self._judge.challenger(turn) else None

    def handle(self, event: ev.FloorEvent) -> list[fx.Effect]:
        """Take one event, return what is to be done, in order."""
        self._effects = []
        handler = _HANDLERS.get(type(event))
        if handler is not None:
            handler(self, event)
            self._settle(event.at)
        return self._effects

    def _settle(self, at: float) -> None:
        """Look at everything: is a challenge decided, is a turn evident, may a reply begin?"""
        decided = self._judge.winner(self._turns)
        if decided is not None:
            self._interrupt_by(*decided, at)
        else:
            self._do(*self._judge.watch(at, self._turns))
        for turn in self._turns.values():
            if self._judge.challenger(turn):
                continue  # The evidence decides, not the detector: the turn may never have been one.
            evident = OVER * (turn.speech.voiced + EPSILON) >= self.policy.commit_speech
            if turn.done is not None:
                self._end(turn, at, turn.done.confidence, turn.done.duration)
            elif turn.phase in (SPEAKING, PAUSED) and evident:
                self._do(*turn.announce(self.epoch))
        if self._replies.may_begin(quiet=all(turn.phase is QUIET for turn in self._turns.values())):
            self._begin_next(at)

    def _do(self, *effects: fx.Effect) -> None:
        self._effects.extend(effects)

    def _do_at(self, act: Callable[[float], list[fx.Effect]], at: float) -> None:
        self._do(*act(at))

    # Deadlines: everything that waits, and what becomes of it.

    def _deadlines(self) -> Deadlines:
        policy, replies, reply = self.policy, self._replies, self._replies.reply
        for when, act in self._judge.deadlines(self._turns):
            yield when, partial(self._do_at, act)
        # Of a voice that is held nothing is asked.
        if reply is not None and not self._judge.holds and reply.phase is ReplyPhase.PREPARING:
            yield reply.since + policy.reply_timeout, lambda at: self._drop(reply, "no sound in time")
        elif reply is not None and not self._judge.holds:
            yield reply.since + policy.stall_timeout, lambda at: self._drop(reply, "the sound stalled")
        elif reply is None and replies.queue:
            yield replies.queue[0].since + policy.wait_limit, self._begin_next
        if replies.answer_due_since is not None:
            patience = policy.transcript_timeout if replies.continuation_waits else policy.reply_timeout
            yield replies.answer_due_since + patience, self._answer_overdue
        for turn in self._turns.values():
            yield from self._turn_deadlines(turn)

    def _turn_deadlines(self, turn: Turn) -> Deadlines:
        policy = self.policy
        if turn.phase is SPEAKING:
            gap = policy.claim_limit if turn.claimed and not turn.speech.windows else policy.speech_gap
            yield turn.since + gap, turn.lapse
        elif turn.phase is PAUSED and not self._judge.challenger(turn):
            yield turn.since + policy.turn_timeout, lambda at: self._time_out(turn, at)
        elif turn.phase is FINALIZING:
            yield turn.since + policy.transcript_timeout, lambda at: self._complete(turn, at)

    def _on_time(self, event: ev.TimePassed) -> None:
        # One at a time: what one does may undo the next. What these leave over is due at once, by `deadline`.
        for _ in range(len(self._turns) + 4):
            due = min(self._deadlines(), key=lambda entry: entry[0], default=None)
            if due is None or due[0] > event.at:
                return
            due[1](event.at)
            self._settle(event.at)

    # Turns.

    def _turn(self, participant: str) -> Turn:
        return self._turns.get(participant) or Turn(participant)

    def _on_turn(self, event: ev.ParticipantEvent) -> None:
        self._detected |= isinstance(event, ev.SpeechStarted | ev.TurnStarted)
        turn = self._turn(event.participant)
        meaning = turn.handle(event)
        self._judge.observe(event, turn)
        match meaning:
            case Opened(before):
                self._opened(turn, event.at, before)
            case Confirmed(before):
                self._confirmed(turn, event.at, before)
            case Done():
                turn.done = meaning
            case Complete():
                self._complete(turn, event.at)

    def _opened(self, turn: Turn, at: float, before: TurnPhase) -> None:
        self._turns[turn.participant] = turn
        self._replies.answer_due_since = None
        self._do(fx.BeginTurn(turn.participant))
        self._do(*self._judge.open(self._replies.reply, turn, at, fresh=before is QUIET))

    def _confirmed(self, turn: Turn, at: float, before: TurnPhase) -> None:
        if before is SPEAKING:
            self._do(*self._judge.open(self._replies.reply, turn, at, fresh=False))
        else:
            self._opened(turn, at, before)
        challenger = self._judge.challenger(turn)
        if challenger is not None:
            challenger.detector_confirmed = True
        else:
            self._do(*turn.announce(self.epoch))

    def _on_words(self, event: ev.TranscriptReceived) -> None:
        if not self.answers:
            # A realtime model transcribes in its own time, often after its answer began.
            if event.final and event.text:
                self._turn(event.participant).cut = None
                self._replies.drop_continuation()
                self._do(fx.RecordTurn(event.participant, event.text))
            return
        turn = self._turn(event.participant)
        if event.text and not self._detected and turn.phase in (QUIET, PAUSED):
            # Nobody listens for speech: words are the only sign that it begins or goes on.
            self._confirmed(turn, event.at, turn.confirm(event.at, 1.0).before)
        turn.handle(event)
        self._judge.observe(event, turn)

    def _time_out(self, turn: Turn, at: float) -> None:
        if not self.answers and turn.announced is Announced.NOTHING:
            self._do(*turn.discard())  # There is no evidence, and no words will come that could be some.
        else:
            self._end(turn, at, UNSURE, None)

    def _end(self, turn: Turn, at: float, confidence: float, duration: float | None) -> None:
        """The participant is done; what remains is to know the words, and to answer."""
        turn.speech.confidence = confidence
        self._last_request += 1
        turn.ask_words(at, self._last_request)
        if self.answers:
            self._do(*turn.announce_end(duration), fx.FinishTurn(turn.participant, turn.request))
        else:
            # A realtime model has its own ears: it knows the words, and it answers.
            self._do(*turn.announce(self.epoch), *turn.announce_end(duration))
            self._judge.people.learn_loudness(turn)
            self._replies.addressees.add(turn.participant)
            self._replies.answer_due_since = at
            self._replies.queue_continuation(at, turn.cut)
            turn.clear()

    def _complete(self, turn: Turn, at: float) -> None:
        """If there were words, the turn goes into the history and wants an answer."""
        text, wanted, cut = turn.words.text, turn.unanswered, turn.cut
        if text and turn.announced is Announced.NOTHING:
            # Too short to be announced while it lasted, like many a "yes".
            self._do(*turn.announce(self.epoch), *turn.announce_end())
        if text:
            self._judge.people.learn_loudness(turn)
        turn.clear()
        self._do(fx.RecordTurn(turn.participant, text) if text else fx.DiscardTurn(turn.participant))
        if text or wanted:
            self._replies.want_answer(at, turn.participant)
        else:
            # Nothing was said: what interrupted the agent, if it did, was no interruption.
            self._replies.queue_continuation(at, cut)

    def _on_left(self, event: ev.ParticipantLeft) -> None:
        self._judge.forget(event.participant)
        self._replies.addressees.discard(event.participant)
        turn = self._turns.pop(event.participant, None)
        if turn is None:
            return
        self._do(*turn.announce_end())
        if turn.words.text:
            # Nobody is there to be answered, but it was said.
            self._do(fx.RecordTurn(turn.participant, turn.words.text))
        elif turn.phase is not QUIET:
            self._do(fx.DiscardTurn(turn.participant))
        # What was cut off may have been another's: the answer to a question, or the rest of one.
        if turn.unanswered and self._turns:
            self._replies.want_answer(event.at)
        elif self._turns and not turn.words.text:
            self._replies.queue_continuation(event.at, turn.cut)

    # Challenges.

    def _interrupt_by(self, turn: Turn, votes: tuple[Vote, ...], at: float) -> None:
        """The participant has the floor: the reply is gone, the turn goes on as any other."""
        reply = self._replies.reply
        assert reply is not None  # or there was nothing to challenge
        self._commit(self.epoch + 1, turn.participant, reason_for(votes), votes)
        turn.unanswered |= reply.unheard_answer
        turn.cut = turn.cut if reply.unheard_answer else reply.number
        self._replies.addressees |= reply.to or set()
        if turn.announced is Announced.STARTED:
            # It began before the reply did. Now it begins again, this time against the agent.
            self._do(*turn.announce_end())
            turn.speech.onset = turn.speech.began
        self._do(*turn.announce(self.epoch, interrupted=True))

    def _commit(self, epoch: int, by: str | None, reason: str, votes: tuple[Vote, ...] = ()) -> None:
        """The reply is gone, and with it what could be interrupted in the queue."""
        reply, self._replies.reply, self._judge.challenge = self._replies.reply, None, None
        self._replies.answer_due_since = None
        self.epoch = epoch
        self._do(fx.Commit(epoch, reply.number if reply else None, by, reason, votes))
        # What people said still wants its answer, unless it is code that wants silence.
        self._do(*self._replies.interrupt_queue(answers=by is None))

    def _on_evidence(self, event: ev.FloorEvent) -> None:
        self._judge.add_evidence(event)

    def _on_interrupt(self, event: ev.InterruptRequested) -> None:
        epoch = self.epoch + 1 if event.epoch is None else event.epoch
        if epoch > self.epoch:
            self._commit(epoch, None, "asked for by code")
            for turn in self._turns.values():
                turn.unanswered, turn.cut = False, None

    # The agent's voice.

    def _answer_overdue(self, at: float) -> None:
        """The model has nothing to say. If nothing was said to it either, the rest of what was cut off follows."""
        self._replies.answer_due_since = None

    def _begin_next(self, at: float) -> None:
        self._do(*self._replies.begin_next(at, self.epoch))

    def _on_reply_requested(self, event: ev.ReplyRequested) -> None:
        self._do(*self._replies.enqueue(event.reply, QueuedReply(event.at, event.reply, event.interruptible)))

    def _on_reply_started(self, event: ev.ReplyStarted) -> None:
        if event.reply <= self.last_reply:
            return
        # A model that answers has judged that the speaker is done.
        for turn in self._turns.values():
            if turn.phase is SPEAKING and not turn.speech.windows and not self._judge.challenger(turn):
                turn.pause(event.at, event.at)
            if turn.phase is PAUSED and not self._judge.challenger(turn):
                self._end(turn, event.at, turn.speech.confidence, None)
        self._do(*self._replies.enqueue(event.reply, QueuedReply(event.at, event.reply, started=True)))

    def _on_audio(self, event: ev.AudioStarted | ev.AudioProgressed) -> None:
        reply = self._replies.current(event.reply)
        if reply is not None:
            reply.phase, reply.since = ReplyPhase.AUDIBLE, event.at

    def _on_audio_drained(self, event: ev.AudioDrained) -> None:
        if self._replies.current(event.reply) is not None:
            self._replies.reply = self._judge.challenge = None
        self._replies.withdraw(event.reply)

    def _on_reply_failed(self, event: ev.ReplyFailed) -> None:
        reply = self._replies.current(event.reply)
        if reply is not None and reply.phase is ReplyPhase.PREPARING:
            # Of an audible one, what was made before it failed is played to its end: that comes as AudioDrained.
            self._drop(reply, "it could not be made")
        if self._replies.withdraw(event.reply):
            self._do(fx.DropReply(event.reply, "it could not be made"))

    def _drop(self, reply: Reply, reason: str) -> None:
        self._do(fx.DropReply(reply.number, reason))
        self._replies.reply = self._judge.challenge = None


_HANDLERS: dict[type[ev.FloorEvent], Callable[[Floor, Any], None]] = {
    ev.TimePassed: Floor._on_time,
    ev.SpeechStarted: Floor._on_turn,
    ev.SpeechContinued: Floor._on_turn,
    ev.SpeechEnded: Floor._on_turn,
    ev.TurnStarted: Floor._on_turn,
    ev.TurnEnded: Floor._on_turn,
    ev.TranscriptReceived: Floor._on_words,
    ev.TranscriptCompleted: Floor._on_turn,
    ev.ParticipantLeft: Floor._on_left,
    ev.ReplyRequested: Floor._on_reply_requested,
    ev.ReplyStarted: Floor._on_reply_started,
    ev.AudioStarted: Floor._on_audio,
    ev.AudioProgressed: Floor._on_audio,
    ev.AudioDrained: Floor._on_audio_drained,
    ev.ReplyFailed: Floor._on_reply_failed,
    ev.InterruptRequested: Floor._on_interrupt,
    **dict.fromkeys((ev.VoiceCompared, ev.Voted, ev.InterruptingAllowed, ev.AgentWordsPlayed), Floor._on_evidence),
}

EVENTS = tuple(_HANDLERS)  # every kind that means something here
