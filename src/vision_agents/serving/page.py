"""The page of `local.Edge` for served agents: any number of browsers, each with an agent of its own.

What pages are told, and whom they talk with, is decided in the local plugin's switchboard; who is taken, by the host.
"""

from __future__ import annotations

import secrets
from typing import Any

from fastapi import HTTPException
from starlette.requests import HTTPConnection
from starlette.routing import BaseRoute

from vision_agents.plugins.local.access import cookie_name
from vision_agents.plugins.local.asgi_site import AsgiSite
from vision_agents.plugins.local.refused import RefusedError
from vision_agents.plugins.local.switchboard import Switchboard
from vision_agents.plugins.local.terms import Terms

from .admission import Refused
from .guard import check
from .host import CallHost
from .options import ServeOptions

CALL = "page"
"""The call that a token has to name to open the page."""

# Callers at a time, where the host is not told a number.
MANY = 1000

# Seconds that a conversation is kept for a caller who is gone.
KEEP = 60.0


class Page:
    """The page of one host."""

    def __init__(self, host: CallHost, options: ServeOptions) -> None:
        self._host = host
        self._options = options
        places = host.launcher.max_concurrent_sessions or MANY
        # Loopback may be where a proxy brings everybody who has a token: by default it is open only to this machine.
        workbench = options.open and host.private if options.workbench is None else options.workbench
        terms = Terms(places, KEEP, host.private, workbench, self._refusal, self._count)
        self._switchboard = Switchboard(self._hold, terms, {"agent": "Agent", "recorded": False})
        self._site = AsgiSite(self._switchboard, self._check)

    @property
    def routes(self) -> list[BaseRoute]:
        """The routes of the page; what is not a file of it is not found."""
        return self._site.routes

    @property
    def unread(self) -> frozenset[str]:
        """The paths of requests that are longer than others: the page reads them, and bounds them."""
        return frozenset({"/replay"})

    async def close(self) -> None:
        """End all conversations. Harmless twice."""
        await self._switchboard.close()

    def _refusal(self, leaving: int) -> str | None:
        refusal = self._host.refusal(leaving)
        return None if refusal is None else f"No further call is taken: {refusal}. Try again in a moment."

    def _count(self) -> None:
        self._host.count(self._host.refusal() or Refused("sessions", "all places of the page are taken"))

    async def _hold(self, edge: Any) -> None:
        await self._host.hold(edge, f"{CALL}-{secrets.token_urlsafe(9)}")

    def _check(self, connection: HTTPConnection) -> None:
        try:
            check(connection, self._options, CALL, "start", cookie=cookie_name(connection.headers.get("host", "")))
        except HTTPException as error:
            raise RefusedError(error.status_code, str(error.detail)) from None
