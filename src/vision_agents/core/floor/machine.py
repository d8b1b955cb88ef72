"""The floor: who may speak. One pure state machine, the only place where that is decided.

Rules of this file
------------------
- Everything that may start, stop, hold or resume the agent's voice comes in as an event and is decided here. No
  other module has such an `if`.
- No asyncio, no clock, no I/O, no logging. Time is the `at` of events. The same events give the same effects, always.
- Any event may come at any time: late, twice, for a reply or a participant long gone. It is then without effect; it
  never raises.
- Whatever waits has an entry in `_deadlines`, which leads out of it. Deadlines are computed from the state, never
  stored.

Theory of operation
-------------------
Two small machines run side by side, and `_settle` looks at both after each event.

Each participant has a turn:

    QUIET ── speech ──▶ SPEAKING ── silence ──▶ PAUSED ── detector or deadline ──▶ WORDS ── words known ──▶ QUIET
                            ◀────── speech goes on ──────┴───────────────────────────┘           (and TurnTaken)

The agent has a voice:

    NONE ── a reply is wanted ──▶ PREPARING ── first sample pulled ──▶ AUDIBLE ── last sample pulled ──▶ NONE

When somebody speaks while there is a reply that may be interrupted, a *challenge* opens: the voice is held at once, and
evidence is gathered from then on. It ends in a commit (a new epoch, the reply is gone, the turn goes on as any other) or
in a resume (the turn is discarded, the reply goes on). Without a reply nothing is challenged and the turn just runs.

A turn is announced when there is as much evidence for it as an interruption needs, or when its words are known: thus a
cough is never announced, whatever the agent was doing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from . import effects as fx
from . import events as ev
from .policy import InterruptionPolicy
from .state import TURN_TRANSITIONS, Challenge, FloorState, Reply, Turn, TurnPhase, VoicePhase, Waiting

# Seconds of speech are sums of windows: this much may be lost in adding them.
EPSILON = 1e-9


class Floor:
    """Events in, effects out.

    `answers`: whether the floor decides when to answer a turn (a cascade), or the model does (realtime).
    """

    def __init__(self, policy: InterruptionPolicy | None = None, *, answers: bool = True) -> None:
        self.policy = policy or InterruptionPolicy()
        self.answers = answers
        self.epoch = 0
        self.last_reply = 0
        self._turns: dict[str, Turn] = {}
        self._reply: Reply | None = None
        self._challenge: Challenge | None = None
        self._queue: deque[Waiting] = deque()
        # A realtime model owes an answer since then.
        self._owed_since: float | None = None
        self._effects: list[fx.Effect] = []

    # What is seen from outside.

    @property
    def state(self) -> FloorState:
        """The floor as a whole."""
        phases = {turn.phase for turn in self._turns.values()}
        if self._challenge is not None and self.policy.hold:
            return FloorState.HELD
        if self._reply is not None and self._reply.phase is VoicePhase.AUDIBLE:
            return FloorState.SPEAKING
        if phases & {TurnPhase.SPEAKING, TurnPhase.PAUSED}:
            return FloorState.USER_SPEAKING
        if self._reply is not None or TurnPhase.WORDS in phases or self._owed_since is not None:
            return FloorState.THINKING
        return FloorState.IDLE

    @property
    def reply(self) -> int | None:
        """The number of the reply that has the voice."""
        return self._reply.number if self._reply is not None else None

    @property
    def deadline(self) -> float | None:
        """When to come back with `TimePassed`, in the time of the events; None if nothing waits."""
        return min((at for at, _ in self._deadlines()), default=None)

    def handle(self, event: ev.FloorEvent) -> list[fx.Effect]:
        """Take one event, return what is to be done, in order."""
        self._effects = []
        handler = _HANDLERS.get(type(event))
        if handler is not None:
            handler(self, event)
            self._settle(event.at)
        return self._effects

    # Deadlines: everything that waits, and what becomes of it.

    def _deadlines(self) -> Iterator[tuple[float, Callable[[float], None]]]:
        policy, reply, challenge = self.policy, self._reply, self._challenge
        if challenge is not None:
            yield challenge.since + policy.hold_limit, lambda at: self._resume(at, "no decision within the limit")
            if challenge.quiet_since is not None:
                yield challenge.quiet_since + policy.resume_after, lambda at: self._resume(at, "too short")
        elif reply is not None and reply.phase is VoicePhase.PREPARING:
            yield reply.since + policy.reply_timeout, lambda at: self._drop("no sound in time")
        elif reply is not None:
            yield reply.since + policy.stall_timeout, lambda at: self._drop("the sound stalled")
        elif self._queue and self._someone_speaks():
            yield self._queue[0].since + policy.wait_limit, self._begin_next
        if self._owed_since is not None:
            yield self._owed_since + policy.reply_timeout, self._forgive
        for turn in self._turns.values():
            yield from self._turn_deadlines(turn)

    def _turn_deadlines(self, turn: Turn) -> Iterator[tuple[float, Callable[[float], None]]]:
        policy = self.policy
        if turn.phase is TurnPhase.SPEAKING:
            gap = policy.speech_gap if turn.windows else policy.claim_limit
            yield turn.since + gap, lambda at: self._pause(turn, at, turn.since)
        elif turn.phase is TurnPhase.PAUSED and not self._challenges(turn):
            yield turn.since + policy.turn_timeout, lambda at: self._end(turn, at, 0.5, None)
        elif turn.phase is TurnPhase.WORDS:
            yield turn.since + policy.words_timeout, lambda at: self._complete(turn, at)

    def _on_time(self, event: ev.TimePassed) -> None:
        # One at a time: what the first one does may take the ground from under the next.
        for _ in range(len(self._turns) + 4):
            due = min(self._deadlines(), key=lambda entry: entry[0], default=None)
            if due is None or due[0] > event.at:
                return
            due[1](event.at)
            self._settle(event.at)

    # Turns.

    def _turn(self, participant: str) -> Turn:
        return self._turns.setdefault(participant, Turn(participant))

    def _someone_speaks(self) -> bool:
        busy = (TurnPhase.SPEAKING, TurnPhase.PAUSED, TurnPhase.WORDS)
        return any(turn.phase in busy for turn in self._turns.values())

    def _on_speech_started(self, event: ev.SpeechStarted) -> None:
        turn = self._turn(event.participant)
        turn.windows = True
        if (turn.phase, type(event)) in TURN_TRANSITIONS:
            self._open(turn, event.at, event.at - event.onset_delay, event.confidence)
            self._challenge_by(turn, event.at)

    def _open(self, turn: Turn, at: float, onset: float, confidence: float) -> None:
        """Into SPEAKING, from wherever the turn is."""
        if turn.phase in (TurnPhase.QUIET, TurnPhase.WORDS):
            turn.opened_at, turn.confidence = onset, confidence
            turn.voiced_before = 0.0
        else:
            turn.voiced_before += turn.voiced_now
        turn.voiced_now = 0.0
        turn.phase, turn.since, turn.last_sound = TurnPhase.SPEAKING, at, at
        self._owed_since = None
        self._do(fx.BeginTurn(turn.participant))

    def _on_speech_continued(self, event: ev.SpeechContinued) -> None:
        turn = self._turns.get(event.participant)
        if turn is None or (turn.phase, type(event)) not in TURN_TRANSITIONS:
            return
        turn.since = turn.last_sound = event.at
        turn.voiced_now = max(turn.voiced_now, event.voiced)
        turn.confidence = max(turn.confidence, event.confidence)

    def _on_speech_ended(self, event: ev.SpeechEnded) -> None:
        turn = self._turns.get(event.participant)
        if turn is not None and (turn.phase, type(event)) in TURN_TRANSITIONS:
            turn.voiced_now = max(turn.voiced_now, event.voiced)
            self._pause(turn, event.at, event.at - event.trailing_silence)

    def _pause(self, turn: Turn, at: float, last_sound: float) -> None:
        turn.phase, turn.since, turn.last_sound = TurnPhase.PAUSED, at, last_sound

    def _on_turn_started(self, event: ev.TurnStarted) -> None:
        turn = self._turn(event.participant)
        if turn.phase is not TurnPhase.SPEAKING:
            self._open(turn, event.at, event.at, event.confidence)
        turn.claimed = True
        turn.confidence = max(turn.confidence, event.confidence)
        self._challenge_by(turn, event.at)

    def _on_turn_ended(self, event: ev.TurnEnded) -> None:
        turn = self._turns.get(event.participant)
        if turn is None or (turn.phase, type(event)) not in TURN_TRANSITIONS:
            return
        if turn.phase is TurnPhase.SPEAKING:
            self._pause(turn, event.at, event.at - event.trailing_silence)
        # Within a challenge the evidence decides, not the detector: the turn may never have been one.
        if not self._challenges(turn):
            self._end(turn, event.at, event.confidence, event.duration)

    def _end(self, turn: Turn, at: float, confidence: float, duration: float | None) -> None:
        """Into WORDS: the participant is done, what remains is to know the words."""
        turn.confidence = confidence
        turn.phase, turn.since = TurnPhase.WORDS, at
        turn.number += 1
        if self.answers:
            if turn.announced:
                self._announce_end(turn, duration)
            turn.claimed = False
            self._do(fx.FinishTurn(turn.participant, turn.number))
        else:
            # A realtime model has its own ears: it knows the words, and it answers.
            self._announce(turn)
            self._announce_end(turn, duration)
            self._quiet(turn)
            self._owed_since = at

    def _on_words(self, event: ev.WordsHeard) -> None:
        if not self.answers:
            # A realtime model transcribes in its own time, often after its answer began.
            if event.final and event.text:
                self._do(fx.TurnTaken(event.participant, event.text))
            return
        turn = self._turn(event.participant)
        if turn.phase is TurnPhase.QUIET:
            if turn.windows or not event.text:
                return  # Late words of a turn that is over or was discarded.
            # Nobody listens for this participant's speech: the words are the first sign of the turn.
            self._on_turn_started(ev.TurnStarted(event.at, event.participant))
        if event.final:
            turn.final_words.append(event.text)
            turn.partial_words = ""
        else:
            turn.partial_words = event.text
        if turn.phase is TurnPhase.SPEAKING:
            turn.since = event.at

    def _on_words_complete(self, event: ev.WordsComplete) -> None:
        turn = self._turns.get(event.participant)
        if turn is not None and turn.phase is TurnPhase.WORDS and event.turn == turn.number:
            self._complete(turn, event.at)

    def _complete(self, turn: Turn, at: float) -> None:
        """Back to QUIET; if there were words, the turn goes into the history and wants an answer."""
        text = turn.text
        if not text:
            self._quiet(turn)
            self._do(fx.DiscardTurn(turn.participant))
            return
        if not turn.told:
            # Too short to be announced while it lasted, like many a "yes".
            self._announce(turn)
            self._announce_end(turn, None)
        self._quiet(turn)
        self._do(fx.TurnTaken(turn.participant, text))
        if not any(waiting.number is None for waiting in self._queue):
            self._queue.append(Waiting(at))

    def _quiet(self, turn: Turn) -> None:
        turn.phase = TurnPhase.QUIET
        turn.announced = turn.told = turn.claimed = False
        turn.voiced_before = turn.voiced_now = 0.0
        turn.final_words, turn.partial_words = [], ""

    def _announce(self, turn: Turn, interrupted: bool = False) -> None:
        if not turn.announced:
            turn.announced = True
            self._do(fx.AnnounceTurnStarted(turn.participant, turn.confidence, interrupted, self.epoch))

    def _announce_end(self, turn: Turn, duration: float | None) -> None:
        length = max(0.0, turn.last_sound - turn.opened_at) if duration is None else duration
        trailing = max(0.0, turn.since - turn.last_sound)
        self._do(fx.AnnounceTurnEnded(turn.participant, turn.confidence, length, trailing))
        turn.announced, turn.told = False, True

    def _on_left(self, event: ev.ParticipantLeft) -> None:
        turn = self._turns.pop(event.participant, None)
        if turn is None:
            return
        if self._challenge is not None:
            self._challenge.voiced.pop(event.participant, None)
        if turn.announced:
            self._announce_end(turn, None)
        if turn.text:
            # Nobody is there to be answered, but it was said.
            self._do(fx.TurnTaken(turn.participant, turn.text))
        elif turn.phase is not TurnPhase.QUIET:
            self._do(fx.DiscardTurn(turn.participant))

    # Challenges.

    def _challenges(self, turn: Turn) -> bool:
        return self._challenge is not None and turn.participant in self._challenge.voiced

    def _challenge_by(self, turn: Turn, at: float) -> None:
        if self._reply is None or not self._reply.interruptible:
            return
        if self._challenge is None:
            self._challenge = Challenge(at, None)
            if self.policy.hold:
                self._do(fx.Hold(self._reply.number, turn.participant))
        self._challenge.voiced.setdefault(turn.participant, turn.voiced_before)

    def _judge(self, at: float) -> None:
        """Commit if there is evidence enough, resume if nobody is left to give any, otherwise wait."""
        challenge = self._challenge
        if challenge is None:
            return None
        turns = [self._turns[participant] for participant in challenge.voiced]
        for turn in turns:
            spoken = turn.voiced - challenge.voiced[turn.participant]
            if turn.claimed:
                return self._commit(turn, self.epoch + 1, "the detector says that a turn began")
            if spoken + EPSILON >= self.policy.commit_speech:
                return self._commit(turn, self.epoch + 1, f"{spoken:.2f} s of speech")
        if not turns:
            return self._resume(at, "the speaker left")
        if any(turn.phase is TurnPhase.SPEAKING for turn in turns):
            challenge.quiet_since = None
        elif challenge.quiet_since is None:
            challenge.quiet_since = at
        return None

    def _commit(self, turn: Turn | None, epoch: int, reason: str) -> None:
        """The reply is gone, and with it everything that was queued; the turn goes on as any other."""
        reply, self._reply, self._challenge, self._owed_since = self._reply, None, None, None
        self.epoch = epoch
        self._do(fx.Commit(epoch, reply.number if reply else None, turn.participant if turn else None, reason))
        kept: list[Waiting] = []
        for waiting in self._queue:
            if waiting.number is None or not waiting.interruptible:
                kept.append(waiting)
            else:
                self._do(fx.DropReply(waiting.number, "interrupted"))
        if turn is None:
            kept = [waiting for waiting in kept if waiting.number is not None]
        else:
            if reply is not None and reply.answer and reply.phase is VoicePhase.PREPARING:
                # Nothing of the answer was heard: the question still stands, whatever comes of this turn.
                kept = [Waiting(turn.since), *(waiting for waiting in kept if waiting.number is not None)]
            self._announce(turn, interrupted=reply is not None)
        self._queue = deque(kept)

    def _resume(self, at: float, reason: str) -> None:
        """It was nothing: the reply goes on."""
        challenge, reply, self._challenge = self._challenge, self._reply, None
        assert challenge is not None
        assert reply is not None
        reply.since = at
        if self.policy.hold:
            self._do(fx.Resume(reply.number, self.policy.rewind, reason))
        for participant, voiced_before in challenge.voiced.items():
            # A turn that had begun before the reply keeps what it has.
            if voiced_before == 0.0:
                self._quiet(self._turns[participant])
                self._do(fx.DiscardTurn(participant))

    def _on_interrupt(self, event: ev.InterruptRequested) -> None:
        epoch = self.epoch + 1 if event.epoch is None else event.epoch
        if epoch > self.epoch:
            self._commit(None, epoch, "asked for by code")

    # The agent's voice.

    def _on_reply_requested(self, event: ev.ReplyRequested) -> None:
        self.last_reply = max(self.last_reply, event.reply)
        if len(self._queue) >= self.policy.queue_limit:
            self._do(fx.DropReply(event.reply, f"{len(self._queue)} replies wait already"))
        else:
            self._queue.append(Waiting(event.at, event.reply, event.interruptible))

    def _on_reply_started(self, event: ev.ReplyStarted) -> None:
        for turn in self._turns.values():
            if turn.phase is TurnPhase.PAUSED and not self._challenges(turn):
                self._end(turn, event.at, turn.confidence, None)
        self._owed_since = None
        self.last_reply = max(self.last_reply, event.reply)
        self._queue.append(Waiting(event.at, event.reply, started=True))

    def _on_audio_started(self, event: ev.AudioStarted) -> None:
        if self._reply is not None and self._reply.number == event.reply:
            self._reply.phase, self._reply.since = VoicePhase.AUDIBLE, event.at

    def _on_audio_progressed(self, event: ev.AudioProgressed) -> None:
        if self._reply is not None and self._reply.number == event.reply:
            self._reply.since = event.at

    def _on_audio_drained(self, event: ev.AudioDrained) -> None:
        if self._reply is not None and self._reply.number == event.reply:
            self._reply = self._challenge = None

    def _on_reply_failed(self, event: ev.ReplyFailed) -> None:
        reply = self._reply
        # What was made before it failed is played to its end; that end comes as AudioDrained.
        if reply is not None and reply.number == event.reply and reply.phase is VoicePhase.PREPARING:
            self._drop("it could not be made")

    def _drop(self, reason: str) -> None:
        assert self._reply is not None
        self._do(fx.DropReply(self._reply.number, reason))
        self._reply = self._challenge = None

    def _forgive(self, at: float) -> None:
        self._owed_since = None

    def _begin_next(self, at: float) -> None:
        waiting = self._queue.popleft()
        answer = waiting.number is None
        number = self.last_reply + 1 if waiting.number is None else waiting.number
        self.last_reply = max(self.last_reply, number)
        self._reply = Reply(number, waiting.interruptible, answer, since=at)
        if not waiting.started:
            self._do(fx.BeginReply(number, self.epoch, answer))

    # After each event.

    def _settle(self, at: float) -> None:
        self._judge(at)
        for turn in self._turns.values():
            open_turn = turn.phase in (TurnPhase.SPEAKING, TurnPhase.PAUSED)
            evident = turn.claimed or turn.voiced + EPSILON >= self.policy.commit_speech
            if open_turn and evident and not self._challenges(turn):
                self._announce(turn)
        if self._reply is None and self._queue and (self._queue[0].started or not self._someone_speaks()):
            self._begin_next(at)

    def _do(self, effect: fx.Effect) -> None:
        self._effects.append(effect)


_HANDLERS: dict[type[ev.FloorEvent], Callable[[Floor, Any], None]] = {
    ev.TimePassed: Floor._on_time,
    ev.SpeechStarted: Floor._on_speech_started,
    ev.SpeechContinued: Floor._on_speech_continued,
    ev.SpeechEnded: Floor._on_speech_ended,
    ev.TurnStarted: Floor._on_turn_started,
    ev.TurnEnded: Floor._on_turn_ended,
    ev.WordsHeard: Floor._on_words,
    ev.WordsComplete: Floor._on_words_complete,
    ev.ParticipantLeft: Floor._on_left,
    ev.ReplyRequested: Floor._on_reply_requested,
    ev.ReplyStarted: Floor._on_reply_started,
    ev.AudioStarted: Floor._on_audio_started,
    ev.AudioProgressed: Floor._on_audio_progressed,
    ev.AudioDrained: Floor._on_audio_drained,
    ev.ReplyFailed: Floor._on_reply_failed,
    ev.InterruptRequested: Floor._on_interrupt,
}
