"""One participant's audio on its way to Deepgram, over a connection that is replaced when it is lost."""

from __future__ import annotations

import abc
import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

from websockets.exceptions import ConnectionClosed, ConnectionClosedError

from vision_agents.core.audio import PcmData, Resampler
from vision_agents.core.ears.listener import Hearing
from vision_agents.core.participants import Participant
from vision_agents.core.remote import Claim, Connection, Link, LinkError

from .account import cut, refusal

logger = logging.getLogger(__name__)

SAMPLE_RATE = 16_000

# The close code with which Deepgram says that it is our fault. Others are a network's or a server's usual troubles.
REFUSED = 1008

# Opens one of the SDK's websocket sessions.
Connect = Callable[[], AbstractAsyncContextManager[Any]]


class DeepgramError(Exception):
    """Deepgram says over an open connection that something went wrong."""


class Stream(abc.ABC):
    """The connection, the place in the audio, and the turn of one participant.

    It may be connected before it is known whose audio it will take (`participant` is None until then).
    Positions are in seconds of audio sent over the present connection, as in Deepgram's answers.
    """

    def __init__(self, hearing: Hearing, connect: Connect) -> None:
        self.hearing = hearing
        self.position = 0.0
        self._connect = connect
        self._resampler = Resampler(SAMPLE_RATE)
        self._session: Any = None
        self._participant: Participant | None = None
        self._claim: Claim | None = None
        self.link: Link[Any] = Link("Deepgram", self._begin_connection, refusal, self._connection_lost)
        self.restarted()

    @property
    def participant(self) -> Participant:
        """Whose audio it is."""
        assert self._participant is not None
        return self._participant

    @property
    def claim(self) -> Claim:
        """The participant's turn, where Deepgram decides about turns."""
        assert self._claim is not None
        return self._claim

    def assign(self, participant: Participant) -> None:
        """It is this participant's from now on."""
        self._participant = participant
        self._claim = Claim(self.hearing, participant)

    async def take(self, audio: PcmData) -> None:
        """Send a piece of audio. Waits for a connection; raises LinkError if there is none to be had."""
        samples = self._resampler.push(audio)
        if len(samples):
            await self.send(PcmData(samples, SAMPLE_RATE))

    async def send(self, audio: PcmData) -> None:
        """Send audio at 16 kHz as it is."""
        for _ in range(2):
            session = await self.link.get()
            if session is not self._session:
                self._session = session
                self.position = 0.0
                self.restarted()
            try:
                await session.send_media(audio.to_bytes())
            except ConnectionClosed:
                await self.link.lose(session)
                continue
            self.position += audio.duration
            return
        raise LinkError("Deepgram closed the connection twice while one piece of audio was sent")

    @abc.abstractmethod
    def restarted(self) -> None:
        """A new connection begins: its positions and turns count from nothing."""

    @abc.abstractmethod
    def interrupted(self) -> None:
        """The connection is lost: what it would have said of the turn will not come."""

    @abc.abstractmethod
    def receive(self, message: Any) -> None:
        """Take one of the SDK's messages. Raises DeepgramError if it is one that ends the connection."""

    @abc.abstractmethod
    async def finish(self) -> None:
        """The turn is over by another's judgement: report its final words."""

    @abc.abstractmethod
    def discard(self) -> None:
        """What was heard until now was no turn: no words of it."""

    def _begin_connection(self, over: Callable[[Connection[Any]], None]) -> Connection[Any]:
        return Connection("Deepgram", self._connect(), self._read, cut, over)

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

    def _connection_lost(self, error: BaseException | None) -> None:
        logger.info("Deepgram's connection is lost: %s", error or "closed by the service")
        if self._participant is not None:
            self.interrupted()
        if isinstance(error, ConnectionClosedError) and error.rcvd is not None and error.rcvd.code == REFUSED:
            error = DeepgramError(f"Deepgram closed the connection: {error.rcvd.reason or 'no reason given'}")
        if isinstance(error, DeepgramError):
            self.hearing.report_failure(error)


def mean_confidence(words: Sequence[Any]) -> float | None:
    """How sure Deepgram is of these words of its own, from 0 to 1; None if there are none, or it does not say.

    Servers that speak its protocol and know no confidence say 0; nobody who is that unsure of words reports them.
    """
    return sum(word.confidence for word in words) / len(words) or None if words else None
