"""Calls as OpenTelemetry spans and metrics: what the trace tells, for whatever you send those to.

    agent.observe(telemetry())
    async with agent.join(call):
        ...

It needs `opentelemetry-api` (the extra `otel`), and a provider that your program has set before. Where there is none of
either, nothing is imported and nothing is done. It is never switched on by itself: what people say is in it, and that
must not leave a process because some package happens to be installed.

It observes the trace, a record at a time: nothing of it is on the way of a frame of audio.

| span | from, to | child of |
| --- | --- | --- |
| `vision_agents.call` | joining, leaving | the span that is current when the call is joined |
| `vision_agents.turn` | first speech, the announced end | the call |
| `vision_agents.reply` | begin of the making, last sample heard | the call |
| `vision_agents.interruption` | onset of the speech, decision | the reply |

| metric | kind | unit | attributes |
| --- | --- | --- | --- |
| `vision_agents.interruption.time_to_silence` | histogram | s | `decision` |
| `vision_agents.interruption.held` | histogram | s | `decision` |
| `vision_agents.interruptions` | counter | {interruption} | `decision`, `strategy` |
| `vision_agents.interruptions.recovered` | counter | {interruption} | |
| `vision_agents.response.latency` | histogram | s | |
| `vision_agents.response.stage` | histogram | s | `stage` |
| `vision_agents.stale_chunks` | counter | {chunk} | |
| `gen_ai.client.token.usage` | histogram | {token} | see below |

Names of attributes begin with `vision_agents.` too, as in `vision_agents.interruption.decision`. In the counter,
`strategy` is the one that weighed most for what was decided, or "none".

Tokens are measured by the semantic conventions for generative AI: `gen_ai.token.type` is "input" or "output", and
`gen_ai.provider.name`, `gen_ai.request.model` and `gen_ai.operation.name` say of what. The call's span has their sums.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..floor.evidence import Vote
from ..trace import Observer, read_record
from ..usage import TokenUsage
from .instruments import NAME, Instruments
from .listener import StoryListener
from .reader import StoryReader
from .story import Challenge, Decision, ReplyStory, SpokenTurn

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import Span, SpanContext, Tracer, TracerProvider

# A provider can only have been set by code that has imported the API, or is to be loaded as these say. Those of the API
# itself do nothing.
_API = "opentelemetry"
_IDLE = ("opentelemetry.trace", "opentelemetry.metrics")
_VARIABLES = ("OTEL_PYTHON_TRACER_PROVIDER", "OTEL_PYTHON_METER_PROVIDER")


def telemetry(
    *, words: bool = True, tracer_provider: TracerProvider | None = None, meter_provider: MeterProvider | None = None
) -> Observer:
    """An observer of one call for `Agent.observe`; make another one for another call.

    The providers are those that were set for the whole program, if none are given.
    `words`: whether what was said is put into spans. False leaves out the texts of turns and replies, and the reasons,
    which quote them; numbers, decisions, and who voted with which weight remain.
    """
    if tracer_provider is None and meter_provider is None and _nobody_listens():
        return _ignore
    from opentelemetry import metrics, trace

    tracer = trace.get_tracer(NAME, tracer_provider=tracer_provider)
    return _Call(tracer, Instruments(metrics.get_meter(NAME, meter_provider=meter_provider)), words)


def _nobody_listens() -> bool:
    """Return whether no provider is set, or there is not even the package that one would be set with."""
    if _API not in sys.modules and not any(os.environ.get(name) for name in _VARIABLES):
        return True
    try:
        from opentelemetry import metrics, trace
    except ImportError:
        return True
    providers = (trace.get_tracer_provider(), metrics.get_meter_provider())
    return all(type(provider).__module__.startswith(_IDLE) for provider in providers)


def _ignore(record: Mapping[str, Any]) -> None:
    """Nobody wants to know."""


class _Call(StoryListener):
    """Turns the story of one call, as it is read from the records, into spans and measurements."""

    def __init__(self, tracer: Tracer, instruments: Instruments, words: bool) -> None:
        self._tracer = tracer
        self._instruments = instruments
        self._words = words
        self._reader: StoryReader | None = StoryReader(self)
        # Unix time of the story's zero.
        self._zero = 0.0
        self._call: Span | None = None
        self._replies: dict[int, Span] = {}
        # So far, by "input" and "output".
        self._tokens: dict[str, int] = {}
        # The latest interruption that cut a reply off.
        self._cut: SpanContext | None = None

    def __call__(self, record: Mapping[str, Any]) -> None:
        if self._reader is not None:
            self._reader.take(read_record(record))

    # StoryListener.

    def session_started(self, started: float, at: float) -> None:
        self._zero = started - at
        self._call = self._tracer.start_span(f"{NAME}.call", start_time=self._at(at))

    def call_ended(self, error: str | None, at: float) -> None:
        self._reader = None
        if self._call is not None:
            self._call.set_attributes({f"gen_ai.usage.{kind}_tokens": sum_ for kind, sum_ in self._tokens.items()})
            if error:
                self._fail(self._call, error)
            self._call.end(self._at(at))

    def tokens_used(self, usage: TokenUsage) -> None:
        labels = {
            "gen_ai.operation.name": usage.operation,
            "gen_ai.provider.name": usage.provider,
            "gen_ai.request.model": usage.model,
        }
        for kind, tokens in (("input", usage.input_tokens), ("output", usage.output_tokens)):
            self._instruments.tokens.record(tokens, {**labels, "gen_ai.token.type": kind})
            self._tokens[kind] = self._tokens.get(kind, 0) + tokens

    def component_failed(self, component: str, error: str, at: float) -> None:
        if self._call is not None:
            attributes = {f"{NAME}.component": component, "exception.message": error}
            self._call.add_event("exception", attributes, self._at(at))

    def stale_audio(self, chunks: int) -> None:
        self._instruments.stale.add(chunks)

    def turn_ended(self, turn: SpokenTurn) -> None:
        text = turn.text if turn.taken and self._words else ""
        facts = {"participant": turn.participant, "taken": turn.taken, "text": text or None}
        end = turn.announced_end if turn.announced_end is not None else turn.closed
        self._start("turn", turn.start, facts).end(self._at(turn.end if end is None else end))

    def reply_begun(self, reply: ReplyStory) -> None:
        facts = {"number": reply.number, "epoch": reply.epoch, "continues": reply.continues}
        cause = self._cut if reply.continues is not None else None
        self._replies[reply.number] = self._start("reply", reply.begun, facts, cause=cause)

    def reply_started(self, reply: ReplyStory) -> None:
        started = reply.started
        assert started is not None
        self._replies[reply.number].add_event(f"{NAME}.reply.first_sample", timestamp=self._at(started))
        if reply.continues is not None:
            self._instruments.recovered.add(1)

    def answer_timed(self, reply: ReplyStory) -> None:
        stages, span = reply.stages, self._replies[reply.number]
        assert stages is not None
        for stage in ("first_token", "first_sentence", "first_audio"):
            if (at := getattr(stages, stage)) is not None:
                span.add_event(f"{NAME}.reply.{stage}", timestamp=self._at(at))
        took = {f"stage.{stage}": seconds for stage, seconds in stages.durations.items()}
        slow = {"functions": stages.functions or None, "held": stages.held or None}
        self._set(span, "reply", {"participant": reply.to, "latency": stages.total, **took, **slow})
        if stages.total is not None:
            self._instruments.latency.record(stages.total)
            for stage, seconds in stages.durations.items():
                self._instruments.stage.record(seconds, {f"{NAME}.response.stage": stage})

    def reply_ended(self, reply: ReplyStory) -> None:
        span = self._replies[reply.number]
        facts: dict[str, Any] = {
            "interrupted": reply.interrupted,
            "heard_seconds": reply.heard_seconds,
            "estimated": reply.estimated,
            "dropped": reply.dropped,
        }
        if self._words:
            facts |= {"heard": reply.heard, "unheard": reply.unheard}
        self._set(span, "reply", facts)
        end = reply.ended if reply.end == "dropped" else reply.closed
        span.end(self._at(reply.begun if end is None else end))

    def challenge_decided(self, challenge: Challenge) -> None:
        decided = challenge.decided
        assert decided is not None
        counted = challenge.counted
        facts: dict[str, Any] = {
            "participant": challenge.participant,
            "decision": challenge.decision,
            # What was refused is accepted now, since more is known.
            "reconsidered": challenge.before is not None,
        }
        start = challenge.hold if challenge.hold is not None else decided
        if counted is not None:
            start = min(counted.onset, decided)
            facts |= {
                "votes": [_written(vote, self._words) for vote in challenge.evidence],
                "time_to_silence_ms": None if counted.time_to_silence is None else counted.time_to_silence * 1000.0,
                "samples_dropped": counted.samples_dropped,
            }
            if self._words:
                facts |= {"reason": challenge.reason, "heard": challenge.heard, "unheard": challenge.unheard}
        span = self._start("interruption", start, facts, self._replies.get(challenge.reply))
        span.end(self._at(decided))
        if challenge.decision == "commit":
            self._cut = span.get_span_context()
        self._measure(challenge, decided)

    # Helpers.

    def _measure(self, challenge: Challenge, decided: float) -> None:
        labels = {f"{NAME}.interruption.decision": challenge.decision}
        if challenge.hold is not None:
            self._instruments.held.record(decided - challenge.hold, labels)
        strategy = decided_by(challenge.decision, challenge.evidence)
        self._instruments.interruptions.add(1, {**labels, f"{NAME}.interruption.strategy": strategy})
        if challenge.counted is not None and challenge.counted.time_to_silence is not None:
            self._instruments.time_to_silence.record(challenge.counted.time_to_silence, labels)

    def _at(self, t: float) -> int:
        """A time of the story as OpenTelemetry has it: Unix time in nanoseconds."""
        return round((self._zero + t) * 1e9)

    def _start(
        self,
        kind: str,
        t: float,
        facts: Mapping[str, Any],
        parent: Span | None = None,
        cause: SpanContext | None = None,
    ) -> Span:
        """A span of that kind within `parent`, or the call. `cause` is linked."""
        from opentelemetry.trace import Link, set_span_in_context

        within = parent or self._call
        span = self._tracer.start_span(
            f"{NAME}.{kind}",
            set_span_in_context(within) if within is not None else None,
            links=[Link(cause)] if cause is not None else [],
            start_time=self._at(t),
        )
        self._set(span, kind, facts)
        return span

    @staticmethod
    def _set(span: Span, kind: str, facts: Mapping[str, Any]) -> None:
        """Facts that are None are left out."""
        span.set_attributes({f"{NAME}.{kind}.{key}": value for key, value in facts.items() if value is not None})

    @staticmethod
    def _fail(span: Span, error: str) -> None:
        from opentelemetry.trace import Status, StatusCode

        span.set_status(Status(StatusCode.ERROR, error))


def decided_by(decision: Decision, evidence: Sequence[Vote]) -> str:
    """The strategy that weighed most for the decision; "none" if none did: code decided, or too little was known."""
    sign = 1.0 if decision == "commit" else -1.0
    strongest = max(evidence, key=lambda vote: sign * vote.weight, default=None)
    return strongest.strategy if strongest is not None and sign * strongest.weight > 0 else "none"


def _written(vote: Vote, words: bool) -> str:
    written = f"{vote.strategy} {vote.weight:+.2f}"
    return f"{written}: {vote.reason}" if words else written
