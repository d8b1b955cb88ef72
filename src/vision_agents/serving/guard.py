"""Decides by tokens who gets an answer; where there is no secret, only this machine does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import Depends, HTTPException, Request, Security
from fastapi.security import HTTPBearer
from starlette.requests import HTTPConnection

from vision_agents.core.loopback import is_loopback, name_of, netloc_of

from .options import Permission, ServeOptions
from .tokens import ANY_CALL, TokenError, check_token

Dependency = Callable[[Request], Awaitable[None]]

NO_SECRET = (
    "this server answers only its own machine: set VISION_AGENTS_SECRET where it runs, and make tokens with "
    "`vision-agents token`"
)
OTHER_SITE = "a page of another site may not use this server: name its origin in cors_allow_origins"


_TOKEN = HTTPBearer(auto_error=False, scheme_name="token", description="One that `vision-agents token` makes")


def who_may(right: str, own: Permission | None, options: ServeOptions) -> list[Any]:
    """The dependencies that decide who may do `right`: the program's own permission, or tokens."""
    if own is not None:
        return [Depends(own)]
    described = [] if options.secret is None else [Security(_TOKEN)]
    return [*described, Depends(permit(right, options))]


def permit(right: str, options: ServeOptions) -> Dependency:
    """A dependency that lets through whoever may do `right` in the call that the request is about."""

    async def permitted(request: Request) -> None:
        check(request, options, request.path_params.get("call_id", ANY_CALL), right)

    return permitted


def check(connection: HTTPConnection, options: ServeOptions, call: str, right: str, cookie: str = "") -> None:
    """Raise HTTPException for whoever may not do `right` in `call`. `cookie`: one that may have the token, too."""
    if options.secret is None:
        _check_local(connection, options)
        return
    try:
        check_token(options.secret, _token(connection, cookie), call, right)
    except TokenError as error:
        headers = {"WWW-Authenticate": "Bearer"} if error.status == 401 else None
        raise HTTPException(error.status, str(error), headers) from None
    if cookie and _other_site(connection, options):
        raise HTTPException(403, OTHER_SITE)  # Browsers send cookies whoever asks for it.


def _token(connection: HTTPConnection, cookie: str) -> str | None:
    scheme, _, bearer = connection.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return bearer.strip()
    # A browser that closes a page can send nothing but the address.
    return connection.query_params.get("token") or connection.cookies.get(cookie)


def _check_local(connection: HTTPConnection, options: ServeOptions) -> None:
    server = connection.scope.get("server")
    name = name_of(connection.headers.get("host", ""))
    # The name too: other sites' names may be pointed at this machine.
    if server is None or not is_loopback(server[0]) or not is_loopback(name):
        raise HTTPException(403, NO_SECRET)
    if _other_site(connection, options):
        raise HTTPException(403, OTHER_SITE)


def _other_site(connection: HTTPConnection, options: ServeOptions) -> bool:
    origin = connection.headers.get("origin")
    if origin is None or origin in options.cors_allow_origins:
        return False
    return netloc_of(origin) != connection.headers.get("host")
