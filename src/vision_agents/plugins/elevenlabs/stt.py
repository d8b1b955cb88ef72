"""ElevenLabs as the ears of an agent: words and turns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from vision_agents.core.remote import RemoteSTT
from vision_agents.core.settings import check_list, check_number

from .account import make_client
from .scribe import SAMPLE_RATE, ScribeStream

if TYPE_CHECKING:
    from elevenlabs.client import AsyncElevenLabs


class STT(RemoteSTT[ScribeStream]):
    """Scribe's realtime recognition, over one connection for each participant. Its VAD is the turn detection.

    A turn begins with the first words that Scribe hears (it gives no sign before) and ends with its commit, after
    `vad_silence_threshold_secs` of silence. To silence the agent sooner, at the first sound, pass `vad=silero.VAD()` to
    the agent. A commit that does not come 3 s after it should is asked for, and then done without.

    A connection that is lost is replaced, with growing delays; audio waits for it meanwhile. A turn that was open ends
    with the words known so far.

    Args:
        api_key: by default the environment variable `ELEVENLABS_API_KEY`.
        model_id: a realtime model.
        language_code: ISO 639-1 or 639-3; None has it recognised.
        vad_silence_threshold_secs: silence that ends a turn, 0.3 to 3.0. ElevenLabs' own default is 1.5.
        vad_threshold: how sure of speech it has to be, 0.1 to 0.9.
        min_speech_duration_ms, min_silence_duration_ms: 50 to 2000.
        keyterms: terms to listen for, at most 50.
        no_verbatim, filter_background_audio, secondary_languages, enable_logging: as ElevenLabs'.
        options: any other options of the SDK's `speech_to_text.realtime.connect`.
        base_url: for another server or region.
        client: an SDK client of your own, in place of `api_key` and `base_url`.

    Raises:
        ValueError: there is no key, or a number is out of its range.
    """

    turn_detection = True

    def __init__(
        self,
        *,
        api_key: str | None = None,
        model_id: str = "scribe_v2_realtime",
        language_code: str | None = None,
        vad_silence_threshold_secs: float = 0.7,
        vad_threshold: float | None = None,
        min_speech_duration_ms: int | None = None,
        min_silence_duration_ms: int | None = None,
        keyterms: Sequence[str] | None = None,
        secondary_languages: Sequence[str] | None = None,
        no_verbatim: bool | None = None,
        filter_background_audio: bool | None = None,
        enable_logging: bool | None = None,
        options: Mapping[str, Any] | None = None,
        base_url: str | None = None,
        client: AsyncElevenLabs | None = None,
    ) -> None:
        super().__init__()
        check_list("keyterms", keyterms)
        check_list("secondary_languages", secondary_languages)
        check_number("vad_silence_threshold_secs", vad_silence_threshold_secs, 0.3, 3.0)
        check_number("vad_threshold", vad_threshold, 0.1, 0.9, optional=True)
        check_number("min_speech_duration_ms", min_speech_duration_ms, 50, 2000, optional=True)
        check_number("min_silence_duration_ms", min_silence_duration_ms, 50, 2000, optional=True)
        self._client = make_client(client, api_key, base_url)
        self._silence = vad_silence_threshold_secs
        given = {
            "model_id": model_id,
            "sample_rate": SAMPLE_RATE,
            "vad_silence_threshold_secs": vad_silence_threshold_secs,
            "vad_threshold": vad_threshold,
            "min_speech_duration_ms": min_speech_duration_ms,
            "min_silence_duration_ms": min_silence_duration_ms,
            "language_code": language_code,
            "secondary_languages": list(secondary_languages) if secondary_languages else None,
            "keyterms": list(keyterms) if keyterms else None,
            "no_verbatim": no_verbatim,
            "filter_background_audio": filter_background_audio,
            "enable_logging": enable_logging,
            **(options or {}),
        }
        self._options = {name: value for name, value in given.items() if value is not None}

    def _new_stream(self) -> ScribeStream:
        from elevenlabs.realtime import AudioFormat, CommitStrategy

        own = {"audio_format": AudioFormat.PCM_16000, "commit_strategy": CommitStrategy.VAD}
        return ScribeStream(self, self._client, {**own, **self._options}, self._silence)
