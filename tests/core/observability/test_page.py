"""The page: whole, alone, and safe whatever was said."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from vision_agents.cli.summary import summary
from vision_agents.core.audio.files import WavWriter
from vision_agents.core.observability import player
from vision_agents.core.observability.acoustics import Recording
from vision_agents.core.observability.explain import delays
from vision_agents.core.observability.facts import AnswerFacts
from vision_agents.core.observability.folder import CallFolder
from vision_agents.core.observability.page import report_page
from vision_agents.core.observability.player import sound_of
from vision_agents.core.observability.reader import read_story
from vision_agents.core.observability.report import make_report
from vision_agents.core.observability.timeline import rows
from vision_agents.core.trace import encode_record, notes
from vision_agents.core.trace.stages import AnswerStages

RATE = 48_000
EVIL = '</title><script>alert("x")</script>&amp;\x00 "\'\u202e'


class Page(HTMLParser):
    """Elements in order with their attributes, and the text; fails if tags are not balanced."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in ("meta", "br"):
            self._open.append(tag)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)

    def count(self, tag, **attributes):
        return sum(
            name == tag and all(found.get(key.rstrip("_")) == value for key, value in attributes.items())
            for name, found in self.elements
        )

    @property
    def text(self):
        return " ".join(self.texts)


def page_of(call, title="call", recording=True):
    sides = Recording(call.recording[:, 0], call.recording[:, 1], RATE) if recording else None
    story = read_story(call.records)
    return report_page(make_report(story, sides), story, sides, title)


def test_it_needs_nothing_else(conversation):
    html = page_of(conversation)
    page = Page(html)
    assert not re.search(r"https?:|\burl\(|@import|\bsrc=|\bhref=", html)
    assert page.count("script") == page.count("link") == page.count("img") == 0
    (policy,) = [found for name, found in page.elements if found.get("http-equiv") == "Content-Security-Policy"]
    assert policy["content"].startswith("default-src 'none'")
    assert "prefers-color-scheme: dark" in html


def test_it_shows_what_happened(conversation):
    page = Page(page_of(conversation, title="Tuesday"))
    assert "Tuesday: call report" in page.text
    # Each in the table, in a drawing of its own, and in the timeline.
    assert page.count("span", class_="chip commit") == page.count("span", class_="chip resume") == 2
    assert page.count("line", class_="commit") == page.count("line", class_="resume") == 2
    assert page.count("article") == 2
    assert page.count("text", class_="measure") == 2
    assert page.count("rect", class_="hold") >= 4
    for words in ("Wait, when was that?", "Ada", "epoch 1", "is still the tallest of its kind."):
        assert words in page.text
    assert page.count("span", class_="unheard") == 2


def test_nothing_that_was_said_becomes_markup(make_call):
    call = make_call((0.5, 1.7, EVIL), (4.0, 5.5, EVIL), duration=9.0)
    for record in call.records:
        if record.get("note") == "ParticipantJoined":
            record["name"] = EVIL
        if record.get("note") == "AgentTranscript":
            record["heard"] = record["unheard"] = EVIL
        if record.get("effect") in ("Commit", "Resume"):
            record["reason"] = EVIL
    page = Page(page_of(call, title=EVIL))
    assert page.count("script") == 0
    assert "\x00" not in page.text
    assert 'alert("x")' in page.text


def test_a_very_long_call_is_drawn_where_something_happens(conversation):
    conversation.records.append({"t": 9e5, "note": "CallEnded", "error": None})
    html = page_of(conversation, recording=False)
    assert len(html) < 300_000
    page = Page(html)
    assert page.count("rect", class_="hold") >= 4
    assert "of 54546 lines are left out here" in page.text


@pytest.mark.parametrize("recording", [True, False])
def test_a_call_in_which_nothing_was_said(make_call, recording):
    page = Page(page_of(make_call(duration=0.1), recording=recording))
    assert "Nobody spoke over the agent." in page.text
    assert "No words." in page.text
    assert ("put its call.wav beside trace.jsonl" not in page.text) is recording


def test_without_a_recording_the_replies_are_drawn_as_they_were_reported(conversation):
    page = Page(page_of(conversation, recording=False))
    assert page.count("rect", class_="agent block") >= 2
    assert page.count("path") == 0


def test_where_the_clock_was_late_is_shown(conversation):
    assert "the machine was busy" not in Page(page_of(conversation)).text
    conversation.records.append({"t": 3.0, "note": "ClockLate", "lasted": 0.3, "delay": 0.25})
    page = Page(page_of(conversation))
    assert page.count("rect", class_="late") == 1
    assert "the machine was busy" in page.text


def test_a_long_call_is_drawn_in_lines_that_cover_all_of_it(make_call):
    call = make_call((0.5, 1.7, "Tell me."), duration=100.0)
    page = Page(page_of(call))
    svgs = [found for name, found in page.elements if name == "svg" and found.get("class") != "stages"]
    labels = [found["aria-label"] for found in svgs if "aria-label" in found]
    assert labels == [f"both voices from {n * 100 / 7:.1f} to {(n + 1) * 100 / 7:.1f} seconds" for n in range(7)]


def test_a_voice_is_drawn_where_it_sounds(make_call):
    call = make_call(duration=5.0)
    call.recording[:] = 0
    call.recording[RATE : 2 * RATE, 0] = np.int16(10_000)
    page = Page(page_of(call))
    (user,) = [found["d"] for name, found in page.elements if name == "path" and found["class"] == "user voice"]
    (agent,) = [found["d"] for name, found in page.elements if name == "path" and found["class"] == "agent voice"]
    places = [float(x) / 1080 * 5.0 for x in re.findall(r"M([\d.]+) ", user)]
    assert (min(places), max(places)) == (pytest.approx(1.0, abs=0.02), pytest.approx(2.0, abs=0.02))
    assert agent == ""


def test_the_folder_holds_both_reports_and_makes_them_again(conversation, tmp_path):
    folder = CallFolder(conversation.save(tmp_path / "talk"))
    first = folder.write_report()
    written = folder.json.read_text()
    assert "talk: call report" in folder.html.read_text()
    folder.json.unlink()
    before = folder.html.read_bytes()
    with folder.html.open("rb") as being_sent:
        assert folder.write_report() == first
        folder.html.write_bytes(b"")
        assert being_sent.read() == before, "whoever reads the one of before reads that to its end"
    assert folder.json.read_text() == written


@pytest.mark.parametrize(
    ("duration", "lines"), [(0.0, 1), (4.0, 1), (12.0, 1), (15.6, 1), (17.0, 2), (40.0, 3), (7200.0, 437)]
)
def test_the_lines_of_a_call_are_of_one_length_and_no_line_is_next_to_empty(duration, lines):
    views = rows(duration, 1080.0)
    assert len(views) == lines
    assert views[0].start == 0.0
    assert [view.start for view in views[1:]] == [view.end for view in views[:-1]]
    assert views[-1].end >= duration - 1e-6
    assert views[-1].start <= duration * (1 - 1 / (2 * lines))


def test_what_was_asked_by_text_is_among_what_was_said(conversation):
    asked = encode_record(3.0, notes.ResponseRequested(7, "and <the> birds?"))
    story = read_story([*conversation.records, asked])
    html = report_page(make_report(story), story, None)
    assert "by text" in Page(html).text
    assert "and &lt;the&gt; birds?" in html
    assert make_report(story).counts.typed == 0, "code asked"


def test_what_came_late_is_counted_where_something_did(conversation):
    story = read_story(conversation.records)
    report = make_report(story)
    late, none = (
        Page(
            report_page(
                replace(report, counts=replace(report.counts, stale_chunks=count, stale_samples=samples)), story, None
            )
        )
        for count, samples in ((1, 48_000), (0, 0))
    )
    assert "of interrupted answers' audio came late, in 1 chunk, and was dropped" in late.text
    assert "of interrupted answers' audio came late" in none.text
    assert "0 chunks" not in none.text


@pytest.mark.parametrize(("seconds", "told"), [(0.004, ""), (0.3, "0.30 s in functions")])
def test_a_function_that_took_no_time_is_not_told_of(seconds, told):
    stages = AnswerStages(speech_end=0.0, pulled=1.0, functions=seconds)
    assert delays(AnswerFacts(1, 0, "user", stages, {}, 1.0)) == told


def test_what_somebody_typed_is_theirs_and_is_counted(conversation):
    typed = encode_record(3.0, notes.ResponseRequested(7, "and <the> birds?", "user"))
    story = read_story([*conversation.records, typed])
    report = make_report(story)
    assert report.counts.typed == 1
    assert ", 1 typed text, " in summary(report)
    html = report_page(report, story, None)
    assert "by text" not in Page(html).text
    assert re.search(r">Ada</b><span>and &lt;the&gt; birds\?", html)


def test_a_report_has_the_sound_of_a_call_or_its_address(conversation, tmp_path, monkeypatch):
    wav = tmp_path / "call.wav"
    assert sound_of(wav) == ""
    with WavWriter(wav, RATE, 2) as writer:
        writer.write(conversation.recording)
    assert sound_of(wav).startswith("data:audio/ogg;base64,")
    monkeypatch.setattr(player, "EMBEDDED", 1.0)
    assert (sound_of(wav), sound_of(wav, "call.wav?page=1")) == ("call.wav", "call.wav?page=1")
    story = read_story(conversation.records)
    sides = Recording(conversation.recording[:, 0], conversation.recording[:, 1], RATE)
    page = Page(report_page(make_report(story, sides), story, sides, sound="call.wav"))
    assert page.count("audio", src="call.wav") == 1
    assert page.count("button", class_="play") > 2
    (policy,) = [found for name, found in page.elements if found.get("http-equiv") == "Content-Security-Policy"]
    assert "unsafe-inline" not in policy["content"].partition("script-src")[2]
