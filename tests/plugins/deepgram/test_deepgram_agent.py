"""An agent that hears and speaks through Deepgram, interrupted."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from vision_agents.core import Agent, User
from vision_agents.core.conversation import Role
from vision_agents.core.turn_detection import TurnStartedEvent
from vision_agents.plugins import deepgram
from vision_agents.testing.parts import LoopEdge, ScriptedDetector, ScriptedLLM

from ...standins.deepgram.server import KEY, DeepgramServer
from ..caller import ANNA, Caller

pytestmark = pytest.mark.virtual_time

LONG = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen."


class Call:
    """An agent in a call, and what it says of turns."""

    def __init__(self, provider: DeepgramServer, listening: dict[str, Any], speaking: dict[str, Any]) -> None:
        self.edge = LoopEdge()
        account = {"api_key": KEY, "environment": provider.environment}
        self.detector = None if "model" in listening else ScriptedDetector()
        self.llm = ScriptedLLM([LONG, "very well."], delay=0.01)
        self.agent = Agent(
            edge=self.edge,
            llm=self.llm,
            agent_user=User("agent", "Agent"),
            instructions="Count.",
            stt=deepgram.STT(**account, **listening),
            tts=deepgram.TTS(**account, **speaking),
            turn_detection=self.detector,
        )
        self.started: list[TurnStartedEvent] = []

        @self.agent.events.subscribe
        async def note(event: TurnStartedEvent) -> None:
            self.started.append(event)

    def texts(self) -> list[tuple[Role, str]]:
        return [(message.role, message.text) for message in self.agent.conversation]


FLUX = {"model": "flux-general-en"}


@pytest.mark.parametrize("stubborn", [0.0, 5.0])
@pytest.mark.parametrize("voice", ["aura-2-thalia-en", "flux-alexis-en"])
@pytest.mark.parametrize("listening", [{}, FLUX, {**FLUX, "eager_eot_threshold": 0.4}])
async def test_who_speaks_while_the_agent_does_silences_it_and_is_answered(
    provider: DeepgramServer, listening: dict[str, Any], voice: str, stubborn: float
):
    provider.stubborn = stubborn
    provider.will_hear("count for me please", "stop it now")
    call = Call(provider, listening, {"model": voice})
    edge, agent = call.edge, call.agent
    await agent.join()
    async with Caller(edge) as anna:

        async def speak() -> None:
            detected = call.detector.speak(ANNA, 1.0) if call.detector is not None else asyncio.sleep(0)
            await asyncio.gather(anna.say(1.0), detected)

        await speak()
        await anna.until(lambda: edge.audible[-1:] == [True])
        await asyncio.sleep(0.6)
        speaking = asyncio.create_task(speak())
        await anna.until(lambda: len(call.started) == 2)
        at = len(edge.frames)
        await anna.until(lambda: len(edge.frames) > at + 40)
        assert not any(edge.audible[at + 2 : at + 40])
        await speaking
        await anna.until(lambda: call.texts()[-1] == (Role.ASSISTANT, "very well."))
    assert [(event.interrupted, event.epoch) for event in call.started] == [(False, 0), (True, 1)]
    (_, question), (_, cut), (_, objection), _ = call.texts()
    assert (question, objection) == ("count for me please", "stop it now")
    assert LONG.startswith(cut)
    assert cut != LONG
    await agent.close()


async def test_an_eager_answer_is_taken_back_when_the_speaker_resumes(provider: DeepgramServer):
    call = Call(provider, {**FLUX, "eager_eot_threshold": 0.4}, {})
    call.llm._delay = 1.0  # The answer is in the making when the speaker resumes.
    await call.agent.join()
    async with Caller(call.edge) as anna:
        await asyncio.sleep(0.5)
        deepgrams = provider.handlers[0] if hasattr(provider.handlers[0], "turn_info") else provider.handlers[1]

        async def tell(event: str, text: str) -> None:
            at = deepgrams.gate.position
            await deepgrams.turn_info(event, text, 0.0, at, 0.5)
            await asyncio.sleep(0.3)

        await tell("StartOfTurn", "Call")
        await tell("EagerEndOfTurn", "Call me")
        await anna.until(lambda: len(call.llm.requests) == 1)
        await tell("TurnResumed", "Call me")
        await tell("Update", "Call me tomorrow")
        assert call.llm.cancelled == 1
        await tell("EagerEndOfTurn", "Call me tomorrow")
        await tell("EndOfTurn", "Call me tomorrow")
        await anna.until(lambda: call.texts()[-1] == (Role.ASSISTANT, "very well."))
    users = [text for role, text in call.texts() if role is Role.USER]
    assert " ".join(users) == "Call me tomorrow"
    assert not any(text.startswith("one") for _, text in call.texts()), "of the first answer nothing was heard"
    await call.agent.close()
