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
from vision_agents.plugins.local.pages import Pages
from vision_agents.plugins.local.refused import RefusedError
from vision_agents.plugins.local.switchboard import Switchboard
from vision_agents.plugins.local.terms import Terms

from .admission import Refused
from .guard import check
from .host import CallHost
from .options import ServeOptions

CALL = "page"
"""The call that a token has to name to open the page."""

HELLO = {"agent": "Agent", "recorded": False}
"""The facts that pages are told of agents that are not there yet."""

NOT_TAKEN = "No further call is taken: {refusal}. Try again in a moment."

# Callers at a time, where the host is not told a number.
MANY = 1000

# Seconds that a conversation is kept for a caller who is gone.
KEEP = 60.0


class Page:
    """The page, open to those who have a token for it. `pages`: connects browsers with agents."""

    def __init__(self, pages: Pages, options: ServeOptions) -> None:
        self._pages = pages
        self._options = options
        self._site = AsgiSite(pages, self._check)

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
        await self._pages.close()

    def _check(self, connection: HTTPConnection) -> None:
        try:
            check(connection, self._options, CALL, "start", cookie=cookie_name(connection.headers.get("host", "")))
        except HTTPException as error:
            raise RefusedError(error.status_code, str(error.detail)) from None


def page_of(host: CallHost, options: ServeOptions) -> Page:
    """The page of one host."""

    def refusal(leaving: int) -> str | None:
        refusal = host.refusal(leaving)
        return None if refusal is None else NOT_TAKEN.format(refusal=refusal)

    def count() -> None:
        host.count(host.refusal() or Refused("sessions", "all places of the page are taken"))

    async def hold(edge: Any) -> None:
        await host.hold(edge, f"{CALL}-{secrets.token_urlsafe(9)}")

    places = host.launcher.max_concurrent_sessions or MANY
    # Loopback may be where a proxy brings everybody who has a token: by default it is open only to this machine.
    workbench = options.open and host.private if options.workbench is None else options.workbench
    terms = Terms(places, KEEP, host.private, workbench, refusal, count)
    return Page(Switchboard(hold, terms, HELLO), options)
