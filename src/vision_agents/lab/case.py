"""One case: an agent in a call, in virtual time, with its real ears.

What the models compute takes no time here (see `testing.virtual_time`): times are those of a machine that is fast
enough, which on two cores adds some 60 ms to a transcript and nothing to the time to silence.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from zlib import crc32

import numpy as np
import soxr

from vision_agents.core import Agent, User
from vision_agents.core.agents.events import InterruptionEvent
from vision_agents.core.audio import Samples
from vision_agents.core.edge import FRAME_SECONDS, OUTPUT_SAMPLE_RATE
from vision_agents.core.llm import LLM, LLMRequest
from vision_agents.core.participants import Participant
from vision_agents.core.trace import Record, read_record
from vision_agents.plugins import resemblyzer, smart_turn
from vision_agents.testing import virtual_time

from .canceller import PARAMETER, canceller
from .edge import PRIMER_FRAMES, Caller, LabEdge
from .mix import Piece, bed_of, level_of, prepare, track
from .recogniser import LabSTT
from .scenario import LEVEL, PRIMER, LabError, Scenario, Sound
from .script import ANSWER, NOTICE, QUESTION, REPLY, Script, ScriptTTS
from .sounds import RATE, Wave
from .speech import speak, spoken

CALLER = Participant("caller", name="Caller")
OTHER = Participant("other", name="Other caller")

# Seconds before the caller asks the first question.
PRIMER_AT = 0.5

# Seconds after the last sound: time for a turn to end by its deadline and to be answered.
TAIL = 5.0
# Seconds of the model's thought where the agent is `thinking`, and of a call in which there is only echo.
THOUGHT = 3.0
ECHO_ONLY = 8.0
# The sound's place among the agent's frames and the detector's windows is different in each case: up to 40 ms later.
JITTER = 640

TIME_LIMIT = 300.0


@dataclass(frozen=True, slots=True, eq=False)
class Recorded:
    """A case that was run. Times in seconds of the call; `played`: the agent's 48 kHz int16.

    What was before `began`, the primer, is in neither `records`, the trace, nor in `interruptions`: its trace is
    `before`.
    """

    scenario: Scenario
    script: Script
    began: float
    onset: float
    end: float
    # When the last part of what the caller says begins, if there is a pause in it.
    resumed: float | None
    records: tuple[Record, ...]
    before: tuple[Record, ...]
    interruptions: tuple[InterruptionEvent, ...]
    played: Samples


def run_case(scenario: Scenario, policy: Mapping[str, str] | None = None, *, voiceprint: bool = False) -> Recorded:
    """Run one case to its end. `policy`: settings of the interruption policy, as texts; `voiceprint`: with one.

    Raises LabError for a sound that cannot be had and for a primer without an answer, what the model store or a part
    raises, and VirtualTimeError where the call does not come to its end.
    """
    return virtual_time.run(_call(scenario, dict(policy or {}), voiceprint), timeout=TIME_LIMIT)


async def _call(scenario: Scenario, policy: dict[str, str], voiceprint: bool) -> Recorded:
    script = _script(_TEXTS.get(scenario.state, ANSWER), scenario.echo is not None)
    scene = _scene(scenario, script)
    edge = LabEdge(scene.callers, scenario.echo, _primer(scenario.primer_sounds) if scenario.primer else None)
    detector = smart_turn.TurnDetection()
    agent = Agent(
        edge=edge,
        llm=_Model(scenario.state, lambda: edge.began is None),
        agent_user=User("agent"),
        stt=LabSTT(scenario.hearing, scenario.late),
        tts=ScriptTTS(script),
        turn_detection=detector,
        voiceprint=resemblyzer.Voiceprint() if voiceprint and scenario.knows_voice else None,
        interruption=detector.policy.override(policy) if policy else None,
        **_cancellation(scenario),
    )
    loop = asyncio.get_running_loop()
    start = loop.time()
    records: list[Record] = []
    interruptions: list[tuple[float, InterruptionEvent]] = []

    @agent.events.subscribe
    async def note(event: InterruptionEvent) -> None:
        interruptions.append((loop.time() - start, event))

    agent.observe(lambda record: records.append(read_record(record)))
    async with agent.join():
        first = asyncio.create_task(_first_reply(agent, scenario), name="first reply")
        await edge.over.wait()
    await first
    began = edge.began
    if began is None:
        raise LabError(f"the caller's first question was not answered within {PRIMER_FRAMES * FRAME_SECONDS:.0f} s")
    return Recorded(
        scenario,
        script,
        began,
        began + scene.onset,
        began + scene.end,
        None if scene.resumed is None else began + scene.resumed,
        tuple(record for record in records if record.t >= began),
        tuple(record for record in records if record.t < began),
        tuple(event for at, event in interruptions if at >= began),
        edge.played,
    )


async def _first_reply(agent: Agent, scenario: Scenario) -> None:
    if scenario.state == "thinking":
        await agent.simple_response("Tell me a story about the sea.")
    elif scenario.state != "idle" and not scenario.primer:
        await agent.say(_TEXTS.get(scenario.state, ANSWER), interruptible=scenario.state != "uninterruptible")


_TEXTS = {"question": QUESTION, "uninterruptible": NOTICE}


class _Model(LLM):
    """Tells the story as long as it is `priming` the call, and once after some thought if that is its task.

    Everything else it answers at once, and shortly.
    """

    def __init__(self, state: str, priming: Callable[[], bool]) -> None:
        super().__init__()
        self._thoughtful = state == "thinking"
        self._priming = priming

    async def stream(self, request: LLMRequest) -> AsyncIterator[str]:
        thoughtful, self._thoughtful = self._thoughtful, False
        story = thoughtful or self._priming()
        if thoughtful:
            await asyncio.sleep(THOUGHT)
        for word in (ANSWER if story else REPLY).split():
            yield word + " "


def _cancellation(scenario: Scenario) -> dict[str, Any]:
    if not scenario.echo_cancellation:
        return {}
    make = canceller()
    if make is None:
        raise LabError("there is no echo canceller here: install the extra `livekit`")
    return {PARAMETER: make()}


@lru_cache(maxsize=64)
def _primer(sounds: tuple[Sound, ...]) -> Samples:
    """The first question of the caller: the usual one, or recordings of the caller's own voice in a row."""
    parts: list[tuple[float, Wave]] = []
    at = PRIMER_AT
    for number, sound in enumerate(sounds or (PRIMER,)):
        wave = prepare(sound, "primer" if sound is PRIMER else f"primer {number}", speak).wave
        parts.append((at, wave))
        at += len(wave) / RATE
    return track(PRIMER_FRAMES * FRAME_SECONDS, parts, "primer")


@lru_cache(maxsize=4)
def _script(text: str, spoken_aloud: bool) -> Script:
    # Only an echo has to sound like somebody's voice.
    return Script.of_speech(*spoken(text)) if spoken_aloud else Script.of_noise(text)


@dataclass(frozen=True, slots=True, eq=False)
class _Scene:
    """The callers, the times between which the sound is heard, and when the last part of it begins after a pause."""

    callers: list[Caller]
    onset: float
    end: float
    resumed: float | None = None


def callers_of(recorded: Recorded) -> Samples:
    """The callers of a case as they were heard beside what was `played`, but for the primer: mono, 48 kHz."""
    callers = [caller.samples for caller in _scene(recorded.scenario, recorded.script).callers]
    mixed = np.zeros(max(map(len, callers)), dtype=np.int32)
    for samples in callers:
        mixed[: len(samples)] += samples
    resampled = soxr.resample(np.clip(mixed, -32768, 32767).astype(np.int16), RATE, OUTPUT_SAMPLE_RATE)
    return np.concatenate([np.zeros(round(recorded.began * OUTPUT_SAMPLE_RATE), dtype=np.int16), resampled])


def _scene(scenario: Scenario, script: Script) -> _Scene:
    seed = scenario.id
    if scenario.sound is None:
        return _Scene([Caller(CALLER, track(ECHO_ONLY + TAIL, [], seed))], 0.0, ECHO_ONLY)
    base = script.duration if scenario.state == "question" else 0.0
    begins = max(0.0, base + scenario.at) + crc32(seed.encode()) % JITTER / RATE
    first = prepare(scenario.sound, seed, speak)
    parts = [(begins, first.wave)]
    ends = begins + first.end
    resumed = None if scenario.resumed is None else begins + scenario.resumed
    if scenario.then is not None:
        then = prepare(scenario.then, f"{seed} then", speak)
        resumed = ends + scenario.then_after
        # Nothing is cut off the first sound, and the second one begins with what is heard of it.
        lead = round(then.onset * RATE)
        parts.append((resumed, then.wave[lead:]))
        ends = resumed + then.end - then.onset
    second: Piece | None = None
    if scenario.second is not None:
        second = prepare(scenario.second, f"{seed} second", speak)
        ends = max(ends, begins + scenario.second_after + second.end)
    length = max([ends, *(at + len(wave) / RATE for at, wave in parts)]) + TAIL
    if scenario.state == "uninterruptible":
        length = max(length, script.duration + TAIL)
    if scenario.bed is not None:
        level = level_of(first.wave) if scenario.sound.level is not None else LEVEL
        parts.append((0.0, bed_of(scenario.bed.name, round(length * RATE), level - scenario.bed.snr, seed)))
    callers = [Caller(CALLER, track(length, parts, seed))]
    if second is not None:
        callers.append(Caller(OTHER, track(length, [(begins + scenario.second_after, second.wave)], f"{seed} second")))
    return _Scene(callers, begins + first.onset, ends, resumed)
