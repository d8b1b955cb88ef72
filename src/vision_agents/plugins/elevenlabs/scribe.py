"""One participant's audio on its way to Scribe, and the turns in what comes back.

Scribe sends the words of a segment of speech again and again (partial transcripts), and once more when its own voice
activity detection has heard enough silence (the committed transcript). There is no sign of speech before the first
words. Some of what it sends is no news: it repeats partial transcripts about once a second, also in silence, and those
just committed once more; none of that is a turn.
"""

from __future__ import annotations

import asyncio
import base64
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from websockets.exceptions import ConnectionClosed

from vision_agents.core.audio import Framer, PcmData, Resampler
from vision_agents.core.ears.listener import Hearing
from vision_agents.core.participants import Participant
from vision_agents.core.remote import Claim, Connection, Link, LinkError

from .account import ElevenLabsError, closed_for, cut, refusal
from .segment import Segment
from .session import ScribeSession

if TYPE_CHECKING:
    from elevenlabs.client import AsyncElevenLabs

logger = logging.getLogger(__name__)

SAMPLE_RATE = 16_000

# Audio goes in pieces of 100 ms, the shortest that ElevenLabs recommends.
PIECE = SAMPLE_RATE // 10

# A piece with no sample above this is silence, of which no words will come.
SOUND = 300

# Seconds without a new word, beyond the silence that Scribe was told to wait for, after which it has missed the end.
OVERDUE = 3.0

# How long a commit that was asked for may take.
COMMIT_TIMEOUT = 1.5


class ScribeStream:
    """The connection and the turns of one participant, who may be known only after it is connected."""

    def __init__(self, hearing: Hearing, client: AsyncElevenLabs, options: Mapping[str, Any], silence: float) -> None:
        self._hearing = hearing
        self._client = client
        self._options = options
        # Seconds of silence after which Scribe commits.
        self._silence = silence
        self._claim: Claim | None = None
        self._resampler = Resampler(SAMPLE_RATE)
        self._segment = Segment()
        # Seconds of audio sent.
        self._position = 0.0
        self._framer = Framer(PIECE)
        self._overdue: asyncio.TimerHandle | None = None
        self._finishing: set[asyncio.Task[None]] = set()
        self.link: Link[ScribeSession] = Link("ElevenLabs", self._connect, refusal, self._lost)

    def assign(self, participant: Participant) -> None:
        """It is this participant's from now on."""
        self._claim = Claim(self._hearing, participant)

    async def take(self, audio: PcmData) -> None:
        """Send a piece of audio, any rate. Waits for a connection; raises LinkError if there is none to be had."""
        for piece in self._framer.push(self._resampler.push(audio)):
            if int(np.abs(piece.astype(np.int32)).max()) > SOUND:
                self._segment.sound = True
            await self._send(base64.b64encode(piece.astype("<i2").tobytes()).decode())
            self._position += PIECE / SAMPLE_RATE

    async def _send(self, data: str) -> None:
        for _ in range(2):
            session = await self.link.get()
            try:
                await session.connection.send({"audio_base_64": data})
            except ConnectionClosed:
                await self.link.lose(session)
                continue
            return
        raise LinkError("ElevenLabs closed the connection twice while one piece of audio was sent")

    # What comes back.

    def receive(self, kind: str, data: dict[str, Any]) -> None:
        """A transcript."""
        if self._claim is None:
            return
        text = str(data["text"]).strip()
        if kind == "partial_transcript":
            self._partial(self._claim, text)
        else:
            self._committed(self._claim, text)

    def _partial(self, claim: Claim, text: str) -> None:
        rest = self._segment.partial(text, self._position, claim.open)
        if rest:
            claim.begin()
            claim.say(rest)
            self._expect_end(self._silence + OVERDUE)

    def _committed(self, claim: Claim, text: str) -> None:
        rest = self._segment.commit(text, self._position, claim.open, self._silence)
        if rest:
            claim.begin()
        claim.end(rest, silence=self._silence)
        self._expect_end(None)

    # Ends that others decide.

    async def finish(self) -> None:
        """The turn is over, because others say so or Scribe has missed its end: have what there is committed."""
        claim = self._claim
        if claim is None or not claim.open:
            return
        session, turn = self.link.session, claim.number
        try:
            if session is not None:
                async with asyncio.timeout(COMMIT_TIMEOUT):
                    await session.connection.commit()
                    await claim.ended()
        except (TimeoutError, ConnectionClosed):
            pass  # What is known by now has to do.
        finally:
            if claim.number == turn:
                self._give_up(claim)

    def discard(self) -> None:
        """What was heard until now was no turn: no words of it."""
        if self._claim is not None:
            self._segment.discard(self._position)
            self._claim.end("")
            self._expect_end(None)

    def close_soon(self) -> None:
        """The participant left."""
        self._expect_end(None)
        self.link.close_soon()

    async def close(self) -> None:
        """Close the connection."""
        self._expect_end(None)
        for task in self._finishing:
            task.cancel()
        await self.link.close()

    def _give_up(self, claim: Claim) -> None:
        if claim.open:
            self._segment.said = list(self._segment.last)
            claim.end(confidence=0.5)
        self._expect_end(None)

    def _expect_end(self, within: float | None) -> None:
        if self._overdue is not None:
            self._overdue.cancel()
        loop = asyncio.get_running_loop()
        self._overdue = None if within is None else loop.call_later(within, self._end_is_overdue)

    def _end_is_overdue(self) -> None:
        task = asyncio.get_running_loop().create_task(self.finish(), name="overdue end of a turn")
        self._finishing.add(task)
        task.add_done_callback(self._finishing.discard)

    # The connection.

    def _connect(self, over: Callable[[Connection[ScribeSession]], None]) -> Connection[ScribeSession]:
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

    @staticmethod
    async def _read(session: ScribeSession) -> None:
        await session.over

    def _lost(self, error: BaseException | None) -> None:
        logger.info("the connection to ElevenLabs is lost: %s", error or "closed by the service")
        if self._claim is not None:
            self._give_up(self._claim)
        self._segment = Segment()
        reported = error if isinstance(error, ElevenLabsError) else closed_for(error)
        if reported is not None:
            self._hearing.report_failure(reported)


def _cut(session: ScribeSession) -> None:
    cut(session.connection.websocket)
