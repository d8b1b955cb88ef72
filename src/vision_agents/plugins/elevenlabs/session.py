"""One session of Scribe: the SDK's connection, with its callbacks as one stream of messages."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .account import ElevenLabsError

if TYPE_CHECKING:
    from elevenlabs.realtime import RealtimeConnection

logger = logging.getLogger(__name__)

# Errors of Scribe that mean nothing to a conversation, and those that only want another session.
_HARMLESS = {"commit_throttled"}
_RENEWALS = {"session_time_limit_exceeded", "insufficient_audio_activity"}


class ScribeSession:
    """`started` when Scribe is ready, `over` when it has ended, or why each did not; `receive` takes transcripts."""

    def __init__(self, connection: RealtimeConnection, receive: Callable[[str, dict[str, Any]], None]) -> None:
        from elevenlabs.realtime import RealtimeEvents

        loop = asyncio.get_running_loop()
        self.connection = connection
        self.started: asyncio.Future[None] = loop.create_future()
        self.over: asyncio.Future[None] = loop.create_future()
        self._receive = receive
        connection.on(RealtimeEvents.SESSION_STARTED, lambda _: self._settle(self.started))
        connection.on(RealtimeEvents.PARTIAL_TRANSCRIPT, self._heard)
        connection.on(RealtimeEvents.COMMITTED_TRANSCRIPT, self._heard)
        connection.on(RealtimeEvents.ERROR, self._failed)
        connection.on(RealtimeEvents.CLOSE, self._closed)

    def _heard(self, data: dict[str, Any]) -> None:
        # The SDK prints what its callbacks raise; the log is the place for that.
        try:
            self._receive(data["message_type"], data)
        except Exception as error:
            logger.warning("a message of ElevenLabs cannot be understood and is passed over: %r", error)

    def _failed(self, data: dict[str, Any]) -> None:
        kind = data.get("message_type")
        if kind is None:
            logger.warning("the connection to ElevenLabs: %s", data.get("error"))
        elif kind in _RENEWALS:
            self._end(None)
        elif kind not in _HARMLESS:
            self._end(ElevenLabsError(kind, str(data.get("error") or "no reason given")))

    def _closed(self, info: dict[str, Any]) -> None:
        code, reason = info.get("code"), info.get("reason")
        self._end(ElevenLabsError("policy_violation", reason or "no reason given") if code == 1008 else None)

    def _end(self, error: ElevenLabsError | None) -> None:
        lost = error or ConnectionError("ElevenLabs closed the connection")
        self._settle(self.started, lost)
        self._settle(self.over, error)

    @staticmethod
    def _settle(future: asyncio.Future[None], error: Exception | None = None) -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
            future.exception()  # Nobody may be waiting for it.
        else:
            future.set_result(None)
