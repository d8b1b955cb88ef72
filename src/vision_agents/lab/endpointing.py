"""Rules that end turns, and what each of them would have made of turns that were heard: latency against cut-offs."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from random import Random

import numpy as np

from vision_agents.core.floor.endpointing import DEFAULT, Endpointing, Pauses

from .signals import Heard, Silence
from .statistics import Proportion, Spread, spread

# Seconds that Smart Turn takes for its answer, and a recogniser for the words of a pause, on two cores.
JUDGING, READING = 0.06, 0.1

# Seconds from the end of a turn to the first sound of an answer. Until then nobody hears that it was cut off.
ANSWER = 0.4

# Smart Turn's probability from which on it calls a turn complete, as its authors do.
COMPLETE = 0.5

# A silence that is shorter, in seconds, is no pause: every rule waits longer.
PAUSE = 0.2

# The latencies that are wanted, in seconds: the median and the 95th percentile.
GOAL, SLOWEST = 0.35, 1.0

# The seconds of silence that end any turn, by default, of `smart_turn.TurnDetection`.
BUFFER = 1.5

# Documented defaults. LiveKit: `endpointing` min_delay 0.5 and max_delay 3.0, the first if its turn detector finds the
# turn complete (https://docs.livekit.io/reference/agents/turn-handling-options/). Its models may be used in LiveKit
# Agents only: Smart Turn stands in for them. Pipecat: Smart Turn is asked after 0.2 s (VAD `stop_secs`) and what it
# calls incomplete ends after 3.0 (`SmartTurnParams.stop_secs`); without it, 0.6 s more (`user_speech_timeout`)
# (https://docs.pipecat.ai/api-reference/server/utilities/turn-management/user-turn-strategies).
LIVEKIT_MIN, LIVEKIT_MAX = 0.5, 3.0
PIPECAT_STOP, PIPECAT_TURN, PIPECAT_TIMEOUT = 0.2, 3.0, 0.6

Decide = Callable[[Silence, Pauses], float]
"""Seconds from the last sound at which a silence ends the turn, if it lasts."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule with one setting: what it is called, and its decision. `default`: the setting is the one it comes with."""

    name: str
    setting: str
    decide: Decide
    default: bool = False


@dataclass(slots=True)
class Outcome:
    """A rule's decisions on some turns. `latencies`: seconds from the end of a turn to its decision.

    `cut_pauses`: those taken for the end; `heard`: those in which an answer would have begun by `ANSWER` later.
    """

    latencies: list[float] = field(default_factory=list)
    pauses: int = 0
    cut_pauses: int = 0
    heard: int = 0
    turns: int = 0
    cut_turns: int = 0

    def add(self, other: Outcome) -> None:
        """Add another one."""
        self.latencies += other.latencies
        self.pauses += other.pauses
        self.cut_pauses += other.cut_pauses
        self.heard += other.heard
        self.turns += other.turns
        self.cut_turns += other.cut_turns

    @property
    def latency(self) -> Spread | None:
        return spread(self.latencies)

    @property
    def cut_offs(self) -> Proportion:
        """The pauses that were taken for the end of the turn."""
        return Proportion(self.cut_pauses, self.pauses)


def learned(endpointing: Endpointing = DEFAULT, buffer: float = BUFFER) -> Decide:
    """Return the floor's rule: it decides anew when other words are known."""

    def decide(silence: Silence, pauses: Pauses) -> float:
        judged = _judged(silence)
        if silence.probability is None:
            return buffer
        known = [judged, *(words.at + READING for words in silence.words if words.at + READING > judged), float("inf")]
        for at, until in itertools.pairwise(known):
            words = silence.words_at(at - READING)
            due = silence.began + endpointing.patience(silence.probability, buffer, words, silence.speech, pauses)
            if due < until:
                return max(due, at) - silence.began
        return buffer

    return decide


def fixed(buffer: float) -> Decide:
    """Return the rule that ends a complete turn at once, and any other after `buffer` seconds of silence."""
    return lambda silence, _: _judged(silence) - silence.began if _complete(silence) else buffer


def livekit(longest: float) -> Decide:
    """Return LiveKit's rule: the least delay for a complete turn, and else the longest one."""

    def decide(silence: Silence, _: Pauses) -> float:
        judged = _judged(silence) - silence.began
        return max(judged, LIVEKIT_MIN) if _complete(silence) else longest

    return decide


def vad(delay: float) -> Decide:
    """Return the rule of a voice activity detector alone."""
    return lambda silence, _: max(silence.reported - silence.began, delay)


def rules() -> list[Rule]:
    """Return all rules, each with the settings that are swept."""
    swept = [
        Rule("learned", f"risk {risk:g}", learned(replace(DEFAULT, risk=risk)), risk == DEFAULT.risk) for risk in RISKS
    ]
    swept += [Rule("fixed buffer", f"{s:g} s", fixed(s), s == BUFFER) for s in (0.5, 0.8, 1.0, 1.5, 2.0, 3.0)]
    swept += [Rule("LiveKit, Smart Turn", f"max {s:g} s", livekit(s), s == LIVEKIT_MAX) for s in (0.8, 1.5, 2.0, 3.0)]
    swept += [Rule("LiveKit, VAD", f"min {s:g} s", vad(s), s == LIVEKIT_MIN) for s in (0.3, 0.5, 0.7, 1.0)]
    swept += [
        Rule("Pipecat, Smart Turn", f"stop {s:g} s", fixed(s), s == PIPECAT_TURN) for s in (1.0, 2.0, PIPECAT_TURN)
    ]
    timeouts = (0.4, PIPECAT_TIMEOUT, 0.8, 1.0)
    swept += [Rule("Pipecat, VAD", f"{s:g} s more", vad(PIPECAT_STOP + s), s == PIPECAT_TIMEOUT) for s in timeouts]
    return swept


# What is swept of the learned rule: its risk, and for the cross-validation its other numbers as well.
RISKS = (0.01, 0.02, 0.03, 0.04, 0.05, 0.07, 0.1, 0.13, 0.2, 0.3)
# Of each number values on both sides of the floor's. So many of their combinations are tried, drawn by lot.
GRID = {
    "risk": (0.05, 0.07, 0.1),
    "short": (0.5, 0.0, -0.5),
    "lone": (-1.25, -2.25, -3.25),
    "trust": (0.45, 0.6, 0.75),
    "word_trust": (0.0, 0.15, 0.5),
    "usual_pause": (0.35, 0.4, 0.45),
    "spread": (0.35, 0.4, 0.45),
    "whole": (-0.75, -1.0, -1.25),
}
COMBINATIONS = 1000


def simulate(turns: Iterable[Heard], decide: Decide) -> Outcome:
    """Put a rule to turns, those of a speaker in their order: what it learns of a speaker it knows in the next turn.

    A turn that was cut off goes on all the same, and is judged to its end.
    """
    outcome, known = Outcome(), dict[str, Pauses]()
    for turn in turns:
        pauses, cut = known.get(turn.speaker, Pauses()), 0
        for silence in turn.silences:
            waits = decide(silence, pauses)
            if silence.until is None:
                if turn.ends:
                    outcome.latencies.append(silence.began + waits - turn.end)
                continue
            lasted = silence.until - silence.began
            if lasted < PAUSE:
                continue
            outcome.pauses += 1
            cut += waits < lasted
            outcome.heard += waits + ANSWER < lasted
            pauses = pauses.add([lasted])
        known[turn.speaker] = pauses
        outcome.turns += 1
        outcome.cut_turns += cut > 0
        outcome.cut_pauses += cut
    return outcome


@dataclass(frozen=True, slots=True)
class CrossValidated:
    """The learned rule on each source with the numbers that were best on the others. `chosen`: how often each was."""

    outcome: Outcome
    chosen: tuple[tuple[Endpointing, int], ...]


def cross_validate(turns: Sequence[Heard]) -> CrossValidated:
    """Leave one source out: choose the numbers on all others, judge them on it. The same each time.

    The best have a median latency of `GOAL` at most and a 95th percentile of `SLOWEST`, or the least above these; and
    then the fewest pauses cut off so that it is heard.
    """
    sources = sorted({turn.source for turn in turns})
    of = {source: [turn for turn in turns if turn.source == source] for source in sources}

    drawn = Random(1).sample(list(itertools.product(*GRID.values())), COMBINATIONS)
    settings = [replace(DEFAULT, **dict(zip(GRID, values, strict=True))) for values in drawn]
    made = {source: [simulate(of[source], learned(setting)) for setting in settings] for source in sources}
    total, chosen = Outcome(), dict[Endpointing, int]()
    for left_out in sources:
        best = _best([made[source] for source in sources if source != left_out])
        total.add(made[left_out][best])
        chosen[settings[best]] = chosen.get(settings[best], 0) + 1
    return CrossValidated(total, tuple(sorted(chosen.items(), key=lambda pair: -pair[1])))


def _best(made: Sequence[Sequence[Outcome]]) -> int:
    """Return which setting is the best by what all of them make of each of some sources."""
    if not made:
        return 0
    # A row for each setting: all decide upon the same ends.
    latencies = np.concatenate([[outcome.latencies for outcome in outcomes] for outcomes in made], axis=1)
    p50, p95 = np.percentile(latencies, [50, 95], axis=1) if latencies.size else np.zeros((2, len(latencies)))
    late = np.maximum(0.0, p50 - GOAL) + np.maximum(0.0, p95 - SLOWEST)
    heard = np.sum([[outcome.heard for outcome in outcomes] for outcomes in made], axis=0)
    return int(np.lexsort((heard, late))[0])


def _judged(silence: Silence) -> float:
    return silence.reported + JUDGING


def _complete(silence: Silence) -> bool:
    return silence.probability is not None and silence.probability >= COMPLETE
