"""One participant's audio on its way to Deepgram, over a connection that is replaced when it is lost."""

from __future__ import annotations

import abc
import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

from websockets.exceptions import ConnectionClosed, ConnectionClosedError

from vision_agents.core.audio import PcmData, Resampler
from vision_agents.core.hearing import Hearing
from vision_agents.core.remote import Connection, RemoteStream

from .account import cut, refusal

logger = logging.getLogger(__name__)

SAMPLE_RATE = 16_000

# The close code with which Deepgram says that it is our fault. Others are a network's or a server's usual troubles.
REFUSED = 1008

# Opens one of the SDK's websocket sessions.
Connect = Callable[[], AbstractAsyncContextManager[Any]]


class DeepgramError(Exception):
    """Deepgram says over an open connection that something went wrong."""


class Stream(RemoteStream[Any]):
    """The connection, the place in the audio, and the turn of one participant.

    Positions are in seconds of audio sent over the present connection, as in Deepgram's answers.
    """

    def __init__(self, hearing: Hearing, connect: Connect) -> None:
        super().__init__("Deepgram", hearing, refusal, ConnectionClosed)
        self.position = 0.0
        self._connect = connect
        self._resampler = Resampler(SAMPLE_RATE)
        self._session: Any = None
        self.restarted()

    async def take(self, audio: PcmData) -> None:
        samples = self._resampler.push(audio)
        if len(samples):
            await self.send(PcmData(samples, SAMPLE_RATE))

    @abc.abstractmethod
    def restarted(self) -> None:
        """A new connection begins: its positions and turns count from nothing."""

    @abc.abstractmethod
    def receive(self, message: Any) -> None:
        """Take one of the SDK's messages. Raises DeepgramError if it is one that ends the connection."""

    def _connection(self, over: Callable[[Connection[Any]], None]) -> Connection[Any]:
        return Connection("Deepgram", self._connect(), self._read, cut, over)

    async def _send_audio(self, session: Any, audio: PcmData) -> None:
        if session is not self._session:
            self._session = session
            self.position = 0.0
            self.restarted()
        await session.send_media(audio.to_bytes())
        self.position += audio.duration

    async def _read(self, session: Any) -> None:
        async for message in session:
            if message is None or self._participant is None:
                continue  # Nothing that the SDK knows, or nobody speaks yet.
            try:
                self.receive(message)
            except DeepgramError:
                raise
            except Exception as error:
                logger.warning("a message of Deepgram cannot be understood and is passed over: %r", error)

    def _complaint(self, error: BaseException | None) -> DeepgramError | None:
        if isinstance(error, ConnectionClosedError) and error.rcvd is not None and error.rcvd.code == REFUSED:
            return DeepgramError(f"Deepgram closed the connection: {error.rcvd.reason or 'no reason given'}")
        return error if isinstance(error, DeepgramError) else None


def mean_confidence(words: Sequence[Any]) -> float | None:
    """Deepgram's confidence in these words of its own, from 0 to 1; None if there are none, or it does not say.

    Servers that speak its protocol and know no confidence say 0; nobody who is that unsure of words reports them.
    """
    return sum(word.confidence for word in words) / len(words) or None if words else None
