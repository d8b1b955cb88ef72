"""The page's captions show where the time of each answer went, in the words of the report."""

import os

import pytest

from vision_agents.core.observability.explain import stage_sentence
from vision_agents.core.observability.facts import AnswerFacts
from vision_agents.core.trace import encode_record, notes
from vision_agents.core.trace.stages import AnswerStages

from ...e2e.devtools import chromium, find_chromium
from .test_local_decisions import MICROPHONE, interruption, shown

pytestmark = [
    pytest.mark.browser,
    # In CI a browser that is missing is a failure.
    pytest.mark.skipif(
        find_chromium() is None and "CI" not in os.environ, reason="no browser here; on Debian: apt install chromium"
    ),
]

ROWS = """[...document.querySelectorAll("#captions > .agent")].map((row) => ({
  words: row.querySelector(".words").textContent,
  bars: [...row.querySelectorAll(".stages")].map((bar) => ({
    label: bar.getAttribute("aria-label"),
    role: bar.getAttribute("role"),
    pieces: Object.fromEntries([...bar.querySelectorAll("i")].map((piece) => [piece.className, piece.offsetWidth])),
    room: bar.querySelector(".bar").offsetWidth,
  })),
}))"""

CASCADE = AnswerStages(1.0, 1.2, 1.4, 1.5, 1.5, 1.8, 1.9, 2.1, 2.12)
REALTIME = AnswerStages(speech_end=11.0, turn_ended=11.5, begun=11.6, first_audio=11.7, pulled=11.75)
SAID = AnswerStages(begun=21.0, first_audio=21.2, pulled=21.22)


def timed(t, reply, stages):
    """What the trace tells of a reply: its stages, then its words, and that it is over."""
    told = notes.AnswerTimed(reply, "user" if stages.total else None, stages, stages.durations, stages.total)
    spoken = (
        notes.AgentTranscript(reply, heard, "" if done else "there", False, done)
        for heard, done in (("", 0), ("hi", 1))
    )
    return [encode_record(t, fact) for fact in (told, *spoken)]


async def test_who_typed_waits_from_there(edge):
    asked = encode_record(20.6, notes.ResponseRequested(3, "and then?", "user"))
    cut = interruption(20.6, "commit", "a text is to be answered at once", participant=None)
    async with chromium(*MICROPHONE) as browser:
        tab = await shown(edge, browser, [asked, *cut, *timed(22.0, 3, SAID), *timed(32.0, 4, SAID.shifted(10.0))])
        answer, greeting = await tab.run(ROWS)
        await tab.click("#talk")
        await tab.until("!document.querySelector('#summary').hidden")
        figures = await tab.text("#figures")
        assert tab.console == []
    (bar,) = answer["bars"]
    assert bar["label"].startswith("620 ms: 400 ms until the reply was begun, 200 ms for the first audio")
    assert list(bar["pieces"]) == ["begun", "first_audio", "pulled"]
    assert not greeting["bars"], "what code asked for made nobody wait"
    assert "answered after0.62 s (median)" in figures
    assert "spoken over0 times: 0 committed" in figures, "who types does not speak"
    assert "silent after–" in figures


async def test_each_answer_has_its_stages(edge):
    records = [*timed(2.2, 1, CASCADE), *timed(12.0, 2, REALTIME), *timed(22.0, 3, SAID)]
    async with chromium(*MICROPHONE) as browser:
        tab = await shown(edge, browser, records)
        rows = await tab.run(ROWS)
        assert tab.console == []
    assert [row["words"] for row in rows] == ["hi"] * 3
    assert [len(row["bars"]) for row in rows] == [1, 1, 0], "what code asked for made nobody wait"
    for row, stages in zip(rows, (CASCADE, REALTIME), strict=False):
        (bar,) = row["bars"]
        assert bar["label"] == stage_sentence(AnswerFacts(1, 0, "user", stages, stages.durations, stages.total))
        assert bar["role"] == "img"
        assert list(bar["pieces"]) == list(stages.durations)
        for stage, width in bar["pieces"].items():
            assert width == pytest.approx(stages.durations[stage] / stages.total * bar["room"], abs=1.0)
