"""Connections to a service: opened when needed, watched, surely closed, and opened again within bounds."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Generic, TypeVar

from ..failures import reason_of
from ..redaction import redact, redacted
from ..tasks import Tasks, own_errors

S = TypeVar("S")

logger = logging.getLogger(__name__)

OPEN_TIMEOUT = 10.0
"""Seconds within which a service has to take a connection."""

CLOSE_TIMEOUT = 1.0
"""Seconds for the closing handshake; then the transport is aborted."""

RETRY_DELAYS = (0.0, 0.25, 0.5, 1.0, 2.0, 4.0)
"""Seconds before each attempt in a row to get a connection that lasts."""

IMPATIENT_DELAYS = (0.0, 0.25, 0.5)
"""The same where somebody waits for the answer: better a clear error than a late word."""

STABLE = 10.0
"""Seconds after which a connection is taken to have been a good one: the attempts count from the beginning again."""

PAUSE = 30.0
"""Seconds before the next attempt when all of them failed, or one failed in a way that trying again cannot mend."""

# Connections that are being closed with nobody waiting for it: the loop itself holds tasks only weakly.
_leaving = Tasks()


class NoConnectionError(ConnectionError):
    """Raised when there is no connection to be had. The message says why and what to do."""

    def __init__(self, message: str) -> None:
        super().__init__(redacted(message))


class Connection(Generic[S]):
    """A connection. A task of its own opens it, reads it, and closes it.

    `opening` yields the SDK's session; `read` returns when the session is over, or raises why. `abort` drops the
    session's transport without a handshake. `over` is called when it ended without `close` having been called.
    """

    def __init__(
        self,
        what: str,
        opening: AbstractAsyncContextManager[S],
        read: Callable[[S], Awaitable[None]],
        abort: Callable[[S], None],
        over: Callable[[Connection[S]], None] = lambda _: None,
    ) -> None:
        self.what = what
        self.error: BaseException | None = None
        self.session: S | None = None
        self._abort = abort
        self._over = over
        self._closing = False
        self._loop = asyncio.get_running_loop()
        self._opened: asyncio.Future[S] = self._loop.create_future()
        self._opened_at = self._loop.time()
        self._task = self._loop.create_task(self._live(opening, read), name=f"connection to {what}")

    @property
    def lifetime(self) -> float:
        """Seconds since it was opened."""
        return self._loop.time() - self._opened_at

    @property
    def usable(self) -> bool:
        """Return whether it is open."""
        return self.session is not None and not self._closing and not self._task.done()

    async def opened(self) -> S:
        """Wait until it is open. Raises what kept it from that, or TimeoutError after `OPEN_TIMEOUT` seconds."""
        try:
            async with asyncio.timeout(OPEN_TIMEOUT):
                return await asyncio.shield(self._opened)
        except TimeoutError:
            raise TimeoutError(f"{self.what} did not take the connection within {OPEN_TIMEOUT:.0f} s") from None

    async def close(self) -> None:
        """Close gracefully; abort the transport if that takes longer than `CLOSE_TIMEOUT` seconds. Harmless twice."""
        self._closing = True
        self._task.cancel()
        await asyncio.wait([self._task], timeout=CLOSE_TIMEOUT)
        if not self._task.done() and self.session is not None:
            self._abort(self.session)
            await asyncio.wait([self._task], timeout=CLOSE_TIMEOUT)
        if not self._task.done():
            logger.warning("the connection to %s does not end and is left behind", self.what)
            self._task.cancel()

    async def ended(self) -> None:
        """Wait until all that came over a broken connection is read, or close it after `CLOSE_TIMEOUT` seconds."""
        done, _ = await asyncio.wait([self._task], timeout=CLOSE_TIMEOUT)
        if not done:
            await self.close()

    def close_soon(self) -> asyncio.Task[None]:
        """Close it with nobody waiting."""
        self._closing = True
        return _leaving.spawn(self.close(), f"goodbye to {self.what}")

    async def _live(self, opening: AbstractAsyncContextManager[S], read: Callable[[S], Awaitable[None]]) -> None:
        try:
            await own_errors(self._keep(opening, read), self.what)
        except Exception as error:
            self.error = redact(error)
        finally:
            if not self._opened.done():
                self._opened.set_exception(self.error or NoConnectionError(f"the connection to {self.what} was closed"))
                self._opened.exception()  # Nobody may be waiting for it.
            elif not self._closing:
                self._over(self)

    async def _keep(self, opening: AbstractAsyncContextManager[S], read: Callable[[S], Awaitable[None]]) -> None:
        async with opening as session:
            self.session = session
            self._opened_at = self._loop.time()
            self._opened.set_result(session)
            await read(session)


async def connect_in_time(
    what: str, connect: Callable[[], Connection[S]], refusal: Callable[[BaseException], str | None]
) -> Connection[S]:
    """Returns a new open connection, for somebody who waits for it: a few attempts, close together.

    `refusal`: see `ReconnectingConnection`. Raises NoConnectionError if there is none to be had.
    """
    failure: Exception | None = None
    for delay in IMPATIENT_DELAYS:
        await asyncio.sleep(delay)
        connection = connect()
        try:
            await connection.opened()
        except Exception as error:
            connection.close_soon()
            if (advice := refusal(error)) is not None:
                raise NoConnectionError(advice) from error
            failure = error
        except BaseException:
            connection.close_soon()
            raise
        else:
            return connection
    raise NoConnectionError(
        f"{what} took no connection in {len(IMPATIENT_DELAYS)} attempts ({_reason(failure)}): check the network"
    ) from failure


class ReconnectingConnection(Generic[S]):
    """A connection that is opened again when it is lost: on the next `get`, after a delay that grows.

    `connect(over)` begins a `Connection` that calls `over` when it is lost. `refusal` tells of an error what to do
    about it if trying again cannot mend it (a wrong key, no credit), else None. `lost` hears of each connection that
    is lost, and why, if there was an error.
    """

    def __init__(
        self,
        what: str,
        connect: Callable[[Callable[[Connection[S]], None]], Connection[S]],
        refusal: Callable[[BaseException], str | None],
        lost: Callable[[BaseException | None], None],
    ) -> None:
        self._what = what
        self._connect = connect
        self._refusal = refusal
        self._lost = lost
        self._opening: asyncio.Task[S] | None = None
        self._connection: Connection[S] | None = None
        self._failures = 0
        self._barred: NoConnectionError | None = None
        self._barred_until = 0.0
        self._closed = False

    @property
    def session(self) -> S | None:
        """The open session, if there is one now."""
        connection = self._connection
        return connection.session if connection is not None and connection.usable else None

    async def get(self) -> S:
        """Returns the open session; waits for it while it is being opened.

        Raises NoConnectionError if there is none to be had, without trying again for `PAUSE` seconds.
        """
        session = self.session
        if session is not None:
            return session
        if self._closed:
            raise NoConnectionError(f"the connection to {self._what} is closed")
        if self._barred is not None:
            if asyncio.get_running_loop().time() < self._barred_until:
                raise NoConnectionError(str(self._barred)) from self._barred.__cause__
            self.forgive()
        if self._opening is None:
            self._opening = asyncio.get_running_loop().create_task(self._open(), name=f"opening {self._what}")
            self._opening.add_done_callback(self._settle)
        opening = self._opening
        try:
            return await asyncio.shield(opening)
        except asyncio.CancelledError:
            if opening.cancelled():
                raise NoConnectionError(f"the connection to {self._what} is closed") from None
            raise

    def forgive(self) -> None:
        """Forget that it was given up: the next `get` tries again, since somebody needs it now."""
        if self._barred is not None:
            self._barred = None
            self._failures = 0

    async def lose(self, session: S) -> None:
        """Give up `session`, which was found broken. Returns when the last of what it said is read."""
        connection = self._connection
        if connection is not None and connection.session is session:
            await connection.ended()
            self._gone(connection)

    async def close(self) -> None:
        """Close it for good. Harmless twice."""
        self._closed = True
        opening, connection = self._opening, self._connection
        self._opening = self._connection = None
        if opening is not None:
            opening.cancel()
            await asyncio.wait([opening])
        if connection is not None:
            await connection.close()

    def close_soon(self) -> None:
        """Close it for good, with nobody waiting."""
        self._closed = True
        _leaving.spawn(self.close(), f"end of the link to {self._what}")

    async def _open(self) -> S:
        while self._barred is None:
            await asyncio.sleep(RETRY_DELAYS[self._failures])
            connection = self._connect(self._gone)
            try:
                session = await connection.opened()
            except Exception as error:
                connection.close_soon()
                self._count(error, self._refusal(error))
                logger.warning("%s took no connection: %s", self._what, _reason(error))
                continue
            except BaseException:
                connection.close_soon()
                raise
            self._connection = connection
            if connection.usable:
                return session
            self._gone(connection)  # It was over before anybody could use it.
        raise self._barred

    def _settle(self, opening: asyncio.Task[Any]) -> None:
        if not opening.cancelled():
            opening.exception()  # Whoever waited has got it; perhaps nobody did.
        if self._opening is opening:
            self._opening = None

    def _count(self, error: BaseException | None, advice: str | None = None) -> None:
        """Count a failed attempt, and bar further ones for `PAUSE` seconds where it was the last."""
        self._failures += 1
        if advice is None and self._failures >= len(RETRY_DELAYS):
            advice = (
                f"{self._what} gave no connection that lasts in {self._failures} attempts ({_reason(error)}): "
                f"check the network and the service's status page; it is tried again in {PAUSE:.0f} s"
            )
        if advice is not None:
            self._barred = NoConnectionError(advice)
            self._barred.__cause__ = error
            self._barred_until = asyncio.get_running_loop().time() + PAUSE

    def _gone(self, connection: Connection[S]) -> None:
        if self._connection is not connection:
            return
        self._connection = None
        if connection.lifetime >= STABLE:
            self._failures = 0
        else:
            # What it says is no refusal, since it had let us in; but the next one may be lost as soon.
            self._count(connection.error)
        self._lost(connection.error)


def _reason(error: BaseException | None) -> str:
    return "it closed the connection" if error is None else reason_of(error)
