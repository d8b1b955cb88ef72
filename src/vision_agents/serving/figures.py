"""Figures of sessions, taken from their agents' events: for one session, and summed up for the process."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field

from vision_agents.core.agents import Agent, AnswerLatencyEvent, ErrorEvent, InterruptionEvent

# Upper ends of classes, in seconds.
SILENCE_CLASSES = (0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1.0, 2.0)
ANSWER_CLASSES = (0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0)


class Distribution:
    """Numbers, counted in classes. `classes`: their upper ends."""

    def __init__(self, classes: tuple[float, ...]) -> None:
        self.classes = classes
        self.counts = [0] * (len(classes) + 1)
        self.sum = 0.0
        self.last: float | None = None

    @property
    def count(self) -> int:
        """The numbers so far."""
        return sum(self.counts)

    @property
    def mean(self) -> float | None:
        """Their mean; None if there are none."""
        return self.sum / self.count if self.count else None

    def add(self, number: float) -> None:
        """Count one."""
        self.counts[bisect_left(self.classes, number)] += 1
        self.sum += number
        self.last = number


@dataclass(slots=True)
class Figures:
    """Everything that is counted of conversations. `total`: the process's, which counts the same."""

    total: Figures | None = None
    silence: Distribution = field(default_factory=lambda: Distribution(SILENCE_CLASSES))
    """Seconds from the onset of speech that interrupts to the agent's silence."""
    answer: Distribution = field(default_factory=lambda: Distribution(ANSWER_CLASSES))
    """Seconds from the end of speech to the first sample of the answer."""
    decisions: Counter[str] = field(default_factory=Counter)
    """Interruptions that were committed, and those that were none."""
    errors: Counter[str] = field(default_factory=Counter)
    """Errors by the component that had them."""

    def watch(self, agent: Agent) -> None:
        """Count what `agent` tells."""

        @agent.events.subscribe
        async def count(event: InterruptionEvent | AnswerLatencyEvent | ErrorEvent) -> None:
            figures: Figures | None = self
            while figures is not None:
                figures.take(event)
                figures = figures.total

    def take(self, event: InterruptionEvent | AnswerLatencyEvent | ErrorEvent) -> None:
        """Count an event."""
        match event:
            case InterruptionEvent():
                self.decisions[event.decision] += 1
                if event.time_to_silence_ms is not None:
                    self.silence.add(event.time_to_silence_ms / 1000.0)
            case AnswerLatencyEvent():
                if event.stages.total is not None:
                    self.answer.add(event.stages.total)
            case ErrorEvent():
                self.errors[event.component] += 1

    def summary(self) -> dict[str, float | int | None]:
        """The figures of a session, for people."""
        return {
            "interruptions": self.decisions["commit"],
            "held_for_nothing": self.decisions["resume"],
            "time_to_silence_ms__avg": _ms(self.silence.mean),
            "time_to_silence_ms__last": _ms(self.silence.last),
            "answers": self.answer.count,
            "answer_latency_ms__avg": _ms(self.answer.mean),
            "answer_latency_ms__last": _ms(self.answer.last),
            "errors": sum(self.errors.values()),
        }


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000.0, 1)
