"""Runs a program's coroutine so that every way of asking it to end is the same as Ctrl-C."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

# What a service manager and a closed terminal send. Windows knows neither of them as a way to end gently.
_SIGNALS = ("SIGTERM", "SIGHUP")


def run(work: Coroutine[Any, Any, T], *, debug: bool = False) -> T:
    """Run `work` like `asyncio.run`. SIGTERM and SIGHUP cancel it, and it ends with KeyboardInterrupt, as by Ctrl-C.

    Work that goes on past its cancellation ends with its own result or error, as it does with Ctrl-C. A signal that
    whoever started this process had set to be ignored (as `nohup` does) stays ignored.
    """
    return asyncio.run(_interruptible(work), debug=debug)


async def _interruptible(work: Coroutine[Any, Any, T]) -> T:
    loop, task = asyncio.get_running_loop(), asyncio.ensure_future(work)
    caught: list[int] = []
    watched: list[int] = []

    def end(number: int) -> None:
        caught.append(number)
        task.cancel()

    for name in _SIGNALS:
        number = getattr(signal, name, None)
        if number is None or signal.getsignal(number) is signal.SIG_IGN:
            continue
        try:
            loop.add_signal_handler(number, end, number)
        except (NotImplementedError, RuntimeError):
            continue  # No such thing here, or not the main thread.
        watched.append(number)
    try:
        return await task
    except asyncio.CancelledError:
        if caught:
            raise KeyboardInterrupt from None
        raise
    finally:
        for number in watched:
            loop.remove_signal_handler(number)
