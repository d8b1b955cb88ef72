"""One participant's audio on its way to Scribe, and the turns in what comes back.

Scribe sends the words of a segment of speech again and again (partial transcripts), and once more when its own voice
activity detection has heard enough silence (the committed transcript). There is no sign of speech before the first
words. Some of what it sends is no news: it repeats partial transcripts about once a second, also in silence, and those
just committed once more; none of that is a turn.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from websockets.exceptions import ConnectionClosed

from vision_agents.core.audio import Framer, PcmData, Resampler
from vision_agents.core.hearing import Hearing
from vision_agents.core.remote import Connection, RemoteStream
from vision_agents.core.tasks import Tasks

from .account import ElevenLabsError, closed_for, cut, refusal
from .segment import Segment
from .session import ScribeSession

if TYPE_CHECKING:
    from elevenlabs.client import AsyncElevenLabs

SAMPLE_RATE = 16_000

# Audio goes in pieces of 100 ms, the shortest that ElevenLabs recommends.
PIECE = SAMPLE_RATE // 10

# A piece with no sample above this is silence, of which no words will come.
SOUND = 300

# Seconds without a new word, beyond the silence that Scribe was told to wait for, after which it has missed the end.
OVERDUE = 3.0

# How long a commit that was asked for may take.
COMMIT_TIMEOUT = 1.5


class ScribeStream(RemoteStream[ScribeSession]):
    """The connection, the segment of speech, and the turns of one participant."""

    def __init__(self, hearing: Hearing, client: AsyncElevenLabs, options: Mapping[str, Any], silence: float) -> None:
        super().__init__("ElevenLabs", hearing, refusal, ConnectionClosed)
        self._client = client
        self._options = options
        # Seconds of silence after which Scribe commits.
        self._silence = silence
        self._resampler = Resampler(SAMPLE_RATE)
        self._segment = Segment()
        # Seconds of audio sent.
        self._position = 0.0
        self._framer = Framer(PIECE)
        self._overdue: asyncio.TimerHandle | None = None
        self._finishing = Tasks()

    async def take(self, audio: PcmData) -> None:
        for piece in self._framer.push(self._resampler.push(audio)):
            if int(np.abs(piece.astype(np.int32)).max()) > SOUND:
                self._segment.sound = True
            await self.send(PcmData(piece, SAMPLE_RATE))

    # What comes back.

    def receive(self, kind: str, data: dict[str, Any]) -> None:
        """A transcript."""
        if self._participant is not None:
            take = self._partial if kind == "partial_transcript" else self._committed
            take(str(data["text"]).strip())

    def _partial(self, text: str) -> None:
        rest = self._segment.partial(text, self._position, self.turn.open)
        if rest:
            self.turn.begin()
            self.turn.say(rest)
            self._expect_end(self._silence + OVERDUE)

    def _committed(self, text: str) -> None:
        rest = self._segment.commit(text, self._position, self.turn.open, self._silence)
        if rest:
            self.turn.begin()
        self.turn.end(rest, silence=self._silence)
        self._expect_end(None)

    # Ends that others decide.

    async def finish(self) -> None:
        """The turn is over, because others say so or Scribe has missed its end: have what there is committed."""
        if not self.turn.open:
            return
        session, turn = self.connection.session, self.turn.number
        try:
            if session is not None:
                async with asyncio.timeout(COMMIT_TIMEOUT):
                    await session.connection.commit()
                    await self.turn.ended()
        except (TimeoutError, ConnectionClosed):
            pass  # What is known by now has to do.
        finally:
            if self.turn.number == turn:
                self._give_up()

    def discard(self) -> None:
        self._segment.discard(self._position)
        self.turn.end("")
        self._expect_end(None)

    # The watch for an end must not outlive the stream.

    def close_soon(self) -> None:
        self._expect_end(None)
        super().close_soon()

    async def close(self) -> None:
        self._expect_end(None)
        self._finishing.cancel()
        await super().close()

    def _give_up(self) -> None:
        if self.turn.open:
            self._segment.said = list(self._segment.last)
            self.turn.end(confidence=0.5)
        self._expect_end(None)

    def _expect_end(self, within: float | None) -> None:
        if self._overdue is not None:
            self._overdue.cancel()
        loop = asyncio.get_running_loop()
        self._overdue = None if within is None else loop.call_later(within, self._end_is_overdue)

    def _end_is_overdue(self) -> None:
        self._finishing.spawn(self.finish(), "overdue end of a turn")

    # The connection.

    def _connection(self, over: Callable[[Connection[ScribeSession]], None]) -> Connection[ScribeSession]:
        return Connection("ElevenLabs", self._open(), self._read, _cut, over)

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[ScribeSession]:
        connection = await self._client.speech_to_text.realtime.connect(dict(self._options))  # type: ignore[call-overload]
        session = ScribeSession(connection, self.receive)
        try:
            await session.started
            yield session
        finally:
            await connection.close()

    async def _send_audio(self, session: ScribeSession, audio: PcmData) -> None:
        await session.connection.send({"audio_base_64": base64.b64encode(audio.to_bytes()).decode()})
        self._position += audio.duration

    @staticmethod
    async def _read(session: ScribeSession) -> None:
        await session.over

    def _interrupted(self) -> None:
        self._give_up()
        self._segment = Segment()

    def _complaint(self, error: BaseException | None) -> ElevenLabsError | None:
        return error if isinstance(error, ElevenLabsError) else closed_for(error)


def _cut(session: ScribeSession) -> None:
    cut(session.connection.websocket)
