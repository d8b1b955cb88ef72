"""A whole agent in a Stream call: a second participant speaks, interrupts it, and hears the silence."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import pytest_asyncio

pytest.importorskip("getstream_rtc", reason="needs the extra getstream")

from vision_agents.core import Agent, User
from vision_agents.core.agents import AgentSpeechEndedEvent
from vision_agents.core.audio import PcmData
from vision_agents.core.conversation import Role
from vision_agents.core.participants import Participant
from vision_agents.core.tts import SpeechChunk, Word
from vision_agents.core.turn_detection import TurnDetector, TurnEndedEvent, TurnStartedEvent
from vision_agents.plugins import getstream
from vision_agents.testing.contract import until
from vision_agents.testing.parts import ScriptedLLM, ScriptedSTT, ToneTTS, tone

if TYPE_CHECKING:
    from ...standins.getstream.server import StreamService

FRAME = 0.02
WORD = 0.25
# Frames of the old voice that may still come when the gate is shut: one that fades, one that the SDK is about to take,
# and one on the way, over which the codec smears the last one.
IN_FLIGHT = 3
LONG = "500 " + " ".join(f"word{number}" for number in range(40))


class Pitched(ToneTTS):
    """Speaks each text at the pitch that is its first word, in Hz."""

    async def stream_audio(self, text: str) -> AsyncIterator[SpeechChunk]:
        words = text.split()
        pitch = float(words[0]) if words[0].isdigit() else 500.0
        for index, word in enumerate(words):
            times = Word(word, index * WORD, (index + 1) * WORD)
            # Whole periods: nothing but its pitch is in it, from its first word to its last.
            yield SpeechChunk(tone(WORD, 48_000, pitch), (times,))


class Loud(TurnDetector):
    """What is loud is speech; 0.2 s of quiet end it, and with it the turn."""

    def __init__(self) -> None:
        super().__init__()
        self._voiced = self._quiet = 0.0

    async def process_audio(self, audio: PcmData, participant: Participant) -> None:
        if np.abs(audio.samples.astype(np.int32)).max() > 1000:
            self._voiced += audio.duration
            self._quiet = 0.0
            if self._voiced == audio.duration:
                self.report_speech_started(participant, 0.9, audio.duration)
            else:
                self.report_speech_continued(participant, 0.9, self._voiced)
        elif self._voiced:
            self._quiet += audio.duration
            if self._quiet >= 0.2:
                self.report_speech_ended(participant, self._voiced, self._quiet)
                self.report_turn_ended(participant, 0.9, None, self._quiet)
                self._voiced = 0.0


@dataclass
class InCall:
    """An agent in a call, and what it told of it, with the time."""

    agent: Agent
    service: StreamService
    events: list[tuple[float, Any]] = field(default_factory=list)
    trace: list[Any] = field(default_factory=list)

    def of(self, kind: type) -> list[Any]:
        return [event for _, event in self.events if isinstance(event, kind)]

    def loudness(self, pitch: float) -> list[tuple[float, float]]:
        """How loud the agent's voice at `pitch` was in each frame that Anna received, and when it came."""
        turns = np.exp(-2j * np.pi * pitch * np.arange(960) / 48_000)
        frames = list(self.service.anna.heard)
        return [(at, abs(samples @ turns[: len(samples)]) / len(samples)) for at, samples in frames]

    def arrivals(self, pitch: float) -> list[float]:
        """When Anna received the frames in which the agent's voice sounds at `pitch`."""
        return [at for at, loudness in self.loudness(pitch) if loudness > 500]

    def arrived_seconds(self, pitch: float) -> float:
        """How much of the voice Anna received. The codec smears: of a frame between voice and silence, its part counts.

        Not so of the first ones, in which the codec's level rises.
        """
        levels = np.array([loudness for _, loudness in self.loudness(pitch) if loudness > 500])
        levels[:10] = np.median(levels)
        return float(np.minimum(levels / np.median(levels), 1.0).sum()) * FRAME

    def smeared(self, pitch: float) -> float:
        """Seconds by which `arrived_seconds` may be wrong: a frame at each edge of each stretch of the voice.

        There is one stretch, unless the machine was so late that the sender ran out of frames in between.
        """
        sounds = np.array([loudness > 500 for _, loudness in self.loudness(pitch)], dtype=int)
        stretches = int(np.count_nonzero(np.diff(sounds, prepend=0) == 1))
        return 2 * FRAME * stretches

    def heard_seconds(self, reply: int) -> float:
        """What the agent says was heard of a reply."""
        (record,) = [each for each in self.trace if each.get("note") == "ReplyPlayed" and each["reply"] == reply]
        return float(record["seconds"])


@pytest_asyncio.fixture
async def call(provider: StreamService) -> AsyncIterator[InCall]:
    agent = Agent(
        edge=getstream.Edge(),
        llm=ScriptedLLM([LONG, "900 very well"]),
        agent_user=User(name="Assistant", id="agent"),
        instructions="Count.",
        stt=ScriptedSTT(["count for me please", "stop it now"]),
        tts=Pitched(),
        turn_detection=Loud(),
    )
    call = InCall(agent, provider)

    @agent.events.subscribe
    async def note(event: TurnStartedEvent | TurnEndedEvent | AgentSpeechEndedEvent) -> None:
        call.events.append((time.monotonic(), event))

    agent.observe(call.trace.append)
    async with agent.join("default:table"):
        await provider.enter()
        yield call
    await until(lambda: not provider.open_connections, "the end of all connections")
    assert not provider.sfu.refusals


async def test_who_interrupts_hears_silence_and_the_agent_knows_what_was_heard(call: InCall):
    service = call.service
    await service.say(tone(0.6, 48_000))
    await until(lambda: len(call.arrivals(500.0)) > 60, "more than a second of the answer")
    await service.say(tone(0.8, 48_000))
    await until(lambda: len(call.of(TurnStartedEvent)) == 2, "the interruption")
    await until(lambda: len(call.of(AgentSpeechEndedEvent)) == 2, "the second answer")

    first, second = call.of(TurnStartedEvent)
    assert [(event.participant.user_id, event.epoch) for event in (first, second)] == [("anna", 0), ("anna", 1)]
    assert second.interrupted
    interrupted_at = next(at for at, event in call.events if event is second)
    old = call.arrivals(500.0)
    assert len([at for at in old if at > interrupted_at]) <= IN_FLIGHT
    # Her own voice came first: she heard the silence while she spoke.
    assert max(old) < min(call.arrivals(900.0))

    cut, answer = call.of(AgentSpeechEndedEvent)
    assert (cut.interrupted, cut.epoch, answer.interrupted, answer.epoch) == (True, 0, False, 1)
    heard = call.heard_seconds(cut.reply)
    assert heard == pytest.approx(call.arrived_seconds(500.0), abs=call.smeared(500.0))
    assert len(cut.heard.split()) == pytest.approx(heard / WORD, abs=1)
    assert LONG.startswith(cut.heard)
    assert call.heard_seconds(answer.reply) == pytest.approx(3 * WORD, abs=0.001)
    assert call.arrived_seconds(900.0) == pytest.approx(3 * WORD, abs=call.smeared(900.0))
    roles = [(message.role, message.interrupted) for message in call.agent.conversation]
    assert roles == [(Role.USER, False), (Role.ASSISTANT, True), (Role.USER, False), (Role.ASSISTANT, False)]


async def test_of_many_voices_silenced_in_a_row_none_is_heard_again(call: InCall):
    silenced: dict[int, float] = {}
    for pitch in range(500, 2500, 200):
        saying = call.agent.say(f"{pitch} " + "on " * 40)
        task = asyncio.ensure_future(saying)
        await until(lambda pitch=pitch: len(call.arrivals(pitch)) > 3, f"the voice at {pitch} Hz")
        call.agent.interrupt()
        silenced[pitch] = time.monotonic()
        assert not await task
    for number, (pitch, at) in enumerate(silenced.items()):
        arrivals = call.arrivals(pitch)
        assert len([each for each in arrivals if each > at]) <= IN_FLIGHT, pitch
        ended = call.of(AgentSpeechEndedEvent)[number]
        assert call.heard_seconds(ended.reply) == pytest.approx(len(arrivals) * FRAME, abs=FRAME + call.smeared(pitch))
