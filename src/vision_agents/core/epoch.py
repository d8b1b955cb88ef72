"""The epoch: one monotonic number that says which audio is still wanted.

A reply takes the epoch that is current when it begins, and everything made from it (LLM text, synthesis request,
audio chunk, tool result) inherits that number. An interruption advances the epoch; what is older is stale and is never
played. A component on its own has its own `Epoch`; the `Agent` gives all of its components the same one, so that
`interrupt()` on any of them silences the gate in the same instant.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Generator

logger = logging.getLogger(__name__)


class Epoch:
    """A monotonic counter with observers. Not thread-safe: use it on the event loop's thread."""

    __slots__ = ("_observers", "_stale_observers", "_value")

    def __init__(self) -> None:
        self._value = 0
        self._observers: list[Callable[[int], None]] = []
        self._stale_observers: list[Callable[[int, float], None]] = []

    @property
    def value(self) -> int:
        """The current epoch. It never decreases."""
        return self._value

    def advance(self, to: int | None = None) -> int:
        """Move on to epoch `to` (by one, if not given) and tell the observers; a number not above it is ignored."""
        target = self._value + 1 if to is None else to
        if target > self._value:
            self._value = target
            for observer in self._observers:
                observer(target)
        return self._value

    def observe(self, observer: Callable[[int], None]) -> None:
        """Call `observer(value)` synchronously after each advance."""
        self._observers.append(observer)

    def dropped(self, born: int, seconds: float) -> None:
        """Tell that audio of epoch `born` came late and was dropped. Whoever compares epochs says so here."""
        for observer in self._stale_observers:
            observer(born, seconds)

    def observe_dropped(self, observer: Callable[[int, float], None]) -> None:
        """Call `observer(born, seconds)` for each chunk that is dropped because its epoch is over."""
        self._stale_observers.append(observer)


class _Done:
    """An awaitable that is already over; unlike a coroutine it may also be ignored."""

    def __await__(self) -> Generator[None, None, None]:
        yield from ()


class Interruptible:
    """What can be interrupted: it has an epoch, and work at a provider that can be cancelled."""

    # How long a provider may take to confirm a cancellation before it is left alone, in seconds. Nothing waits for it:
    # the bound only keeps hanging cancellations from piling up.
    cancel_timeout = 5.0

    def __init__(self) -> None:
        self._epoch = Epoch()
        self._cancellations: set[asyncio.Task[None]] = set()

    @property
    def epoch(self) -> int:
        """The number of interruptions so far. Audio made in an older epoch is never played."""
        return self._epoch.value

    def bind_epoch(self, epoch: Epoch) -> None:
        """Share `epoch` with the other parts of an agent. Called by the agent when it takes the component."""
        epoch.advance(self._epoch.value)  # The component's own number never decreases either.
        self._epoch = epoch

    def interrupt(self) -> Awaitable[None]:
        """Stop at once. When this returns, the epoch has advanced and nothing older can be played any more.

        The work at the provider is cancelled in the background; await the result to wait for that (at most
        `cancel_timeout` seconds; an error there is logged, never raised).
        """
        self._epoch.advance()
        return self.cancel()

    def cancel(self) -> Awaitable[None]:
        """Cancel the work at the provider without touching the epoch: the agent has silenced the gate already."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return _Done()
        task = loop.create_task(self._cancel_within_bounds())
        self._cancellations.add(task)
        task.add_done_callback(self._cancellations.discard)
        return task

    async def _cancel_within_bounds(self) -> None:
        try:
            async with asyncio.timeout(self.cancel_timeout):
                await self.cancel_work()
        except TimeoutError:
            logger.warning(
                "%s did not confirm a cancellation within %.1f s; its late output is dropped by epoch",
                type(self).__name__,
                self.cancel_timeout,
            )
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            # A provider that awaits the task it cancels: whoever awaits `interrupt` was not cancelled.
        except Exception:
            logger.exception(
                "%s failed while it was cancelled; its late output is dropped by epoch", type(self).__name__
            )

    async def cancel_work(self) -> None:
        """Cancel whatever is being made at the provider. Subclasses override this; it may be slow or raise."""
