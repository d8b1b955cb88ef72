"""How soon the agent is silent when its provider is deaf: one that ignores cancellations for 5 s and goes on sending.

    python -m benchmarks.deaf_providers [NAME …]          in the repository's root; aws needs Python 3.12

Real speech over real Silero, in real time, by the wall clock, each provider through its unmodified SDK against its
stand-in from `tests/standins`. The time is from the acoustic onset of the user's speech to the last audible sample that
was pulled. Local agents without any provider are measured in the same run: a cascade with `smart_turn`, and a realtime
model with `vad=silero.VAD()`, which is how those agents hold that take their turns from the provider. A provider's own
ear is half a second slower than ours here, so that what is measured is the local detector. Also measured: how much of
the agent's voice was pulled after `interrupt()` had returned. Four calls at a time, five interruptions by voice and two
by code in each.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Literal

import numpy as np

from vision_agents.core import Agent, Participant, PcmData, User
from vision_agents.core.edge import FRAME_SECONDS, CallSink, EdgeTransport
from vision_agents.core.observability.acoustics import AUDIBLE
from vision_agents.plugins import silero, smart_turn
from vision_agents.testing.clips import speech_clips
from vision_agents.testing.contract import SpeechGate
from vision_agents.testing.parts import ScriptedLLM, ScriptedSTT, ToneTTS
from vision_agents.testing.realtime import ScriptedRealtime

from .providers import Provider, chosen, deafen
from .stop_latency import RATE, onset_in

DEAF_FOR = 5.0
PACE = 0.04
CALLS, BY_VOICE, BY_CODE = 4, 5, 2

ANNA = Participant("anna")
FRAME = RATE // 50
# Clips are cut so that the onset is at LEAD: enough of them for a turn, and not more.
LEAD, LENGTH = 0.3, 1.6
# As long as this without a sound is silence; no answer within so many seconds is none.
SILENT_FOR = 0.25
PATIENCE = 15.0

# How much later than ours the stand-ins' ears are, in seconds.
LATE = 0.5
# Goes on for longer than anybody is deaf.
LONG = " ".join(f"{' '.join(['word'] * 45)}." for _ in range(4))

PLAYED = 48_000


class Call(EdgeTransport):
    """A microphone and a loudspeaker, 20 ms at a time, and what was pulled when by the wall clock."""

    def __init__(self) -> None:
        self._speech: deque[Any] = deque()
        self._task: asyncio.Task[None] | None = None
        # When each frame was pulled, and up to where in it there is sound (0: none).
        self.pulled: list[tuple[float, float]] = []
        self.onset: float | None = None
        self._to_onset = 0

    async def join(self, agent_user: User, call: Any, sink: CallSink) -> None:
        sink.participant_joined(ANNA)
        self._task = asyncio.create_task(self._run(sink), name="call")

    async def leave(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    def speak(self, clip: PcmData, onset: int) -> None:
        """Say a clip whose speech begins at sample `onset`."""
        self.onset, self._to_onset = None, onset
        self._speech.extend(clip.samples[start : start + FRAME] for start in range(0, len(clip) - FRAME + 1, FRAME))

    @property
    def speaking(self) -> bool:
        return bool(self._speech)

    @property
    def sounding(self) -> bool:
        return bool(self.pulled) and self.pulled[-1][1] > 0

    def last_sound(self, since: float) -> float:
        """When the last sound was over that is followed by silence, in frames pulled after `since`; `since` if none."""
        last = since
        for at, length in self.pulled:
            if at >= since and length:
                if at - last > SILENT_FOR:
                    break
                last = at + length
        return last

    async def _run(self, sink: CallSink) -> None:
        loop = asyncio.get_running_loop()
        start = loop.time()
        silence = np.zeros(FRAME, np.int16)
        while True:
            if self._speech:
                sink.audio(PcmData(self._speech.popleft(), RATE), ANNA)
                if 0 <= self._to_onset < FRAME:
                    # The frame is whole only now: the onset lies back as far as the rest of the frame is long.
                    self.onset = loop.time() - (FRAME - self._to_onset) / RATE
                self._to_onset -= FRAME
            else:
                sink.audio(PcmData(silence, RATE), ANNA)
            heard = np.flatnonzero(np.abs(sink.pull().astype(np.int32)) > AUDIBLE)
            self.pulled.append((loop.time(), (heard[-1] + 1) / PLAYED if len(heard) else 0.0))
            await asyncio.sleep(start + len(self.pulled) * FRAME_SECONDS - loop.time())


@dataclass
class Figures:
    """In ms. `voice`: from onset to silence; `code`: of voice pulled after `interrupt()`. `unanswered`: turns."""

    voice: list[float] = field(default_factory=list)
    code: list[float] = field(default_factory=list)
    unanswered: int = 0
    unstopped: int = 0


class LocalRealtime(ScriptedRealtime):
    """A realtime model without a provider, whose ear is as slow as the stand-ins'."""

    def __init__(self) -> None:
        super().__init__([LONG])
        self._unheard: deque[PcmData] = deque()

    async def send_audio(self, audio: PcmData, participant: Participant) -> None:
        self._unheard.append(audio)
        if len(self._unheard) > LATE / FRAME_SECONDS:
            await super().send_audio(self._unheard.popleft(), participant)


@asynccontextmanager
async def nobody() -> AsyncIterator[None]:
    """No provider."""
    yield


LOCAL = (
    Provider("local (smart_turn)", "tts", "", nobody, lambda _: ToneTTS()),
    Provider("local (vad)", "realtime", "", nobody, lambda _: LocalRealtime()),
)


def agent_with(part: Any, kind: str, edge: Call) -> Agent:
    """An agent with one part of the provider's, and the rest local."""
    agent_user = User("agent")
    if kind == "realtime":
        return Agent(edge=edge, llm=part, agent_user=agent_user, vad=silero.VAD())
    parts: dict[str, Any] = {
        "llm": ScriptedLLM([LONG]),
        "stt": ScriptedSTT(["go on please"] * 1000),
        "tts": ToneTTS(),
    }
    if kind in parts:
        parts[kind] = part
    if kind == "stt" and part.turn_detection:
        return Agent(edge=edge, agent_user=agent_user, vad=silero.VAD(), **parts)
    return Agent(edge=edge, agent_user=agent_user, turn_detection=smart_turn.TurnDetection(), **parts)


@asynccontextmanager
async def calling(provider: Provider) -> AsyncIterator[tuple[Agent, Call]]:
    """A call with an agent whose provider is deaf."""
    edge = Call()
    async with provider.serve() as service:
        if service is not None:
            deafen(service, DEAF_FOR, PACE)
            service.will_say(*[LONG] * 1000)
            service.will_hear(*["go on please"] * 1000)
        async with agent_with(provider.make(service), provider.kind, edge).join() as agent:
            yield agent, edge


async def talk(provider: Provider, clips: list[tuple[PcmData, int]], delay: float, figures: Figures) -> None:
    """One call."""
    await asyncio.sleep(delay)
    async with calling(provider) as (agent, edge):
        ordering: set[asyncio.Task[bool]] = set()

        async def hear_it_talk() -> None:
            """Wait until the agent talks; ask it to if it does not by itself."""
            if not await within(PATIENCE if edge.pulled else 1.0, lambda: edge.sounding):
                figures.unanswered += bool(ordering)
                ordering.add(asyncio.create_task(agent.say(LONG)))
                assert await within(PATIENCE, lambda: edge.sounding), "the agent does not talk"
            await asyncio.sleep(0.8)

        for clip, onset in clips:
            await hear_it_talk()
            edge.speak(clip, onset)
            await within(PATIENCE, lambda: not edge.speaking)
            await asyncio.sleep(SILENT_FOR + 0.1)
            assert edge.onset is not None
            stop = edge.last_sound(edge.onset) - edge.onset
            if stop < LENGTH:
                figures.voice.append(stop * 1000)
            else:
                figures.unstopped += 1
        for _ in range(BY_CODE):
            await hear_it_talk()
            before = asyncio.get_running_loop().time()
            agent.interrupt()
            await asyncio.sleep(SILENT_FOR + 0.1)
            figures.code.append(1000 * sum(length for at, length in edge.pulled if at >= before))
            ordering.add(asyncio.create_task(agent.say(LONG)))
        for task in ordering:
            task.cancel()


async def within(seconds: float, condition: Any) -> bool:
    """Whether it comes true in time."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not condition():
        if asyncio.get_running_loop().time() > deadline:
            return False
        await asyncio.sleep(FRAME_SECONDS / 2)
    return True


def prepared() -> list[tuple[PcmData, int]]:
    """Each clip, cut, and the sample of its onset."""
    result = []
    for clip in speech_clips(RATE).values():
        start = round((onset_in(clip) - LEAD) * RATE)
        before = np.zeros(max(0, -start), np.int16)
        samples = np.concatenate([before, clip.samples[max(0, start) :]])[: round((LEAD + LENGTH) * RATE)]
        result.append((PcmData(samples, RATE), round(LEAD * RATE)))
    return result


def hear_late() -> None:
    """Make the stand-ins' ears slower than ours, so that it is the local detector that stops the agent."""
    feed = SpeechGate.feed

    def late(gate: SpeechGate, audio: PcmData) -> Literal["started", "stopped"] | None:
        waiting: list[tuple[float, Any]] = gate.__dict__.setdefault("waiting", [])
        change = feed(gate, audio)
        if change is not None:
            waiting.append((gate.position + LATE, change))
        if waiting and gate.position >= waiting[0][0]:
            told: Literal["started", "stopped"] = waiting.pop(0)[1]
            return told
        return None

    SpeechGate.feed = late  # type: ignore[method-assign, assignment]


async def measure(provider: Provider, clips: list[tuple[PcmData, int]]) -> Figures:
    figures, rest = Figures(), iter(clips)
    calls = [list(islice(rest, BY_VOICE)) for _ in range(CALLS)]
    # Not all at the same instant: they share the cores.
    await asyncio.gather(*(talk(provider, mine, 0.37 * number, figures) for number, mine in enumerate(calls)))
    return figures


def line(name: str, figures: Figures, local: float | None) -> str:
    p50, p95, worst = np.percentile(figures.voice, [50, 95, 100])
    ratio = f"{p50 / local:5.2f}" if local else "    1"
    return (
        f"{name:26} {len(figures.voice):4} {p50:6.0f} {p95:6.0f} {worst:6.0f} {ratio:>7}   "
        f"{len(figures.code):3} {max(figures.code):8.1f}   {figures.unstopped:9} {figures.unanswered:10}"
    )


def holds_by_vad(provider: Provider) -> bool:
    """Whether the provider decides about turns, so that it is `vad` that holds the agent."""
    return provider.kind == "realtime" or provider.name in ("deepgram.STT (Flux)", "elevenlabs.STT")


async def main(names: list[str]) -> None:
    logging.getLogger("vision_agents").setLevel(logging.ERROR)  # Of services that are deaf we are told much.
    hear_late()
    clips = prepared()
    print(f"{'':26} onset to silence, ms     p50 to   interrupt()")
    print(f"{'':26}    n    p50    p95    max   local     n   ms after   unstopped unanswered", flush=True)
    local: dict[bool, float] = {}
    for provider in (*LOCAL, *chosen(names)):
        figures = await measure(provider, clips)
        kind = holds_by_vad(provider)
        print(line(provider.name, figures, local.get(kind)), flush=True)
        local.setdefault(kind, float(np.median(figures.voice)))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
