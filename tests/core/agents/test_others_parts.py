"""An agent leaves alone what is in another agent's call, before it was refused that, and after it has given it back."""

import asyncio
import contextlib

import pytest

from vision_agents.core import Agent, InterruptionPolicy, User
from vision_agents.core.part import Attachment, PartError
from vision_agents.core.shed import Shed
from vision_agents.testing.parts import LoopEdge, ScriptedDetector, ScriptedLLM, ScriptedSTT, ToneTTS
from vision_agents.testing.realtime import ScriptedRealtime

from .call_kit import Call, others

pytestmark = pytest.mark.virtual_time

# What the taking of a part is made of.
TAKING = {"attach", "attached_to", "detach", "subparts", "when_at_rest", "observes", "turn_detection"}


def watched(kind):
    """A kind of part that notes in `used` what is used of it while `watching`."""

    class Watched(kind):
        watching = False

        def __init__(self):
            super().__init__()
            self.used = []

        def __getattribute__(self, name):
            if not name.startswith("_") and name not in ("watching", "used") and self.watching:
                self.used.append(name)
            return super().__getattribute__(name)

    return Watched


def cascade():
    return {
        "edge": watched(LoopEdge)(),
        "llm": watched(ScriptedLLM)(),
        "stt": watched(ScriptedSTT)(),
        "tts": watched(ToneTTS)(),
        "turn_detection": watched(ScriptedDetector)(),
    }


def realtime():
    return {"edge": watched(LoopEdge)(), "llm": watched(ScriptedRealtime)()}


async def do_everything(agent: Agent) -> None:
    """All that an agent can be told, whether it is in a call or not."""
    for do in (
        lambda: agent.say("Hello."),
        lambda: agent.simple_response("Hello."),
        lambda: agent.interrupt(),
        lambda: setattr(agent, "instructions", "Be brief."),
        lambda: setattr(agent, "policy", InterruptionPolicy()),
        lambda: agent.shed(Shed.TURN_MODEL),
        lambda: agent.observe(lambda record: None),
        lambda: agent.state,
        lambda: agent.participants,
        lambda: agent.close(),
    ):
        with contextlib.suppress(RuntimeError):  # "the agent is in no call yet"
            if asyncio.iscoroutine(doing := do()):
                await doing


@pytest.mark.parametrize("make", [cascade, realtime])
@pytest.mark.parametrize("over", [False, True], ids=["refused", "over"])
async def test_only_the_agent_of_the_call_uses_its_parts(make, over):
    parts = make()
    other = Agent(agent_user=User("other"), **parts)
    if over:
        async with other.join():
            pass
    else:
        for part in parts.values():
            part.attach(call := Attachment(agent="mine"))
            part.watching = True
            with pytest.raises(PartError):
                await other.join()
            part.watching = False
            part.detach(call)
    for part in parts.values():
        part.attach(Attachment(agent="mine"))
        part.watching = True
    await do_everything(other)
    await asyncio.sleep(1)
    assert [name for part in parts.values() for name in part.used if name not in TAKING] == []
    assert others() == set()


async def test_what_a_process_leaves_out_when_an_agent_joins_its_parts_leave_out():
    class Told(ScriptedSTT):
        def shed(self, level):
            told.append(level)

    told: list[Shed] = []
    call = Call(stt=Told())
    call.agent.shed(Shed.TURN_MODEL)
    assert told == []
    async with call:
        assert told == [Shed.TURN_MODEL]
        call.agent.shed(Shed.NOTHING)
        assert told == [Shed.TURN_MODEL, Shed.NOTHING]
