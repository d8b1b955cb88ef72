"""Under what conditions the cases are run, in sentences for whoever reads the figures."""

from __future__ import annotations

from collections.abc import Sequence

from .canceller import canceller
from .scenario import LEVEL, PRIMER, Scenario


def feasible(scenarios: Sequence[Scenario]) -> list[Scenario]:
    """The cases that can be run here: with echo cancellation only where there is a canceller."""
    return [scenario for scenario in scenarios if not scenario.echo_cancellation or canceller() is not None]


def described(scenarios: Sequence[Scenario], left_out: int = 0, *, voiceprint: bool = False) -> tuple[str, ...]:
    """One sentence for each condition that holds for some of the cases."""
    lines: list[str] = []
    primed = sum(scenario.primer for scenario in scenarios)
    if primed:
        own = sum(scenario.primer and bool(scenario.primer_sounds) for scenario in scenarios)
        lines.append(
            f"primer: in {primed} of {len(scenarios)} cases the caller has asked something at {LEVEL:g} dB that the "
            f"agent is answering: in {own} by other recordings of the speaker (for side talk, of another), elsewhere "
            f"“{PRIMER.name}” in the Piper voice, and who speaks in a recording is somebody else"
        )
    elif scenarios:
        lines.append("primer: none; the agent has not heard the caller before")
    recordings = [s for s in scenarios if s.sound is not None and s.sound.source == "file"]
    if recordings:
        lines.append(f"levels: recordings at their own, which is taken for the caller's{_levels(recordings)}")
    if voiceprint:
        known = sum(scenario.knows_voice for scenario in scenarios)
        lines.append(f"voiceprint: in the {known} cases in which the agent knows the caller's voice")
    if left_out:
        lines.append(f"left out for want of an echo canceller: {left_out}")
    return tuple(lines)


def _levels(recordings: Sequence[Scenario]) -> str:
    """The kinds whose clips are mixed at another level."""
    gains: dict[str, set[float]] = {}
    for scenario in recordings:
        if scenario.sound is not None and scenario.sound.gain:
            gains.setdefault(scenario.kind, set()).add(scenario.sound.gain)
    return "".join(
        f"; {kind} at {' and '.join(f'{gain:+g}' for gain in sorted(of, reverse=True))} dB from it"
        for kind, of in sorted(gains.items())
    )
