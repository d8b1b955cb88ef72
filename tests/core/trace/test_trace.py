"""The trace: written, read, replayed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest

from vision_agents.core.floor import Floor, FloorState, InterruptionPolicy
from vision_agents.core.floor import effects as fx
from vision_agents.core.floor import events as ev
from vision_agents.core.floor.machine import EVENTS
from vision_agents.core.floor.vocabulary import Vocabulary
from vision_agents.core.trace import (
    VERSION,
    Trace,
    TraceError,
    encode_record,
    notes,
    read_record,
    read_trace,
    replay,
)

START = 1000.25
BESIDE = notes.ComponentFailed("TTS", "connection lost")

# Few words of ours, so that a session record of the tests is short.
WORDS = Vocabulary(frozenset({"uh-huh"}), frozenset({"um"}), frozenset({"no", "stop"}), frozenset({"yes"}))


def a_session(policy: InterruptionPolicy | None = None) -> list[dict[str, Any]]:
    """A greeting, a cough that holds it, and an interruption; with notes in between."""
    floor = Floor(policy or InterruptionPolicy(commit_speech=0.5), vocabulary=WORDS)
    trace = Trace(floor, lambda: START)
    records: list[dict[str, Any]] = []
    trace.observe(lambda record: records.append(json.loads(json.dumps(record))))
    trace.open(1.5e9)
    happened: list[ev.FloorEvent] = [
        ev.ReplyRequested(START + 0.1, 1),
        ev.AudioStarted(START + 0.3, 1),
        ev.SpeechStarted(START + 1.0, "ann", 0.9, 0.04),
        ev.SpeechEnded(START + 1.3, "ann", 0.1, 0.16),
        ev.TimePassed(START + 1.3 + 0.2),
        ev.TimePassed(START + 1.3 + 1.0),
        ev.AgentWordsPlayed(START + 3.0, 1, "how are you?"),
        ev.SpeechStarted(START + 3.0, "ann"),
        ev.VoiceCompared(START + 3.1, "ann", 0.9),
        ev.TranscriptReceived(START + 3.1, "ann", "uh-huh", False, 0.8),
        ev.Voted(START + 3.2, "ann", 2, "gaze", 1.0, "she looks at us"),
        ev.SpeechContinued(START + 3.5, "ann", 0.9, 0.5, -20.0),
        ev.SpeechEnded(START + 3.7, "ann", 0.51, 0.16),
        ev.TurnEnded(START + 3.8, "ann", 0.9, None, 0.3),
        ev.TranscriptReceived(START + 3.9, "ann", "no \u2028 “nein”", True),
        ev.TranscriptCompleted(START + 3.9, "ann", 1),
    ]
    for event in happened:
        trace.event(event, floor.handle(event))
        trace.note(BESIDE, event.at)
    return records


def write(path: Path, records: list[dict[str, Any]], *, escape: bool = True) -> Path:
    path.write_text("".join(json.dumps(r, ensure_ascii=escape) + "\n" for r in records), encoding="utf-8")
    return path


def _kind(effect: dict[str, Any]) -> Any:
    return effect["effect"]


class TestWriting:
    def test_records_in_order_with_times_since_the_start(self) -> None:
        records = a_session()
        assert records[0]["note"] == "SessionStarted"
        assert records[0]["version"] == VERSION
        assert records[0]["policy"]["commit_speech"] == 0.5
        assert records[0]["policy"]["strategies"][:2] == ["length", "detector"]
        assert records[0]["words"] == {
            "backchannels": ["uh-huh"],
            "fillers": ["um"],
            "commands": ["no", "stop"],
            "answers": ["yes"],
            "leads": [],
            "tails": [],
        }
        assert records[0]["answers"] is True
        assert records[1] == {
            "t": 0.1,
            "state": "thinking",
            "event": "ReplyRequested",
            "at": START + 0.1,
            "reply": 1,
            "interruptible": True,
            "interrupts": False,
            "within": None,
        }
        assert records[2] == {
            "t": 0.1,
            "state": "thinking",
            "effect": "BeginReply",
            "reply": 1,
            "epoch": 0,
            "answer": False,
            "continues": None,
            "news": False,
            "filler": "",
            "prepared": False,
        }
        assert records[3] == {
            "t": 0.1,
            "state": "thinking",
            "note": "ComponentFailed",
            "component": "TTS",
            "error": "connection lost",
        }
        assert [r["effect"] for r in records if "effect" in r] == [
            "BeginReply",
            "BeginTurn",
            "Hold",
            "Resume",
            "DiscardTurn",
            "BeginTurn",
            "Hold",
            "Commit",
            "AnnounceTurnStarted",
            "AnnounceTurnEnded",
            "FinishTurn",
            "RecordTurn",
            "BeginReply",
        ]

    def test_votes_are_records_too(self) -> None:
        [commit] = [record for record in a_session() if record.get("effect") == "Commit"]
        assert commit["reason"] == "0.50 s of clear speech, she looks at us"
        assert [(vote["strategy"], vote["weight"]) for vote in commit["evidence"]] == [
            ("length", 1.0),
            ("words", -1.0),
            ("gaze", 1.0),
        ]
        assert all(vote["reason"] for vote in commit["evidence"])

    def test_nobody_looks(self) -> None:
        trace = Trace(Floor(), lambda: 0.0)
        trace.event(ev.TimePassed(1.0), [fx.BeginTurn("ann")])
        trace.note(BESIDE)
        seen: list[Any] = []
        trace.observe(seen.append)
        assert seen == []

    def test_everybody_who_looks_sees_the_same(self) -> None:
        trace = Trace(Floor(), lambda: 0.0)
        one: list[Any] = []
        two: list[Any] = []
        trace.observe(one.append)
        trace.observe(two.append)
        trace.event(ev.TimePassed(1.0), [fx.BeginTurn("ann")])
        assert (
            one
            == two
            == [
                encode_record(1.0, ev.TimePassed(1.0), FloorState.IDLE),
                encode_record(1.0, fx.BeginTurn("ann"), FloorState.IDLE),
            ]
        )


class TestReading:
    @pytest.mark.parametrize("escape", [True, False])
    def test_a_file_gives_back_what_was_written(self, tmp_path: Path, escape: bool) -> None:
        records = a_session()
        assert read_trace(write(tmp_path / "trace.jsonl", records, escape=escape)) == records

    @pytest.mark.parametrize("kind", EVENTS, ids=lambda kind: kind.__name__)
    def test_each_kind_of_event_comes_back_equal(self, kind: type[ev.FloorEvent]) -> None:
        samples: dict[type, Any] = {float: 0.1 + 0.2, int: 3, str: "ann", bool: False}
        samples[InterruptionPolicy] = InterruptionPolicy(commit_speech=0.1 + 0.2)
        facts = {
            name: samples[next(option for option in (get_args(hint) or (hint,)) if option in samples)]
            for name, hint in get_type_hints(kind).items()
        }
        event = kind(**facts)
        assert read_record(json.loads(json.dumps(encode_record(0.1, event)))).fact == event

    def test_a_last_line_that_was_cut_off_is_left_out(self, tmp_path: Path) -> None:
        records = a_session()
        path = write(tmp_path / "trace.jsonl", records, escape=False)
        whole = path.read_bytes()
        for cut in range(1, 40):
            path.write_bytes(whole[:-cut])
            read = read_trace(path)
            assert read == (records if cut == 1 else records[: len(read)])
            assert len(read) >= len(records) - 2

    def test_a_cut_within_a_letter(self, tmp_path: Path) -> None:
        path = tmp_path / "trace.jsonl"
        path.write_bytes(json.dumps(a_session()[0]).encode() + b'\n{"t": 1.0, "note": "\xe2\x80')
        assert len(read_trace(path)) == 1

    @pytest.mark.parametrize(
        ("line", "message"),
        [
            ("garbage", r"trace.jsonl, line 2: not JSON"),
            ("", r"line 2: not JSON"),
            ("[1, 2]", r"line 2: no record of a trace"),
            ('{"t": 1.0, "what": 1}', r"line 2: no record of a trace"),
            ('{"note": "x"}', r'line 2: the record has no time "t"'),
            ('{"note": "x", "t": "1.0"}', r'line 2: the record has no time "t"'),
            ('{"note": "x", "t": 1e300}', r"line 2: the time t = 1e\+300 s cannot be one of a call"),
            ('{"note": "x", "t": NaN}', r'line 2: the record has no time "t"'),
            ("\x00\x01\xff", r"line 2: not JSON"),
            ("[" * 100_000, r"line 2: not JSON"),
        ],
        ids=["garbage", "empty", "list", "other", "no time", "text time", "far time", "nan time", "binary", "deep"],
    )
    def test_a_line_that_is_no_record(self, tmp_path: Path, line: str, message: str) -> None:
        path = tmp_path / "trace.jsonl"
        path.write_bytes(json.dumps(a_session()[0]).encode() + b"\n" + line.encode("latin-1") + b'\n{"t":')
        with pytest.raises(TraceError, match=message):
            read_trace(path)

    @pytest.mark.parametrize("content", [b"", b"hello", b"RIFF\xff\xfe\x00WAVE"], ids=["empty", "text", "binary"])
    def test_a_file_that_is_no_trace_at_all(self, tmp_path: Path, content: bytes) -> None:
        path = tmp_path / "call.wav"
        path.write_bytes(content)
        with pytest.raises(TraceError, match=r"call.wav, line 1: not JSON"):
            read_trace(path)

    def test_a_file_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError):
            read_trace(tmp_path / "trace.jsonl")

    @pytest.mark.parametrize(
        ("record", "message"),
        [
            ({"event": "Sneezed", "at": 1.0}, "no floor event 'Sneezed'; was the trace made by a newer version"),
            ({"event": ["TimePassed"], "at": 1.0}, "no floor event"),
            ({"event": "ParticipantEvent", "at": 1.0, "participant": "ann"}, "no floor event"),
            ({"event": "TimePassed"}, "the fields of TimePassed do not fit"),
            ({"event": "TimePassed", "at": 1.0, "loud": True}, "the fields of TimePassed do not fit"),
            ({"event": "TimePassed", "at": "1.0"}, "at of TimePassed cannot be '1.0'"),
            ({"event": "TimePassed", "at": float("nan")}, "at of TimePassed cannot be nan"),
            ({"event": "SpeechStarted", "at": 1.0, "participant": 7}, "participant of SpeechStarted cannot be 7"),
            ({"event": "ReplyRequested", "at": 1.0, "reply": True}, "reply of ReplyRequested cannot be True"),
            ({"event": "ReplyRequested", "at": 1.0, "reply": 1, "interruptible": 1}, "interruptible of ReplyRequested"),
            ({"event": "InterruptRequested", "at": 1.0, "epoch": 1.5}, "epoch of InterruptRequested cannot be 1.5"),
            (
                {"event": "AgentWordsPlayed", "at": 1.0, "reply": 1, "text": None},
                "text of AgentWordsPlayed cannot be None",
            ),
            (
                {"event": "VoiceCompared", "at": 1.0, "participant": "ann", "similarity": float("inf")},
                "similarity of VoiceCompared cannot be inf",
            ),
        ],
    )
    def test_an_event_of_another_kind(self, record: dict[str, Any], message: str) -> None:
        with pytest.raises(TraceError, match=message):
            read_record({"t": 1.0, **record})


class TestReplay:
    @pytest.mark.parametrize("hold", [True, False])
    def test_the_same_floor_does_the_same(self, tmp_path: Path, hold: bool) -> None:
        records = a_session(InterruptionPolicy(hold=hold))
        assert list(replay(read_trace(write(tmp_path / "trace.jsonl", records)))) == []

    def test_an_effect_that_was_tampered_with_is_found(self) -> None:
        records = a_session()
        [commit] = [record for record in records if record.get("effect") == "Commit"]
        commit["epoch"] = 2
        [difference] = replay(records)
        assert difference.t == 3.5
        assert difference.event["event"] == "SpeechContinued"
        assert difference.recorded[0]["epoch"] == 2
        assert difference.replayed[0] == {name: fact for name, fact in commit.items() if name not in ("t", "state")} | {
            "epoch": 1
        }

    def test_a_vote_that_was_tampered_with_is_found(self) -> None:
        records = a_session()
        [vote] = [record for record in records if record.get("event") == "Voted"]
        vote["weight"] = 0.0
        assert next(replay(records)).event["event"] == "SpeechContinued"

    def test_other_words_lead_to_something_else(self) -> None:
        records = a_session()
        records[0]["words"]["commands"].append("uh-huh")
        assert next(replay(records)).event["event"] == "TranscriptReceived"

    def test_an_effect_that_is_missing_is_found(self) -> None:
        records = [record for record in a_session() if record.get("effect") != "Hold"]
        assert [difference.event["event"] for difference in replay(records)] == ["SpeechStarted", "SpeechStarted"]

    def test_what_would_have_happened_under_another_policy(self) -> None:
        """With less patience the cough is an interruption; with more, the interruption is a cough."""
        quick = list(replay(a_session(), InterruptionPolicy(commit_speech=0.1)))
        assert quick[0].event["event"] == "SpeechEnded"
        assert [effect["effect"] for effect in quick[0].replayed][:1] == ["Commit"]
        slow = list(replay(a_session(), InterruptionPolicy(commit_speech=2.0)))
        [commit] = [difference for difference in slow if "Commit" in map(_kind, difference.recorded)]
        assert commit.replayed == []
        assert list(replay(a_session(), InterruptionPolicy(commit_speech=0.5))) == []

    def test_the_recorded_policy_is_used(self) -> None:
        assert list(replay(a_session(InterruptionPolicy(commit_speech=0.1)))) == []

    def test_a_realtime_session_is_replayed_as_one(self) -> None:
        floor, records = Floor(answers=False), []
        trace = Trace(floor, lambda: 0.0)
        trace.observe(lambda record: records.append(dict(record)))
        trace.open(0.0)
        heard = ev.TranscriptReceived(1.0, "ann", "hi", True)
        trace.event(heard, floor.handle(heard))
        assert list(replay(records)) == []

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"note": "ParticipantJoined"}, "no session record"),
            ({"version": 99}, "of version 99, this program reads versions 2 to 4"),
            ({"version": 1}, "the trace is of version 1, this program reads versions 2 to 4"),
            ({"words": None}, "words of SessionStarted cannot be None"),
            ({"words": {"commands": ["stop"]}}, "cannot be used: .*backchannels"),
            ({"words": {"commands": [["stop"]]}}, "cannot be used"),
            ({"policy": {"strategies": ["vibes"]}}, "cannot be used: .*strategies"),
            ({"version": None}, "of version None"),
            ({"policy": None}, "policy of SessionStarted cannot be None"),
            ({"policy": {"patience": 1.0}}, "cannot be used: .*patience"),
            ({"policy": {"hold_limit": -1.0}}, "cannot be used: .*hold_limit"),
        ],
    )
    def test_a_session_record_that_cannot_be_used(self, change: dict[str, Any], message: str) -> None:
        records = a_session()
        records[0] |= change
        with pytest.raises(TraceError, match=message):
            list(replay(records))

    def test_a_session_record_with_something_missing(self) -> None:
        records = a_session()
        del records[0]["answers"]
        with pytest.raises(TraceError, match="answers"):
            list(replay(records))

    def test_effects_before_any_event_belong_to_nothing(self) -> None:
        records = a_session()
        records.insert(1, {"t": 0.0, "effect": "Hold", "reply": 1, "participant": "ann"})
        assert list(replay(records)) == []


def test_the_floor_imports_nothing_that_waits_or_reads_a_clock() -> None:
    """Law 3, for the machine itself and all it imports of the project."""
    script = """
import importlib.util, pathlib, sys, types
root = pathlib.Path(sys.argv[1])
for name in ("vision_agents", "vision_agents.core", "vision_agents.core.floor"):
    package = types.ModuleType(name)
    package.__path__ = [str(root.joinpath(*name.split(".")[1:]))]
    sys.modules[name] = package
before = set(sys.modules)
importlib.import_module("vision_agents.core.floor.machine")
print(*sorted(set(sys.modules) - before))
"""
    root = Path(ev.__file__).parents[2]
    loaded = subprocess.run(
        [sys.executable, "-I", "-S", "-c", script, str(root)], capture_output=True, text=True, check=True
    ).stdout.split()
    ours = {name for name in loaded if name.startswith("vision_agents.")}
    assert all(name.startswith("vision_agents.core.floor.") for name in ours)
    assert {"vision_agents.core.floor.judge", "vision_agents.core.floor.strategies.words"} < ours
    assert not {"asyncio", "time", "logging", "threading", "socket", "random", "datetime"} & set(loaded)
