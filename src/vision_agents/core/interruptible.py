"""Parts that speak or think: each has an epoch, and work at a provider that can be cancelled."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Generator

from .epoch import Epoch
from .events import EventManager
from .failures import log_failure
from .listeners import CallBarrier
from .part import Attachment, Part
from .tasks import InnerCancellationError, Tasks, own_errors

logger = logging.getLogger(__name__)


class _Done:
    """An awaitable that is already over; unlike a coroutine it may also be ignored."""

    def __await__(self) -> Generator[None, None, None]:
        yield from ()


class Interruptible(Part):
    """A part that can be interrupted: it has an epoch, events, and work at a provider that can be cancelled.

    In a call its epoch is the call's, and its events reach the agent's subscribers too.
    """

    # How long a provider may take to confirm a cancellation before it is left alone, in seconds. Nothing waits for it:
    # the bound only keeps hanging cancellations from piling up.
    cancel_timeout = 5.0

    def __init__(self) -> None:
        self._own_epoch = Epoch()
        self._cancellations = Tasks()
        self.events = EventManager(self._call_events)

    @property
    def epoch(self) -> int:
        """The number of interruptions so far. Audio made in an older epoch is never played."""
        return self._epoch.value

    def attach(self, attachment: Attachment) -> None:
        super().attach(attachment)
        attachment.epoch.advance(self._own_epoch.value)  # The part's own number never decreases either.

    def detach(self, attachment: Attachment) -> None:
        if self.attached_to(attachment):
            # Whatever is still being made for this call is stale, and what still cancels must not reach the next one.
            self._own_epoch.advance(attachment.epoch.value + 1)
            self._cancellations.cancel()
        super().detach(attachment)

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
            asyncio.get_running_loop()
        except RuntimeError:
            return _Done()
        return self._cancellations.spawn(self._cancel_within_bounds(), f"cancelling {type(self).__name__}")

    @property
    def _epoch(self) -> Epoch:
        return self._own_epoch if self._attachment is None else self._attachment.epoch

    @property
    def _barrier(self) -> CallBarrier | None:
        return None if self._attachment is None else self._attachment.barrier

    def _call_events(self) -> EventManager | None:
        return None if self._attachment is None else self._attachment.events

    async def _cancel_within_bounds(self) -> None:
        try:
            async with asyncio.timeout(self.cancel_timeout):
                # A provider may await the task that it cancels: whoever awaits `interrupt` was not cancelled.
                await own_errors(self.cancel_work(), "cancelling")
        except TimeoutError:
            logger.warning(
                "%s did not confirm a cancellation within %.1f s; its late output is dropped by epoch",
                type(self).__name__,
                self.cancel_timeout,
            )
        except InnerCancellationError:
            pass
        except Exception as error:
            # Its late output is dropped by epoch.
            log_failure(logger, f"cancelling {type(self).__name__}", error)

    async def cancel_work(self) -> None:
        """Cancel whatever is being made at the provider. Subclasses override this; it may be slow or raise."""
