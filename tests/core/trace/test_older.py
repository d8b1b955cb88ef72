"""Traces of versions 2 and 3 are read: each record under its old name is what it is called now."""

import json

import pytest

from vision_agents.core.floor.events import TranscriptReceived
from vision_agents.core.observability.folder import CallFolder
from vision_agents.core.trace import TraceError, read_records, read_trace
from vision_agents.core.trace.records import encode_record

from ..observability.test_answer_stages import call  # noqa: F401  # the call of a whole agent

# As records were called until version 3, by what they are called now.
OLD = {
    "SessionStarted": "session",
    "ParticipantJoined": "joined",
    "ComponentFailed": "error",
    "CallEnded": "ended",
    "UserTranscript": "user_words",
    "AgentTranscript": "agent_words",
    "ReplyPlayed": "heard",
    "ReplyResumed": "resumed",
    "InterruptionDecided": "interruption",
    "StaleAudio": "stale",
    "RecordingStarted": "recording",
    "RecordingEnded": "recorded",
    "ClockLate": "late",
    "TranscriptReceived": "WordsHeard",
    "TranscriptCompleted": "WordsComplete",
    "AgentWordsPlayed": "AgentWords",
    "RecordTurn": "TurnTaken",
}
NEW_KINDS = {"VoiceStarted", "VoiceStopped", "AnswerTimed"}
NEW_FIELDS = {"ReplyPlayed": "utterances", "UserTranscript": "turn", "RecordingStarted": "frame"}


def aged(record):
    """A record as version 2 had it; None where it had none."""
    sort = next(sort for sort in ("event", "effect", "note") if sort in record)
    name = record[sort]
    if name in NEW_KINDS or (sort == "event" and name == "ParticipantJoined"):
        return None
    old = {key: value for key, value in record.items() if key not in ("state", NEW_FIELDS.get(name))}
    if name == "SessionStarted":
        old["version"] = 2
    if name == "VoiceCompared":
        old["resemblance"] = old.pop("similarity")
    return {**old, sort: OLD.get(name, name)}


def written(path, records):
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def test_a_call_of_version_2_is_reported_as_it_was(call, tmp_path):  # noqa: F811
    folder = CallFolder(tmp_path / "old")
    folder.prepare()
    written(folder.trace, filter(None, map(aged, call.records)))
    folder.wav.write_bytes(call.folder.wav.read_bytes())
    before, now = folder.write_report(), call.report
    assert before.counts == now.counts
    assert before.onset_to_silence.p50 == now.onset_to_silence.p50
    assert before.onset_to_silence.longest == pytest.approx(now.onset_to_silence.longest, abs=0.03)
    assert before.response_latency == pytest.approx(now.response_latency)
    assert [f.decision for f in before.interruptions] == [f.decision for f in now.interruptions]
    assert [f.said for f in before.interruptions] == [f.said for f in now.interruptions]
    assert [f.total for f in before.answers] == [pytest.approx(f.total) for f in now.answers]


def test_every_record_of_version_2_is_known(tmp_path):
    from .test_trace import a_session

    session = a_session()
    old = [record for record in map(aged, session) if record is not None]
    assert any("resemblance" in record for record in old)
    assert any(record.get("event") == "WordsHeard" for record in old)
    read = list(read_records(read_trace(written(tmp_path / "trace.jsonl", old))))
    kept = [record for record in session if aged(record) is not None]
    assert [record.fact for record in read] == [record.fact for record in read_records(kept)]
    assert [encode_record(record.t, record.fact) for record in read] == [
        {key: value for key, value in record.items() if key != "state"} for record in kept
    ]


@pytest.mark.parametrize("earlier", [True, False])
def test_words_of_version_3_say_of_which_turn_they_are(tmp_path, earlier):
    from .test_trace import a_session

    def of_version_3(record):
        old = {key: value for key, value in record.items() if key != "began"}
        if record.get("event") == "TranscriptReceived":
            old["earlier"] = earlier
        return {**old, "version": 3} if record.get("note") == "SessionStarted" else old

    session = a_session()
    read = list(read_records(read_trace(written(tmp_path / "trace.jsonl", map(of_version_3, session)))))
    facts = [record.fact for record in read]
    words = [fact for fact in facts if isinstance(fact, TranscriptReceived)]
    assert words
    assert {word.began for word in words} == {0.0 if earlier else None}
    assert earlier or facts == [record.fact for record in read_records(session)]


def test_words_that_are_damaged_are_refused_by_a_sentence(tmp_path):
    head = {
        "t": 0.0,
        "note": "SessionStarted",
        "version": 4,
        "policy": {},
        "words": {},
        "answers": True,
        "started": 0.0,
    }
    words = {"t": 1.0, "event": "TranscriptReceived", "at": 1.0, "participant": "a", "text": "hi", "earlier": True}
    with pytest.raises(
        TraceError, match=r"record 2 .* the fields of TranscriptReceived do not fit: there is no earlier"
    ):
        list(read_records(read_trace(written(tmp_path / "trace.jsonl", [head, words]))))


@pytest.mark.parametrize("version", [1, 99, None])
def test_other_versions_are_refused_by_a_sentence(tmp_path, version):
    head = {"t": 0.0, "note": "session", "version": version, "policy": {}, "words": {}, "answers": True, "started": 0.0}
    with pytest.raises(TraceError, match=f"of version {version}, this program reads versions 2 to 4"):
        list(read_records(read_trace(written(tmp_path / "trace.jsonl", [head]))))
