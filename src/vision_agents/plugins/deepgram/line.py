"""One connection that speaks one text at a time."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import AbstractAsyncContextManager
from typing import Any

from websockets.exceptions import ConnectionClosed

from vision_agents.core.remote import Connection, Inbox

from .account import cut
from .stream import DeepgramError
from .voices import WINDOW, Manner, Sign

# Seconds within which Deepgram has to confirm an interruption; it takes about a tenth. Then the line is given up.
STOP_TIMEOUT = 1.0


# In the reason for closing a line that was not used for long: it may happen just when it is used again.
IDLE = "NET-0001"


class Line:
    """A connection for texts, and whose audio it is that comes.

    Nothing in the audio tells of which text it is. So the next text is not sent before the end of the last one is
    confirmed, and audio that comes while nobody waits for any is dropped.
    """

    def __init__(self, manner: Manner, opening: AbstractAsyncContextManager[Any]) -> None:
        self._manner = manner
        self._inbox: Inbox[bytes] | None = None
        # Of the present text: whether its audio may come, and whether some came.
        self._begun = False
        self._heard = False
        # The text before was interrupted: its end may still be under way, as an end without any audio.
        self._end_pending = False
        self._stopped = asyncio.Event()
        self._stopped.set()
        # What belongs together is sent together: a `Flush` behind the `Clear` would end the next text.
        self._sending = asyncio.Lock()
        self._said: deque[float] = deque(maxlen=manner.budget)
        self.connection: Connection[Any] = Connection("Deepgram", opening, self._read, cut, self._lost)

    @property
    def free(self) -> bool:
        """Whether it is open and speaks nothing."""
        return self.connection.usable and self._inbox is None and self._stopped.is_set()

    @property
    def spent(self) -> bool:
        """Whether it has taken so many texts that Deepgram would not take another now."""
        now = asyncio.get_running_loop().time()
        return len(self._said) == self._said.maxlen and now - self._said[0] < WINDOW

    async def say(self, text: str, inbox: Inbox[bytes]) -> None:
        """Have `text` spoken into `inbox`, unless that was stopped meanwhile."""
        session = await self.connection.opened()
        async with self._sending:
            if inbox.over:
                return
            self._inbox, self._begun, self._heard = inbox, not self._manner.bracketed, False
            self._said.append(asyncio.get_running_loop().time())
            await self._manner.say(session, text)

    async def stop(self) -> bool:
        """Stop speaking; return whether Deepgram confirmed it in time, so that the line may be used again."""
        session = self.connection.session
        if session is None:
            return False
        self._stopped.clear()
        try:
            async with asyncio.timeout(STOP_TIMEOUT):
                async with self._sending:
                    self._inbox = None
                    await self._manner.stop(session)
                await self._stopped.wait()
        except (TimeoutError, ConnectionClosed):
            return False
        self._end_pending = True
        return self.connection.usable

    async def _read(self, session: Any) -> None:
        async for message in session:
            if isinstance(message, bytes):
                if self._inbox is not None and self._begun:
                    self._heard = True
                    self._inbox.put(message)
            elif message is not None:
                self._heed(self._manner.read(message), message)

    def _heed(self, sign: Sign, message: Any) -> None:
        if sign is Sign.BEGUN:
            self._begun = True
        elif sign is Sign.STOPPED or (sign is Sign.DONE and self._manner.bracketed and self._inbox is None):
            # Where audio is bracketed, the end of what was interrupted is as good as its interruption.
            self._stopped.set()
        elif sign is Sign.DONE and self._inbox is not None:
            if self._end_pending and not self._heard:
                self._end_pending = False  # The late end of the text before.
                return
            self._inbox.end()
            self._inbox = None
            self._end_pending = False
        elif sign is Sign.FAILED:
            description = getattr(message, "description", None) or "no reason given"
            raise DeepgramError(f"Deepgram reports {getattr(message, 'code', None) or 'an error'}: {description}")

    def _lost(self, connection: Connection[Any]) -> None:
        error, inbox = connection.error, self._inbox
        self._inbox = None
        self._stopped.set()
        if inbox is not None:
            inbox.fail(error if isinstance(error, DeepgramError) else _why_lost(error))


class LineLostError(ConnectionError):
    """The connection was lost while a text was spoken over it."""


def _why_lost(error: BaseException | None) -> Exception:
    """A line that was lost may be replaced; one that Deepgram closed because of what went over it would be again."""
    said = error.rcvd if isinstance(error, ConnectionClosed) else None
    if said is not None and said.code in (1008, 1011) and IDLE not in said.reason:
        return DeepgramError(f"Deepgram closed the connection: {said.reason or f'no reason given ({said.code})'}")
    return LineLostError(f"the connection to Deepgram was lost while it spoke ({error or 'closed without a reason'})")
