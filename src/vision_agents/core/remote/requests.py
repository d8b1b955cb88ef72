"""One request that streams, which can be stopped from outside at any moment, also while nothing comes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import aclosing
from typing import Any, Protocol, TypeVar

from ..tasks import own_errors

T_co = TypeVar("T_co", covariant=True)
T = TypeVar("T")

# Seconds that a stream may take to close; the connection is left to the SDK then.
CLOSE_TIMEOUT = 1.0


class EventStream(Protocol[T_co]):
    """The stream that an SDK returns for a request."""

    def __aiter__(self) -> AsyncIterator[T_co]: ...

    async def close(self) -> None: ...


class Stopped(Exception):
    """The request was stopped from outside."""


class StreamingRequests:
    """The streaming requests of one model that are under way, each with the epoch in which it began.

    Args:
        where: the service, as errors name it.
        errors: what the SDK raises.
        explain: turns one of those, and where it happened, into an error of ours.
        broken: the error of ours for an answer that breaks off.
    """

    def __init__(
        self,
        where: str,
        errors: tuple[type[BaseException], ...],
        explain: Callable[[BaseException, str], Exception],
        broken: Callable[[str], Exception],
    ) -> None:
        self._where = where
        self._errors = errors
        self._explain = explain
        self._broken = broken
        self._running: dict[asyncio.Future[None], int] = {}

    def stop(self, before: int | None = None) -> None:
        """End those that began before the epoch `before`, by default all: at once, and without an error."""
        for stopped, epoch in self._running.items():
            if (before is None or epoch < before) and not stopped.done():
                stopped.set_result(None)

    def broken_off(self) -> Exception:
        """Return the error of an answer that is not whole."""
        return self._broken(f"{self._where}: the answer breaks off.")

    async def stream(
        self, begin: Callable[[], Awaitable[EventStream[T]]], epoch: int, is_last: Callable[[T], bool]
    ) -> AsyncGenerator[T, None]:
        """Begin a request and yield its events; leaving the generator closes the connection.

        Raises what `explain` makes of the SDK's errors, `broken_off` if the events end and none of them was `is_last`,
        and Stopped if it was stopped.
        """
        stopped: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._running[stopped] = epoch
        complete = False
        try:
            async with aclosing(_events(begin)) as events:
                while True:
                    event = await _unless(stopped, own_errors(anext(events), self._where))
                    complete = complete or is_last(event)
                    yield event
        except StopAsyncIteration:
            if not complete:
                raise self.broken_off() from None
        except self._errors as error:
            raise self._explain(error, self._where) from error
        finally:
            del self._running[stopped]


async def _events(begin: Callable[[], Awaitable[EventStream[T]]]) -> AsyncGenerator[T, None]:
    """The events of a request as a generator which, once it is left, has closed the connection."""
    stream = await begin()
    try:
        async for event in stream:
            yield event
    finally:
        async with asyncio.timeout(CLOSE_TIMEOUT):
            await stream.close()


async def _unless(stopped: asyncio.Future[None], work: Coroutine[Any, Any, T]) -> T:
    """Wait for `work`, but no longer than until `stopped`: then it is cancelled. Raises Stopped."""
    task = asyncio.create_task(work)
    try:
        both: set[asyncio.Future[Any]] = {task, stopped}
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        if stopped.done():
            raise Stopped
        return task.result()
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait({task}, timeout=CLOSE_TIMEOUT)
        elif not task.cancelled():
            task.exception()  # Looked at, so that nobody complains of an error that no longer matters.
