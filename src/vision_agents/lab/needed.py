"""The models without which cases cannot be run: known before the first is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from vision_agents.testing.clips import CLIPS

from .scenario import Scenario, Sound
from .speech import VOICE

EARS = ("silero-vad", "smart-turn", "moonshine-tiny-en")
VOICEPRINT = "ge2e"


def models_of(scenarios: Sequence[Scenario], *, voiceprint: bool) -> list[str]:
    """Return the names of the models in the store that these cases take. The agent of each has the voice."""
    models = [*EARS, VOICE]
    if voiceprint and any(scenario.knows_voice for scenario in scenarios):
        models.append(VOICEPRINT)
    if any(_has_clips(scenario) for scenario in scenarios):
        models.append(CLIPS)
    return models


def _has_clips(scenario: Scenario) -> bool:
    babbles = scenario.bed is not None and scenario.bed.name == "babble"
    return babbles or any(sound.source == "clip" or sound.name == "babble" for sound in _sounds(scenario))


def _sounds(scenario: Scenario) -> Iterator[Sound]:
    yield from (sound for sound in (scenario.sound, scenario.second, scenario.then) if sound is not None)
    yield from scenario.primer_sounds
