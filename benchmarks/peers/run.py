"""The cases of one framework, some calls at a time, in real time. Prints a JSON object a case, and one of the process.

python -m benchmarks.peers.run --on vision_agents --cases CASES.npz [--best] [--calls 4]
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import json
import os
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from .script import CALLER_RATE, FRAME, Ear, Samples, length, read

# Seconds: before the question; into the answer at which the sound comes; after it; and the longest wait for the answer.
LEAD, INTO, AFTER, PATIENCE = 1.0, 3.5, 6.0, 20.0
# In frames: so long a silence is a stop, and not a gap.
STOPPED = 15
FRAME_SAMPLES = round(FRAME * CALLER_RATE)
# So near its end an answer that falls silent is over, and was not stopped.
OVER = 0.5
# A silent room is not digital silence.
ROOM = 20.0


@dataclass
class Line:
    """A caller's side of one call: what is said next, and what was heard."""

    call: Any
    ear: Ear
    question: dict[str, Any]
    sound: dict[str, Any]
    number: int
    frames: list[tuple[int, float] | None] = field(default_factory=list)
    late: list[float] = field(default_factory=list)
    _saying: Samples = field(default_factory=lambda: np.zeros(0, np.int16))
    began: int | None = None  # the frame with which the sound begins

    async def talk(self) -> None:
        """The whole call."""
        loop = asyncio.get_running_loop()
        random = np.random.default_rng(self.number)
        start, end, answered = loop.time(), PATIENCE, None
        while (at := len(self.frames) * FRAME) < end:
            await asyncio.sleep(start + at - loop.time())
            self.late.append(loop.time() - start - at)
            if len(self.frames) == round(LEAD / FRAME):
                self._say(self.question)
            self.call.push(self._next(random))
            self.frames.append(read(self.call.pull()))
            if answered is None and self.frames[-1] is not None:
                answered = len(self.frames)
                end = answered * FRAME + PATIENCE
            if answered is not None and self.began is None and len(self.frames) - answered >= INTO / FRAME:
                self.began = len(self.frames)
                self._say(self.sound)
                end = self.began * FRAME + self.sound["end"] + AFTER

    def _say(self, sound: dict[str, Any]) -> None:
        at = len(self.frames) * FRAME
        self._saying = sound["samples"]
        self.ear.will_hear(sound["words"], at + sound["onset"], at + sound["end"])

    def _next(self, random: np.random.Generator) -> Samples:
        frame = random.normal(0.0, ROOM, FRAME_SAMPLES)
        piece, self._saying = self._saying[:FRAME_SAMPLES], self._saying[FRAME_SAMPLES:]
        frame[: len(piece)] += piece
        return np.clip(frame, -32768, 32767).astype(np.int16)


def judged(line: Line) -> dict[str, Any]:
    """What became of the answer over which the sound was heard."""
    found: dict[str, Any] = {"late_ms": 1000 * float(np.percentile(line.late, 99))}
    if line.began is None:
        return {**found, "outcome": "no first answer"}
    heard = line.frames[line.began :]
    onset = int(line.sound["onset"] / FRAME)
    before = [frame for frame in line.frames[: line.began + onset] if frame is not None]
    answer = before[-1][0]
    stop = next((at for at in range(onset, len(heard) - STOPPED) if not any(heard[at : at + STOPPED])), None)
    last = next((frame for frame in reversed(heard[:stop]) if frame is not None), (answer, 0.0))
    if stop is None or last[1] > length(answer) - OVER:
        return {**found, "outcome": "went on", "silent": 0.0, "moved": 0.0}
    found["stop"] = stop * FRAME - line.sound["onset"]
    again = next((at for at in range(stop, len(heard)) if heard[at] is not None and heard[at][0] == answer), None)
    other = next((at for at in range(stop, len(heard)) if heard[at] is not None and heard[at][0] != answer), None)
    if again is not None and (other is None or again < other):
        moved = heard[again][1] - last[1] - FRAME
        return {**found, "outcome": "resumed", "silent": (again - stop) * FRAME, "moved": moved}
    if other is None:
        return {**found, "outcome": "fell silent"}
    return {**found, "outcome": "yielded", "answer": other * FRAME - line.sound["end"]}


async def measure(on: Any, cases: Path, best: bool, calls: int) -> None:
    """Run all cases, and print what came of each."""
    await on.warm_up(best)
    with np.load(cases, allow_pickle=False) as arrays:
        facts = json.loads(str(arrays["facts"]))
        sounds = [{**fact, "samples": arrays[f"sound{number}"]} for number, fact in enumerate(facts)]
    question, cases_ = sounds[0], list(enumerate(sounds[1:]))
    talked = 0.0
    cpu, wall = time.process_time(), time.perf_counter()
    # Calls of a batch begin together, so that none is disturbed by the start of another.
    for first in range(0, len(cases_), calls):
        batch = cases_[first : first + calls]
        lines = [Line(None, Ear(), question, sound, number) for number, sound in batch]
        for line in lines:
            line.call = on.Call(line.ear, best)
            await line.call.start()
        await asyncio.gather(*(line.talk() for line in lines))
        await asyncio.wait([asyncio.ensure_future(line.call.close()) for line in lines], timeout=10.0)
        for line in lines:
            talked += len(line.frames) * FRAME
            told = {"id": line.sound["id"], "kind": line.sound["kind"], **judged(line)}
            print(json.dumps(told), flush=True)
    rss = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    cpu_ms = 1000 * (time.process_time() - cpu) / talked
    print(json.dumps({"cpu_ms": cpu_ms, "rss_mb": rss / 1e6, "wall": time.perf_counter() - wall}), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--on", required=True, choices=["vision_agents", "livekit", "pipecat"])
    parser.add_argument("--cases", type=Path, required=True)
    parser.add_argument("--best", action="store_true")
    parser.add_argument("--calls", type=int, default=4)
    options = parser.parse_args()
    on = importlib.import_module(f"benchmarks.peers.on_{options.on}")
    asyncio.run(measure(on, options.cases, options.best, options.calls))
    # Whatever a framework left running is not waited for.
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
