"""How many calls two cores carry when every model is local: callers ask, agents answer, all in one process.

Each call has a Moonshine recogniser, Smart Turn, Silero, a Piper voice and the default language model. Its caller asks
a question (synthesised before), listens to the answer, is quiet for a moment, and asks the next, in real time. An
answer's latency is from the last sample of the caller's speech to the pull of the agent's first. Each row runs in a
process of its own, pinned to `--cores`.

    python -m benchmarks.local_calls [--calls 1 2 4 8 12 16] [--seconds 60] [--cores 2]

Columns: latency of answers (missed: nothing came within 15 s), the median of its stages (speech end to end of turn, to
the model's first text, to the first audio, to its pull), CPU of all cores as a share of one, memory of the process and
its workers and what a further call adds to the first row's, lateness of pulls, and the queues of the networks: how many
jobs a second there were, how long they waited and ran (p50/p95).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from vision_agents.core import Agent, Participant, PcmData, User, warm_up
from vision_agents.core.edge import FRAME_SAMPLES, FRAME_SECONDS, OUTPUT_SAMPLE_RATE, CallSink, EdgeTransport
from vision_agents.core.llm.events import LLMResponseChunkEvent
from vision_agents.core.models import loaded_models
from vision_agents.core.tts.events import TTSAudioEvent
from vision_agents.core.turn_detection.events import TurnEndedEvent
from vision_agents.plugins import llama, moonshine, piper, smart_turn
from vision_agents.serving.usage import WorkerUsage, resident

CALLER = Participant("caller")
QUESTIONS = (
    "How far away is the moon?",
    "What is the capital of France?",
    "How do I cook an egg?",
    "Why is the sky blue?",
    "What can I do on a rainy day?",
    "Who wrote Romeo and Juliet?",
    "How many days has a year?",
    "What do cats like to eat?",
    "Can you tell me about the ocean?",
    "Which season comes after winter?",
    "How does a bicycle work?",
    "What should I take to the beach?",
    "Why do people sleep at night?",
    "How do birds find their way?",
    "What is a good name for a dog?",
    "Where does the rain come from?",
)

# A caller asks again after so much silence: after the answer, or if none came.
LISTENING = 1.5
PATIENCE = 15.0

# Callers come one after the other, spread over this time.
SPREAD = 10.0

STAGES = ("turn", "text", "audio", "pull")


class Edge(EdgeTransport):
    """A call whose frames the caller brings and fetches."""

    sink: CallSink

    async def join(self, agent_user: User, call: Any, sink: CallSink) -> None:
        self.sink = sink

    async def leave(self) -> None:
        pass


class Caller:
    """Asks and listens, a frame each way every 20 ms, and notes how long each answer took."""

    def __init__(self, number: int, questions: list[PcmData]) -> None:
        self.latencies: list[float] = []
        self.stages: list[dict[str, float]] = []
        self.missed = 0
        self.late: list[float] = []
        self._questions = _frames_from(questions, number)
        self._edge = Edge()
        self._noise = np.random.default_rng(number).integers(-9, 10, (50, FRAME_SAMPLES)).astype(np.int16)
        self._marks: dict[str, float] = {}
        self.agent = Agent(
            edge=self._edge,
            agent_user=User("agent"),
            instructions="You're a helpful voice assistant.",
            llm=llama.LLM(),
            stt=moonshine.STT(),
            tts=piper.TTS(),
            turn_detection=smart_turn.TurnDetection(),
        )

        @self.agent.events.subscribe
        async def note(event: TurnEndedEvent | LLMResponseChunkEvent | TTSAudioEvent) -> None:
            stage = {TurnEndedEvent: "turn", LLMResponseChunkEvent: "text", TTSAudioEvent: "audio"}[type(event)]
            self._marks.setdefault(stage, asyncio.get_running_loop().time())

    async def call(self, wait: float) -> None:
        """Join after `wait` seconds, and talk until cancelled."""
        await asyncio.sleep(wait)
        async with self.agent.join():
            clock = _Ticks(self.late)
            while True:
                await self._ask(clock, next(self._questions))

    async def _ask(self, clock: _Ticks, question: list[np.ndarray]) -> None:
        for frame in question:
            await clock.tick()
            self._exchange(frame)
        spoke = clock.due
        self._marks = {}
        heard = quiet = 0.0
        while quiet < (LISTENING if heard else PATIENCE):
            await clock.tick()
            audible = self._exchange(self._noise[clock.number % len(self._noise)])
            quiet = 0.0 if audible else quiet + FRAME_SECONDS
            if audible and not heard:
                heard = asyncio.get_running_loop().time()
                self.latencies.append(heard - spoke)
        self.missed += not heard
        # Only now: a handler may hear of the audio after it was pulled.
        if heard and len(marks := self._marks | {"pull": heard}) == len(STAGES):
            times = [spoke, *(marks[stage] for stage in STAGES)]
            self.stages.append({stage: times[n + 1] - times[n] for n, stage in enumerate(STAGES)})

    def _exchange(self, frame: np.ndarray) -> bool:
        self._edge.sink.audio(PcmData(frame, OUTPUT_SAMPLE_RATE), CALLER)
        return bool(np.any(self._edge.sink.pull()))


class _Ticks:
    """The 20 ms of a call."""

    def __init__(self, late: list[float]) -> None:
        self.number = 0
        self._start = asyncio.get_running_loop().time()
        self._late = late

    @property
    def due(self) -> float:
        return self._start + self.number * FRAME_SECONDS

    async def tick(self) -> None:
        self.number += 1
        now = asyncio.get_running_loop().time()
        await asyncio.sleep(max(0.0, self.due - now))
        self._late.append(asyncio.get_running_loop().time() - self.due)


def _frames_from(questions: list[PcmData], first: int) -> Iterator[list[np.ndarray]]:
    number = first
    while True:
        samples = questions[number % len(questions)].samples
        samples = np.pad(samples, (0, -len(samples) % FRAME_SAMPLES))
        yield list(samples.reshape(-1, FRAME_SAMPLES))
        number += 1


async def synthesised() -> list[PcmData]:
    """The questions, from their first to their last sound."""
    voice = piper.TTS()
    await voice.start()
    clips = []
    for question in QUESTIONS:
        clip = PcmData.concat([chunk.audio async for chunk in voice.synthesize(question)]).resampled(OUTPUT_SAMPLE_RATE)
        loud = np.flatnonzero(np.abs(clip.samples) > 300)
        clips.append(PcmData(clip.samples[loud[0] : loud[-1] + 1], OUTPUT_SAMPLE_RATE))
    await voice.close()
    return clips


async def measure(calls: int, seconds: float) -> dict[str, Any]:
    """Run so many calls, and measure for so many seconds once all of them have joined."""
    questions = await synthesised()
    callers = [Caller(number, questions) for number in range(calls)]
    await warm_up(*(caller.agent for caller in callers), freeze=True)
    running = [asyncio.create_task(caller.call(n * SPREAD / calls)) for n, caller in enumerate(callers)]
    await asyncio.sleep(SPREAD + 2.0)
    for caller in callers:
        del caller.latencies[:], caller.stages[:], caller.late[:]
        caller.missed = 0
    before = {model.name: model.worker.done for model in loaded_models()}
    workers = WorkerUsage()
    workers.look()
    cpu, wall = time.process_time(), time.perf_counter()
    await asyncio.sleep(seconds)
    workers.look()
    cpu, wall = time.process_time() + workers.seconds - cpu, time.perf_counter() - wall
    memory = resident() + workers.memory
    queues = {
        model.name: [
            (model.worker.done - before.get(model.name, 0)) / wall,
            *(model.worker.wait_p50, model.worker.wait_p95, model.worker.run_p50, model.worker.run_p95),
        ]
        for model in loaded_models()
    }
    for task in running:
        if task.done():
            task.result()
        task.cancel()
    await asyncio.wait(running, timeout=10.0)
    latencies = [latency for caller in callers for latency in caller.latencies]
    stages = [stage for caller in callers for stage in caller.stages]
    return {
        "calls": calls,
        "answers": len(latencies),
        "missed": sum(caller.missed for caller in callers),
        "latency": _quantiles(latencies),
        "stages": {stage: float(np.median([one[stage] for one in stages])) for stage in STAGES} if stages else {},
        "late": _quantiles([late for caller in callers for late in caller.late], (50, 95, 100)),
        "cpu": cpu / wall,
        "memory": memory,
        "queues": queues,
    }


def _quantiles(values: list[float], at: tuple[int, ...] = (50, 95)) -> list[float]:
    return [float(value) for value in np.percentile(values, at)] if values else [float("nan")] * len(at)


def show(row: dict[str, Any], first: dict[str, Any]) -> None:
    """Print a row and its queues."""
    further = (row["memory"] - first["memory"]) / 1e6 / max(1, row["calls"] - first["calls"])
    stages = " + ".join(f"{stage} {row['stages'].get(stage, float('nan')):.2f}" for stage in STAGES)
    print(
        f"{row['calls']:3} calls: {row['answers']} answers, {row['missed']} missed, "
        f"p50 {row['latency'][0]:.2f} p95 {row['latency'][1]:.2f} s ({stages}), CPU {row['cpu']:.2f}, "
        f"{row['memory'] / 1e6:.0f} MB ({further:+.0f} a further call), "
        f"pulls late p50/p95/max {'/'.join(f'{1000 * late:.0f}' for late in row['late'])} ms"
    )
    for name, (rate, *times) in row["queues"].items():
        wait50, wait95, run50, run95 = (f"{1000 * one:.0f}" for one in times)
        print(f"       {name:18} {rate:5.1f}/s  waits {wait50}/{wait95} ms  runs {run50}/{run95} ms", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, nargs="+", default=[1, 2, 4, 8, 12, 16])
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--row", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.row:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: options.cores])
        print(json.dumps(asyncio.run(measure(options.calls[0], options.seconds))), flush=True)
        return
    first: dict[str, Any] = {}
    for calls in options.calls:
        arguments = ["--row", "--calls", str(calls), "--seconds", str(options.seconds), "--cores", str(options.cores)]
        run = subprocess.run(
            [sys.executable, "-m", "benchmarks.local_calls", *arguments], stdout=subprocess.PIPE, check=True
        )
        row = json.loads(run.stdout.splitlines()[-1])
        first = first or row
        show(row, first)


if __name__ == "__main__":
    main()
