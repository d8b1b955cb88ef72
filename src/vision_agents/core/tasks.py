"""Tasks of one owner, and the ways to wait for other people's code.

`asyncio.TaskGroup` does not fit here: it ends all of its tasks when one fails, and has to be left where it was entered.
The owners here are objects that start work out of synchronous callbacks, and one piece of it that fails is no reason to
end another.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Coroutine, Iterator
from functools import partial
from traceback import format_exception_only
from typing import Any, ParamSpec, TypeVar

from .failures import StandInError, log_failure

logger = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

# How long what was cancelled, or told to close, may take before it is left behind, in seconds.
GRACE = 5.0

# So many different errors of somebody else's callback are logged.
DIFFERENT_ERRORS = 10


class Tasks:
    """The tasks of one owner: referenced while they run, logged when they fail, cancelled together.

    Iterating gives those that still run.
    """

    def __init__(self) -> None:
        # In the order in which they began, so that what happens in virtual time happens again.
        self._running: dict[asyncio.Task[Any], None] = {}

    def __len__(self) -> int:
        return len(self._running)

    def __iter__(self) -> Iterator[asyncio.Task[Any]]:
        return iter(tuple(self._running))

    def spawn(self, work: Coroutine[Any, Any, T], name: str) -> asyncio.Task[T]:
        """Run `work` in a task called `name`, by which the log speaks of it if it raises."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._running[task] = None
        task.add_done_callback(self._ended)
        return task

    def cancel(self) -> None:
        """Cancel everything that runs, except the task that calls this. Returns at once."""
        for task in self._others():
            task.cancel()

    async def finish(self, timeout: float | None = None) -> None:
        """Wait until everything that runs now has ended by itself, or `timeout` seconds."""
        others = self._others()
        if others:
            await asyncio.wait(others, timeout=timeout)

    async def close(self, grace: float = GRACE) -> None:
        """Cancel everything and wait for it, `grace` seconds at most; the log names what is left behind."""
        self.cancel()
        others = self._others()
        if others:
            _, left = await asyncio.wait(others, timeout=grace)
            for task in left:
                logger.warning("%s took more than %.1f s to end and was left behind", task.get_name(), grace)

    def _others(self) -> list[asyncio.Task[Any]]:
        if not self._running:
            return []  # Without an event loop, too.
        current = asyncio.current_task()
        return [task for task in self._running if task is not current]

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._running.pop(task, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            log_failure(logger, task.get_name(), error)


def logged_once(call: Callable[P, object], what: str) -> Callable[P, None]:
    """Return a callback that calls somebody else's and never raises: each different error of `what` is logged once.

    What is called at every frame may word each error anew: beyond `DIFFERENT_ERRORS` no more are logged.
    """
    logged: set[str] = set()

    def guarded(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            call(*args, **kwargs)
        except OUTSIDE:
            raise
        except BaseException as error:
            # It is what is shown of an error that cannot be shown, too.
            words = "".join(format_exception_only(error))
            if words not in logged and len(logged) < DIFFERENT_ERRORS:
                logged.add(words)
                last = "; this is the last error of it that is logged" if len(logged) == DIFFERENT_ERRORS else ""
                logger.exception("%s failed; the conversation goes on%s", what, last)

    return guarded


def is_async(call: object) -> bool:
    """Return whether what `call` returns is to be awaited: an async function, or an object whose `__call__` is one."""
    while isinstance(call, partial):
        call = call.func
    # Of the class: that of a class itself is how its instances are called.
    return inspect.iscoroutinefunction(call) or inspect.iscoroutinefunction(getattr(type(call), "__call__", None))  # noqa: B004


class InnerCancellationError(StandInError):
    """Something that a part waited for was cancelled, and nobody had cancelled the part: it failed."""


class EscapedError(StandInError):
    """Something of a part raised what would have ended the process, or whoever waits for it without a word:
    `sys.exit()`, a panic of compiled code, a GeneratorExit of its own."""


# What ends the work of a part from outside. All else that a plain call raises is the part's own failure: `sys.exit()`,
# a panic of compiled code, a GeneratorExit, and a CancelledError too (`Future.result()` of something cancelled).
OUTSIDE = KeyboardInterrupt


def closing(error: BaseException) -> bool:
    """Return whether the coroutine that has caught `error` is being closed. Else what it awaited has raised it."""
    traceback = error.__traceback__
    return isinstance(error, GeneratorExit) and (traceback is None or traceback.tb_next is None)


async def own_errors(work: Awaitable[T], what: str) -> T:
    """Await `work` of a part, of which errors speak as `what`, and return its result.

    Raises what it raises, and InnerCancellationError where it raises a CancelledError that nobody asked of this task:
    a cancellation that comes from within is the part's failure, and never the end of whoever waits for it. EscapedError
    stands for what would have ended the process.
    """
    try:
        return await _awaited(work)
    except asyncio.CancelledError as error:
        if asked_to_stop():
            raise
        raise InnerCancellationError(_gave_up(what)) from error
    except (Exception, OUTSIDE):
        raise
    except BaseException as error:
        if closing(error):
            raise
        raise EscapedError(_escaped(what, error)) from error


def own_result(call: Callable[[], T], what: str) -> T:
    """Return what a plain call of a part returns, with errors as `own_errors` has them: nobody can cancel it."""
    try:
        return call()
    except asyncio.CancelledError as error:
        raise InnerCancellationError(_gave_up(what)) from error
    except (Exception, OUTSIDE):
        raise
    except BaseException as error:
        raise EscapedError(_escaped(what, error)) from error


async def _awaited(work: Awaitable[T]) -> T:
    """Await it in a frame of its own: what a future raises has come through that, and a closing has not."""
    return await work


async def own_pieces(source: AsyncIterable[T], what: str) -> AsyncGenerator[T, None]:
    """Iterate over what a part makes, with errors as `own_errors` has them; `source` is closed when this is left."""
    iterator = aiter(source)
    try:
        while True:
            try:
                piece = await own_errors(anext(iterator), what)
            except StopAsyncIteration:
                return
            yield piece
    finally:
        close = getattr(iterator, "aclose", None)
        if close is not None:
            await own_errors(close(), what)


def _gave_up(what: str) -> str:
    return f"{what} gave up: something that it waited for was cancelled"


def _escaped(what: str, error: BaseException) -> str:
    return f"{what} raised {type(error).__name__}: {error}"


def asked_to_stop() -> bool:
    """Return whether somebody cancelled the current task, so that a CancelledError in it is not an error of its own."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _started(work: Coroutine[Any, Any, T], what: str) -> asyncio.Task[T]:
    """Run `work` in a task, with errors as `own_errors` has them: a task hands SystemExit on to the loop."""
    task = asyncio.ensure_future(own_errors(work, what))
    # If it is cancelled before it begins, nobody has awaited the work.
    task.add_done_callback(lambda _: work.close())
    return task


async def together(*work: Coroutine[Any, Any, None]) -> None:
    """Run all of it at once. If one raises, the others are cancelled, and its error is raised when they are over."""
    tasks = [_started(each, getattr(each, "__qualname__", "a part")) for each in work]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=GRACE)


async def bounded(work: Coroutine[Any, Any, None], what: str, seconds: float = GRACE) -> None:
    """Run `work`, of which the log speaks as `what`, for at most `seconds`.

    An error, or that it hangs, is logged and not raised: for clean-up, where the rest has to be done all the same.
    """
    task = _started(work, what)
    try:
        # Not `asyncio.timeout`: that waits for as long as the work ignores its cancellation.
        await asyncio.wait([task], timeout=seconds)
    finally:
        done = task.done()
        task.cancel()
    if not done:
        logger.warning("%s took more than %.1f s and was left behind", what, seconds)
    elif task.cancelled():
        logger.error("%s failed: %s", what, _gave_up(what))
    elif (error := task.exception()) is not None:
        log_failure(logger, what, error)
