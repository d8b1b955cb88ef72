"""Takes the time of answers: from the floor's events and effects, and what the voice tells, to the stages of each."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..floor import effects as fx
from ..floor import events as ev
from ..voice import MadeStage
from .stages import AnswerStages

# Runs of functions that are remembered: an answer needs few.
FUNCTIONS_KEPT = 64

Told = Callable[[int, str | None, AnswerStages], None]


@dataclass(eq=False, slots=True)
class TimedTurn:
    """A participant's turn: when it was over, in the floor's steps. `over`: what comes next is another turn."""

    participant: str
    speech_end: float | None = None
    pause_found: float | None = None
    ended: float | None = None
    words: float | None = None
    over: bool = False


@dataclass(eq=False, slots=True)
class TimedReply:
    """A reply of which nothing was heard yet. `answers`: the turn that it answers, if it does. `own`: the model's."""

    begun: float
    answers: TimedTurn | None = None
    own: bool = False
    first_token: float | None = None
    first_sentence: float | None = None
    first_audio: float | None = None
    # Since when it is held, and seconds of the holds before.
    held_since: float | None = None
    held: float = 0.0


@dataclass(eq=False, slots=True)
class FunctionRun:
    """A function that the reply needed, from `start` to `end`; it runs while that is None."""

    reply: int
    start: float
    end: float | None = None


class AnswerTimer:
    """Finds the stages of each answer in the facts of a call, as they come. All times are seconds on the trace's clock.

    `told(reply, participant, stages)` is called once a reply: when its first sample was pulled, or when it is over
    without. `participant` is who is answered; None for what code asked for.

    An answer that was cut off or given up before it was heard leaves its turn unanswered: the next answers that too.
    `answers`: see `SessionStarted`.
    """

    def __init__(self, told: Told, *, answers: bool = True) -> None:
        self._told = told
        self.answers = answers
        self._turns: dict[str, TimedTurn] = {}
        self._replies: dict[int, TimedReply] = {}
        # The highest number of a reply so far: see `ReplyStarted`.
        self._last = 0
        # The turn that waits for its answer to be heard.
        self._unanswered: TimedTurn | None = None
        # Who leaves with this event: what they said last is answered by nobody.
        self._leaving: str | None = None
        self._functions: deque[FunctionRun] = deque(maxlen=FUNCTIONS_KEPT)

    def take(self, t: float, fact: ev.FloorEvent | fx.Effect) -> None:
        """Take the next event or effect of the floor."""
        if isinstance(fact, ev.FloorEvent):
            self._leaving = None
        handler = _HANDLERS.get(type(fact))
        if handler is not None:
            handler(self, t, fact)

    def made(self, t: float, number: int, stage: MadeStage) -> None:
        """Take what the voice tells. Only the first of its kind counts."""
        reply = self._replies.get(number)
        if reply is not None and getattr(reply, stage) is None:
            setattr(reply, stage, t)

    def finish(self, t: float) -> None:
        """The call is over: what was not heard by now never will be."""
        for number in list(self._replies):
            self._over(t, number)

    # The participants.

    def _turn_begun(self, t: float, fact: fx.BeginTurn) -> None:
        """A turn begins, or goes on: then its end was none."""
        turn = self._turns.get(fact.participant)
        if turn is None or turn.over:
            turn = self._turns[fact.participant] = TimedTurn(fact.participant)
        turn.speech_end = turn.pause_found = turn.ended = turn.words = None

    def _speech_continued(self, t: float, fact: ev.SpeechContinued) -> None:
        turn = self._turns.get(fact.participant)
        if turn is not None:
            turn.speech_end, turn.pause_found = t, None

    def _speech_ended(self, t: float, fact: ev.SpeechEnded) -> None:
        turn = self._turns.get(fact.participant)
        if turn is not None:
            turn.speech_end, turn.pause_found = t - fact.trailing_silence, t

    def _turn_reported(self, t: float, fact: ev.TurnEnded) -> None:
        """Take the end of the speech from a detector that reports turns and no windows."""
        turn = self._turns.get(fact.participant)
        if turn is not None and turn.pause_found is None:
            turn.speech_end = t - fact.trailing_silence

    def _turn_ended(self, t: float, fact: fx.FinishTurn) -> None:
        if fact.participant in self._turns:
            self._turns[fact.participant].ended = t

    def _end_announced(self, t: float, fact: fx.AnnounceTurnEnded) -> None:
        """A realtime model answers from here on; it knows the words."""
        turn = self._turns.get(fact.participant)
        if not self.answers and turn is not None:
            turn.ended, turn.over = t, True
            self._unanswered = turn

    def _turn_recorded(self, t: float, fact: fx.RecordTurn) -> None:
        if not self.answers or fact.participant == self._leaving:
            return
        turn = self._turns.setdefault(fact.participant, TimedTurn(fact.participant))
        turn.words, turn.over = t, True
        before = self._unanswered
        begun = any(reply.answers is before for reply in self._replies.values())
        if before is not None and not begun and _last_sound(before) > _last_sound(turn):
            # One answer for both: it waits from the end of what was said last, and for all of the words.
            before.words = t
        else:
            self._unanswered = turn

    def _turn_discarded(self, t: float, fact: fx.DiscardTurn) -> None:
        if fact.participant in self._turns:
            self._turns[fact.participant].over = True

    def _left(self, t: float, fact: ev.ParticipantLeft) -> None:
        self._leaving = fact.participant
        self._turns.pop(fact.participant, None)

    # The replies.

    def _reply_requested(self, t: float, fact: ev.ReplyRequested) -> None:
        self._last = max(self._last, fact.reply)

    def _reply_begun(self, t: float, fact: fx.BeginReply) -> None:
        # An answer that a model lost before it began is asked for as a continuation of none.
        wanted = fact.answer or fact.continues == 0
        self._last = max(self._last, fact.reply)
        self._replies[fact.reply] = TimedReply(t, self._unanswered if wanted else None)

    def _reply_of_model(self, t: float, fact: ev.ReplyStarted) -> None:
        # That the turn before is over may follow from this very event.
        if fact.reply > self._last:
            self._last = fact.reply
            self._replies[fact.reply] = TimedReply(t, own=True)

    def _held(self, t: float, fact: fx.Hold) -> None:
        reply = self._replies.get(fact.reply)
        if reply is not None and reply.held_since is None:
            reply.held_since = t

    def _resumed(self, t: float, fact: fx.Resume) -> None:
        reply = self._replies.get(fact.reply)
        if reply is not None and reply.held_since is not None:
            reply.held += t - reply.held_since
            reply.held_since = None

    def _function_started(self, t: float, fact: ev.FunctionStarted) -> None:
        self._functions.append(FunctionRun(fact.reply, t))

    def _function_ended(self, t: float, fact: ev.FunctionEnded) -> None:
        for run in self._functions:
            if run.reply == fact.reply and run.end is None:
                run.end = t
                return

    def _audio_started(self, t: float, fact: ev.AudioStarted) -> None:
        reply = self._replies.get(fact.reply)
        if reply is None:
            return
        answered = self._over(t, fact.reply, pulled=True)
        if answered is not None and answered is self._unanswered:
            self._unanswered = None
        self._functions.clear()

    def _ended(self, t: float, fact: ev.AudioDrained | fx.DropReply | fx.Commit) -> None:
        if fact.reply is not None:
            self._over(t, fact.reply)

    def _over(self, t: float, number: int, *, pulled: bool = False) -> TimedTurn | None:
        """Tell of a reply, and return the turn that it answers."""
        reply = self._replies.pop(number, None)
        if reply is None:
            return None
        turn = self._unanswered if reply.own else reply.answers
        since = reply.begun if turn is None or turn.speech_end is None else turn.speech_end
        stages = AnswerStages(
            speech_end=None if turn is None else turn.speech_end,
            pause_found=None if turn is None else turn.pause_found,
            turn_ended=None if turn is None else turn.ended,
            final_words=None if turn is None else turn.words,
            begun=reply.begun,
            first_token=reply.first_token,
            first_sentence=reply.first_sentence,
            first_audio=reply.first_audio,
            pulled=t if pulled else None,
            functions=self._in_functions(since, t),
            held=reply.held + (0.0 if reply.held_since is None else t - reply.held_since),
        )
        self._told(number, None if turn is None else turn.participant, stages)
        return turn

    def _in_functions(self, since: float, t: float) -> float:
        """Seconds from `since` in which at least one function ran."""
        seconds, until = 0.0, since
        for run in sorted(self._functions, key=lambda run: run.start):
            end = t if run.end is None else run.end
            seconds += max(0.0, end - max(run.start, until))
            until = max(until, end)
        return seconds


def _last_sound(turn: TimedTurn) -> float:
    return float("-inf") if turn.speech_end is None else turn.speech_end


_HANDLERS: dict[type[ev.FloorEvent | fx.Effect], Callable[[AnswerTimer, float, Any], None]] = {
    ev.SpeechContinued: AnswerTimer._speech_continued,
    ev.SpeechEnded: AnswerTimer._speech_ended,
    ev.TurnEnded: AnswerTimer._turn_reported,
    ev.ParticipantLeft: AnswerTimer._left,
    ev.ReplyRequested: AnswerTimer._reply_requested,
    ev.ReplyStarted: AnswerTimer._reply_of_model,
    ev.FunctionStarted: AnswerTimer._function_started,
    ev.FunctionEnded: AnswerTimer._function_ended,
    ev.AudioStarted: AnswerTimer._audio_started,
    ev.AudioDrained: AnswerTimer._ended,
    fx.BeginTurn: AnswerTimer._turn_begun,
    fx.FinishTurn: AnswerTimer._turn_ended,
    fx.AnnounceTurnEnded: AnswerTimer._end_announced,
    fx.RecordTurn: AnswerTimer._turn_recorded,
    fx.DiscardTurn: AnswerTimer._turn_discarded,
    fx.BeginReply: AnswerTimer._reply_begun,
    fx.DropReply: AnswerTimer._ended,
    fx.Hold: AnswerTimer._held,
    fx.Resume: AnswerTimer._resumed,
    fx.Commit: AnswerTimer._ended,
}
