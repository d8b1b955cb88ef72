"""A connection to Deepgram that speaks one text at a time."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import AbstractAsyncContextManager
from typing import Any

from websockets.exceptions import ConnectionClosed

from vision_agents.core.audio import PcmData
from vision_agents.core.remote import Connection, SpeechLine, SpeechLostError, Synthesis
from vision_agents.core.tts import SpeechChunk

from .account import cut
from .speech_protocol import WINDOW, Protocol, Sign
from .stream import DeepgramError

# Seconds within which Deepgram has to confirm an interruption; it takes about a tenth. Then the line is given up.
STOP_TIMEOUT = 1.0

# In the reason for closing a line that was not used for long: it may happen just when it is used again.
IDLE = "NET-0001"


class Text(Synthesis):
    """A text on a line. `sent`: Deepgram knows of it; `begun`: its audio may come; `heard`: some came."""

    def __init__(self, begun: bool, sample_rate: int) -> None:
        super().__init__("Deepgram")
        self.sent = False
        self.begun = begun
        self.heard = False
        self._sample_rate = sample_rate
        self._odd = b""

    def take(self, data: bytes) -> None:
        """Take some of its audio, which may end in the middle of a sample."""
        self.heard = True
        data = self._odd + data
        self._odd = data[len(data) - len(data) % 2 :]
        self.inbox.put(SpeechChunk(PcmData.from_bytes(data, self._sample_rate)))


class Line(SpeechLine[Text]):
    """A connection for one text at a time.

    Nothing in the audio tells of which text it is. So the next text is not sent before the end of the last one is
    confirmed, and audio that comes while nobody waits for any is dropped.
    """

    def __init__(self, protocol: Protocol, opening: AbstractAsyncContextManager[Any], sample_rate: int) -> None:
        self._protocol = protocol
        self._sample_rate = sample_rate
        self._text: Text | None = None
        # The text before was interrupted: its end may still be under way, as an end without any audio.
        self._end_pending = False
        self._stopped = asyncio.Event()
        self._stopped.set()
        # What belongs together is sent together: a `Flush` behind the `Clear` would end the next text.
        self._sending = asyncio.Lock()
        self._said: deque[float] = deque(maxlen=protocol.budget)
        self.connection: Connection[Any] = Connection("Deepgram", opening, self._read, cut, self._lost)

    @property
    def room(self) -> bool:
        return self.connection.usable and self._text is None and self._stopped.is_set() and not self._spent

    @property
    def _spent(self) -> bool:
        """Return whether it has taken so many texts that Deepgram would not take another now."""
        now = asyncio.get_running_loop().time()
        return len(self._said) == self._said.maxlen and now - self._said[0] < WINDOW

    def place(self, text: str) -> Text:
        self._text = place = Text(not self._protocol.bracketed, self._sample_rate)
        return place

    async def speak(self, place: Text, text: str) -> None:
        session = await self.connection.opened()
        async with self._sending:
            if not place.inbox.over:
                place.sent = True
                self._said.append(asyncio.get_running_loop().time())
                await self._protocol.say(session, text)

    def occupied(self, place: Text) -> bool:
        return self._text is place

    async def cancel(self, place: Text) -> bool:
        session = self.connection.session
        if not place.sent or session is None:
            self._text = None
            return session is not None
        self._stopped.clear()
        try:
            async with asyncio.timeout(STOP_TIMEOUT):
                async with self._sending:
                    self._text = None
                    await self._protocol.stop(session)
                await self._stopped.wait()
        except (TimeoutError, ConnectionClosed):
            return False
        self._end_pending = True
        return self.connection.usable

    async def _read(self, session: Any) -> None:
        async for message in session:
            if isinstance(message, bytes):
                if self._text is not None and self._text.begun:
                    self._text.take(message)
            elif message is not None:
                self._heed(self._protocol.read(message), message)

    def _heed(self, sign: Sign, message: Any) -> None:
        text = self._text
        if sign is Sign.BEGUN:
            if text is not None:
                text.begun = True
        elif sign is Sign.STOPPED or (sign is Sign.DONE and self._protocol.bracketed and text is None):
            # Where audio is bracketed, the end of what was interrupted is as good as its interruption.
            self._stopped.set()
        elif sign is Sign.DONE and text is not None:
            if self._end_pending and not text.heard:
                self._end_pending = False  # The late end of the text before.
                return
            text.inbox.end()
            self._text = None
            self._end_pending = False
        elif sign is Sign.FAILED:
            description = getattr(message, "description", None) or "no reason given"
            raise DeepgramError(f"Deepgram reports {getattr(message, 'code', None) or 'an error'}: {description}")

    def _lost(self, connection: Connection[Any]) -> None:
        error, text = connection.error, self._text
        self._text = None
        self._stopped.set()
        if text is not None:
            text.inbox.fail(error if isinstance(error, DeepgramError) else _why_lost(error))


def _why_lost(error: BaseException | None) -> Exception:
    """Returns the error to raise: a line that was lost may be replaced; one that Deepgram closed because of what went
    over it would be closed again."""
    said = error.rcvd if isinstance(error, ConnectionClosed) else None
    if said is not None and said.code in (1008, 1011) and IDLE not in said.reason:
        return DeepgramError(f"Deepgram closed the connection: {said.reason or f'no reason given ({said.code})'}")
    return SpeechLostError(f"the connection to Deepgram was lost while it spoke ({error or 'closed without a reason'})")
