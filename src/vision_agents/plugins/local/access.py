"""Decides who gets an answer from the page's server: by token, or by the address that a request came to."""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web

from vision_agents.core.loopback import is_loopback, name_of, netloc_of

from .refused import TOKEN, RefusedError

FORBIDDEN = "this page belongs to the agent's own address: open the one that the program printed"
ONLY_HERE = "this page answers only its own machine: serve it with a token to have it answer others"
NO_TOKEN = "this page is not open to everybody: open the whole address that the program printed, its token included"

# The address that the program prints carries the token; the page itself then has it in a cookie.
PARAMETER = TOKEN


class Access:
    """Lets requests with the right token through, or, where there is none, those of pages served from here.

    Args:
        host: the name or address that the page is served under.
        token: what a request has to bring, as `?token=…`, as `Authorization: Bearer …`, or in the cookie that the page
            gets when it is opened with it. None: whoever reaches `host` may ask; on loopback this machine alone, also
            where the page is mounted in a server that others reach.
    """

    def __init__(self, host: str, token: str | None) -> None:
        self._host = host
        self._token = token
        self._private = token is None and is_loopback(host)

    @web.middleware
    async def guard(self, request: web.Request, handler: Callable[..., Awaitable[web.StreamResponse]]) -> Any:
        """Answer 403 to other sites' pages and 401 without the token; hand all else on."""
        name = cookie_name(request.host)
        try:
            cookie = request.cookies.get(name, "")
            self.check(request.headers, request.query.get(PARAMETER, ""), cookie, _server(request))
        except RefusedError as refused:
            return refusal(refused.status, refused.sentence)
        opened = request.method == "GET" and request.path.endswith("/") and PARAMETER in request.query
        return self._with_cookie(request) if opened and self._token is not None else await handler(request)

    def check(self, headers: Mapping[str, str], given: str, cookie: str, server: str) -> None:
        """Raise RefusedError for whoever may not ask.

        `given`: the address's token; `cookie`: the page's own; `server`: the address of this machine that the
        connection came to, "" if it is not known.
        """
        host, origin = headers.get("Host", ""), headers.get("Origin")
        # Other sites that the same browser has open must not get at the agent, neither across origins nor, where there
        # is no token to know, by a name that they point at this machine.
        if origin is not None and netloc_of(origin) != host:
            raise RefusedError(403, FORBIDDEN)
        if self._token is None:
            # What a request says of itself may be anything: where it came to is known.
            if self._private and not is_loopback(server):
                raise RefusedError(403, ONLY_HERE)
            if not self._is_ours(host):
                raise RefusedError(403, FORBIDDEN)
            return
        scheme, _, bearer = headers.get("Authorization", "").partition(" ")
        tokens = (given, cookie, bearer if scheme.lower() == "bearer" else "")
        # Compared in a time that tells nothing of how much was right.
        if not any(hmac.compare_digest(_bytes(token), _bytes(self._token)) for token in tokens):
            raise RefusedError(401, NO_TOKEN)

    def _is_ours(self, host: str) -> bool:
        """Return whether `host` is an address, or a name that nobody else can point here; on loopback, its own."""
        name = name_of(host)
        if self._private:
            return is_loopback(name)
        if name in ("localhost", self._host):
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True

    def _with_cookie(self, request: web.Request) -> web.Response:
        """The page once more, without the token in its address, which people show and share."""
        assert self._token is not None
        response = web.Response(status=303, headers={"Location": request.path})
        name = cookie_name(request.host)
        response.set_cookie(name, self._token, httponly=True, samesite="Lax", secure=request.secure, path=request.path)
        return response


def _bytes(text: str) -> bytes:
    # Headers may bring bytes that are no UTF-8.
    return text.encode(errors="surrogatepass")


def _server(request: web.Request) -> str:
    """The address that the connection came to; "" for one that is gone, or has none."""
    address = request.transport.get_extra_info("sockname") if request.transport is not None else None
    return str(address[0]) if isinstance(address, tuple) else ""


def refusal(status: int, text: str) -> web.Response:
    """An answer that says why in a sentence, as `{"error": …}`."""
    return web.json_response({"error": text}, status=status)


def cookie_name(host: str) -> str:
    """The name of the cookie of a page that is served at this host, as browsers name it."""
    # Cookies know no ports, and two agents may be served on one machine.
    port = host.rpartition(":")[2]
    return f"vision_agents_{port if port.isdecimal() else 0}"
