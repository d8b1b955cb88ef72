"""Connections that are opened when needed, lost, opened again, and surely closed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from vision_agents.core.remote import Connection, NoConnectionError, ReconnectingConnection, connect_in_time
from vision_agents.core.remote.connection import CLOSE_TIMEOUT, OPEN_TIMEOUT, PAUSE, RETRY_DELAYS, STABLE

pytestmark = pytest.mark.virtual_time


class Service:
    """The other end: `answers` are what happens to the next attempts, an error or None for a session."""

    def __init__(self, *answers: Exception | None) -> None:
        self.answers = list(answers)
        self.attempts: list[float] = []
        self.sessions: list[Session] = []
        self.hangs_up = True
        self.cuts = 0

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Session]:
        self.attempts.append(asyncio.get_running_loop().time())
        answer = self.answers.pop(0) if self.answers else None
        if answer is not None:
            raise answer
        session = Session()
        self.sessions.append(session)
        try:
            yield session
        finally:
            if not self.hangs_up:
                await session.cut.wait()
            session.closed = True

    async def read(self, session: Session) -> None:
        error = await session.end
        if error is not None:
            raise error

    def abort(self, session: Session) -> None:
        self.cuts += 1
        session.cut.set()

    def connect(self, over: Any = lambda _: None) -> Connection[Session]:
        return Connection("the service", self.open(), self.read, self.abort, over)


class Session:
    def __init__(self) -> None:
        self.end: asyncio.Future[Exception | None] = asyncio.get_running_loop().create_future()
        self.cut = asyncio.Event()
        self.closed = False


class RefusedError(Exception):
    pass


def refusal(error: BaseException) -> str | None:
    return "use another key" if isinstance(error, RefusedError) else None


class Linked:
    """A link to a service, and what it tells of losses."""

    def __init__(self, *answers: Exception | None) -> None:
        self.service = Service(*answers)
        self.losses: list[BaseException | None] = []
        self.link: ReconnectingConnection[Session] = ReconnectingConnection(
            "the service", self.service.connect, refusal, self.losses.append
        )


async def test_it_is_opened_once_for_all_who_need_it_and_closed_once():
    linked = Linked()
    first, second = await asyncio.gather(linked.link.get(), linked.link.get())
    assert first is second is await linked.link.get()
    assert len(linked.service.attempts) == 1
    await linked.link.close()
    await linked.link.close()
    assert first.closed
    assert linked.losses == []
    with pytest.raises(NoConnectionError, match="closed"):
        await linked.link.get()


async def test_one_who_gives_up_waiting_does_not_stop_the_opening():
    linked = Linked(OSError("no route"))
    waiting = asyncio.create_task(linked.link.get())
    await asyncio.sleep(0.01)
    waiting.cancel()
    await asyncio.wait([waiting])
    assert await linked.link.get() is linked.service.sessions[0]
    await linked.link.close()


async def test_attempts_are_bounded_and_come_ever_later():
    linked = Linked(*[OSError("no route")] * 100)
    with pytest.raises(NoConnectionError, match=r"no route.*check the network"):
        await linked.link.get()
    gaps = [after - before for before, after in zip(linked.service.attempts, linked.service.attempts[1:], strict=False)]
    assert gaps == pytest.approx(RETRY_DELAYS[1:])
    for _ in range(50):  # Fifty frames of audio do not make fifty attempts.
        with pytest.raises(NoConnectionError, match="no route"):
            await linked.link.get()
    assert len(linked.service.attempts) == len(RETRY_DELAYS)
    await asyncio.sleep(PAUSE)
    linked.service.answers.clear()
    assert await linked.link.get() is linked.service.sessions[0]
    await linked.link.close()


async def test_what_trying_again_cannot_mend_is_not_tried_again_unless_somebody_needs_it_now():
    linked = Linked(RefusedError("wrong key"))
    for _ in range(3):
        with pytest.raises(NoConnectionError, match="use another key"):
            await linked.link.get()
    assert len(linked.service.attempts) == 1
    linked.link.forgive()
    assert await linked.link.get() is linked.service.sessions[0]
    await linked.link.close()


async def test_a_session_that_is_lost_is_replaced_and_the_loss_told():
    linked = Linked()
    first = await linked.link.get()
    await asyncio.sleep(STABLE)
    error = OSError("reset")
    first.end.set_result(error)
    second = await linked.link.get()
    await asyncio.sleep(0)
    while second is first:
        second = await linked.link.get()
    assert linked.losses == [error]
    assert linked.service.attempts[1] == pytest.approx(STABLE), "one that lasted is replaced at once"
    await linked.link.close()


async def test_sessions_that_never_last_are_given_up_too():
    linked = Linked()

    async def lose_sessions() -> None:
        for _ in range(1000):
            session = await linked.link.get()
            if not session.end.done():
                session.end.set_result(None)
            await asyncio.sleep(0.02)

    with pytest.raises(NoConnectionError, match="no connection that lasts"):
        await lose_sessions()
    assert len(linked.losses) == len(RETRY_DELAYS)
    await linked.link.close()


async def test_a_broken_session_is_read_to_its_end_before_it_is_given_up():
    linked = Linked()
    session = await linked.link.get()
    last_words = RefusedError("no credit")
    asyncio.get_running_loop().call_later(CLOSE_TIMEOUT / 2, session.end.set_result, last_words)
    await linked.link.lose(session)
    assert linked.losses == [last_words]
    await linked.link.lose(session)  # Known already.
    assert linked.losses == [last_words]
    await linked.link.close()


async def test_a_broken_session_that_does_not_end_is_ended():
    linked = Linked()
    session = await linked.link.get()
    await linked.link.lose(session)
    assert session.closed
    assert linked.losses == [None]
    assert asyncio.get_running_loop().time() == pytest.approx(CLOSE_TIMEOUT)
    await linked.link.close()


async def test_a_service_that_does_not_say_goodbye_is_cut_off():
    linked = Linked()
    linked.service.hangs_up = False
    session = await linked.link.get()
    await linked.link.close()
    assert session.closed
    assert linked.service.cuts == 1
    assert asyncio.get_running_loop().time() <= 2 * CLOSE_TIMEOUT


async def test_closed_while_it_is_opened():
    linked = Linked(*[OSError("no route")] * 3)
    waiting = asyncio.create_task(linked.link.get())
    await asyncio.sleep(0.1)
    await linked.link.close()
    with pytest.raises(NoConnectionError, match="closed"):
        await waiting


async def test_one_that_does_not_answer_is_not_waited_for_forever():
    class Silent(Service):
        @asynccontextmanager
        async def open(self) -> AsyncIterator[Session]:
            await asyncio.Event().wait()
            yield Session()

    with pytest.raises(NoConnectionError, match="did not take the connection"):
        await connect_in_time("the service", Silent().connect, refusal)
    assert asyncio.get_running_loop().time() < 3 * OPEN_TIMEOUT + 1.0


async def test_somebody_who_waits_gets_an_error_sooner():
    service = Service(OSError("no route"), OSError("no route"))
    connection = await connect_in_time("the service", service.connect, refusal)
    assert connection.usable
    await connection.close()
    assert not connection.usable
    with pytest.raises(NoConnectionError, match="use another key"):
        await connect_in_time("the service", Service(RefusedError("wrong key")).connect, refusal)
    with pytest.raises(NoConnectionError, match="check the network"):
        await connect_in_time("the service", Service(*[OSError("no route")] * 9).connect, refusal)
