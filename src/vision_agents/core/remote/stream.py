"""A recogniser elsewhere that hears each participant over a stream of their own."""

from __future__ import annotations

import abc
import asyncio
from typing import Any, Generic, Protocol, TypeVar

from .. import stt
from ..audio import PcmData
from ..participants import Participant
from .link import Link


class RemoteStream(Protocol):
    """The connection and the turns of one participant, who may be known only after it is connected."""

    link: Link[Any]

    def assign(self, participant: Participant) -> None:
        """It is this participant's from now on."""

    async def take(self, audio: PcmData) -> None:
        """Send a piece of audio, any rate. Waits for a connection; raises LinkError if there is none to be had."""

    async def finish(self) -> None:
        """The turn is over by another's judgement: report its final words."""

    def discard(self) -> None:
        """What was heard until now was no turn: no words of it."""


S = TypeVar("S", bound=RemoteStream)


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
        """Connect, for whoever speaks first. Raises LinkError if the service refuses: the message says what to do."""
        if self._spare is None and not self._streams:
            self._spare = self._new_stream()
            await self._spare.link.get()

    async def process_audio(self, audio: PcmData, participant: Participant) -> None:
        """Send the next piece of a participant's audio, any rate. Waits while the connection is replaced.

        Raises LinkError if there is no connection to be had.
        """
        if not self._closed:
            await self._stream(participant).take(audio)

    def begin_turn(self, participant: Participant) -> None:
        """Somebody speaks: a connection that was given up is tried again."""
        self._stream(participant).link.forgive()

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
            self._close_soon(stream)

    async def close(self) -> None:
        """Close all connections, within about two seconds whatever the service does."""
        self._closed = True
        streams = [*self._streams.values(), *([self._spare] if self._spare else [])]
        self._streams.clear()
        self._spare = None
        await asyncio.gather(*(self._close(stream) for stream in streams))

    def _stream(self, participant: Participant) -> S:
        stream = self._streams.get(participant)
        if stream is None:
            stream, self._spare = self._spare or self._new_stream(), None
            stream.assign(participant)
            self._streams[participant] = stream
        return stream

    # For a subclass whose streams have more to end than their connection.

    def _close_soon(self, stream: S) -> None:
        stream.link.close_soon()

    async def _close(self, stream: S) -> None:
        await stream.link.close()
