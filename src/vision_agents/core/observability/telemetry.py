"""Calls as OpenTelemetry spans and metrics: what the trace tells, for whatever you send those to.

    async with agent.join(call, observe=telemetry()):
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
| `vision_agents.stale_chunks` | counter | {chunk} | |

Names of attributes begin with `vision_agents.` too, as in `vision_agents.interruption.decision`. In the counter,
`strategy` is the one that weighed most for what was decided, or "none".
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .instruments import NAME, Instruments

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import Span, SpanContext, Tracer, TracerProvider

    from ..floor.trace import Observer

# A provider can only have been set by code that has imported the API, or is to be loaded as these say. Those of the API
# itself do nothing.
_API = "opentelemetry"
_IDLE = ("opentelemetry.trace", "opentelemetry.metrics")
_VARIABLES = ("OTEL_PYTHON_TRACER_PROVIDER", "OTEL_PYTHON_METER_PROVIDER")

Record = Mapping[str, Any]


def telemetry(
    *, words: bool = True, tracer_provider: TracerProvider | None = None, meter_provider: MeterProvider | None = None
) -> Observer:
    """An observer of one call for `Agent.join(observe=…)`; make another one for another call.

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
    """Whether no provider is set, or there is not even the package that one would be set with."""
    if _API not in sys.modules and not any(os.environ.get(name) for name in _VARIABLES):
        return True
    try:
        from opentelemetry import metrics, trace
    except ImportError:
        return True
    providers = (trace.get_tracer_provider(), metrics.get_meter_provider())
    return all(type(provider).__module__.startswith(_IDLE) for provider in providers)


def _ignore(record: Record) -> None:
    """Nobody wants to know."""


@dataclass(slots=True)
class _Turn:
    """A turn that is open. `end`: when it was announced to be over, in the trace's time; its words may come later."""

    span: Span
    end: float | None = None


@dataclass(slots=True)
class _Reply:
    """A reply that is open, in the trace's times.

    `asked`: the end of the speech that it answers. `hold`: since when it is held, and for whom. `refused`: speech over
    it was taken for no interruption. `rest`: it says the rest of one that was cut off for nothing.
    """

    span: Span
    asked: float | None = None
    hold: tuple[float, str] | None = None
    refused: bool = False
    rest: bool = False
    dropped: float | None = None


class _Call:
    """Folds the records of one call into spans and measurements."""

    def __init__(self, tracer: Tracer, instruments: Instruments, words: bool) -> None:
        self._tracer = tracer
        self._instruments = instruments
        self._words = words
        # Unix time of the trace's zero.
        self._zero = 0.0
        self._realtime = False
        self._call: Span | None = None
        self._turns: dict[str, _Turn] = {}
        self._replies: dict[int, _Reply] = {}
        # Who speaks, and since when; and the end of the last speech that is not answered yet.
        self._speaking: dict[str, float] = {}
        self._unanswered: float | None = None
        # The latest interruption that cut a reply off.
        self._cut: SpanContext | None = None

    def __call__(self, record: Record) -> None:
        name = record.get("event") or record.get("effect") or record.get("note")
        step = _STEPS.get(str(name))
        if step is not None and (self._call is not None or name == "session"):
            step(self, record, float(record["t"]))

    # The call.

    def _session(self, record: Record, t: float) -> None:
        self._zero, self._realtime = float(record["started"]) - t, not record["answers"]
        self._call = self._tracer.start_span(f"{NAME}.call", start_time=self._at(t))

    def _ended(self, record: Record, t: float) -> None:
        for participant, turn in list(self._turns.items()):
            self._close_turn(participant, t, taken=turn.end is not None)
        for number in list(self._replies):
            self._close_reply(number, t)
        if self._call is not None:
            if record["error"]:
                self._fail(self._call, str(record["error"]))
            self._call.end(self._at(t))
        self._call = None

    def _error(self, record: Record, t: float) -> None:
        if self._call is not None:
            attributes = {f"{NAME}.component": str(record["component"]), "exception.message": str(record["error"])}
            self._call.add_event("exception", attributes, self._at(t))

    def _stale(self, record: Record, t: float) -> None:
        self._instruments.stale.add(int(record["chunks"]))

    # Turns.

    def _speech_begun(self, record: Record, t: float) -> None:
        self._speaking.setdefault(str(record["participant"]), t - float(record.get("onset_delay", 0.0)))

    def _speech_over(self, record: Record, t: float) -> None:
        # A detector may report the end of speech, and the end of the turn after it: the first one counts.
        if self._speaking.pop(str(record["participant"]), None) is not None:
            self._unanswered = t - float(record["trailing_silence"])

    def _turn_begun(self, record: Record, t: float) -> None:
        participant = str(record["participant"])
        turn = self._turns.get(participant)
        if turn is not None and not (self._realtime and turn.end is not None):
            turn.end = None  # It goes on after a pause.
            return
        if turn is not None:
            # A realtime model tells the words of a turn in its own time.
            self._close_turn(participant, t, taken=True)
        start = self._speaking.get(participant, t)
        self._turns[participant] = _Turn(self._start("turn", start, {"participant": participant}))

    def _turn_announced(self, record: Record, t: float) -> None:
        turn = self._turns.get(str(record["participant"]))
        if turn is not None:
            turn.end = t

    def _record_turn(self, record: Record, t: float) -> None:
        self._close_turn(str(record["participant"]), t, taken=True, text=str(record["text"]))

    def _turn_discarded(self, record: Record, t: float) -> None:
        self._close_turn(str(record["participant"]), t, taken=False)

    def _close_turn(self, participant: str, t: float, taken: bool, text: str = "") -> None:
        turn = self._turns.pop(participant, None)
        if turn is None:
            return
        self._set(turn.span, "turn", {"taken": taken, "text": text if text and self._words else None})
        turn.span.end(self._at(t if turn.end is None else turn.end))

    # Replies.

    def _reply_begun(self, record: Record, t: float) -> None:
        number, continues = int(record["reply"]), record.get("continues")
        facts = {"number": number, "epoch": record.get("epoch"), "continues": continues}
        rest = continues is not None
        reply = _Reply(self._start("reply", t, facts, cause=self._cut if rest else None), rest=rest)
        if record.get("answer", True):
            reply.asked, self._unanswered = self._unanswered, None
        self._replies[number] = reply

    def _audio_started(self, record: Record, t: float) -> None:
        reply = self._replies.get(int(record["reply"]))
        if reply is None:
            return
        reply.span.add_event(f"{NAME}.reply.first_sample", timestamp=self._at(t))
        if reply.asked is not None:
            self._instruments.latency.record(max(0.0, t - reply.asked))
        if reply.rest:
            self._instruments.recovered.add(1)

    def _words_heard(self, record: Record, t: float) -> None:
        reply = self._replies.get(int(record["reply"]))
        if reply is None or not record["done"]:
            return
        facts = {"heard": record["heard"], "unheard": record["unheard"]} if self._words else {}
        self._set(reply.span, "reply", {"interrupted": record["interrupted"], **facts})

    def _heard(self, record: Record, t: float) -> None:
        number = int(record["reply"])
        reply = self._replies.get(number)
        if reply is not None:
            facts = {"heard_seconds": record["seconds"], "estimated": record["estimated"]}
            self._set(reply.span, "reply", facts)
            self._close_reply(number, t)

    def _dropped(self, record: Record, t: float) -> None:
        reply = self._replies.get(int(record["reply"]))
        if reply is not None:
            # What was heard of it is told next, if it was ever begun.
            reply.dropped = t
            self._set(reply.span, "reply", {"dropped": record["reason"]})

    def _close_reply(self, number: int, t: float) -> None:
        reply = self._replies.pop(number)
        t = t if reply.dropped is None else reply.dropped
        if reply.hold is not None:
            # It was over before it was clear what the speech was.
            since, participant = reply.hold
            facts = {"participant": participant, "decision": "none"}
            self._start("interruption", since, facts, parent=reply.span).end(self._at(t))
            self._count("none", [], t - since)
        reply.span.end(self._at(t))

    # Interruptions.

    def _hold(self, record: Record, t: float) -> None:
        reply = self._replies.get(int(record["reply"]))
        if reply is not None:
            reply.hold = t, str(record["participant"])

    def _interruption(self, record: Record, t: float) -> None:
        reply = self._replies.get(int(record["reply"]))
        decision, evidence, silence = str(record["decision"]), record["evidence"], record["time_to_silence_ms"]
        hold = reply.hold if reply is not None else None
        facts = {
            "participant": record["participant"],
            "decision": decision,
            "votes": [_written(vote, self._words) for vote in evidence],
            "time_to_silence_ms": silence,
            "samples_dropped": record["samples_dropped"],
            # What was refused is accepted now, since more is known.
            "reconsidered": decision == "commit" and hold is None and reply is not None and reply.refused,
        }
        if self._words:
            facts |= {key: record[key] for key in ("reason", "heard", "unheard")}
        span = self._start("interruption", min(float(record["onset"]), t), facts, reply.span if reply else None)
        span.end(self._at(t))
        if decision == "commit":
            self._cut = span.get_span_context()
        if reply is not None:
            reply.hold, reply.refused = None, decision == "resume"
        self._count(decision, evidence, t - hold[0] if hold is not None else None)
        if silence is not None:
            self._instruments.time_to_silence.record(
                float(silence) / 1000.0, {f"{NAME}.interruption.decision": decision}
            )

    def _count(self, decision: str, evidence: Sequence[Record], held: float | None) -> None:
        labels = {f"{NAME}.interruption.decision": decision}
        if held is not None:
            self._instruments.held.record(held, labels)
        strategy = decided_by(decision, evidence)
        self._instruments.interruptions.add(1, {**labels, f"{NAME}.interruption.strategy": strategy})

    # Helpers.

    def _at(self, t: float) -> int:
        """A time of the trace as OpenTelemetry has it: Unix time in nanoseconds."""
        return round((self._zero + t) * 1e9)

    def _start(
        self, kind: str, t: float, facts: Record, parent: Span | None = None, cause: SpanContext | None = None
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
    def _set(span: Span, kind: str, facts: Record) -> None:
        """Facts that are None are left out."""
        span.set_attributes({f"{NAME}.{kind}.{key}": value for key, value in facts.items() if value is not None})

    @staticmethod
    def _fail(span: Span, error: str) -> None:
        from opentelemetry.trace import Status, StatusCode

        span.set_status(Status(StatusCode.ERROR, error))


def decided_by(decision: str, evidence: Sequence[Record]) -> str:
    """The strategy that weighed most for the decision; "none" if none did: code decided, or too little was known."""
    sign = 1.0 if decision == "commit" else -1.0
    strongest = max(evidence, key=lambda vote: sign * float(vote["weight"]), default=None)
    return str(strongest["strategy"]) if strongest is not None and sign * strongest["weight"] > 0 else "none"


def _written(vote: Record, words: bool) -> str:
    written = f"{vote['strategy']} {vote['weight']:+.2f}"
    return f"{written}: {vote['reason']}" if words else written


_STEPS: dict[str, Callable[[_Call, Record, float], None]] = {
    "session": _Call._session,
    "ended": _Call._ended,
    "error": _Call._error,
    "stale": _Call._stale,
    "SpeechStarted": _Call._speech_begun,
    "TurnStarted": _Call._speech_begun,
    "SpeechEnded": _Call._speech_over,
    "TurnEnded": _Call._speech_over,
    "BeginTurn": _Call._turn_begun,
    "AnnounceTurnEnded": _Call._turn_announced,
    "RecordTurn": _Call._record_turn,
    "DiscardTurn": _Call._turn_discarded,
    "BeginReply": _Call._reply_begun,
    "ReplyStarted": _Call._reply_begun,
    "AudioStarted": _Call._audio_started,
    "agent_words": _Call._words_heard,
    "heard": _Call._heard,
    "DropReply": _Call._dropped,
    "Hold": _Call._hold,
    "interruption": _Call._interruption,
}
