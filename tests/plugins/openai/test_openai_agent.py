"""Whole agents with the plugin in them, in virtual time: the page's samples are interrupted, and fall silent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from vision_agents.core import Agent, Participant, User
from vision_agents.core.agents import AgentSpeechEndedEvent
from vision_agents.core.audio import PcmData
from vision_agents.core.conversation import Role
from vision_agents.core.edge import FRAME_SECONDS
from vision_agents.core.turn_detection import TurnEndedEvent, TurnStartedEvent
from vision_agents.plugins import openai
from vision_agents.testing.contract import frames
from vision_agents.testing.parts import LoopEdge, ScriptedDetector, ScriptedSTT, ToneTTS, tone

from ...standins.openai.server import StandIn
from .test_contract import unexpected

pytestmark = pytest.mark.virtual_time

ANNA = Participant("anna")
LONG = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen."
WORD = 0.3


class Call:
    """An agent in a call with itself, and somebody whose microphone is always on."""

    def __init__(self, agent: Agent, edge: LoopEdge) -> None:
        self.agent = agent
        self.edge = edge
        self.events: list[TurnStartedEvent | TurnEndedEvent | AgentSpeechEndedEvent] = []
        self._speaking = 0.0
        self._microphone: asyncio.Task[None] | None = None

        @agent.events.subscribe
        async def note(event: TurnStartedEvent | TurnEndedEvent | AgentSpeechEndedEvent) -> None:
            self.events.append(event)

    async def __aenter__(self) -> Call:
        await self.agent.join()
        assert self.edge.sink is not None
        self.edge.sink.participant_joined(ANNA)
        self._microphone = asyncio.create_task(self._listen())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._microphone is not None
        self._microphone.cancel()
        await self.agent.close()

    async def _listen(self) -> None:
        sound, silence = (next(frames(make(1.0))) for make in (_tone, _silence))
        while self.edge.sink is not None:
            self.edge.sink.audio(sound if self._speaking > 0 else silence, ANNA)
            self._speaking -= FRAME_SECONDS
            await asyncio.sleep(FRAME_SECONDS)

    def speak(self, seconds: float) -> None:
        """Anna begins to speak."""
        self._speaking = seconds

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(60.0):
            while not condition():
                await asyncio.sleep(FRAME_SECONDS)

    @property
    def sounding(self) -> bool:
        """Whether the latest frame is heard."""
        return bool(self.edge.frames) and bool(self.edge.frames[-1].any())

    async def audible(self) -> None:
        """Wait until the agent is heard."""
        await self.until(lambda: self.sounding)

    def ended(self) -> list[AgentSpeechEndedEvent]:
        return [event for event in self.events if isinstance(event, AgentSpeechEndedEvent)]

    def frames_until_silence(self, since: int) -> int:
        """From frame `since` on, how many frames were heard until the first silent one."""
        return self.edge.audible[since:].index(False)


def _tone(seconds: float) -> PcmData:
    return tone(seconds, 48_000)


def _silence(seconds: float) -> PcmData:
    return PcmData.silence(seconds, 48_000)


def realtime_call() -> Call:
    edge = LoopEdge()
    agent = Agent(
        edge=edge,
        agent_user=User(name="Assistant", id="agent"),
        instructions="You're a helpful voice assistant.",
        llm=openai.Realtime(),  # Built-in interruption handling
    )
    return Call(agent, edge)


async def test_the_realtime_agent_of_the_page_is_interrupted_and_falls_silent(service: StandIn) -> None:
    service.deaf_for, service.pace = 5.0, 0.25
    service.will_say(" ".join([LONG] * 3), "ok then.")
    service.will_hear("count for me", "stop it")
    async with realtime_call() as call:
        await asyncio.sleep(0.5)
        call.speak(1.0)
        await call.audible()
        await asyncio.sleep(1.5)
        begun = len(call.edge.frames)
        call.speak(1.0)
        await call.until(lambda: call.ended())
        await asyncio.sleep(0.2)
        # One frame for the microphone, one for the service to hear it, one that was being sent.
        assert call.frames_until_silence(begun) <= 3
        (cut,) = call.ended()
        assert cut.interrupted
        assert cut.heard.split() == LONG.split()[: len(cut.heard.split())]
        assert 4 <= len(cut.heard.split()) <= 6
        silent_from = begun + call.frames_until_silence(begun)
        await asyncio.sleep(4.0)  # The service goes on sending all the time.
        assert not any(call.edge.audible[silent_from:])

        await call.until(lambda: len(call.ended()) == 2)
        answer = call.ended()[1]
        assert (answer.heard, answer.interrupted, answer.epoch) == ("ok then.", False, 1)
        assert [(m.role, m.text, m.interrupted) for m in call.agent.conversation] == [
            (Role.USER, "count for me", False),
            (Role.ASSISTANT, cut.heard, True),
            (Role.USER, "stop it", False),
            (Role.ASSISTANT, "ok then.", False),
        ]
        started = [event for event in call.events if isinstance(event, TurnStartedEvent)]
        assert [(e.participant, e.interrupted, e.epoch) for e in started] == [(ANNA, False, 0), (ANNA, True, 1)]
        durations = [event.duration_ms for event in call.events if isinstance(event, TurnEndedEvent)]
        assert durations == pytest.approx([1000.0, 1000.0], abs=50)
        heard = sum(call.edge.audible[:silent_from]) * FRAME_SECONDS
        (truncated,) = service.session.conversation.truncated_ms.values()
        assert truncated / 1000 == pytest.approx(heard, abs=FRAME_SECONDS)
        assert not unexpected(service)


async def test_every_interruption_silences_in_time(service: StandIn) -> None:
    service.deaf_for, service.pace = 0.5, 0.1
    async with realtime_call() as call:
        delays = []
        for _ in range(20):
            service.will_say(LONG)
            call.speak(0.3)
            await call.until(lambda: not call.sounding)
            await call.audible()
            await asyncio.sleep(0.5)
            begun = len(call.edge.frames)
            call.speak(0.3)
            await asyncio.sleep(0.2)
            delays.append(call.frames_until_silence(begun))
            await call.until(lambda: call.ended() and call.ended()[-1].interrupted)
        assert max(delays) * FRAME_SECONDS <= 0.16
        assert not unexpected(service)


async def test_the_cascade_is_interrupted_into_the_stream(service: StandIn) -> None:
    edge, detector = LoopEdge(), ScriptedDetector()
    agent = Agent(
        edge=edge,
        agent_user=User(name="Assistant", id="agent"),
        instructions="You're a helpful voice assistant.",
        llm=openai.LLM(model="gpt-5.4"),
        stt=ScriptedSTT(["count for me", "stop it"]),
        tts=ToneTTS(),
        turn_detection=detector,
    )
    service.will_say(LONG.replace(" ", ". "), "Ok then.")
    async with Call(agent, edge) as call:
        await service.stall(after=8)
        await detector.speak(ANNA, 1.0)
        await call.audible()
        await asyncio.sleep(1.0)
        assert service.active == 1
        begun = len(edge.frames)
        await detector.speak(ANNA, 1.0)
        assert call.frames_until_silence(begun) <= 2
        assert service.active == 0
        await service.release()
        await call.until(lambda: len(call.ended()) == 2)
        cut, answer = call.ended()
        assert (cut.interrupted, answer.heard) == (True, "Ok then.")
        assert service.bodies[-1]["instructions"] == "You're a helpful voice assistant."
        told = [(item["role"], item["content"]) for item in service.bodies[-1]["input"]]
        assert [role for role, _ in told] == ["user", "assistant", "user"]
        assert told[1][1].startswith(cut.heard)
        assert "interrupted" in told[1][1]
        assert cut.unheard.split()[0] not in told[1][1]
