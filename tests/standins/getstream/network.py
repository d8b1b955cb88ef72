"""A network of one's own: a namespace with a veth pair, in which the stand-in lives. Media does not flow on lo alone.

Nothing in it leads anywhere: it knows this machine and nobody else.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, Self, TypeVar

T = TypeVar("T")

CLONE_NEWNET = 0x40000000
PATIENCE = 60.0
SWITCH_INTERVAL = 0.0005


def obstacle() -> str | None:
    """Why there can be no namespace here; None if there can."""
    if shutil.which("ip") is None:
        return "needs `ip` of iproute2, which is not installed"
    name = f"va-try-{os.getpid()}"
    tried = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True)
    if tried.returncode:
        return f"needs the right to make a network namespace: {tried.stderr.strip()}"
    pair = subprocess.run(
        ["ip", "-n", name, "link", "add", "vatry0", "type", "veth", "peer", "name", "vatry1"],
        capture_output=True,
        text=True,
    )
    subprocess.run(["ip", "netns", "del", name], capture_output=True)
    return f"needs veth interfaces: {pair.stderr.strip()}" if pair.returncode else None


class Namespace:
    """A namespace with an event loop in it: `address` is its own, `outside` is ours, 198.18.0.0/15 being for tests."""

    def __init__(self) -> None:
        number = os.getpid() % 16_000
        self.name = f"va-stream-{os.getpid()}"
        base = f"198.18.{number // 64}.{number % 64 * 4}".rsplit(".", 1)
        self.outside = f"{base[0]}.{int(base[1]) + 1}"
        self.address = f"{base[0]}.{int(base[1]) + 2}"
        self._link = f"va{os.getpid() % 10**8}"
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="stream stand-in", daemon=True)
        self._ready: Future[None] = Future()
        self._interval = sys.getswitchinterval()

    def __enter__(self) -> Self:
        inner = f"{self._link}n"
        self._ip("netns", "add", self.name)
        try:
            self._ip("link", "add", self._link, "type", "veth", "peer", "name", inner, "netns", self.name)
            self._ip("addr", "add", f"{self.outside}/30", "dev", self._link)
            self._ip("link", "set", self._link, "up")
            self._ip("-n", self.name, "addr", "add", f"{self.address}/30", "dev", inner)
            self._ip("-n", self.name, "link", "set", inner, "up")
            self._ip("-n", self.name, "link", "set", "lo", "up")
            # The service shares the interpreter with the agent: neither is to keep the other waiting for long.
            sys.setswitchinterval(SWITCH_INTERVAL)
            self._thread.start()
            self._ready.result(PATIENCE)
        except BaseException:
            self._ip("netns", "del", self.name)
            raise
        return self

    def __exit__(self, *_: object) -> None:
        sys.setswitchinterval(self._interval)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(PATIENCE)
        self.loop.close()
        self._ip("netns", "del", self.name)

    def cut(self, off: bool) -> None:
        """Pull the cable, or put it back."""
        self._ip("link", "set", self._link, "down" if off else "up")

    async def do(self, work: Coroutine[Any, Any, T]) -> T:
        """Run `work` in there."""
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self.loop))

    def _run(self) -> None:
        # Sockets belong to the namespace of the thread that makes them.
        with open(f"/run/netns/{self.name}") as file:
            if ctypes.CDLL(None, use_errno=True).setns(file.fileno(), CLONE_NEWNET):
                error = ctypes.get_errno()
                self._ready.set_exception(OSError(error, os.strerror(error)))
                return
        asyncio.set_event_loop(self.loop)
        self._ready.set_result(None)
        self.loop.run_forever()
        # What a connection that was closed while it came about leaves behind.
        left = asyncio.all_tasks(self.loop)
        for task in left:
            task.cancel()
        self.loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))

    def _ip(self, *arguments: str) -> None:
        subprocess.run(["ip", *arguments], check=True, capture_output=True, timeout=PATIENCE)
