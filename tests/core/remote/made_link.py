"""A realtime link to a service that is made up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from vision_agents.core.audio import PcmData
from vision_agents.core.remote import RealtimeLink, RemoteError, Service

RATE = 16_000


class MadeUpError(RemoteError):
    final = frozenset({"wrong_key"})


def explained(error: BaseException, where: str) -> RemoteError:
    return error if isinstance(error, MadeUpError) else MadeUpError(f"{where}: {error!r}")


SERVICE = Service("the service", MadeUpError, explained, (OSError, TimeoutError, ValueError))


class Session:
    """The other end of a session. What is put into `coming` is read: an exception breaks it, a ValueError is a message
    that makes no sense."""

    def __init__(self) -> None:
        self.coming: asyncio.Queue[object] = asyncio.Queue()
        self.got: list[object] = []
        self.deaf = False
        self.open = True

    async def take(self, something: object) -> None:
        if self.deaf:
            await asyncio.get_running_loop().create_future()
        self.got.append(something)

    @property
    def seconds(self) -> float:
        return sum(piece.duration for piece in self.got if isinstance(piece, PcmData))


class Made(RealtimeLink[Session, str]):
    """A link, and what its listener hears. `answers`: what the next attempts to connect raise, None is a session."""

    def __init__(self, *answers: Exception | None) -> None:
        super().__init__(SERVICE, self)
        self.answers = list(answers)
        self.attempts: list[float] = []
        self.sessions: list[Session] = []
        self.facts: list[tuple[RemoteError | None, bool]] = []
        self.complaints: list[RemoteError] = []
        self.opening_takes = 0.0
        self.pause: float | None = None
        self.pauses = 0

    @property
    def session(self) -> Session:
        return self.sessions[-1]

    def opened(self) -> None:
        self.send("hello")

    def lost(self, error: RemoteError | None, again: bool) -> None:
        self.facts.append((error, again))

    def unreadable(self, error: RemoteError) -> None:
        self.complaints.append(error)

    @asynccontextmanager
    async def _connect(self) -> AsyncIterator[Session]:
        self.attempts.append(asyncio.get_running_loop().time())
        await asyncio.sleep(self.opening_takes)
        answer = self.answers.pop(0) if self.answers else None
        if answer is not None:
            raise answer
        session = Session()
        self.sessions.append(session)
        try:
            yield session
        finally:
            session.open = False

    async def _read(self, session: Session) -> None:
        while True:
            message = await session.coming.get()
            if isinstance(message, ValueError):
                self._skip(message)
            elif isinstance(message, Exception):
                raise message
            else:
                self._healthy, self._unreadable = True, 0

    async def _send(self, session: Session, message: str) -> None:
        await session.take(message)

    async def _send_audio(self, session: Session, audio: PcmData) -> None:
        await session.take(audio)

    @property
    def _audio_pause(self) -> float | None:
        return self.pause

    async def _send_pause(self, session: Session) -> None:
        self.pauses += 1


async def started(*answers: Exception | None) -> Made:
    link = Made(*answers)
    await link.start()
    return link


async def settle() -> None:
    """Let everything happen that takes no time."""
    await asyncio.sleep(0.001)


def silence(seconds: float) -> PcmData:
    return PcmData.silence(seconds, RATE)
