"""What would end the process, or a task in silence, comes out of a service's SDK: it is that part's error."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from vision_agents.core.remote import Connection, StreamingRequests
from vision_agents.core.remote.realtime_link import BACKOFF
from vision_agents.core.tasks import EscapedError, InnerCancellationError

from .made_link import Made, Session, settle

pytestmark = pytest.mark.virtual_time


class Panic(BaseException):
    """As those of compiled code are."""


def exits() -> None:
    sys.exit(1)


def panics() -> None:
    raise Panic("index out of bounds")


def gives_up() -> None:
    raise asyncio.CancelledError


ESCAPES = pytest.mark.parametrize(
    ("escape", "error"),
    [(exits, EscapedError), (panics, EscapedError), (gives_up, InnerCancellationError)],
    ids=["exits", "panics", "gives up"],
)


class Events:
    """A stream of two events that escapes at a moment."""

    def __init__(self, moment: str, escape: Callable[[], None]) -> None:
        self._moment, self._escape = moment, escape

    async def at(self, moment: str) -> None:
        if moment == self._moment:
            self._escape()

    async def begin(self) -> Events:
        await self.at("begin")
        return self

    async def __aiter__(self) -> AsyncIterator[int]:
        yield 1
        await self.at("event")
        yield 2

    async def close(self) -> None:
        await self.at("close")


@ESCAPES
@pytest.mark.parametrize("moment", ["begin", "event", "close"])
async def test_of_a_request(moment: str, escape: Callable[[], None], error: type[Exception]) -> None:
    requests = StreamingRequests("the service", (OSError,), lambda failure, _: failure, RuntimeError)  # type: ignore[arg-type, return-value]
    events = Events(moment, escape)
    came = []

    async def read() -> None:
        async for event in requests.stream(events.begin, 0, lambda event: event == 2):
            came.append(event)

    with pytest.raises(error, match="the service"):
        await read()
    assert came == {"begin": [], "event": [1], "close": [1, 2]}[moment]


@ESCAPES
@pytest.mark.parametrize("moment", ["opening", "reading", "leaving"])
async def test_of_a_connection(moment: str, escape: Callable[[], None], error: type[Exception]) -> None:
    @asynccontextmanager
    async def opening() -> AsyncIterator[object]:
        if moment == "opening":
            escape()
        yield object()
        if moment == "leaving":
            escape()

    async def read(_: object) -> None:
        await asyncio.sleep(1.0)
        if moment == "reading":
            escape()

    over: list[Any] = []
    connection = Connection("the service", opening(), read, lambda _: None, over.append)
    if moment == "opening":
        with pytest.raises(error, match="the service"):
            await connection.opened()
    else:
        await connection.opened()
        await asyncio.sleep(2.0)
        assert over == [connection]
    assert isinstance(connection.error, error)
    await connection.close()


class Escaping(Made):
    """A link whose service's SDK escapes once, at a moment."""

    def __init__(self, moment: str, escape: Callable[[], None]) -> None:
        super().__init__()
        self.moment, self.escape = moment, escape

    def at(self, moment: str) -> None:
        if moment == self.moment:
            self.moment = ""
            self.escape()

    @asynccontextmanager
    async def _connect(self) -> AsyncIterator[Session]:
        async with super()._connect() as session:
            if len(self.sessions) == 2:
                self.at("opening")
            try:
                yield session
            finally:
                self.at("leaving")

    async def _read(self, session: Session) -> None:
        await asyncio.sleep(1.0)
        self.at("reading")
        await super()._read(session)

    async def _send(self, session: Session, message: str) -> None:
        await super()._send(session, message)
        if message == "now":
            self.at("sending")


@ESCAPES
@pytest.mark.parametrize("moment", ["opening", "reading", "sending", "leaving"])
async def test_of_a_link_which_then_has_another_session(
    moment: str, escape: Callable[[], None], error: type[Exception]
) -> None:
    link = Escaping(moment, escape)
    await link.start()
    await asyncio.sleep(0.5)
    link.send("now")
    await asyncio.sleep(1.0)
    if moment in ("opening", "leaving"):
        link.session.coming.put_nowait(OSError("gone"))
    await asyncio.sleep(sum(BACKOFF[:2]) + 0.1)
    await link.ready()
    await settle()
    assert link.up
    told = [str(failure) for failure, _ in link.facts]
    assert any(error.__name__ in text for text in told)
    assert all(again for _, again in link.facts)
    await link.close()


@ESCAPES
async def test_of_a_link_that_opens(escape: Callable[[], None], error: type[Exception]) -> None:
    link = Escaping("", escape)
    link.moment = "opening"
    link.sessions.append(None)  # type: ignore[arg-type]  # It is as if this were the second one.
    with pytest.raises(Exception, match=error.__name__):
        await link.start()
    await link.close()
