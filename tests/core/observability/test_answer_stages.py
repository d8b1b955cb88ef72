"""The stages of answers are the same in the event, the trace, the report, its page, the summary and OpenTelemetry."""

import json

import pytest

pytest.importorskip("opentelemetry.sdk", reason="the tests need opentelemetry-sdk")

from vision_agents.cli.summary import summary
from vision_agents.core.agents.events import AnswerLatencyEvent
from vision_agents.core.observability.explain import STAGES
from vision_agents.core.observability.folder import CallFolder
from vision_agents.core.observability.page import report_page
from vision_agents.core.observability.reader import read_story
from vision_agents.core.observability.recorder import TraceWriter
from vision_agents.core.observability.report import make_report
from vision_agents.core.trace.stages import STAGES as ALL
from vision_agents.testing import virtual_time

from .spoken_call import hold_call, user_wav
from .test_page import Page
from .test_telemetry import Measured

REPLY = "vision_agents.reply."


class TimedCall:
    """The folder of a call, the events of its agent, and what was measured of it."""

    def __init__(self, path):
        self.folder = CallFolder(path / "call")
        self.folder.prepare()
        self.measured = Measured()
        self.events: list[AnswerLatencyEvent] = []
        with TraceWriter(self.folder.trace) as trace:
            observers = (trace, self.measured.observe)
            virtual_time.run(self._hold(user_wav(path / "user.wav"), observers), timeout=300.0)
        self.records = [json.loads(line) for line in self.folder.trace.read_text().splitlines()]
        self.report = self.folder.write_report()
        (self.offset,) = (r["t"] for r in self.records if r.get("note") == "RecordingStarted")

    async def _hold(self, wav, observers):
        await hold_call(wav, self.folder.wav, lambda r: [observe(r) for observe in observers], listen=self._listen)

    def _listen(self, agent):
        @agent.events.subscribe
        async def note(event: AnswerLatencyEvent):
            self.events.append(event)


@pytest.fixture(scope="module")
def call(tmp_path_factory):
    return TimedCall(tmp_path_factory.mktemp("timed"))


def test_the_report_has_the_event_of_each_reply(call):
    assert [facts.reply for facts in call.report.answers] == [event.reply for event in call.events] == [1, 2, 3]
    for facts, event in zip(call.report.answers, call.events, strict=True):
        assert facts.participant == (event.participant and event.participant.id)
        assert facts.durations == pytest.approx(event.stages.durations, abs=0.0002)
        for stage in ALL:
            at = event.stages.at(stage)
            assert facts.stages.at(stage) == (None if at is None else pytest.approx(at - call.offset, abs=0.0002))
    assert [facts.participant for facts in call.report.answers] == ["user", "user", None], "the third says a rest"


def test_they_add_up_to_what_is_heard_in_the_recording(call):
    answers = {facts.reply: facts for facts in call.report.answers}
    assert [response.reply for response in call.report.responses] == [1, 2]
    for response in call.report.responses:
        assert sum(answers[response.reply].durations.values()) == pytest.approx(response.latency, abs=0.02)
        assert answers[response.reply].total == pytest.approx(response.latency, abs=0.02)


def test_open_telemetry_has_the_same(call):
    for event, span in zip(call.events, call.measured.of("reply"), strict=True):
        prefix = f"{REPLY}stage."
        took = {key.removeprefix(prefix): at for key, at in span.attributes.items() if key.startswith(prefix)}
        assert took == pytest.approx(event.stages.durations)
        assert span.attributes.get(f"{REPLY}latency") == event.stages.total
        events = {event.name: event.timestamp for event in span.events}
        made = {
            stage for stage in ("first_token", "first_sentence", "first_audio") if event.stages.at(stage) is not None
        }
        assert events.keys() == {f"{REPLY}{stage}" for stage in made} | {f"{REPLY}first_sample"}
        waited = (events[f"{REPLY}first_sample"] - events[f"{REPLY}first_audio"]) / 1e9
        assert waited == pytest.approx(event.stages.durations["pulled"], abs=0.001)
    points = call.measured.points("vision_agents.response.stage")
    answers = [event.stages for event in call.events if event.stages.total is not None]
    assert {stage for (stage,) in points} == set(answers[0].durations)
    assert sum(point.sum for point in points.values()) == pytest.approx(sum(stages.total for stages in answers))
    latency = call.measured.points("vision_agents.response.latency")[()]
    assert (latency.count, latency.sum) == (2, pytest.approx(sum(stages.total for stages in answers)))


def test_the_page_draws_each_and_says_it_in_words(call):
    page = Page(call.folder.html.read_text())
    bars = [found for name, found in page.elements if name == "svg" and found.get("class") == "stages"]
    heard = [facts for facts in call.report.answers if facts.total is not None]
    assert len(bars) == len(heard) == 2
    for bar, facts in zip(bars, heard, strict=True):
        assert bar["aria-label"].startswith(f"{facts.total * 1000:.0f} ms: ")
        assert f"{facts.durations['final_words'] * 1000:.0f} ms for the final words" in bar["aria-label"]
    widths = [
        float(found["width"])
        for name, found in page.elements
        if found.get("class", "").startswith("stage ") and name == "rect"
    ]
    slowest = max(facts.total for facts in heard)
    assert sum(widths) == pytest.approx(1000.0 * sum(facts.total for facts in heard) / slowest, abs=1.0)
    assert "the rest of 2" in page.text


def test_the_summary_has_a_line_for_each(call):
    lines = summary(call.report).splitlines()
    first = next(n for n, line in enumerate(lines) if line.startswith("answers, in ms")) + 2
    for line, facts in zip(lines[first:], call.report.answers, strict=False):
        number, _, *figures = line.split()
        assert int(number) == facts.reply
        told = [*(facts.durations.get(stage) for stage in STAGES), facts.total]
        assert figures[: len(told)] == ["–" if seconds is None else f"{seconds * 1000:.0f}" for seconds in told]


def test_a_trace_that_tells_of_no_stages_has_those_of_the_floor(call):
    old = make_report(read_story(record for record in call.records if record.get("note") != "AnswerTimed"))
    for before, now in zip(old.answers, call.report.answers, strict=True):
        known = [stage for stage in ALL if not stage.startswith("first_")]
        assert [before.stages.at(s) for s in known] == pytest.approx([now.stages.at(s) for s in known], abs=0.001)
        assert before.total == (None if now.total is None else pytest.approx(now.total, abs=0.001))


def test_a_call_without_answers_has_no_table(make_call):
    story = read_story(make_call(duration=2.0).records)
    report = make_report(story)
    assert (report.answers, report.stages) == ((), {})
    assert "Answers, and where" not in report_page(report, story, None)
    assert "answers, in ms" not in summary(report)
