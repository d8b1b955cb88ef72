"""The base of recognisers at a service: a stream for each participant."""

from __future__ import annotations

import abc
import asyncio
import logging
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from .. import stt
from ..audio import PcmData
from ..hearing import Hearing
from ..participants import Participant
from .connection import Connection, NoConnectionError, ReconnectingConnection
from .provider_turn import ProviderTurn

logger = logging.getLogger(__name__)

C = TypeVar("C")


class RemoteStream(abc.ABC, Generic[C]):
    """The connection and the turns of one participant, who may be known only after it is connected.

    A subclass speaks the protocol of the service `what`, in sessions `C` of its SDK; what it hears it reports to
    `hearing`. `refusal`: see `ReconnectingConnection`. `broken` is what sending raises over a connection that is lost.
    """

    def __init__(
        self, what: str, hearing: Hearing, refusal: Callable[[BaseException], str | None], broken: type[Exception]
    ) -> None:
        self.hearing = hearing
        self._what = what
        self._broken = broken
        self._participant: Participant | None = None
        self._turn: ProviderTurn | None = None
        self.connection: ReconnectingConnection[C] = ReconnectingConnection(what, self._connection, refusal, self._lost)

    @property
    def participant(self) -> Participant:
        """The one whose audio it is."""
        assert self._participant is not None
        return self._participant

    @property
    def turn(self) -> ProviderTurn:
        """The participant's turn, where the service decides about turns."""
        assert self._turn is not None
        return self._turn

    def assign(self, participant: Participant) -> None:
        """Give it to this participant."""
        self._participant = participant
        self._turn = ProviderTurn(self.hearing, participant)

    @abc.abstractmethod
    async def take(self, audio: PcmData) -> None:
        """Send a piece of audio, any rate. Waits for a connection.

        Raises NoConnectionError if there is none to be had.
        """

    @abc.abstractmethod
    async def finish(self) -> None:
        """Report the final words of a turn that is over by another's judgement."""

    @abc.abstractmethod
    def discard(self) -> None:
        """Report no words of what was heard until now: it was no turn."""

    def close_soon(self) -> None:
        """Close it for good, with nobody waiting: the participant left."""
        self.connection.close_soon()

    async def close(self) -> None:
        """Close it for good."""
        await self.connection.close()

    async def send(self, audio: PcmData) -> None:
        """Send audio as it is, once more over a new connection if the present one is found broken."""
        for _ in range(2):
            session = await self.connection.get()
            try:
                return await self._send_audio(session, audio)
            except self._broken:
                await self.connection.lose(session)
        raise NoConnectionError(f"{self._what} closed the connection twice while one piece of audio was sent")

    # The service's protocol.

    @abc.abstractmethod
    def _connection(self, over: Callable[[Connection[C]], None]) -> Connection[C]:
        """Begin a connection."""

    @abc.abstractmethod
    async def _send_audio(self, session: C, audio: PcmData) -> None:
        """Send audio over this session, perhaps a new one. Raises `broken` if its connection is lost."""

    @abc.abstractmethod
    def _interrupted(self) -> None:
        """End the turn with what is known: the connection is lost, and no more of it will come."""

    @abc.abstractmethod
    def _complaint(self, error: BaseException | None) -> Exception | None:
        """Returns the error to report for the end of a connection; None for the usual troubles of networks."""

    def _lost(self, error: BaseException | None) -> None:
        logger.info("the connection to %s is lost: %s", self._what, error or "closed by the service")
        if self._participant is not None:
            self._interrupted()
        complaint = self._complaint(error)
        if complaint is not None:
            self.hearing.report_failure(complaint)


S = TypeVar("S", bound=RemoteStream[Any])


class RemoteSTT(stt.STT, Generic[S]):
    """A recogniser at a service. A subclass says what a stream to it is; failures are reported by the streams."""

    def __init__(self) -> None:
        super().__init__()
        self._streams: dict[Participant, S] = {}
        # Connected before anybody spoke.
        self._spare: S | None = None
        self._closed = False

    @abc.abstractmethod
    def _new_stream(self) -> S:
        """A stream that is nobody's yet, and not connected."""

    async def start(self) -> None:
        """Connect, for whoever speaks first.

        Raises NoConnectionError if the service refuses: the message says what to do.
        """
        self._closed = False
        if self._spare is None and not self._streams:
            self._spare = self._new_stream()
            await self._spare.connection.get()

    async def process_audio(self, audio: PcmData, participant: Participant) -> None:
        """Send the next piece of a participant's audio, any rate. Waits while the connection is replaced.

        Raises NoConnectionError if there is no connection to be had.
        """
        if not self._closed:
            await self._stream(participant).take(audio)

    def begin_turn(self, participant: Participant) -> None:
        """Try a connection again that was given up: somebody speaks."""
        self._stream(participant).connection.forgive()

    async def finish_turn(self, participant: Participant) -> None:
        """Return when the final words are reported, or the service has let its time for them pass.

        Nothing is waited for in a turn that the service has ended itself.
        """
        stream = self._streams.get(participant)
        if stream is not None:
            await stream.finish()

    def discard_turn(self, participant: Participant) -> None:
        """Report no words of what was heard until now, whenever they come."""
        stream = self._streams.get(participant)
        if stream is not None:
            stream.discard()

    def forget(self, participant: Participant) -> None:
        """Close the participant's connection."""
        stream = self._streams.pop(participant, None)
        if stream is not None:
            stream.close_soon()

    async def close(self) -> None:
        """Close all connections, within about two seconds whatever the service does."""
        self._closed = True
        streams = [*self._streams.values(), *([self._spare] if self._spare else [])]
        self._streams.clear()
        self._spare = None
        await asyncio.gather(*(stream.close() for stream in streams))

    def _stream(self, participant: Participant) -> S:
        stream = self._streams.get(participant)
        if stream is None:
            stream, self._spare = self._spare or self._new_stream(), None
            stream.assign(participant)
            self._streams[participant] = stream
        return stream
