"""The page for any number of callers at once, each with an agent of their own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Self

from aiohttp import web

from vision_agents.core.address import Certificate
from vision_agents.core.agents import Agent
from vision_agents.core.edge import EdgeTransport
from vision_agents.core.settings import check_function, check_number
from vision_agents.core.tasks import own_errors

from .access import PARAMETER, cookie_name
from .caller_edge import CallerEdge
from .front import Front
from .recorded_lines import Caller
from .terms import Terms

CreateAgent = Callable[..., Awaitable[Any]]


class PageServer:
    """Serves the page to callers, and makes an agent for each: nothing of one conversation is known in another.

        async with local.PageServer(make_agent) as page:
            print(page.url)
            await asyncio.Event().wait()

    A conversation belongs to a tab. Whoever hangs up, reloads or loses the network goes on with it when they come back
    within `keep` seconds; the page's button "New conversation" ends it and begins another, with another agent.

    Args:
        create_agent: an async function that is called with `edge=…` for each conversation, and returns an Agent that
            has it.
        max_callers: conversations at a time. Beyond it a caller is refused with a sentence; but a conversation in which
            nobody is at the moment gives its place to a caller who needs it.
        keep: seconds that a conversation is kept for a caller who is gone.
        name: the agent's, shown on the page until an agent is there.
        host: where, as for `local.Edge`.
        port: 0 takes any free one, see `url`.
        caller: what makes the recorded caller's lines, as for `local.Edge`.
        certificate: to serve https.
        token: what whoever opens the page has to know, as for `local.Edge`.
        workbench: whether callers have the workbench, as for `local.Edge`; each has that of their own conversation.
    """

    def __init__(
        self,
        create_agent: CreateAgent,
        *,
        max_callers: int = 8,
        keep: float = 60.0,
        name: str = "Agent",
        host: str = "127.0.0.1",
        port: int = 8000,
        caller: Caller | None = None,
        certificate: Certificate | None = None,
        token: str | None = None,
        workbench: bool | None = None,
    ) -> None:
        check_function("create_agent", create_agent, "an Agent")
        check_number("max_callers", max_callers, 1, whole=True)
        check_number("keep", keep, 0.0)
        self._create_agent = create_agent
        self._max_callers, self._keep, self.name = max_callers, keep, name
        self._caller = caller
        self._workbench = workbench
        self._front = Front(host, port, certificate, token)

    @property
    def port(self) -> int:
        """The port of the page. With 0 it is known once it is served."""
        return self._front.port

    @property
    def token(self) -> str | None:
        """The token that opens the page; None if there is none."""
        return self._front.token

    @property
    def url(self) -> str:
        """The address of the page, its token included. With port 0 it is known once it is served.

        Not that of a mounted page: it has your server's address, with `?token=` and `token` behind it.
        """
        return self._front.url

    @property
    def microphone_allowed(self) -> bool:
        """Return whether browsers give the page the microphone at `url`: on loopback, and over https."""
        return self._front.microphone_allowed

    async def start(self) -> None:
        """Serve the page. Returns when it can be opened. Raises AddressError, see `local.Edge.join`."""
        self._check_free()
        await self._front.open(self._hold, self._terms, self.name, self._caller)

    def aiohttp_app(self) -> web.Application:
        """The page for an aiohttp server of your own: `app.add_subapp("/talk/", page.aiohttp_app())`.

        `host` says who may reach that server: on loopback, without a `token`, it answers its own machine alone. The
        conversations end when it ends.
        """
        self._check_free()
        site, access = self._front.mount(self._hold, self._terms, self.name, self._caller)
        application = site.application(access)
        application.on_shutdown.append(lambda _: self.close())
        return application

    def asgi_app(self) -> Any:
        """The page for an ASGI server of your own: `app.mount("/talk", page.asgi_app())`, open `/talk/`.

        `host` says who may reach that server, as for `aiohttp_app`. Call `close` when it ends: mounted applications
        are not told. Raises ModuleNotFoundError without Starlette, which FastAPI and the extra `serve` bring.
        """
        from starlette.applications import Starlette
        from starlette.requests import HTTPConnection

        from .asgi_site import AsgiSite

        self._check_free()
        site, access = self._front.mount(self._hold, self._terms, self.name, self._caller)

        def check(connection: HTTPConnection) -> None:
            cookie = connection.cookies.get(cookie_name(connection.headers.get("host", "")), "")
            server = connection.scope.get("server") or ("",)
            access.check(connection.headers, connection.query_params.get(PARAMETER, ""), cookie, server[0])

        return Starlette(routes=AsgiSite(site.switchboard, check, site.lines).routes)

    @property
    def _terms(self) -> Terms:
        return Terms(self._max_callers, self._keep, self._front.private, self._workbench)

    def _check_free(self) -> None:
        if self._front.running:
            raise RuntimeError("this page is served already")

    async def close(self) -> None:
        """End all conversations, say so on the open pages, and stop serving. Harmless twice."""
        await self._front.close()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _hold(self, edge: CallerEdge) -> None:
        agent = await make_agent(self._create_agent, edge)
        async with agent.join():
            await agent.finish()


async def make_agent(create_agent: CreateAgent, edge: EdgeTransport) -> Agent:
    """Call `create_agent(edge=edge)`. Raises TypeError or ValueError if it returns anything else than such an Agent."""
    agent = await own_errors(create_agent(edge=edge), "making an agent")
    if not isinstance(agent, Agent):
        raise TypeError(f"create_agent returned {type(agent).__name__}; it must return an Agent")
    if agent.edge is not edge:
        raise ValueError("create_agent made an Agent with another edge: pass on the `edge` it is called with")
    return agent
