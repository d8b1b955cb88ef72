"""What pages send and get: messages that are none, what is left of a trace, and what a later page is shown of it."""

import json

import pytest

from vision_agents.core.floor import Floor
from vision_agents.core.trace import encode_record, notes
from vision_agents.core.trace.trace import session_started
from vision_agents.plugins.local.past import LIMIT, Past
from vision_agents.plugins.local.protocol import MAX_BODY, MAX_TEXT, Connect, HangUp, PageRecords, Say, read_message
from vision_agents.plugins.local.refused import RefusedError

# What pages send.


def test_messages_are_read():
    assert read_message('{"do": "connect", "attempt": 3, "sdp": "v=0"}') == Connect(3, "v=0")
    assert read_message('{"do": "connect", "attempt": 4, "sdp": "v=0", "new": true}') == Connect(4, "v=0", True)
    assert read_message('{"do": "connect", "attempt": 5, "sdp": "", "patient": true}') == Connect(5, "", False, True)
    assert read_message('{"do": "hang up"}') == HangUp()
    assert read_message('{"do": "say", "text": " and now? "}') == Say("and now?")


@pytest.mark.parametrize(
    "text",
    [
        *("", "hang up", "[1]", "[" * 60_000, '{"do": "dance"}', '{"do": "say"}', '{"do": "say", "text": " "}'),
        *('{"do": "connect", "attempt": 1}', '{"do": "connect", "attempt": "1", "sdp": "v=0"}'),
        json.dumps({"do": "connect", "attempt": 1, "sdp": "v" * MAX_BODY}),
    ],
)
def test_what_is_no_message_is_refused(text):
    with pytest.raises(RefusedError, match="a message is JSON"):
        read_message(text)


def test_a_text_has_an_end():
    with pytest.raises(RefusedError, match="too long"):
        read_message(json.dumps({"do": "say", "text": "x" * (MAX_TEXT + 1)}))


# What pages get.


def test_pages_get_no_vocabulary_and_no_windows_of_speech():
    """A trace begins with all phrases that are known: more than a page is sent in a whole call."""
    session = encode_record(0.0, session_started(Floor(), 0.0))
    assert len(json.dumps(session)) > 50_000
    pick = PageRecords().pick
    assert pick(session) is None
    assert pick({"t": 1.0, "state": "idle", "note": "ParticipantJoined"}) == {"t": 1.0, "state": "idle"}
    started = {"t": 2.0, "state": "user speaking", "event": "SpeechStarted", "participant": "a"}
    assert pick(started) == started
    assert pick({"t": 2.1, "state": "user speaking", "event": "SpeechContinued"}) is None
    assert pick({"t": 2.2, "state": "held", "event": "SpeechContinued"}) == {"t": 2.2, "state": "held"}
    assert pick({"t": 2.3, "state": "held", "event": "SpeechContinued"}) is None


def words(t, reply, heard, done=False):
    return encode_record(t, notes.AgentTranscript(reply, heard, "", False, done))


def said(t, text):
    return encode_record(t, notes.UserTranscript("a", text, False, text))


def turn(t, text):
    return {"t": t, "effect": "RecordTurn", "participant": "a", "text": text}


def test_a_later_page_is_shown_what_grew_once_in_its_place():
    past = Past()
    records = [words(1, 1, "one"), said(2, "wait"), words(3, 1, "one two"), said(4, "wait a"), words(5, 1, "one", True)]
    records += [turn(6, "wait a moment"), said(7, "and"), turn(8, "and?"), {"t": 9, "state": "idle"}]
    for record in records:
        past.put(record)
    first, second, third, fourth = records[0], records[1], records[4], records[3]
    assert past.records == [first, second, fourth, third, *records[5:8]]


def test_the_past_has_an_end():
    past = Past()
    for n in range(LIMIT + 10):
        past.put(turn(n, "again"))
    assert len(past.records) == LIMIT
    assert past.records[0]["t"] == 10
