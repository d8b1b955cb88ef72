"""Turn-taking: opens, ends and completes the participants' turns, and lets their answers wait.

It belongs to the floor, which gives it the events of participants and carries out what it returns.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from . import effects as fx
from . import events as ev
from .endpointing import DEFAULT
from .judge import Judge
from .reply_queue import ReplyQueue
from .strategies.length import over
from .turn import (
    FINALIZING,
    PAUSED,
    QUIET,
    SPEAKING,
    Announced,
    Complete,
    Confirmed,
    Opened,
    Turn,
    TurnPhase,
)
from .turn_facts import ClosedTurn, Done, Speech
from .vocabulary import tokens

# Seconds of speech are sums of windows: this much may be lost in adding them.
EPSILON = 1e-9

# The confidence in the end of a turn when nothing speaks for it but the silence.
UNSURE = 0.5

Effects = list[fx.Effect]


class TurnTaking:
    """The participants' side of the floor.

    `answers`: the floor decides when to answer a turn (a cascade); otherwise the model does (realtime).
    """

    def __init__(self, turns: dict[str, Turn], judge: Judge, replies: ReplyQueue, *, answers: bool) -> None:
        self.turns, self._judge, self._replies = turns, judge, replies
        self._answers = answers
        # A detector is at work: words alone open no turn, they are late ones of a turn that is over.
        self._detected = False
        # Whose turns were ended here before a realtime model has said so: then it answers the speech after this time.
        self._ended_early: dict[str, float] = {}
        self.last_request = 0

    # Events.

    def on_turn(self, event: ev.ParticipantEvent) -> Effects:
        """Take an event about a participant's speech or turn."""
        self._detected |= isinstance(event, ev.SpeechStarted | ev.TurnStarted)
        turn = self._turn(event.participant)
        meaning = turn.handle(event)
        self._judge.observe(event, turn)
        if isinstance(event, ev.TurnEnded):
            self._ended_late(turn, event)
        match meaning:
            case Opened(before):
                return self._opened(turn, event.at, before)
            case Confirmed(before):
                return self._confirmed(turn, event.at, before)
            case Done():
                turn.detection.done = meaning
            case Complete():
                return self._known(turn, event.at)
        return []

    def on_words(self, event: ev.TranscriptReceived) -> Effects:
        """Take a participant's words."""
        if not self._answers:
            # A realtime model transcribes in its own time, often after its answer began.
            if not (event.final and event.text):
                return []
            self._understand(event, event.at if event.began is None else event.began)
            return [fx.RecordTurn(event.participant, event.text, event.place)]
        effects: Effects = []
        turn = self._turn(event.participant)
        if turn.phase is QUIET and self._detected:
            if not (self._judge.late_words.tell_of_speech(event, turn) and self._replies.reply is not None):
                return self._late(turn, event) if event.final and event.text else []
            # Words are evidence of speech, whatever the detector makes of it.
            effects += self._opened(turn, event.at, turn.hear(event.at))
        if event.text and not self._detected and turn.phase in (QUIET, PAUSED):
            # No detector listens: words are the only sign that speech begins or goes on.
            effects += self._confirmed(turn, event.at, turn.confirm(event.at, 1.0).before)
        turn.handle(event)
        self._judge.observe(event, turn)
        if turn.words.awaited and event.final:
            effects += self._complete(turn, event.at)
        return effects

    def on_left(self, event: ev.ParticipantLeft, *, others: bool) -> Effects:
        """End what belongs to a participant who left. `others`: somebody is still there."""
        self._judge.forget(event.participant)
        self._replies.forget(event.participant)
        self._ended_early.pop(event.participant, None)
        turn = self.turns.pop(event.participant, None)
        if turn is None:
            return []
        effects = turn.announce_end()
        if turn.words.text:
            # Nobody is there to be answered, but it was said.
            effects.append(fx.RecordTurn(turn.participant, turn.words.text))
        elif turn.phase is not QUIET:
            effects.append(fx.DiscardTurn(turn.participant, awaits_words=self._answers))
        if self._answers and turn.phase in (SPEAKING, PAUSED):
            # The recogniser may have heard more than it has reported.
            self.last_request += 1
            effects.append(fx.FinishTurn(turn.participant, self.last_request))
        # What was cut off may have been another's: the answer to a question, or the rest of one.
        if turn.cut_off.unanswered and others:
            self._replies.want_answer(event.at)
        elif others and not turn.words.text:
            self._replies.queue_continuation(event.at, turn.cut_off.reply, turn.taken)
        if turn.phase is not QUIET:
            turn.clear()
        if not any(self.speakers(announced=True)):
            self._replies.owed.resume(event.at)
        return effects

    def on_last_words(self, event: ev.TranscriptReceived, last: ClosedTurn) -> Effects:
        """Put final words into the history that come when their speaker has left. They are not answered."""
        text = last.take(event.text) if event.final and event.text else ""
        return [fx.RecordTurn(event.participant, text, event.place)] if text else []

    @property
    def quiet(self) -> bool:
        """True if nobody has the turn."""
        return all(turn.phase is QUIET for turn in self.turns.values())

    @property
    def somebody_speaks(self) -> bool:
        """True while somebody has a turn of which the start was announced, or words are known."""
        return any(
            turn.phase is not QUIET and (turn.announced is not Announced.NOTHING or turn.words.text)
            for turn in self.turns.values()
        )

    @property
    def about_to_be_known(self) -> list[str]:
        """The participants of whose words the last are waited for."""
        return [turn.participant for turn in self.turns.values() if turn.phase is FINALIZING and turn.words.text]

    @property
    def unvoiced(self) -> bool:
        """True while a realtime model has said nothing that could be challenged, whatever it is at."""
        replies = self._replies
        return not self._answers and replies.reply is None and not any(waiting.started for waiting in replies.queue)

    def last_taken(self, at: float) -> float:
        """Return when the latest turn began in which somebody speaks, whoever it is; `at` if nobody does."""
        turns = (turn for turn in self.turns.values() if turn.phase is SPEAKING or turn.detection.claimed)
        return max((turn.taken for turn in turns), default=at)

    def speakers(self, *, announced: bool = False) -> Iterator[str]:
        """Yield who has a turn that is not over; `announced`: and that is certain to be one."""
        for turn in self.turns.values():
            if turn.phase in (SPEAKING, PAUSED) and (turn.announced is Announced.STARTED or not announced):
                yield turn.participant

    def settle(self, at: float) -> Effects:
        """Announce turns that are evident by now, and end those that a detector says are done."""
        effects: Effects = []
        for turn in self.turns.values():
            if self._judge.challenger(turn):
                continue  # The evidence decides, not the detector: the turn may never have been one.
            if (done := turn.detection.done) is not None:
                effects += self._end(turn, at, done.confidence, done.duration)
                continue
            if turn.phase in (SPEAKING, PAUSED) and self._evident(turn):
                effects += self._announce(turn)
            if (due := self._due(turn)) is not None and due <= at:
                effects += self._end_by_pause(turn, at)
        return effects

    def give_way(self, at: float) -> Effects:
        """End the turns that a realtime model answers: it has judged that the speakers are done."""
        effects: Effects = []
        for turn in self.turns.values():
            if turn.phase is SPEAKING and not turn.speech.windows and not self._judge.challenger(turn):
                turn.pause(at, at)
            if turn.phase is PAUSED and not self._judge.challenger(turn):
                self._ended_early[turn.participant] = at
                effects += self._end(turn, at, turn.speech.confidence, None)
        return effects

    # Deadlines.

    def deadlines(self) -> Iterator[tuple[float, Callable[[float], Effects]]]:
        """Yield when each turn gets further by itself, and how."""
        for turn in self.turns.values():
            yield from self._deadlines_of(turn)

    def _deadlines_of(self, turn: Turn) -> Iterator[tuple[float, Callable[[float], Effects]]]:
        policy = self._judge.policy
        if turn.phase is SPEAKING:
            gap = policy.claim_limit if turn.detection.claimed and not turn.speech.windows else policy.speech_gap
            yield turn.since + gap, lambda at: self._lapse(turn, at)
        elif turn.phase is PAUSED and not self._judge.challenger(turn):
            yield turn.since + policy.turn_timeout, lambda at: self._time_out(turn, at)
            if (due := self._due(turn)) is not None:
                yield due, lambda at: self._end_by_pause(turn, at)
        elif turn.phase is FINALIZING:
            patience = policy.transcript_timeout
            if turn.words.awaited and not turn.words.text:
                patience = min(patience, policy.late_transcript)
            yield turn.since + patience, lambda at: self._complete(turn, at)

    def _lapse(self, turn: Turn, at: float) -> Effects:
        turn.lapse(at)
        return []

    def _time_out(self, turn: Turn, at: float) -> Effects:
        if not self._answers and turn.announced is Announced.NOTHING:
            return turn.discard()  # There is no evidence, and no words will come that could be some.
        self._ended_early[turn.participant] = -math.inf
        return self._end(turn, at, UNSURE, None)

    def _due(self, turn: Turn) -> float | None:
        """Return when the pause ends the turn, if a detector has judged it."""
        judged = turn.detection.judged
        if judged is None or turn.phase is not PAUSED:
            return None
        pauses = self._judge.people.pauses(turn)
        speech = turn.speech
        patience = DEFAULT.patience(judged.confidence, judged.longest, turn.words.text, speech.voiced, pauses)
        return speech.last_sound + patience

    def _end_by_pause(self, turn: Turn, at: float) -> Effects:
        judged = turn.detection.judged
        assert judged is not None
        silence, text = at - turn.speech.last_sound, DEFAULT.sign(turn.words.text, turn.speech.voiced).value
        reason = f"{silence:.2f} s of silence, judged {judged.confidence:.2f} complete, {text}"
        return self._end(turn, at, judged.confidence, None, reason)

    # Transitions.

    def _turn(self, participant: str) -> Turn:
        return self.turns.get(participant) or Turn(participant)

    def _opened(self, turn: Turn, at: float, before: TurnPhase) -> Effects:
        self.turns[turn.participant] = turn
        self._ended_early.pop(turn.participant, None)
        challenge = self._judge.open(self._replies.reply, turn, at, fresh=before is QUIET)
        return [fx.BeginTurn(turn.participant), *challenge]

    def _confirmed(self, turn: Turn, at: float, before: TurnPhase) -> Effects:
        if before is SPEAKING:
            effects = self._judge.open(self._replies.reply, turn, at, fresh=False)
        else:
            effects = self._opened(turn, at, before)
        challenger = self._judge.challenger(turn)
        if challenger is not None:
            challenger.detector_confirmed = True
            return effects
        return effects + self._announce(turn)

    def _understand(self, event: ev.TranscriptReceived, began: float) -> None:
        """Take note that a realtime model has understood words of a turn that began then, and answers them."""
        turn = self._turn(event.participant)
        idle = self._judge.is_idle(event.text)
        turn.understood_from = max(turn.understood_from, began)
        if began >= turn.taken and not idle:
            turn.cut_off.reply = None  # Else they were said before what cut it off.
        self._replies.understand(event.participant, began, idle=idle)

    def _announce(self, turn: Turn) -> Effects:
        """Announce the start of a turn that goes on. What a realtime model owes is not awaited until that is over."""
        effects = turn.announce(self._replies.epoch)
        if effects:
            self._replies.owed.suspend()
        return effects

    def _ended_late(self, turn: Turn, event: ev.TurnEnded) -> None:
        """A model says that a turn has ended. Where that is over already, its answer is still to come, unless it was
        over by the answer itself."""
        ended = self._ended_early.pop(turn.participant, None)
        owes = ended is not None and event.at - event.trailing_silence > ended
        if owes and turn.phase is QUIET and not self._answers:
            self._owe_answer(event.at, turn)

    def _owe_answer(self, at: float, turn: Turn) -> None:
        self._replies.owe_answer(at, turn.participant, turn.taken, understood=turn.understood)

    def _end(self, turn: Turn, at: float, confidence: float, duration: float | None, reason: str = "") -> Effects:
        """End a turn whose speaker is done; what remains is to know the words, and to answer."""
        turn.speech.confidence = confidence
        self.last_request += 1
        turn.ask_words(at, self.last_request)
        if self._answers:
            return [*turn.announce_end(duration), fx.FinishTurn(turn.participant, turn.words.request, reason)]
        # A realtime model has its own ears: it knows the words, and it answers.
        effects = turn.announce(self._replies.epoch) + turn.announce_end(duration)
        self._judge.people.learn(turn)
        self._replies.addressees.add(turn.participant)
        self._replies.queue_continuation(turn.speech.last_sound, turn.cut_off.reply, turn.taken)
        self._owe_answer(at, turn)
        turn.clear()
        return effects

    def _evident(self, turn: Turn) -> bool:
        """Return True if there is as much speech as an interruption needs."""
        return over(turn.speech.voiced + EPSILON) >= self._judge.policy.commit_speech

    def _known(self, turn: Turn, at: float) -> Effects:
        """Complete the turn, unless it had speech of which the recogniser has reported nothing yet: it is late."""
        if not turn.words.reported and self._evident(turn):
            turn.words.awaited = True
            return []
        return self._complete(turn, at)

    def _late(self, turn: Turn, report: ev.TranscriptReceived) -> Effects:
        """Put final words into the history that come after their turn, and let them be answered."""
        reply, who = self._replies.reply, turn.participant
        late = self._judge.late_words
        if not late.accepts(report, turn, reply, self._judge.policy.strategies):
            return late.keep(report)
        self.turns[who] = turn
        if turn.closed is None:
            turn.closed = ClosedTurn(Speech(report.at, last_sound=report.at))
        closed, effects = turn.closed, []
        if not closed.announced:
            turn.speech, turn.since = closed.speech, closed.speech.last_sound
            effects = turn.announce(self._replies.epoch) + turn.announce_end()
            turn.clear()
            turn.closed, closed.announced = closed, True
        text = closed.take(report.text)
        if not text:
            return effects
        effects.append(fx.RecordTurn(who, text))
        half = self._replies.answer_to(who)
        if half is not None and half.unheard_answer:
            # It would answer half of what was said.
            self._replies.addressees |= half.to or set()
            self._judge.challenge = None
            effects += self._replies.drop("more was said")
        else:
            self._outdate(who, text)
        self._answer(report.at, who, text)
        return effects

    def _complete(self, turn: Turn, at: float) -> Effects:
        """Put a turn with words into the history and let its answer wait; discard one without."""
        effects: Effects = []
        text, wanted, cut = turn.words.text, turn.cut_off.unanswered, turn.cut_off.reply
        if text:
            late = self._judge.late_words
            if (refused := late.refused(turn, self._judge.policy.strategies)) is not None:
                return [*late.dismiss(refused), *turn.discard()]
            late.forget(turn.participant)
        if text and turn.announced is Announced.NOTHING:
            # Too short to be announced while it lasted, like many a "yes".
            effects += turn.announce(self._replies.epoch) + turn.announce_end()
        if text:
            self._judge.people.learn(turn)
            self._outdate(turn.participant, text)
        awaits_words, not_understood = not turn.words.reported, self._evident(turn)
        turn.clear()
        record = fx.RecordTurn(turn.participant, text) if text else fx.DiscardTurn(turn.participant, awaits_words)
        effects.append(record)
        if text or wanted:
            self._answer(at, turn.participant, "" if wanted else text)
            return effects
        # Nothing was said: what interrupted the agent, if it did, was no interruption.
        self._replies.queue_continuation(at, cut, turn.taken)
        if not_understood and self._replies.continuation is None:
            effects.append(fx.AnnounceNoWords(turn.participant))
        return effects

    def _answer(self, at: float, participant: str, text: str) -> None:
        """Queue the answer to words. A listener's take no place of an answer that a part failed at."""
        if not (text and self._replies.owes_again and self._judge.is_idle(text)):
            self._replies.want_answer(at, participant)

    def _outdate(self, participant: str, text: str) -> None:
        """Take note that somebody has said more than the answer to them knows, unless it is a listener's "okay"."""
        half, judge = self._replies.answer_to(participant), self._judge
        if half is not None and judge.people.may_interrupt(participant) and not judge.vocabulary.is_idle(tokens(text)):
            half.outdated = True
