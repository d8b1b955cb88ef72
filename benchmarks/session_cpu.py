"""What one session costs while it listens and speaks: CPU time of the process as a share of one core.

The models are stubs, so what is measured is the framework's own: 50 frames a second each way, in real time.

    python benchmarks/session_cpu.py [--seconds 20] [--sessions 1]
"""

from __future__ import annotations

import argparse
import asyncio
import time

import numpy as np

from vision_agents.core import Agent, Participant, PcmData, User
from vision_agents.core.edge import FRAME_SAMPLES, FRAME_SECONDS, OUTPUT_SAMPLE_RATE
from vision_agents.testing.parts import LoopEdge, ScriptedDetector, ScriptedLLM, ScriptedSTT, ToneTTS

CALLER = Participant("caller")


async def session(seconds: float) -> int:
    """Speak and listen for `seconds`; return the frames that were audible."""
    edge = LoopEdge()
    agent = Agent(
        edge=edge,
        llm=ScriptedLLM(),
        agent_user=User("agent"),
        stt=ScriptedSTT(),
        tts=ToneTTS(),
        turn_detection=ScriptedDetector(),
    )
    noise = np.random.default_rng(1).integers(-500, 500, FRAME_SAMPLES, dtype=np.int16)
    frame = PcmData(noise, OUTPUT_SAMPLE_RATE)
    async with agent.join():
        assert edge.sink is not None
        speech = asyncio.create_task(agent.say("word " * 1000))
        loop = asyncio.get_running_loop()
        start = loop.time()
        for number in range(round(seconds / FRAME_SECONDS)):
            edge.sink.audio(frame, CALLER)
            await asyncio.sleep(start + (number + 1) * FRAME_SECONDS - loop.time())
        speech.cancel()
    return sum(edge.audible)


async def run(sessions: int, seconds: float) -> None:
    began, cpu = time.perf_counter(), time.process_time()
    audible = await asyncio.gather(*(session(seconds) for _ in range(sessions)))
    cpu, wall = time.process_time() - cpu, time.perf_counter() - began
    frames = round(seconds / FRAME_SECONDS) * sessions
    print(f"sessions: {sessions}, wall {wall:.1f} s, audible frames {sum(audible)} of {frames}")
    print(f"CPU of one session: {100 * cpu / wall / sessions:.2f} % of a core")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--sessions", type=int, default=1)
    options = parser.parse_args()
    asyncio.run(run(options.sessions, options.seconds))


if __name__ == "__main__":
    main()
