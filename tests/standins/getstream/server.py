"""The whole of Stream: coordinator, SFU and the others in the call, in a network of their own."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from aiohttp import web

from vision_agents.core.audio import PcmData, Samples
from vision_agents.testing.contract import Caller, Failure

from .coordinator import ApiError, Coordinator
from .network import Namespace
from .person import Person
from .sfu import Sfu

CALL = "default:table"
# So many times the SDK asks before it gives up.
JOINS = 3


class StreamService(Caller):
    """Stream, and in it "anna", the other end of the call. All of it happens in the namespace's loop."""

    def __init__(self, network: Namespace) -> None:
        super().__init__(
            cannot={
                "disconnect": "the SDK joins again by itself: see test_getstream_reconnect",
            }
        )
        self.network = network
        self.sfu = Sfu()
        self.coordinator = Coordinator(self.sfu)
        self.anna = Person("anna", "anna-1", "Anna")
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        return self.coordinator.origin

    async def __aenter__(self) -> Self:
        await self.network.do(self._start())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.network.do(self._stop())

    def count_connections(self) -> int:
        return len(self.coordinator.connections) + self.sfu.open

    # Caller.

    async def enter(self, person: Person | None = None) -> None:
        await self.network.do(self.sfu.enter(person or self.anna))

    async def say(self, audio: PcmData, person: Person | None = None) -> None:
        await self.network.do((person or self.anna).say(audio))

    async def depart(self, person: Person | None = None) -> None:
        await self.network.do(self.sfu.depart(person or self.anna))

    @property
    def heard(self) -> Samples:
        pieces = [samples for _, samples in list(self.anna.heard)]
        return np.concatenate(pieces) if pieces else np.zeros(0, np.int16)

    async def fail(self, kind: Failure) -> None:
        self._check(kind)
        status, code = (429, 9) if kind == "quota" else (500, -1)
        self.coordinator.failures += [ApiError(status, code, f"this is the {kind} that was asked for")] * JOINS

    async def run(self, work: Any) -> Any:
        """Run some more of it in the namespace."""
        return await self.network.do(work)

    async def _start(self) -> None:
        app = web.Application()
        self.coordinator.routes(app)
        self.sfu.routes(app)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self.network.address, 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.coordinator.origin = f"http://{host}:{port}"

    async def _stop(self) -> None:
        await self.sfu.close()
        assert self._runner is not None
        await self._runner.cleanup()
