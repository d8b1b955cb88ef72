"""Settings as pages show and change them, and recorded calls that pages bring."""

import asyncio
import json
import signal
import subprocess
from dataclasses import fields

import pytest

from vision_agents.core import InterruptionPolicy
from vision_agents.core.tts import VoiceTuning
from vision_agents.plugins.local import recorded_call
from vision_agents.plugins.local.page_files import page_files
from vision_agents.plugins.local.recorded_call import Replays
from vision_agents.plugins.local.refused import RefusedError
from vision_agents.plugins.local.settings import SELDOM, change, settings_of

from ...core.observability.spoken_call import hold_call, user_wav


class Speaker:
    """A voice that can be tuned."""

    def __init__(self):
        self.now = VoiceTuning(("ann", "bob"), "ann", 1.0)

    def tuning(self):
        return self.now

    def tune(self, voice=None, pace=None):
        if voice not in (None, *self.now.voices):
            raise ValueError(f"there is no voice {voice}")
        self.now = VoiceTuning(("ann", "bob"), voice or self.now.voice, pace or self.now.pace)


class Controls:
    """An agent as far as settings go."""

    def __init__(self, tts=None):
        self.instructions, self.policy, self.tts = "Be kind.", InterruptionPolicy(), tts


def test_each_setting_of_the_policy_is_explained():
    told = settings_of(Controls())
    assert [each["name"] for each in told["policy"]] == [field.name for field in fields(InterruptionPolicy)]
    assert all(each["meaning"].endswith(".") for each in told["policy"])
    assert {each["kind"] for each in told["policy"]} == {"flag", "choice", "names", "whole", "number"}
    assert {each["name"] for each in told["policy"] if each["seldom"]} == SELDOM
    rewind = next(each for each in told["policy"] if each["name"] == "rewind")
    assert (rewind["value"], rewind["choices"]) == ("word", ["word", "exact"])
    assert told["voice"] is None
    json.dumps(told)


def test_settings_are_changed():
    agent = Controls(Speaker())
    change(agent, {"policy": {"commit_speech": "0.5", "hold": "false"}, "instructions": "Be brief."})
    change(agent, {"voice": {"voice": "bob"}})
    change(agent, {"voice": {"pace": 1.5}})
    assert agent.policy == InterruptionPolicy(commit_speech=0.5, hold=False)
    assert agent.instructions == "Be brief."
    assert settings_of(agent)["voice"] == {"voices": ["ann", "bob"], "voice": "bob", "pace": 1.5}


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        ({"policy": {"commit_speach": "1"}}, "no policy setting 'commit_speach'"),
        ({"policy": {"commit_speech": "soon"}}, "is a number that is not negative"),
        ({"policy": {"commit_speech": 1}}, "an object of texts"),
        ({"policy": []}, "an object of texts"),
        ({"instructions": 5}, "are a text"),
        ({"instructions": "x" * 30_000}, "at most 20000"),
        ({"voice": {"voice": "carl"}}, "no voice carl"),
        ({"voice": {"pace": True}}, "voice is as"),
        ({"voice": "ann"}, "voice is as"),
    ],
)
def test_what_cannot_be_had_changes_nothing(wanted, says):
    agent = Controls(Speaker())
    with pytest.raises(RefusedError, match=says):
        change(agent, {"instructions": "Be rude.", "policy": {"hold": "false"}, **wanted})
    assert (agent.instructions, agent.policy) == ("Be kind.", InterruptionPolicy())


class FixedInstructions(Controls):
    """An agent whose model takes no other instructions in a call."""

    instructions = property(lambda self: "Be kind.", lambda self, _: self._refuse())

    def __init__(self, tts):
        self.policy, self.tts = InterruptionPolicy(), tts

    def _refuse(self):
        raise NotImplementedError("it keeps its instructions")


def test_a_voice_is_as_before_where_the_instructions_cannot_be_had():
    agent = FixedInstructions(Speaker())
    before = agent.tts.tuning()
    wanted = {"voice": {"voice": "bob", "pace": 1.5}, "policy": {"hold": "false"}}
    with pytest.raises(RefusedError, match="keeps its instructions"):
        change(agent, {"instructions": "Be rude.", **wanted})
    assert (agent.tts.tuning(), agent.policy) == (before, InterruptionPolicy())
    change(agent, wanted)
    assert agent.tts.tuning().voice == "bob"


def test_a_voice_that_is_fixed_says_so():
    with pytest.raises(RefusedError, match="cannot be changed"):
        change(Controls(), {"voice": {"pace": 1.2}})


# Recorded calls.


async def pieces(body, size=1 << 16):
    for start in range(0, len(body), size):
        yield body[start : start + size]


async def never():
    await asyncio.Event().wait()
    yield b""


async def answered(replays, body, policy=None):
    return json.loads(await replays.answer(pieces(body), policy))


@pytest.fixture
async def trace(tmp_path):
    records = []
    await hold_call(user_wav(tmp_path / "user.wav"), tmp_path / "call.wav", records.append)
    return "".join(json.dumps(record) + "\n" for record in records).encode()


@pytest.mark.virtual_time
async def test_a_recorded_call_is_shown_and_asked_about(trace):
    replays = Replays()
    shown = await answered(replays, trace)
    assert len(json.dumps(shown["records"])) < len(trace) / 4
    assert {each.get("note") for each in shown["records"]} >= {"UserTranscript", "AgentTranscript"}
    assert shown["offset"] == 0.0, "the recording began with the session"
    same, other = await asyncio.gather(
        answered(replays, trace, "{}"), answered(replays, trace, '{"commit_speech": "30"}')
    )
    assert {change["mark"] for change in same["changes"]} == {" "}
    assert "Commit" in [change["effect"]["effect"] for change in other["changes"] if change["mark"] == "-"]


@pytest.mark.virtual_time
@pytest.mark.parametrize(
    ("body", "policy", "status", "says"),
    [
        (b"", None, 422, "as the trace of a call"),
        (b"\x00\xff" * 100, None, 422, "line 1: not JSON"),
        (b'{"t": 0, "note": "CallEnded"}', None, 422, "no session record"),
        (b'{"t": 0, "note": "SessionStarted", "version": 99}', None, 422, "version 99, this program reads version"),
        (None, "{", 400, "policy is JSON"),
        (None, "null", 400, "an object of texts"),
        (None, '{"commit_speech": "-1"}', 400, "not negative"),
    ],
)
async def test_what_is_no_recorded_call_says_why(trace, body, policy, status, says):
    with pytest.raises(RefusedError, match=says) as refused:
        await answered(Replays(), trace if body is None else body, policy)
    assert refused.value.status == status


@pytest.mark.virtual_time
async def test_of_a_recorded_call_nothing_is_asked_that_its_decisions_do_not_show(trace):
    names = {setting["name"] for setting in (await answered(Replays(), trace))["policy"]}
    assert {setting.name for setting in fields(InterruptionPolicy)} - names == {"rewind_limit"}


@pytest.mark.virtual_time
async def test_a_trace_that_keeps_the_process_busy_is_given_up_and_the_next_one_is_answered(trace, monkeypatch):
    replays = Replays()
    with monkeypatch.context() as shortly:
        shortly.setattr(recorded_call, "DEADLINE", 0.01)
        with pytest.raises(RefusedError, match="was given up") as refused:
            await answered(replays, trace)
    assert refused.value.status == 422
    assert (await answered(replays, trace))["policy"]


@pytest.mark.virtual_time
async def test_nothing_is_left_behind_for_who_does_not_wait(trace, monkeypatch):
    begun, begin = [], subprocess.Popen

    def beginning(*args, **more):
        begun.append(begin(*args, **more))
        return begun[-1]

    monkeypatch.setattr(subprocess, "Popen", beginning)
    asked = asyncio.create_task(answered(Replays(), trace))
    while not begun:
        await asyncio.sleep(0)
    asked.cancel()
    await asyncio.wait([asked])
    assert asked.cancelled()
    assert await asyncio.to_thread(begun[0].wait) == -signal.SIGKILL


@pytest.mark.virtual_time
async def test_a_trace_that_breaks_the_reader_is_refused_and_the_log_says_why(trace, caplog):
    with pytest.raises(RefusedError, match="as the trace of a call: the log of the server") as refused:
        await answered(Replays(), trace + b'{"t": 9, "note": []}\n')
    assert refused.value.status == 422
    assert "TypeError" in caplog.text


@pytest.mark.virtual_time
async def test_a_trace_has_bounds_of_length_and_time(monkeypatch):
    monkeypatch.setattr(recorded_call, "LONGEST", 100)
    with pytest.raises(RefusedError, match="at most 100 bytes") as refused:
        await answered(Replays(), b"x" * 101)
    assert refused.value.status == 413
    with pytest.raises(RefusedError, match="did not come within 60 s") as refused:
        await Replays().answer(never(), None)
    assert refused.value.status == 408


@pytest.mark.virtual_time
async def test_only_a_few_are_waited_for(trace):
    replays = Replays()
    waiting = [asyncio.create_task(replays.answer(never(), None)) for _ in range(recorded_call.MOST)]
    await asyncio.sleep(0.0)
    with pytest.raises(RefusedError, match="try again") as refused:
        await answered(replays, trace)
    assert refused.value.status == 503
    for each in waiting:
        each.cancel()
    await asyncio.wait(waiting)
    assert (await answered(replays, trace))["policy"]


def test_the_page_knows_how_long_a_trace_may_be():
    assert recorded_call.LONGEST == 32 * 1024 * 1024
    assert b"const LONGEST = 32 * 1024 * 1024;" in page_files()["recorded.js"].body
