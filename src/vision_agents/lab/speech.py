"""Speech for the suite, by the Piper voice of the model store: the same text is always the same samples."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from vision_agents.core.audio import PcmData
from vision_agents.core.models import ModelStore
from vision_agents.core.tts import Word

if TYPE_CHECKING:
    from vision_agents.plugins.piper.synthesizer import Synthesizer

VOICE = "piper-en-us-joe"


def speak(text: str) -> PcmData:
    """The text in the voice's own rate. Raises ImportError or ModelError where the voice is missing."""
    return spoken(text)[1]


@lru_cache(maxsize=256)
def spoken(text: str) -> tuple[tuple[Word, ...], PcmData]:
    """The words with their times in seconds, and the sound. Raises like `speak`."""
    chunks = list(_synthesizer().synthesize(text))
    return tuple(word for chunk in chunks for word in chunk.words), PcmData.concat(chunk.audio for chunk in chunks)


@lru_cache(maxsize=1)
def _synthesizer() -> Synthesizer:
    # Deferred: a suite of recordings alone needs no voice.
    from vision_agents.plugins.piper.synthesizer import Synthesizer
    from vision_agents.plugins.piper.voice import Prosody, Voice

    files = ModelStore().files(VOICE)
    return Synthesizer(Voice(files["model"], files["config"], Prosody(noise_scale=0.0, noise_w_scale=0.0)))
