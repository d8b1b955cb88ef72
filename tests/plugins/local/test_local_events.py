"""The page's list of events has a line for each kind of record of a trace that tells people something."""

import dataclasses
import os
import re
import typing
from typing import Any

import pytest

from vision_agents.core.floor import effects as fx
from vision_agents.core.floor.machine import EVENTS
from vision_agents.core.trace import encode_record
from vision_agents.core.trace.notes import NOTES
from vision_agents.plugins.local.page_files import page_files
from vision_agents.plugins.local.protocol import PageRecords

from ...e2e.devtools import chromium, find_chromium
from .test_local_decisions import MICROPHONE, shown

KINDS: dict[str, type] = {kind.__name__: kind for kind in (*EVENTS, *fx.Effect.__subclasses__(), *NOTES)}

# Those without a line: each is the cause or the echo of one that has one, or the page has a better place for it.
WITHOUT = {
    "the clock, and what comes many times a second": {"TimePassed", "SpeechContinued", "AudioProgressed"},
    "captions": {"TranscriptReceived", "TranscriptCompleted", "UserTranscript", "AgentTranscript", "AgentWordsPlayed"}
    | {"ReplyPlayed", "ResponseRequested"},
    "evidence, which decisions name": {"VoiceCompared", "Voted", "PauseJudged", "InterruptionDecided", "ReplyResumed"},
    "turns as they are told, of which the floor makes turns": {"TurnStarted", "TurnEnded", "TurnEndExpected"}
    | {"TurnResumed", "BeginTurn", "FinishTurn"},
    "replies before they begin": {"ReplyRequested", "ReplyStarted", "PrepareReply", "DiscardReply", "PreparedInVain"},
    "what a decision follows from": {"InterruptRequested", "TellNews"},
    "settings, and the frame of the call": {"PolicySet", "InterruptingAllowed", "SessionStarted", "CallEnded"}
    | {"CallOver", "ParticipantJoined"},
    "figures": {"AnswerTimed", "TokensUsed", "StaleAudio", "VoiceStarted", "VoiceStopped"},
    "the recording": {"RecordingStarted", "RecordingEnded", "ClockLate"},
}

# The reasons for which a reply begins that is no plain answer.
BEGUN = [
    encode_record(2.0, fx.BeginReply(4, 1, False, news=True)),
    encode_record(2.0, fx.BeginReply(5, 1, False, continues=3)),
    encode_record(2.0, fx.BeginReply(6, 1, False, continues=0)),
]


def lines() -> set[str]:
    """The kinds that the page has a line for."""
    table = page_files()["events.js"].body.decode().split("const LINES = {")[1].split("\n};")[0]
    return set(re.findall(r"^  (\w+):", table, re.MULTILINE))


def made(kind: type) -> dict[str, Any]:
    """The record of a fact of this kind."""
    samples: dict[Any, Any] = {float: 1.5, int: 3, str: "some words", bool: True, None: None}
    hints = typing.get_type_hints(kind)
    facts = {field.name: samples.get(hints[field.name]) for field in dataclasses.fields(kind)}
    return encode_record(1.5, kind(**facts))


def test_no_kind_of_record_is_unknown_to_the_page():
    without = set().union(*WITHOUT.values())
    assert lines() | without == set(KINDS)
    assert not lines() & without


def test_what_has_a_line_is_sent_to_pages():
    sent = {name for name, kind in KINDS.items() if name in lines() and PageRecords().pick(made(kind))}
    assert sent == lines()


@pytest.mark.browser
@pytest.mark.skipif(
    find_chromium() is None and "CI" not in os.environ, reason="no browser here; on Debian: apt install chromium"
)
async def test_each_line_says_what_its_record_tells(edge):
    async with chromium(*MICROPHONE) as browser:
        tab = await shown(edge, browser, [*(made(KINDS[name]) for name in sorted(lines())), *BEGUN])
        rows = await tab.run("[...document.querySelectorAll('#events > li')].map((row) => row.textContent)")
        assert tab.console == []
    assert len(rows) == len(lines()) + len(BEGUN) + 1, "one for each, and the last turn"
    told = [row.split(maxsplit=1)[1] for row in rows]
    assert [line for line in told if re.search(r"undefined|null|NaN|\[object|true", line)] == []
    assert "reply 3 is given up: some words" in told
    assert "the model has lost reply 3" in told
    assert {
        "reply 4 tells what a function found",
        "reply 5 goes on where reply 3 was cut off",
        "reply 6: the model is asked for the answer that it owes",
    } <= set(told)
