"""Spans and metrics carry what the agent's own events do; without anybody who wants them, nothing is done."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("opentelemetry.sdk", reason="the tests need opentelemetry-sdk")

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from vision_agents.core.agents.events import InterruptionEvent
from vision_agents.core.floor.evidence import Vote
from vision_agents.core.observability.reader import read_story
from vision_agents.core.observability.report import make_report
from vision_agents.core.observability.telemetry import decided_by, telemetry
from vision_agents.testing import virtual_time

from .spoken_call import hold_call, user_wav

PAGE = Path(__file__).parents[3] / "docs" / "observability.md"
IT = "vision_agents.interruption."
END = {"confidence": 1.0, "duration": 1.0, "trailing_silence": 0.2}


class Measured:
    """What became of the records of a call."""

    def __init__(self, **options):
        self._spans = InMemorySpanExporter()
        self._reader = InMemoryMetricReader()
        self.tracers = TracerProvider()
        self.tracers.add_span_processor(SimpleSpanProcessor(self._spans))
        meters = MeterProvider([self._reader])
        self.observe = telemetry(tracer_provider=self.tracers, meter_provider=meters, **options)

    @property
    def spans(self):
        return self._spans.get_finished_spans()

    def of(self, kind):
        """Spans of the kind, by their starts."""
        named = [span for span in self.spans if span.name == f"vision_agents.{kind}"]
        return sorted(named, key=lambda span: (span.end_time, span.start_time))

    @property
    def metrics(self):
        """name -> [(attributes, data point)], and name -> unit."""
        data = self._reader.get_metrics_data()
        if data is None:
            return {}
        found = [metric for r in data.resource_metrics for scope in r.scope_metrics for metric in scope.metrics]
        return {metric.name: metric for metric in found}

    def points(self, name):
        return {
            tuple(value for _, value in sorted(point.attributes.items())): point
            for point in self.metrics[name].data.data_points
        }


class Spoken:
    def __init__(self, path):
        self.measured = Measured()
        self.events, self.records = [], []
        virtual_time.run(
            hold_call(user_wav(path / "user.wav"), path / "call.wav", self._observe, self._listen), timeout=300.0
        )

    def _observe(self, record):
        self.records.append(json.loads(json.dumps(record)))
        self.measured.observe(record)

    def _listen(self, agent):
        @agent.events.subscribe
        async def note(event: InterruptionEvent):
            self.events.append(event)


@pytest.fixture(scope="module")
def spoken(tmp_path_factory):
    return Spoken(tmp_path_factory.mktemp("spoken"))


def measured(records, **options):
    result = Measured(**options)
    for record in records:
        result.observe(record)
    return result


def test_a_call_is_a_tree_of_spans(spoken):
    (call,) = spoken.measured.of("call")
    turns, replies = spoken.measured.of("turn"), spoken.measured.of("reply")
    interruptions = spoken.measured.of("interruption")
    assert (len(turns), len(replies), len(interruptions)) == (4, 3, 4)
    assert len(spoken.measured.spans) == 12
    assert call.parent is None
    assert {span.parent.span_id for span in (*turns, *replies)} == {call.context.span_id}
    first, second, _ = replies
    assert [span.parent.span_id for span in interruptions] == [
        *[first.context.span_id] * 3,
        second.context.span_id,
    ]
    for span in spoken.measured.spans:
        assert call.start_time <= span.start_time <= span.end_time <= call.end_time


def test_interruptions_carry_what_the_events_do(spoken):
    spans = spoken.measured.of("interruption")
    for event, span in zip(spoken.events, spans, strict=True):
        facts = span.attributes
        assert facts[f"{IT}participant"] == event.participant.id
        assert facts[f"{IT}decision"] == event.decision
        assert facts[f"{IT}reason"] == event.reason
        assert facts[f"{IT}heard"] == event.heard
        assert facts[f"{IT}unheard"] == event.unheard
        assert facts[f"{IT}time_to_silence_ms"] == event.time_to_silence_ms
        assert facts[f"{IT}samples_dropped"] == event.samples_dropped
        assert facts[f"{IT}votes"] == tuple(f"{v.strategy} {v.weight:+.2f}: {v.reason}" for v in event.evidence)
        # From the onset to the decision.
        assert (span.end_time - span.start_time) / 1e6 == pytest.approx(event.held_ms + event.onset_delay_ms, abs=1.0)
    assert [span.attributes[f"{IT}reconsidered"] for span in spans] == [False, False, True, False]


def test_turns_and_replies_carry_what_was_said(spoken):
    turns = [dict(span.attributes) for span in spoken.measured.of("turn")]
    assert [(t["vision_agents.turn.taken"], t.get("vision_agents.turn.text")) for t in turns] == [
        (True, "tell me a story"),
        (False, None),
        (True, "which ocean is the largest"),
        (False, None),
    ]
    first, second, rest = spoken.measured.of("reply")
    assert first.attributes["vision_agents.reply.interrupted"]
    assert not rest.attributes["vision_agents.reply.interrupted"]
    assert rest.attributes["vision_agents.reply.continues"] == second.attributes["vision_agents.reply.number"]
    assert rest.attributes["vision_agents.reply.heard"] == second.attributes["vision_agents.reply.unheard"]
    # What was cut off for nothing is linked with what cut it off.
    (link,) = rest.links
    assert link.context.span_id == spoken.measured.of("interruption")[-1].context.span_id
    assert first.links == second.links == ()


def test_the_metrics_have_names_units_and_the_right_counts(spoken):
    assert {name: metric.unit for name, metric in spoken.measured.metrics.items()} == {
        "vision_agents.interruption.time_to_silence": "s",
        "vision_agents.interruption.held": "s",
        "vision_agents.interruptions": "{interruption}",
        "vision_agents.interruptions.recovered": "{interruption}",
        "vision_agents.response.latency": "s",
        "vision_agents.response.stage": "s",
    }
    counts = {key: point.value for key, point in spoken.measured.points("vision_agents.interruptions").items()}
    assert counts == {
        ("resume", "words"): 1,
        ("resume", "none"): 1,
        ("commit", "words"): 1,
        ("commit", "length"): 1,
    }
    assert spoken.measured.points("vision_agents.interruptions.recovered")[()].value == 1


def test_the_histograms_hold_what_the_events_and_the_report_say(spoken):
    silence = spoken.measured.points("vision_agents.interruption.time_to_silence")
    held = spoken.measured.points("vision_agents.interruption.held")
    for decision in ("commit", "resume"):
        events = [event for event in spoken.events if event.decision == decision]
        assert silence[decision,].count == len(events)
        assert silence[decision,].sum == pytest.approx(sum(e.time_to_silence_ms for e in events) / 1000.0)
        # What was reconsidered was not held any more.
        assert held[decision,].sum == pytest.approx(sum(e.held_ms for e in events) / 1000.0, abs=0.001)
    latency = spoken.measured.points("vision_agents.response.latency")[()]
    responses = make_report(read_story(spoken.records)).responses
    assert latency.count == len(responses) == 2
    assert latency.sum == pytest.approx(sum(response.latency for response in responses), abs=0.001)
    # Finer than the seconds of the SDK's own bounds.
    assert sum(bound < 0.2 for bound in silence["commit",].explicit_bounds) >= 5


def test_a_call_is_within_the_span_that_is_current(spoken):
    result = Measured()
    tracer = result.tracers.get_tracer("test")
    with tracer.start_as_current_span("request") as request:
        result.observe(spoken.records[0])
    result.observe({"t": 1.0, "note": "CallEnded", "error": None})
    (call,) = result.of("call")
    assert call.parent.span_id == request.get_span_context().span_id


def test_without_words_nothing_that_was_said_is_in_any_span(spoken):
    result = measured(spoken.records, words=False)
    assert len(result.spans) == len(spoken.measured.spans)
    texts = json.dumps([[*map(str, span.attributes.values())] for span in result.spans])
    for word in ("uh-huh", "stop", "lighthouse", "Pacific", "ocean", "clear speech"):
        assert word not in texts
        assert word in json.dumps([[*map(str, span.attributes.values())] for span in spoken.measured.spans])
    assert "words -1.00" in texts
    assert "resume" in texts


def test_a_call_that_breaks_anywhere_leaves_no_span_open(spoken):
    last = next(n for n, record in enumerate(spoken.records) if record.get("note") == "CallEnded")
    for end in range(1, last):
        t = spoken.records[end - 1]["t"]
        records = [*spoken.records[:end], {"t": t, "note": "CallEnded", "error": "the line is dead"}]
        result = measured(records)
        assert len(result.of("reply")) == sum(record.get("effect") == "BeginReply" for record in records)
        assert len(result.of("turn")) == sum(record.get("effect") == "BeginTurn" for record in records)
        (call,) = result.of("call")
        assert call.status.description == "the line is dead"
        # Each hold is one interruption, whatever was known of it; and each commit that came without one.
        holds = sum(record.get("effect") == "Hold" for record in records)
        late = sum(s.attributes.get(f"{IT}reconsidered", False) for s in result.of("interruption"))
        assert len(result.of("interruption")) == holds + late


def test_what_went_wrong_and_what_came_late_is_counted(spoken):
    head = spoken.records[0]
    result = measured(
        [
            head,
            {"t": 1.0, "note": "ComponentFailed", "component": "TTS", "error": "connection lost"},
            {"t": 2.0, "note": "StaleAudio", "epoch": 0, "chunks": 3, "samples": 4800},
            {"t": 3.0, "note": "CallEnded", "error": None},
            {"t": 4.0, "note": "StaleAudio", "epoch": 0, "chunks": 9, "samples": 4800},
        ]
    )
    (call,) = result.of("call")
    (event,) = call.events
    assert (event.name, event.attributes["exception.message"]) == ("exception", "connection lost")
    assert call.status.is_unset
    assert result.points("vision_agents.stale_chunks")[()].value == 3


def test_tokens_are_measured_by_the_conventions_for_generative_ai(spoken):
    usage = {"provider": "openai", "model": "gpt-5.4", "input_tokens": 100, "output_tokens": 20}
    result = measured(
        [
            spoken.records[0],
            {"t": 1.0, "note": "TokensUsed", "usage": usage},
            {"t": 2.0, "note": "TokensUsed", "usage": usage | {"output_tokens": 5}},
            {"t": 3.0, "note": "CallEnded", "error": None},
        ]
    )
    points = result.points("gen_ai.client.token.usage")
    told = {labels: (point.count, point.sum) for labels, point in points.items()}
    assert told == {
        ("chat", "openai", "gpt-5.4", "input"): (2, 200),
        ("chat", "openai", "gpt-5.4", "output"): (2, 25),
    }
    (call,) = result.of("call")
    assert (call.attributes["gen_ai.usage.input_tokens"], call.attributes["gen_ai.usage.output_tokens"]) == (200, 25)


def test_a_reply_that_was_never_begun_ends_where_it_was_dropped(spoken):
    result = measured(
        [
            spoken.records[0],
            {"t": 1.0, "effect": "BeginReply", "reply": 1, "epoch": 0, "answer": False, "continues": 7},
            {"t": 1.5, "effect": "DropReply", "reply": 1, "reason": "it could not be made"},
            {"t": 9.0, "note": "CallEnded", "error": None},
        ]
    )
    (reply,) = result.of("reply")
    assert (reply.end_time - reply.start_time) / 1e9 == pytest.approx(0.5)
    assert reply.attributes["vision_agents.reply.dropped"] == "it could not be made"
    assert "vision_agents.interruptions.recovered" not in result.metrics


def test_a_turn_of_a_realtime_model_ends_before_its_words_come(spoken):
    head = {**spoken.records[0], "answers": False}
    begin, over = (
        {"effect": "BeginTurn", "participant": "u"},
        {"effect": "AnnounceTurnEnded", "participant": "u", **END},
    )
    records = [
        head,
        {"t": 1.0, **begin},
        {"t": 2.0, **over},
        {"t": 3.0, **begin},
        {"t": 4.0, **over},
        {"t": 5.0, "effect": "RecordTurn", "participant": "u", "text": "well"},
        {"t": 6.0, **begin},
        {"t": 7.0, **over},
        {"t": 9.0, "note": "CallEnded", "error": None},
    ]
    zero = head["started"] - head["t"]
    turns = measured(records).of("turn")
    assert [(round(s.start_time / 1e9 - zero), round(s.end_time / 1e9 - zero)) for s in turns] == [
        (1, 2),
        (3, 4),
        (6, 7),
    ]
    assert [s.attributes["vision_agents.turn.taken"] for s in turns] == [True] * 3
    # Where the floor answers, a turn that is taken up again is one turn.
    turns = measured([spoken.records[0], *records[1:]]).of("turn")
    assert [(round(s.start_time / 1e9 - zero), round(s.end_time / 1e9 - zero)) for s in turns] == [(1, 4), (6, 7)]


@pytest.mark.parametrize(
    ("decision", "weights", "strategy"),
    [
        ("commit", {"length": 0.4, "words": 1.0}, "words"),
        ("resume", {"length": 0.4, "words": -1.0}, "words"),
        ("resume", {"length": 0.4}, "none"),
        ("commit", {}, "none"),
    ],
)
def test_who_decided(decision, weights, strategy):
    votes = [Vote(weight, "", name) for name, weight in weights.items()]
    assert decided_by(decision, votes) == strategy


# Nobody listens.


def in_a_process(code, **environment):
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, **environment},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


CALL = """
import sys
{before}
from vision_agents.core.observability.telemetry import telemetry
observe = telemetry()
observe({{"t": 0, "note": "SessionStarted", "version": 4, "policy": {{}}, "words": {{}},
          "answers": True, "started": 0}})
print(getattr(observe, "__name__", "a call"), any(name.startswith("opentelemetry.") for name in sys.modules))
"""


@pytest.mark.parametrize(
    ("before", "says"),
    [
        ("", "_ignore False"),
        # As if it were not installed.
        ("sys.modules['opentelemetry'] = None", "_ignore False"),
        ("import opentelemetry.trace", "_ignore True"),
        (
            "from opentelemetry import trace; from opentelemetry.sdk.trace import TracerProvider; "
            "trace.set_tracer_provider(TracerProvider())",
            "a call True",
        ),
        (
            "from opentelemetry import metrics; from opentelemetry.sdk.metrics import MeterProvider; "
            "metrics.set_meter_provider(MeterProvider())",
            "a call True",
        ),
    ],
    ids=["nothing imported", "not installed", "no provider", "spans", "metrics"],
)
def test_nothing_is_imported_or_done_unless_somebody_wants_it(before, says):
    assert in_a_process(CALL.format(before=before)).strip() == says


def test_a_provider_that_is_named_by_the_environment_is_used():
    said = in_a_process(CALL.format(before=""), OTEL_PYTHON_TRACER_PROVIDER="sdk_tracer_provider")
    assert said.strip() == "a call True"


def test_the_agent_itself_imports_none_of_it():
    code = "import sys, vision_agents.core; print([m for m in sys.modules if m.startswith('opentelemetry')])"
    assert in_a_process(code).strip() == "[]"


def test_the_example_of_the_page_runs():
    (example,) = [
        block for block in re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL) if "telemetry()" in block
    ]
    printed = in_a_process(example)
    for name in ("call", "turn", "reply", "interruption"):
        assert f'"name": "vision_agents.{name}"' in printed
    assert '"vision_agents.interruption.decision": "commit"' in printed
    assert "vision_agents.interruption.time_to_silence" in printed
