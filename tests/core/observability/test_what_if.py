"""What another policy would have done with the same people."""

import asyncio
import json
from dataclasses import asdict

import pytest

from vision_agents.core.floor import Floor, FloorState, InterruptionPolicy
from vision_agents.core.floor import events as ev
from vision_agents.core.floor.vocabulary import Vocabulary
from vision_agents.core.observability.what_if import what_if
from vision_agents.core.trace import VERSION, TraceError, encode_record, recorded_policy, replay
from vision_agents.core.trace.notes import SessionStarted
from vision_agents.testing import virtual_time

from ...lab.heard_cases import STARTED, speech
from .spoken_call import hold_call, user_wav

NO_WORDS = Vocabulary(frozenset(), frozenset(), frozenset(), frozenset())


def told(changes, mark):
    return [(change.effect["effect"], round(change.t, 2)) for change in changes if change.mark == mark]


def test_under_the_recorded_policy_nothing_changes(conversation):
    policy = recorded_policy(conversation.records)
    assert policy == InterruptionPolicy()
    changes = what_if(conversation.records, policy)
    assert [change.effect["effect"] for change in changes] == ["Hold", "Resume", "Hold", "Commit"]
    assert {change.mark for change in changes} == {" "}


def test_more_evidence_is_a_later_commit(conversation):
    changes = what_if(conversation.records, InterruptionPolicy(commit_speech=1.0))
    ((kind, before),) = told(changes, "-")
    ((_, after),) = told(changes, "+")
    assert kind == "Commit"
    assert after - before == pytest.approx(1.0 - 0.75, abs=0.05)


def test_a_deadline_that_was_not_recorded_falls_due_in_its_own_time(conversation):
    changes = what_if(conversation.records, InterruptionPolicy(resume_after=0.5))
    ((_, before),) = told(changes, "-")
    ((_, after),) = told(changes, "+")
    assert after - before == pytest.approx(0.3, abs=0.01)


def test_without_a_hold_the_cough_is_not_noticed(conversation):
    changes = what_if(conversation.records, InterruptionPolicy(hold=False))
    assert [kind for kind, _ in told(changes, "-")] == ["Hold", "Resume", "Hold"]
    assert told(changes, "+") == []
    assert [kind for kind, _ in told(changes, " ")] == ["Commit"]


def test_a_resume_from_another_place_is_another_resume(conversation):
    changes = what_if(conversation.records, InterruptionPolicy(rewind="exact"))
    assert [kind for kind, _ in told(changes, "-")] == [kind for kind, _ in told(changes, "+")] == ["Resume"]


def test_deadlines_after_the_last_event_are_told_too(make_call):
    call = make_call((0.5, 1.7, "Tell me."), (4.0, 4.2, ""), duration=6.0)
    # Recorded to the end of the cough, and silent for a second after.
    end = next(n for n, record in enumerate(call.records) if record.get("effect") == "Resume")
    records = [*call.records[: end - 1], {"t": call.records[end]["t"] + 1.0, "note": "CallEnded", "error": None}]
    changes = what_if(records, InterruptionPolicy())
    assert [kind for kind, _ in told(changes, "+")] == ["Resume"]


def test_what_was_recorded_at_the_moment_of_a_deadline_came_before_it():
    """Somebody goes on in the very moment in which the agent would have gone on, too."""
    floor, records = Floor(), []
    session = SessionStarted(VERSION, asdict(floor.policy), floor.vocabulary.phrases, True, 0.0)
    records.append(encode_record(0.0, session))

    def happen(event):
        records.append(encode_record(event.at - STARTED, event))
        records.extend(encode_record(event.at - STARTED, effect) for effect in floor.handle(event))

    asked = ev.TranscriptReceived(STARTED + 1.9, "ann", "tell me a story", True, 0.9)
    turn = [ev.TurnEnded(STARTED + 1.8, "ann", 0.9, None, 0.2), asked, ev.TranscriptCompleted(STARTED + 1.9, "ann", 1)]
    for event in [*speech(0.5, 1.0), *turn, ev.AudioStarted(STARTED + 2.5, 1), *speech(4.0, 0.3)]:
        happen(event)
    assert floor.state is FloorState.HELD
    happen(ev.SpeechStarted(floor.deadline, "ann", 0.95, 0.03))
    assert floor.state is FloorState.HELD
    happen(ev.SpeechContinued(records[-1]["t"] + STARTED + 0.05, "ann", 0.95, 0.05, -20.0))
    changes = what_if(records, InterruptionPolicy())
    assert [(change.mark, change.effect["effect"]) for change in changes] == [(" ", "Hold")]


@pytest.mark.parametrize(
    "session",
    [None, {"version": VERSION}, {"version": VERSION, "policy": {"mood": 3}}, {"version": VERSION, "policy": 3}],
)
def test_a_trace_without_its_policy_is_refused(session):
    head = {"t": 0.0, "note": "SessionStarted", "words": {}, "answers": True, "started": 0.0}
    with pytest.raises(TraceError, match="policy"):
        recorded_policy([head | session] if session is not None else [])


def test_it_is_judged_by_the_words_of_the_call(tmp_path):
    """To an agent that knows no backchannels, "uh-huh" is a word like any other."""
    records = []
    call = hold_call(user_wav(tmp_path / "user.wav"), tmp_path / "call.wav", records.append, vocabulary=NO_WORDS)
    virtual_time.run(call, timeout=300.0)
    commits = [record["reason"] for record in records if record.get("effect") == "Commit"]
    assert any("uh-huh" in reason for reason in commits)
    assert {change.mark for change in what_if(records, recorded_policy(records))} == {" "}


def test_words_of_another_version_are_refused(conversation):
    conversation.records[0]["words"] = {"songs": ["la"]}
    with pytest.raises(TraceError, match="songs"):
        what_if(conversation.records, InterruptionPolicy())


@pytest.mark.virtual_time
async def test_a_policy_that_was_set_in_the_call_is_replayed_and_asked_about_anew(tmp_path):
    records, patient = [], InterruptionPolicy(commit_speech=30.0)

    def wait(agent):
        asyncio.get_running_loop().call_later(8.0, setattr, agent, "policy", patient)

    await hold_call(user_wav(tmp_path / "user.wav"), tmp_path / "call.wav", records.append, wait)
    records = json.loads(json.dumps(records))
    (record,) = (each for each in records if each.get("event") == "PolicySet")
    assert record["policy"]["commit_speech"] == 30.0
    assert list(replay(records)) == []
    # Somebody speaks for a second then, to no avail.
    assert told(what_if(records, InterruptionPolicy()), "+")[-1][0] == "Commit"
    assert list(replay(records, InterruptionPolicy()))
    record["policy"]["commit_speech"] = -1.0
    with pytest.raises(TraceError, match="commit_speech"):
        list(replay(records))
