"""Traces of version 2, as version 3: records had other names then. What they did not tell is missing.

A call of then is reported as it was. Replayed, it shows what today's floor would have decided otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from .codec import Json
from .notes import VERSION

BEFORE = 2
"""The version that is read too."""

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
    """The records of a trace of version 2 as those of today; any other trace as it is."""
    records = list(records)
    old = any(record.get("note") == "session" for record in records)
    return [_upgraded(record) for record in records] if old else records


def _upgraded(record: Mapping[str, object]) -> Json:
    new = {_FIELDS.get(key, key): value for key, value in record.items()}
    for sort, names in _NAMES.items():
        name = new.get(sort)
        if isinstance(name, str):
            new[sort] = names.get(name, name)
    if record.get("note") == "session" and record.get("version") == BEFORE:
        new["version"] = VERSION
    return new
