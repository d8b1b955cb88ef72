"""Each interruption says why, in every form of the report; what is told fits what the agent itself told."""

import asyncio
import json

import numpy as np
import pytest

from vision_agents.cli.summary import summary
from vision_agents.core.agents.events import InterruptionEvent
from vision_agents.core.audio.files import WavWriter
from vision_agents.core.observability.folder import CallFolder
from vision_agents.core.observability.page import report_page
from vision_agents.core.observability.reader import read_story
from vision_agents.core.observability.recorder import TraceWriter
from vision_agents.core.observability.report import make_report, report_json
from vision_agents.testing import virtual_time
from vision_agents.testing.parts import ScriptedSTT

from .spoken_call import hold_call, user_wav
from .test_page import EVIL, Page

RATE = 48_000


class SpokenCall:
    """The folder of a call, its records, and the events of its agent."""

    def __init__(self, path):
        self.folder = CallFolder(path / "call")
        self.folder.prepare()
        self.events = []
        with TraceWriter(self.folder.trace) as trace:
            virtual_time.run(self._hold(user_wav(path / "user.wav"), trace), timeout=300.0)
        self.records = [json.loads(line) for line in self.folder.trace.read_text().splitlines()]
        self.report = self.folder.write_report()

    async def _hold(self, wav, trace):
        await hold_call(wav, self.folder.wav, trace, listen=self._listen)

    def _listen(self, agent):
        @agent.events.subscribe
        async def note(event: InterruptionEvent):
            self.events.append(event)


@pytest.fixture(scope="module")
def spoken(tmp_path_factory):
    return SpokenCall(tmp_path_factory.mktemp("spoken"))


def test_what_was_decided_and_by_which_votes(spoken):
    facts = spoken.report.interruptions
    assert [f.decision for f in facts] == ["resume", "resume", "commit", "commit"]
    assert [f.participant for f in facts] == ["user"] * 4
    assert [[vote.strategy for vote in f.evidence] for f in facts] == [
        ["length", "words"],
        ["length"],
        ["length", "words"],
        ["length"],
    ]
    uh_huh, short, stop, noise = facts
    assert "uh-huh" in uh_huh.reason
    assert "stop" in stop.reason
    for interruption in (stop, noise):
        assert sum(vote.weight for vote in interruption.evidence) >= 1.0 - 1e-9
        assert interruption.samples_dropped > 0
    for none in (uh_huh, short):
        assert sum(vote.weight for vote in none.evidence) < 1.0
        assert none.samples_dropped == 0


def test_it_is_what_the_agent_told(spoken):
    assert len(spoken.events) == 4
    for event, facts in zip(spoken.events, spoken.report.interruptions, strict=True):
        assert (event.decision, event.reason, event.evidence) == (facts.decision, facts.reason, facts.evidence)
        assert (event.heard, event.unheard) == (facts.heard, facts.unheard)
        assert event.samples_dropped == facts.samples_dropped
        assert event.time_to_silence_ms / 1000.0 == pytest.approx(facts.time_to_silence, abs=1e-4)
        # The recording agrees: the agent's own count ends with the frame, the ear of the report with the sound.
        assert facts.silence <= facts.silence_told + 0.021
        assert facts.onset_to_silence == pytest.approx(facts.time_to_silence, abs=0.021)


def test_what_was_refused_and_accepted_later_is_both(spoken):
    uh_huh, short, stop, noise = spoken.report.interruptions
    assert short.accepted_at == stop.decided
    assert stop.refused_at == short.decided
    for other in (uh_huh, noise):
        assert other.accepted_at is other.refused_at is None
    assert spoken.report.counts.late_commits == 1


def test_a_false_commit_that_recovered_is_told(spoken):
    *others, noise = spoken.report.interruptions
    assert [facts.continued_by for facts in others] == [None] * 3
    rest = next(reply for reply in spoken.report.replies if reply.reply == noise.continued_by)
    assert rest.heard == noise.unheard
    assert noise.continued > noise.decided
    assert spoken.report.counts.recovered == 1


def test_a_rest_that_was_never_heard_is_no_recovery(spoken):
    number = spoken.report.interruptions[-1].continued_by
    records = [r for r in spoken.records if not (r.get("event") == "AudioStarted" and r["reply"] == number)]
    report = make_report(read_story(records))
    assert (report.interruptions[-1].continued_by, report.interruptions[-1].continued) == (number, None)
    assert report.counts.recovered == 0
    assert "was never heard" in summary(report)


def test_speech_that_was_discarded_becomes_nothing_later(make_call):
    call = make_call((0.5, 1.7, "Tell me."), (3.0, 3.2, ""), (4.5, 6.0, "Stop it now."), duration=9.0)
    # The second one is not held, as where its first words are the agent's own.
    records = [r for r in call.records if not (r.get("effect") == "Hold" and r["t"] > 4.5)]
    cough, interruption = make_report(read_story(records)).interruptions
    assert (cough.decision, interruption.decision, interruption.hold) == ("resume", "commit", None)
    assert cough.accepted_at is interruption.refused_at is None


def test_the_json_has_it_all(spoken):
    for facts in json.loads(spoken.folder.json.read_text())["interruptions"]:
        assert {"participant", "onset", "silence", "onset_to_silence", "decision", "reason", "heard", "unheard"} <= set(
            facts
        )
        assert all(set(vote) == {"strategy", "weight", "reason"} for vote in facts["evidence"])
        assert isinstance(facts["samples_dropped"], int)


def test_the_page_has_it_all(spoken):
    page = Page(spoken.folder.html.read_text())
    # In the table and in the drawing of each.
    assert page.count("table", class_="votes") == 8
    assert page.count("svg", class_="weight") == 2 * sum(len(f.evidence) for f in spoken.report.interruptions)
    for facts in spoken.report.interruptions:
        assert page.texts.count(facts.reason) >= 2
        for vote in facts.evidence:
            assert f"{vote.weight:+.2f}" in page.texts
            assert vote.reason in page.texts
    assert page.count("tspan", class_="why") >= 4
    assert "It became an interruption at" in page.text
    assert "It was taken for none at" in page.text
    assert "said the rest from" in page.text
    commit = spoken.report.interruptions[-1]
    assert f"({commit.samples_dropped} samples)" in page.text


def test_the_summary_has_it_all(spoken):
    text = summary(spoken.report)
    assert "1 after a refusal" in text
    assert "1 false and recovered" in text
    for number, facts in enumerate(spoken.report.interruptions, 1):
        assert f"{number}  {facts.decision}, user: {facts.reason}" in text
        for vote in facts.evidence:
            assert any(
                line.split()[:2] == [vote.strategy, f"{vote.weight:+.2f}"] and line.endswith(vote.reason)
                for line in text.splitlines()
            )
        assert f"not heard: {facts.unheard}" in text


def test_nothing_in_a_vote_becomes_markup(spoken):
    records = json.loads(json.dumps(spoken.records))
    for record in records:
        for vote in record.get("evidence", ()):
            vote["strategy"] = vote["reason"] = EVIL
    story = read_story(records)
    page = Page(report_page(make_report(story), story, None, "call"))
    assert page.count("script") == 0
    assert 'alert("x")' in page.text


def test_a_trace_from_before_all_this_is_read(spoken, tmp_path):
    folder = CallFolder(tmp_path / "old")
    folder.prepare()
    new = ("evidence", "continues", "heard", "unheard")
    old = [
        {key: value for key, value in record.items() if record.get("effect") is None or key not in new}
        for record in spoken.records
        if record.get("note") != "InterruptionDecided"
    ]
    folder.trace.write_text("".join(json.dumps(record) + "\n" for record in old))
    folder.wav.write_bytes(spoken.folder.wav.read_bytes())
    report = folder.write_report()
    assert [f.decision for f in report.interruptions] == [f.decision for f in spoken.report.interruptions]
    assert all(f.samples_dropped is f.time_to_silence is None and f.evidence == () for f in report.interruptions)
    # The recording still knows when the agent was silent.
    assert report.onset_to_silence == spoken.report.onset_to_silence
    assert "dropped: –" in summary(report)
    page = Page(folder.html.read_text())
    assert page.count("table", class_="votes") == 0
    assert "–" in page.texts


def test_without_a_recording_the_agent_s_own_count_is_shown(spoken):
    report = make_report(read_story(spoken.records))
    for facts in report.interruptions:
        assert facts.onset_to_silence is None
        assert facts.felt == facts.time_to_silence
    assert f"{report.interruptions[0].time_to_silence * 1000:.0f} ms" in summary(report)


def test_a_call_that_broke_off_anywhere_is_explained_so_far(spoken):
    for end in range(1, len(spoken.records) + 1):
        story = read_story(spoken.records[:end])
        report = make_report(story)
        report_json(report)
        summary(report)
        assert report.counts.late_commits <= report.counts.commits


def test_a_reply_that_was_stopped_by_code_was_stopped_by_nobody(tmp_path):
    with WavWriter(tmp_path / "user.wav", RATE, 1) as writer:
        writer.write(np.zeros(3 * RATE, dtype=np.int16))
    folder = CallFolder(tmp_path / "call")
    folder.prepare()

    def listen(agent):
        loop = asyncio.get_running_loop()
        loop.call_later(0.5, lambda: loop.create_task(agent.say("one two three four five six")))
        loop.call_later(1.5, agent.interrupt)

    with TraceWriter(folder.trace) as trace:
        virtual_time.run(hold_call(tmp_path / "user.wav", folder.wav, trace, listen, stt=ScriptedSTT()), timeout=300.0)
    report = folder.write_report()
    (facts,) = report.interruptions
    assert (facts.participant, facts.decision, facts.evidence) == (None, "commit", ())
    assert "1  commit, code: asked for by code" in summary(report)
