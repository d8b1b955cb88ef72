"""Recorded speech for tests with real models, made on the spot by the Piper voice of the model store."""

import numpy as np
import pytest

from vision_agents.core.audio import Samples
from vision_agents.core.models import ModelStore

from .hearing_kit import Speak


@pytest.fixture(scope="session")
def speak() -> Speak:
    """Text to int16 speech at 16 kHz with little silence around it; the same text gives the same samples."""
    soxr = pytest.importorskip("soxr")
    piper = pytest.importorskip("piper")
    files = ModelStore().files("piper-en-us-joe")
    voice = piper.PiperVoice.load(files["model"], files["config"])
    steady = piper.SynthesisConfig(noise_scale=0.0, noise_w_scale=0.0)
    made: dict[str, Samples] = {}

    def say(text: str) -> Samples:
        if text not in made:
            chunks = list(voice.synthesize(text, steady))
            sound = np.concatenate([chunk.audio_float_array for chunk in chunks])
            at_16k = soxr.resample(sound, chunks[0].sample_rate, 16_000)
            made[text] = (np.clip(at_16k, -1, 1) * 32_767).astype(np.int16)
        return made[text]

    return say
