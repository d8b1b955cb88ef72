"""ElevenLabs as the voice of an agent."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from websockets.exceptions import ConnectionClosed

from vision_agents.core.remote import RemoteTTS
from vision_agents.core.settings import check_number
from vision_agents.core.tts import VoiceTuning

from .account import make_client, refusal
from .speech_line import Line

if TYPE_CHECKING:
    from elevenlabs.client import AsyncElevenLabs
    from elevenlabs.types.realtime_voice_settings import RealtimeVoiceSettings
    from websockets.asyncio.client import ClientConnection

DEFAULT_VOICE = "JBFqnCBsd6RMkjVDRZzb"
"""George, the voice of ElevenLabs' own first steps; every account has it."""

PACES = (0.7, 1.2)
"""The slowest and the fastest `speed` that ElevenLabs takes."""

HIGHEST_SEED = 2**32 - 1

_ID = re.compile(r"[A-Za-z0-9]+")

# Audio comes base64-coded, a second or more in a message.
MESSAGE_LIMIT = 16 * 2**20


class TTS(RemoteTTS[Line]):
    """ElevenLabs' streaming speech over one multi-context websocket, with word times from its character alignment.

    An interruption closes the text's context at once and drops whatever still comes of it. ElevenLabs finishes what it
    has begun before it counts the context as closed, and takes five at most: a text waits up to 0.3 s for its place,
    then it gets a new socket and the old one is closed.

    `stream_audio` raises NoConnectionError if there is no connection to be had, SpeechLostError if it is lost in the
    midst of the text, ElevenLabsError for an error that ElevenLabs reports, TimeoutError if it falls silent.

    Args:
        api_key: by default the environment variable `ELEVENLABS_API_KEY`.
        voice_id: whose voice; the default is George.
        model_id: any that streams over websockets; `eleven_v3` does not.
        output_format: `pcm_` and a rate in Hz: 8000, 16000, 22050, 24000, 44100.
        voice_settings: stability, similarity_boost, style, use_speaker_boost, speed, as a mapping or the SDK's model.
        language_code: ISO 639-1, for multilingual models.
        apply_text_normalization: "auto", "on" or "off".
        enable_logging, enable_ssml_parsing, seed: as ElevenLabs'.
        inactivity_timeout: seconds after which ElevenLabs closes a socket that is not used (at most 180); the next text
            opens another.
        base_url: for another server or region.
        client: an SDK client of your own, in place of `api_key` and `base_url`.

    Raises:
        ValueError: there is no key, the format is not PCM, or a number is out of its range.
    """

    def __init__(
        self,
        *,
        api_key: str | None = None,
        voice_id: str = DEFAULT_VOICE,
        model_id: str = "eleven_flash_v2_5",
        output_format: str = "pcm_24000",
        voice_settings: Mapping[str, Any] | RealtimeVoiceSettings | None = None,
        language_code: str | None = None,
        apply_text_normalization: str | None = None,
        enable_logging: bool | None = None,
        enable_ssml_parsing: bool | None = None,
        seed: int | None = None,
        inactivity_timeout: int = 180,
        base_url: str | None = None,
        client: AsyncElevenLabs | None = None,
    ) -> None:
        check_number("seed", seed, 0, HIGHEST_SEED, whole=True, optional=True)
        check_number("inactivity_timeout", inactivity_timeout, 1, 180, whole=True)
        super().__init__("ElevenLabs", refusal, ConnectionClosed)
        rate = re.fullmatch(r"pcm_(\d+)", output_format)
        if rate is None:
            raise ValueError(f"output_format must be pcm_ and a rate, such as pcm_24000, not {output_format!r}")
        self._sample_rate = int(rate[1])
        self._client = make_client(client, api_key, base_url)
        self._voice_id = voice_id
        self._settings = _settings(voice_settings)
        parameters = {
            "model_id": model_id,
            "output_format": output_format,
            "language_code": language_code,
            "apply_text_normalization": apply_text_normalization,
            "enable_logging": enable_logging,
            "enable_ssml_parsing": enable_ssml_parsing,
            "seed": seed,
            "inactivity_timeout": inactivity_timeout,
            # Times with each piece of audio, not only with some.
            "sync_alignment": True,
        }
        self._query = {
            name: str(value).lower() if isinstance(value, bool) else str(value)
            for name, value in parameters.items()
            if value is not None
        }

    def tuning(self) -> VoiceTuning:
        return VoiceTuning(voice=self._voice_id, pace=(self._settings and self._settings.speed) or 1.0)

    def tune(self, voice: str | None = None, pace: float | None = None) -> None:
        if voice is not None and not _ID.fullmatch(voice):
            raise ValueError(f"a voice of ElevenLabs is named by its id, letters and digits, not {voice!r}")
        if pace is not None:
            slowest, fastest = PACES
            if not slowest <= pace <= fastest:
                raise ValueError(f"the pace of ElevenLabs' voices is from {slowest} to {fastest}, not {pace}")
            settings = {} if self._settings is None else self._settings.model_dump(exclude_none=True)
            self._settings = _settings({**settings, "speed": pace})
        self._voice_id = voice or self._voice_id
        # Both are what a socket is opened with: settings that differ from those before are refused on it.
        self._renew()

    def _new_line(self) -> Line:
        return Line(self._websocket(), self._sample_rate, self._settings)

    @asynccontextmanager
    async def _websocket(self) -> AsyncIterator[ClientConnection]:
        from elevenlabs.url_utils import build_ws_url
        from websockets.asyncio.client import connect

        wrapper = self._client._client_wrapper
        path = ["v1", "text-to-speech", self._voice_id, "multi-stream-input"]
        url = build_ws_url(wrapper.get_base_url(), path, self._query)
        async with connect(url, additional_headers=wrapper.get_headers(), max_size=MESSAGE_LIMIT) as websocket:
            yield websocket


def _settings(given: Mapping[str, Any] | RealtimeVoiceSettings | None) -> RealtimeVoiceSettings | None:
    if given is None:
        return None
    from elevenlabs.types.realtime_voice_settings import RealtimeVoiceSettings

    if isinstance(given, RealtimeVoiceSettings):
        return given
    unknown = set(given) - set(RealtimeVoiceSettings.model_fields)
    if unknown:
        raise ValueError(f"voice_settings does not have {', '.join(sorted(unknown))}")
    return RealtimeVoiceSettings(**given)
