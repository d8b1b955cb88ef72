"""Where the time of the local agent's answers goes, and what it wins and costs to prepare them before a turn is over.

Two agents of local models in one process are asked the same questions in turn, in real time: one prepares its answer in
pauses (`InterruptionPolicy(prepare=True)`), as the agent of the commands does, the other does not. Every other
question has a hesitation in it, so that what was prepared is thrown away. A caller listens to the beginning of each
answer, and asks the next when all of it was said.

    python -m benchmarks.answers [--questions 10] [--only prepared|plain]

Prints the stages of every answer in ms, as in a call's report; the medians; the difference that preparing makes in
pairs of one question; and the share of what the model read and wrote that was thrown away, in characters, since a
request that is cancelled reports no tokens. Times are of this machine as it is now: compare them within one run.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from vision_agents.cli.default_agent import INSTRUCTIONS
from vision_agents.cli.recorded_caller import speak
from vision_agents.core import Agent, Participant, PcmData, User, warm_up
from vision_agents.core.agents import AgentSpeechEndedEvent, AnswerLatencyEvent
from vision_agents.core.edge import FRAME_SAMPLES, FRAME_SECONDS, OUTPUT_SAMPLE_RATE, CallSink, EdgeTransport
from vision_agents.core.llm import LLMRequest
from vision_agents.core.trace.stages import STAGES, AnswerStages
from vision_agents.plugins import llama, moonshine, piper, smart_turn

CALLER = Participant("caller")

# Questions, every other one in two parts with a pause between them.
QUESTIONS = (
    ("How far away is the moon?",),
    ("I would like to know", "how I can cook an egg."),
    ("What is the capital of France?",),
    ("Tell me about cats and", "about dogs, please."),
    ("Why is the sky blue?",),
    ("On a rainy day,", "what can I do with my children?"),
    ("Who wrote Romeo and Juliet?",),
    ("Can you recommend", "a good book about the sea?"),
    ("Which season comes after winter?",),
    ("My dog is called, um,", "Rex. Is that a good name?"),
)
HESITATION = 0.7

# Seconds of quiet before a question, and in which an answer has to come.
REST, PATIENCE = 1.0, 30.0


@dataclass(slots=True)
class Request:
    """One request to the model: the characters that it read and wrote, and whether they were for nothing."""

    read: int
    written: int = 0
    thrown_away: bool = False


class CountingLLM(llama.LLM):
    """The local model, that counts what it is asked and what it writes."""

    def __init__(self) -> None:
        super().__init__()
        self.requests: list[Request] = []

    async def stream(self, request: LLMRequest) -> AsyncGenerator[Any, None]:
        mine = Request(len(request.instructions) + sum(len(message.text) for message in request.messages))
        self.requests.append(mine)
        async for piece in super().stream(request):
            mine.written += len(piece) if isinstance(piece, str) else 0
            yield piece


class Line(EdgeTransport):
    """A call whose frames the caller brings and fetches."""

    sink: CallSink

    async def join(self, agent_user: User, call: Any, sink: CallSink) -> None:
        self.sink = sink
        sink.participant_joined(CALLER)

    async def leave(self) -> None:
        pass


@dataclass
class Side:
    """An agent in a call of its own, and what became of its answers."""

    prepare: bool
    answers: list[AnswerStages] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.line, self.llm = Line(), CountingLLM()
        detector = smart_turn.TurnDetection()
        self.agent = Agent(
            edge=self.line,
            agent_user=User("agent"),
            instructions=INSTRUCTIONS,
            llm=self.llm,
            stt=moonshine.STT(),
            tts=piper.TTS(),
            turn_detection=detector,
            interruption=replace(detector.policy, prepare=self.prepare),
        )
        self.agent.observe(self._note)
        self._over = asyncio.Event()
        self._latest: AnswerStages | None = None

        @self.agent.events.subscribe
        async def note(event: AnswerLatencyEvent | AgentSpeechEndedEvent) -> None:
            # An answer that the caller cut off before it was heard is none: the next one is to all of the question.
            if isinstance(event, AgentSpeechEndedEvent):
                self._over.set()
            elif event.stages.total is not None:
                self._over.clear()
                self._latest = event.stages

    def _note(self, record: Mapping[str, Any]) -> None:
        if record.get("effect") == "DiscardReply" and self.llm.requests:
            self.llm.requests[-1].thrown_away = True

    async def ask(self, question: PcmData) -> AnswerStages | None:
        """Ask, and listen to the whole answer; None if there is none."""
        noise = np.random.default_rng(1)
        frames = [noise.integers(-6, 7, FRAME_SAMPLES).astype(np.int16) for _ in range(round(REST / FRAME_SECONDS))]
        padded = np.pad(question.samples, (0, -len(question.samples) % FRAME_SAMPLES)).reshape(-1, FRAME_SAMPLES)
        loop = asyncio.get_running_loop()
        start = loop.time()
        for number in range(round(PATIENCE / FRAME_SECONDS)):
            await asyncio.sleep(max(0.0, start + number * FRAME_SECONDS - loop.time()))
            place = number - len(frames)
            if place < len(padded):
                # What was answered in the middle of the question, and cut off by the rest of it, is no answer to it.
                self._over.clear()
                self._latest = None
            frame = padded[place] if 0 <= place < len(padded) else frames[number % len(frames)]
            self.line.sink.audio(PcmData(frame, OUTPUT_SAMPLE_RATE), CALLER)
            self.line.sink.pull()
            if self._over.is_set() and self._latest is not None:
                self.answers.append(self._latest)
                return self._latest
        return None


async def questions(count: int) -> list[PcmData]:
    """The questions in the caller's voice, those in parts with a hesitation."""
    parts = {f"{n}.{part}": text for n, texts in enumerate(QUESTIONS) for part, text in enumerate(texts)}
    spoken = await speak(parts)
    pause = PcmData(np.zeros(round(HESITATION * OUTPUT_SAMPLE_RATE), np.int16), OUTPUT_SAMPLE_RATE)
    asked = []
    for n, texts in enumerate(QUESTIONS):
        said = [_trimmed(spoken[f"{n}.{part}"]) for part in range(len(texts))]
        asked.append(PcmData.concat([said[0], *(piece for part in said[1:] for piece in (pause, part))]))
    return [asked[n % len(asked)] for n in range(count)]


def _trimmed(sound: PcmData) -> PcmData:
    loud = np.flatnonzero(np.abs(sound.samples) > 300)
    return PcmData(sound.samples[loud[0] : loud[-1] + 1], sound.sample_rate)


async def measure(count: int, sides: list[Side]) -> None:
    """Ask every side every question, in turns, and print what came of it."""
    asked = await questions(count)
    await warm_up(*(side.agent for side in sides), freeze=True)
    print("  ".join(["question", "prepares", *(stage.rjust(14) for stage in STAGES[1:]), "whole".rjust(7)]))
    pairs: list[tuple[float | None, ...]] = []
    for side in sides:
        await side.agent.join()
    try:
        for number, question in enumerate(asked):
            found: dict[bool, float | None] = {}
            # Who is first changes: the second question of a pair finds the machine as the first has left it.
            for side in sides[:: 1 if number % 2 else -1]:
                stages = await side.ask(question)
                found[side.prepare] = stages.total if stages is not None else None
                print(_row(number, side, stages), flush=True)
            pairs.append(tuple(found.get(side.prepare) for side in sides))
    finally:
        for side in sides:
            await side.agent.close()
    for side in sides:
        print(_summary(side))
    won = [plain - prepared for plain, prepared in _complete(pairs)]
    if won:
        drawn = np.random.default_rng(1).choice(won, (2000, len(won)))
        low, high = np.percentile(np.median(drawn, axis=1), [2.5, 97.5])
        print(
            f"won by preparing, in {len(won)} pairs: median {1000 * np.median(won):.0f} ms "
            f"[{1000 * low:.0f}, {1000 * high:.0f}], from {1000 * min(won):.0f} to {1000 * max(won):.0f} ms"
        )


def _complete(pairs: list[tuple[float | None, ...]]) -> list[tuple[float, float]]:
    return [(pair[0], pair[1]) for pair in pairs if len(pair) == 2 and pair[0] is not None and pair[1] is not None]


def _row(number: int, side: Side, stages: AnswerStages | None) -> str:
    head = [f"{number + 1:8}", ("yes" if side.prepare else "no").rjust(8)]
    if stages is None:
        return "  ".join([*head, "no answer"])
    cells = [_ms(stages.durations.get(stage)).rjust(14) for stage in STAGES[1:]]
    return "  ".join([*head, *cells, _ms(stages.total).rjust(7)])


def _ms(seconds: float | None) -> str:
    return "–" if seconds is None else f"{1000 * seconds:.0f}"


def _summary(side: Side) -> str:
    totals = [stages.total for stages in side.answers if stages.total is not None]
    requests, lost = side.llm.requests, [request for request in side.llm.requests if request.thrown_away]
    read, written = (sum(getattr(one, what) for one in requests) for what in ("read", "written"))
    read_lost, written_lost = (sum(getattr(one, what) for one in lost) for what in ("read", "written"))
    p50, p95 = np.percentile(totals, [50, 95]) if totals else (float("nan"), float("nan"))
    return (
        f"{'prepares' if side.prepare else 'does not prepare'}: {len(totals)} answers, p50 {1000 * p50:.0f} "
        f"p95 {1000 * p95:.0f} ms; {len(requests)} requests, {len(lost)} thrown away: "
        f"{100 * read_lost / max(1, read):.0f} % of what the model read, {100 * written_lost / max(1, written):.0f} % "
        "of what it wrote"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=int, default=10)
    parser.add_argument("--only", choices=("prepared", "plain"))
    options = parser.parse_args()
    wanted = [False, True] if options.only is None else [options.only == "prepared"]

    async def run() -> None:
        await measure(options.questions, [Side(prepare) for prepare in wanted])

    asyncio.run(run())


if __name__ == "__main__":
    main()
