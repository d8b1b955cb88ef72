"""Waiting for other people's code: all at once, and never longer than was said."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

logger = logging.getLogger(__name__)

# How long what was cancelled, or told to close, may take before it is left behind, in seconds.
GRACE = 5.0


async def together(*work: Coroutine[Any, Any, None]) -> None:
    """Run all of it at once. If one raises, the others are cancelled, and its error is raised when they are over."""
    tasks = [asyncio.ensure_future(each) for each in work]
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
    task = asyncio.ensure_future(work)
    try:
        # Not `asyncio.timeout`: that waits for as long as the work ignores its cancellation.
        await asyncio.wait([task], timeout=seconds)
    finally:
        done = task.done()
        task.cancel()
    if not done:
        logger.warning("%s took more than %.1f s and was left behind", what, seconds)
    elif not task.cancelled() and (error := task.exception()) is not None:
        logger.error("%s failed: %s", what, error, exc_info=error)
