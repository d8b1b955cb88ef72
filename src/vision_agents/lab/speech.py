"""Speech for the suite, by the Piper voice of the model store: the same text is always the same samples."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from vision_agents.core.audio import PcmData
from vision_agents.core.models import ModelStore
from vision_agents.core.tts import SpeechChunk, Word

if TYPE_CHECKING:
    from vision_agents.plugins.piper.synthesizer import Synthesizer

VOICE = "piper-en-us-joe"

# Another way to say a text: a little slower.
VARIED = 1.15


def speak(text: str) -> PcmData:
    """The text in the voice's own rate. Raises ImportError or ModelError where the voice is missing."""
    return spoken(text)[1]


def spoken(text: str) -> tuple[tuple[Word, ...], PcmData]:
    """The words with their times in seconds, and the sound. Raises like `speak`."""
    chunks = chunks_of(text)
    return tuple(word for chunk in chunks for word in chunk.words), PcmData.concat(chunk.audio for chunk in chunks)


@lru_cache(maxsize=512)
def chunks_of(text: str) -> tuple[SpeechChunk, ...]:
    """The text piece by piece, as the voice gives it. Raises like `speak`."""
    return tuple(_synthesizer().synthesize(text))


def varied(text: str) -> PcmData:
    """The text said in another way. Raises like `speak`."""
    return PcmData.concat(chunk.audio for chunk in _synthesizer(VARIED).synthesize(text))


@lru_cache(maxsize=2)
def _synthesizer(length_scale: float = 1.0) -> Synthesizer:
    # Deferred: nobody else needs the voice.
    from vision_agents.plugins.piper.network import VoiceNetwork
    from vision_agents.plugins.piper.synthesizer import Synthesizer
    from vision_agents.plugins.piper.voice import Prosody, Voice

    files = ModelStore().ready(VOICE)
    prosody = Prosody(length_scale=length_scale, noise_scale=0.0, noise_w_scale=0.0)
    return Synthesizer(Voice(VoiceNetwork(files), prosody))
