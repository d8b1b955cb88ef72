"""Speech of the model store, for the lab, tests and benchmarks: nothing of it is committed."""

from __future__ import annotations

from vision_agents.core.audio import PcmData
from vision_agents.core.audio.files import read_audio
from vision_agents.core.models import ModelStore

CLIPS = "speech-clips"


def speech_clips(sample_rate: int = 16_000) -> dict[str, PcmData]:
    """Return every clip by its name, such as "en/counting"; fetched as any model is that is not here.

    Raises ModelError if it cannot be fetched, or must not be.
    """
    return {key: read_audio(path, sample_rate) for key, path in ModelStore().ready(CLIPS).items()}
