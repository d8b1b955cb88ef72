"""An agent that hears and speaks through ElevenLabs, interrupted."""

from __future__ import annotations

import asyncio

import pytest

from vision_agents.core import Agent, User
from vision_agents.core.conversation import Role
from vision_agents.core.turn_detection import TurnEndedEvent, TurnStartedEvent
from vision_agents.plugins import elevenlabs
from vision_agents.testing.parts import LoopEdge, ScriptedLLM

from ...standins.elevenlabs.server import KEY, ElevenLabsServer
from ..caller import ANNA, Caller

pytestmark = pytest.mark.virtual_time

LONG = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen."


@pytest.mark.parametrize("stubborn", [0.0, 5.0])
async def test_who_speaks_while_the_agent_does_silences_it_and_is_answered(provider: ElevenLabsServer, stubborn: float):
    provider.stubborn = stubborn
    provider.will_hear("count for me please", "stop it now")
    edge = LoopEdge()
    agent = Agent(
        edge=edge,
        llm=ScriptedLLM([LONG, "very well."]),
        agent_user=User("agent", "Agent"),
        instructions="Count.",
        stt=elevenlabs.STT(api_key=KEY, base_url=provider.url),
        tts=elevenlabs.TTS(api_key=KEY, base_url=provider.url),
    )
    started: list[TurnStartedEvent] = []
    ended: list[TurnEndedEvent] = []

    @agent.events.subscribe
    async def note(event: TurnStartedEvent | TurnEndedEvent) -> None:
        (started if isinstance(event, TurnStartedEvent) else ended).append(event)  # type: ignore[arg-type]

    await agent.join()
    async with Caller(edge) as anna:
        await anna.say(1.0)
        await anna.until(lambda: edge.audible[-1:] == [True])
        await asyncio.sleep(0.6)
        speaking = asyncio.create_task(anna.say(1.0))
        await anna.until(lambda: len(started) == 2)
        at = len(edge.frames)
        # What Scribe needs for a first word, and one frame that fades.
        await anna.until(lambda: len(edge.frames) > at + 40)
        assert not any(edge.audible[at + 2 : at + 40])
        await speaking
        await anna.until(lambda: len([m for m in agent.conversation if m.role is Role.ASSISTANT]) == 2)
        await anna.until(lambda: agent.conversation.messages[-1].text == "very well.")
    assert [(event.participant, event.interrupted, event.epoch) for event in started] == [
        (ANNA, False, 0),
        (ANNA, True, 1),
    ]
    assert [event.participant for event in ended] == [ANNA, ANNA]
    assert all(event.duration_ms >= 0 for event in ended)
    messages = [(message.role, message.interrupted) for message in agent.conversation]
    assert messages == [(Role.USER, False), (Role.ASSISTANT, True), (Role.USER, False), (Role.ASSISTANT, False)]
    question, cut, objection, _ = agent.conversation.messages
    assert (question.text, objection.text) == ("count for me please", "stop it now")
    # The word that sounded when it was cut, by ElevenLabs' own times, each word lasting a tenth of a second.
    heard = sum(edge.audible[: len(edge.audible)]) * 0.02 - 0.2
    assert len(cut.text.split()) == pytest.approx(heard / 0.1, abs=1)
    assert LONG.startswith(cut.text)
    await agent.close()
    assert provider.overflows == 0
