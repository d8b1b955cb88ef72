"""A loopback server that speaks ElevenLabs' websocket protocols: realtime speech to text, and multi-context speech.

It is strict: what ElevenLabs refuses is refused, by status at the handshake and by error message or close code
afterwards. What ElevenLabs has been seen to do beyond its documentation it does, too: it repeats partial transcripts,
echoes a commit, and makes a context of whatever is sent to an unknown one.
"""

from __future__ import annotations

import re

from ..websocket import Handler, Opening, WebSocketServer, Wire
from .hearing import Hearing
from .voice import Voice

__all__ = ["KEY", "ElevenLabsServer", "Wire"]

KEY = "a key for the stand-in"

LISTEN = "/v1/speech-to-text/realtime"
SPEAK = re.compile(r"/v1/text-to-speech/(?P<voice>[^/]*)/multi-stream-input")
VOICES = ("JBFqnCBsd6RMkjVDRZzb", "21m00Tcm4TlvDq8ikWAM")

_LISTEN_PARAMETERS = {
    "model_id",
    "audio_format",
    "commit_strategy",
    "vad_silence_threshold_secs",
    "vad_threshold",
    "min_speech_duration_ms",
    "min_silence_duration_ms",
    "language_code",
    "include_timestamps",
    "keyterms",
    "no_verbatim",
}
_SPEAK_PARAMETERS = {
    "model_id",
    "output_format",
    "language_code",
    "inactivity_timeout",
    "sync_alignment",
    "auto_mode",
    "apply_text_normalization",
    "enable_logging",
    "enable_ssml_parsing",
    "seed",
}


class ElevenLabsServer(WebSocketServer):
    """`async with ElevenLabsServer() as server:` listens on a free port; `server.url` is the base URL for the SDK.

    `stubborn`: seconds after which a context that was closed says so. `commits`: whether Scribe's VAD ends a segment.
    `most_contexts`: the most that were open on one socket. `overflows`: how often there were too many.
    """

    def __init__(self) -> None:
        super().__init__({"cancel": "a context that is closed finishes what was flushed"})
        self.stubborn = 0.0
        self.commits = True
        self.most_contexts = 0
        self.overflows = 0

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    async def send_late(self) -> None:
        for handler in self.handlers:
            if isinstance(handler, Voice):
                await handler.send_late()

    def _refusal(self, opening: Opening) -> int | None:
        if opening.path == LISTEN:
            return 400 if _refused_listening(opening.query) else None
        speech = SPEAK.fullmatch(opening.path)
        if speech is None:
            return 404
        if opening.headers.get("xi-api-key") != KEY:
            return 401
        if speech["voice"] not in VOICES:
            return 404
        return 400 if _refused_speech(opening.query) else None

    def _handler(self, opening: Opening, wire: Wire) -> Handler:
        if opening.path == LISTEN:
            # ElevenLabs takes anyone in, and tells who may not stay.
            return Hearing(self, wire, opening.query, opening.headers.get("xi-api-key") == KEY)
        return Voice(self, wire, opening.query)


def _refused_listening(query: dict[str, str]) -> bool:
    """Whether Scribe would refuse these parameters."""
    return any(
        (
            not set(query) <= _LISTEN_PARAMETERS,
            not query.get("model_id", "").endswith("_realtime"),
            query.get("audio_format") != "pcm_16000",
            query.get("commit_strategy") not in ("vad", "manual"),
            not 0.3 <= float(query.get("vad_silence_threshold_secs", 1.5)) <= 3.0,
            not 0.1 <= float(query.get("vad_threshold", 0.4)) <= 0.9,
        )
    )


def _refused_speech(query: dict[str, str]) -> bool:
    """Whether the parameters are none of a voice's."""
    return not set(query) <= _SPEAK_PARAMETERS or not 1 <= int(query.get("inactivity_timeout", 20)) <= 180
