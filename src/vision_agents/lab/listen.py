"""Cases to listen to: what a caller and the agent sounded like, for pages."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Iterable, Mapping

import numpy as np

from vision_agents.core.audio import Samples
from vision_agents.core.edge import OUTPUT_SAMPLE_RATE

from .case import callers_of, run_case
from .scenario import LabError, Scenario


def listen(
    scenarios: Iterable[Scenario],
    policy: Mapping[str, str],
    *,
    voiceprint: bool,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, str]:
    """Run these cases once more, and return the sound of each by its id, as the address of Ogg Opus.

    Left the callers, right the agent. A case that cannot be run has none.
    """
    chosen, sounds = list(scenarios), dict[str, str]()
    for number, scenario in enumerate(chosen, 1):
        try:
            recorded = run_case(scenario, policy, voiceprint=voiceprint)
        except LabError:
            continue
        finally:
            progress(number, len(chosen))
        sounds[scenario.id] = _address(_beside(callers_of(recorded), recorded.played))
    return sounds


def _beside(left: Samples, right: Samples) -> Samples:
    both = np.zeros((max(len(left), len(right)), 2), dtype=np.int16)
    both[: len(left), 0], both[: len(right), 1] = left, right
    return both


def _address(samples: Samples) -> str:
    import soundfile

    encoded = io.BytesIO()
    with soundfile.SoundFile(encoded, "w", OUTPUT_SAMPLE_RATE, 2, format="OGG", subtype="OPUS") as file:
        for start in range(0, len(samples), OUTPUT_SAMPLE_RATE):
            file.write(samples[start : start + OUTPUT_SAMPLE_RATE])
    return f"data:audio/ogg;base64,{base64.b64encode(encoded.getvalue()).decode()}"
