"""Traces of versions 2 and 3 as those of today. What they did not tell is missing.

Before version 3 records had other names; before version 4 words said whether they were of an earlier turn, and not when
that began. A call of then is reported as it was. Replayed, it shows what today's floor would have decided otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from .codec import Json
from .notes import OLDEST, VERSION

# What it was called -> what it is called now.
_NAMES = {
    "event": {
        "WordsHeard": "TranscriptReceived",
        "WordsComplete": "TranscriptCompleted",
        "AgentWords": "AgentWordsPlayed",
    },
    "effect": {"TurnTaken": "RecordTurn"},
    "note": {
        "session": "SessionStarted",
        "joined": "ParticipantJoined",
        "error": "ComponentFailed",
        "ended": "CallEnded",
        "user_words": "UserTranscript",
        "agent_words": "AgentTranscript",
        "heard": "ReplyPlayed",
        "resumed": "ReplyResumed",
        "interruption": "InterruptionDecided",
        "stale": "StaleAudio",
        "recording": "RecordingStarted",
        "recorded": "RecordingEnded",
        "late": "ClockLate",
    },
}
_FIELDS = {"resemblance": "similarity"}


def upgraded(records: Iterable[Json]) -> list[Json]:
    """The records of a trace of one of those versions as those of today; any other trace as it is."""
    records = list(records)
    versions = [record.get("version") for record in records if record.get("note") in ("session", "SessionStarted")]
    if "session" in (record.get("note") for record in records):
        records = [_renamed(record) for record in records]
    return [_upgraded(record) for record in records] if versions and versions[0] in range(OLDEST, VERSION) else records


def _renamed(record: Mapping[str, object]) -> Json:
    new = {_FIELDS.get(key, key): value for key, value in record.items()}
    for sort, names in _NAMES.items():
        name = new.get(sort)
        if isinstance(name, str):
            new[sort] = names.get(name, name)
    return new


def _upgraded(record: Mapping[str, object]) -> Json:
    new = dict(record)
    if new.get("note") == "SessionStarted":
        new["version"] = VERSION
    if new.get("event") == "TranscriptReceived" and new.pop("earlier", False):
        new["began"] = 0.0  # Before any turn that is known.
    return new
