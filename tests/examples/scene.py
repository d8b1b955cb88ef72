"""A conversation with an interruption, which every sample has to get through."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from vision_agents.core import Agent
from vision_agents.core.floor import FloorState
from vision_agents.core.turn_detection import TurnEndedEvent, TurnStartedEvent
from vision_agents.testing.parts import LoopEdge

from ..plugins.caller import ANNA, Caller
from ..standins.deepgram.server import DeepgramServer
from ..standins.elevenlabs.server import ElevenLabsServer
from ..standins.openai.server import StandIn

QUESTIONS = ("count for me please", "stop it now")
FIRST = " ".join(["one two three four five six seven eight nine ten"] * 3) + "."
SECOND = "very well."
# Seconds that the two questions take.
SAID = (1.0, 1.5)


@dataclass(frozen=True)
class Services:
    """The providers' stand-ins."""

    openai: StandIn
    elevenlabs: ElevenLabsServer
    deepgram: DeepgramServer


def script(services: Services, hears: str) -> None:
    """What is said and heard. `hears`: the name of the provider that recognises speech."""
    services.openai.will_say(FIRST, SECOND)
    getattr(services, hears).will_hear(*QUESTIONS)


@dataclass
class Scene:
    """What happened. `onset` and `interrupted` are in seconds of the loop's clock, `silent_from` counts frames."""

    edge: LoopEdge
    started: list[TurnStartedEvent] = field(default_factory=list)
    ended: list[TurnEndedEvent] = field(default_factory=list)
    onset: float = 0.0
    interrupted: float = 0.0
    silent_from: int = 0


async def converse(agent: Agent) -> Scene:
    """Anna asks, speaks over the answer, and hears another one. The agent is closed then."""
    assert isinstance(agent.edge, LoopEdge)
    edge, scene = agent.edge, Scene(agent.edge)
    loop = asyncio.get_running_loop()

    @agent.events.subscribe
    async def note(event: TurnStartedEvent | TurnEndedEvent) -> None:
        if isinstance(event, TurnEndedEvent):
            scene.ended.append(event)
            return
        scene.started.append(event)
        if event.interrupted:
            scene.interrupted = loop.time()
            scene.silent_from = len(edge.frames) + 1  # One frame fades.

    async with agent.join():
        assert edge.sink is not None
        edge.sink.participant_joined(ANNA)
        async with Caller(edge) as anna:
            await asyncio.sleep(0.5)
            await anna.say(SAID[0])
            await anna.until(lambda: edge.audible[-1:] == [True])
            await asyncio.sleep(0.6)
            scene.onset = loop.time()
            await anna.say(SAID[1])
            await anna.until(lambda: len(agent.conversation.messages) == 4)
            await anna.until(lambda: agent.conversation.messages[-1].text == SECOND)
            await anna.until(lambda: len(scene.ended) == 2)
            # The call must not end in mid-answer.
            await anna.until(lambda: agent.state is FloorState.IDLE)
    return scene
