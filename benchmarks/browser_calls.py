"""What a call in the browser costs: WebRTC by aiortc, real ears, scripted words, model and voice.

    python -m benchmarks.browser_calls --calls 4 --seconds 20

The agents run in one process, their callers (aiortc again) in another. Printed is the CPU time of the agents' process,
in milliseconds for each second of each call: of the WebRTC side alone, which plays and hears the same sound with nobody
behind it, and of whole agents.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import sys
import time
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription

from vision_agents.core import Agent, Participant, PcmData, User
from vision_agents.core.edge import CallSink, EdgeTransport
from vision_agents.plugins import smart_turn
from vision_agents.plugins.local.aiortc_patches import gather_on_loopback
from vision_agents.plugins.local.rtc import AgentTrack, BrowserCall

from .sessions import speech
from .sessions.load import Load, Samples
from .sessions.on_vision_agents import Model, Voice, Words

SETTLE = 3.0


class Page:
    """Stands for a page: the listener of one browser's connection."""

    def __init__(self) -> None:
        self.up = asyncio.Event()

    def connected(self, call: BrowserCall) -> None:
        self.up.set()

    def over(self, call: BrowserCall, error: str | None) -> None:
        if error is not None:
            sys.exit(f"a call broke: {error}")


class Edge(EdgeTransport):
    """A call with one browser, whose offer is brought by hand."""

    def __init__(self, number: int) -> None:
        self.page = Page()
        self.call = BrowserCall(Participant("caller", str(number)), self.page)
        self.sink: CallSink | None = None

    async def join(self, agent_user: User, call: Any, sink: CallSink) -> None:
        self.sink = sink
        self.call.serve(sink)

    async def leave(self) -> None:
        await self.call.close()


class Nobody:
    """A sink with nobody behind it, that plays a cycle of frames, int16 of shape (n, 960), again and again."""

    def __init__(self, cycle: Samples) -> None:
        self._cycle = cycle
        self._numbers = count()

    def pull(self) -> Samples:
        frame: Samples = self._cycle[next(self._numbers) % len(self._cycle)]
        return frame

    def audio(self, audio: PcmData, participant: Participant) -> None:
        pass

    def participant_joined(self, participant: Participant) -> None:
        pass

    def participant_left(self, participant: Participant) -> None:
        pass

    def ended(self, error: BaseException | None = None) -> None:
        pass


async def _callers(offers: Any, answers: Any, frames: list[Samples]) -> None:
    loop = asyncio.get_running_loop()
    connections = []
    for own in frames:
        connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        track = AgentTrack(sys.exit)
        track.play(Nobody(own))
        connection.addTrack(track)
        gather_on_loopback(connection, only=True)
        await connection.setLocalDescription(await connection.createOffer())
        offers.put(connection.localDescription.sdp)
        answer = await loop.run_in_executor(None, answers.get)
        await connection.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        connections.append(connection)
    await asyncio.Event().wait()


def _call(offers: Any, answers: Any, frames: list[Samples]) -> None:
    asyncio.run(_callers(offers, answers, frames))


async def _measure(load: Load, calls: int, seconds: float, agents: bool) -> float:
    """CPU time of this process in ms for each second of each call."""
    context = multiprocessing.get_context("spawn")
    offers, answers = context.Queue(), context.Queue()
    frames = [load.cycles[number % len(load.cycles)] for number in range(calls)]
    callers = context.Process(target=_call, args=(offers, answers, frames), daemon=True)
    callers.start()
    loop = asyncio.get_running_loop()
    edges = [Edge(number) for number in range(calls)]
    made = [_agent(edge, load) for edge in edges] if agents else []
    try:
        for edge, own in zip(edges, frames, strict=True):
            answers.put(await edge.call.answer(await loop.run_in_executor(None, offers.get)))
            await edge.page.up.wait()
            if not agents:
                # As much of it is silence as of an agent's side.
                edge.call.serve(Nobody(np.roll(own, len(own) // 2, axis=0)))
        for agent in made:
            await agent.join()
        await asyncio.sleep(SETTLE)
        began, cpu = time.monotonic(), time.process_time()
        await asyncio.sleep(seconds)
        return 1000.0 * (time.process_time() - cpu) / (time.monotonic() - began) / calls
    finally:
        for agent in made:
            await agent.close()
        for edge in edges:
            await edge.call.close()
        callers.terminate()


def _agent(edge: Edge, load: Load) -> Agent:
    return Agent(
        edge=edge,
        llm=Model(),
        agent_user=User("agent"),
        stt=Words(),
        tts=Voice(load),
        turn_detection=smart_turn.TurnDetection(),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--audio", type=Path, help="a folder of recordings to call with")
    args = parser.parse_args()
    load = speech.build(args.audio, digital=False)
    edge = asyncio.run(_measure(load, args.calls, args.seconds, agents=False))
    whole = asyncio.run(_measure(load, args.calls, args.seconds, agents=True))
    print(
        f"{args.calls} calls, {args.seconds:g} s: WebRTC {edge:.1f} ms/s a call, whole agents {whole:.1f} ms/s a call"
    )


if __name__ == "__main__":
    main()
