"""The latency of a session's answers: timed from the floor's facts, told by the trace and by an event."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..events import EventManager
from ..floor import effects as fx
from ..floor import events as ev
from ..participants import Participant
from ..trace import Trace
from ..trace.answer_timer import AnswerTimer
from ..trace.notes import AnswerTimed
from ..trace.stages import AnswerStages
from ..voice import MadeStage
from .events import AnswerLatencyEvent


class AnswerLatency:
    """Times each reply of a session. `participants`: those in the call, by their ids; `answers`: see `Floor`."""

    def __init__(
        self, trace: Trace, participants: Mapping[str, Participant], events: EventManager, *, answers: bool
    ) -> None:
        self._trace = trace
        self._participants = participants
        self._events = events
        self._timer = AnswerTimer(self._tell, answers=answers)

    def take(self, event: ev.FloorEvent, effects: Iterable[fx.Effect]) -> None:
        """Take an event of the floor, once the floor has, and its effects."""
        t = event.at - self._trace.start
        self._timer.take(t, event)
        for effect in effects:
            self._timer.take(t, effect)

    def made(self, reply: int, stage: MadeStage) -> None:
        """Take what the voice tells."""
        self._timer.made(self._trace.now() - self._trace.start, reply, stage)

    def finish(self) -> None:
        """Tell of the replies that are not heard at the end of the call."""
        self._timer.finish(self._trace.now() - self._trace.start)

    def _tell(self, reply: int, participant: str | None, stages: AnswerStages) -> None:
        stages = stages.rounded(6)
        self._trace.note(AnswerTimed(reply, participant, stages, stages.durations, stages.total))
        who = self._participants.get(participant) if participant is not None else None
        self._events.send(AnswerLatencyEvent(participant=who, reply=reply, stages=stages))
