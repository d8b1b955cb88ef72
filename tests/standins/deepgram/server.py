"""A loopback server that speaks Deepgram's websocket protocols: listen v1 and v2, speak v1 and v2.

It is strict: what Deepgram refuses is refused, by status at the handshake and by `Error` or close code afterwards.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from deepgram import DeepgramClientEnvironment

from ..websocket import Handler, Opening, WebSocketServer, Wire
from .listen import ListenV1, ListenV2
from .speak import SpeakV1, SpeakV2

__all__ = ["KEY", "DeepgramServer", "Wire"]

KEY = "a key for the stand-in"

_COMMON = {"model", "encoding", "sample_rate", "mip_opt_out", "tag"}
_PARAMETERS: dict[str, set[str]] = {
    "/v1/listen": _COMMON
    | {"language", "endpointing", "interim_results", "utterance_end_ms", "vad_events", "smart_format", "punctuate"}
    | {"keyterm", "numerals", "profanity_filter", "channels", "diarize"},
    "/v2/listen": _COMMON
    | {"eot_threshold", "eager_eot_threshold", "eot_timeout_ms", "keyterm", "language_hint", "numerals"}
    | {"profanity_filter"},
    "/v1/speak": _COMMON - {"tag"} | {"speed"},
    "/v2/speak": _COMMON | {"speed", "expressivity"},
}
_HANDLERS: dict[str, Callable[..., Handler]] = {
    "/v1/listen": ListenV1,
    "/v2/listen": ListenV2,
    "/v1/speak": SpeakV1,
    "/v2/speak": SpeakV2,
}


class DeepgramServer(WebSocketServer):
    """`async with DeepgramServer() as server:` listens on a free port; `server.environment` leads the SDK to it.

    `credit`: whether the account has any. `stubborn`: seconds for which an interruption is ignored. `idle`: seconds
    after which a Nova stream without audio is closed. `answers_empty_finalize`: whether `Finalize` is answered where
    there is nothing to finalize.
    """

    def __init__(self) -> None:
        super().__init__()
        self.credit = True
        self.stubborn = 0.0
        self.idle = 10.0
        self.answers_empty_finalize = True
        self.last_stopped: Any = None

    @property
    def environment(self) -> DeepgramClientEnvironment:
        """What to pass to the SDK's client."""
        ws, web = f"ws://{self.address}", f"http://{self.address}"
        return DeepgramClientEnvironment(base=web, production=ws, agent=ws, agent_rest=web)

    def types(self, path: str) -> list[str]:
        """The types of all messages that came on `path`, audio left out."""
        return [message["type"] for where, message in self.said if where == path and isinstance(message, dict)]

    async def send_late(self) -> None:
        if self.last_stopped is not None:
            await self.last_stopped.send_late()

    def _refusal(self, opening: Opening) -> int | None:
        if opening.headers.get("Authorization") != f"Token {KEY}":
            return 401
        if not self.credit:
            return 402
        if opening.path not in _HANDLERS:
            return 404
        return 400 if _refused(opening.path, opening.query) else None

    def _handler(self, opening: Opening, wire: Wire) -> Handler:
        return _HANDLERS[opening.path](self, wire, opening.query)


def _refused(path: str, query: dict[str, str]) -> bool:
    """Whether Deepgram would refuse these parameters."""
    model = query.get("model", "")
    flux = model.startswith("flux")
    end = query.get("utterance_end_ms")
    return any(
        (
            not set(query) <= _PARAMETERS[path],
            query.get("encoding") != "linear16",
            not query.get("sample_rate", "").isdigit(),
            flux != path.startswith("/v2"),
            any(value in ("True", "False") for value in query.values()),
            end is not None and (int(end) < 1000 or query.get("interim_results") != "true"),
            not 0.5 <= float(query.get("eot_threshold", 0.7)) <= 1.0,
            not 0.3 <= float(query.get("eager_eot_threshold", 0.5)) <= 0.9,
        )
    )
