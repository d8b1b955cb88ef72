"""The server under test, as its clients see it."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import aiohttp

# Seconds in which a server answers, however busy it is: it gives a call up after 30 itself.
TIMEOUT = 60.0

# Seconds after which a refused caller tries again, where the server does not say.
RETRY = 2.0

_GAUGE = re.compile(r'^vision_agents_(\w+)(?:\{host="[^"]*"\})? (\S+)$', re.MULTILINE)

# What is said of it by GET /health.
ALIVE = {"status": "alive"}


class ServerError(Exception):
    """A server that cannot be tested. The message says why, and what to do."""


class StartError(Exception):
    """A start that failed. The message is what the server said."""


class RefusedError(StartError):
    """A start that was refused for now. `retry_after`: seconds after which it may be taken."""

    def __init__(self, text: str, retry_after: float) -> None:
        super().__init__(text)
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Started:
    """A session, by its address, and the SDP of the answer to the offer."""

    url: str
    answer: str


class Server:
    """A server at `url`. `token`: one for all calls, where it asks for one."""

    def __init__(self, http: aiohttp.ClientSession, url: str, token: str | None = None) -> None:
        self._http, self._url = http, url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    async def check(self) -> None:
        """Raise ServerError if no server of ours answers there."""
        try:
            async with self._http.get(f"{self._url}/health") as answer:
                alive = answer.status == 200 and await _json(answer) == ALIVE
                said = f"GET /health said {answer.status}"
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            reason = str(error) or type(error).__name__
            raise ServerError(
                f"nothing answers at {self._url} ({reason}): is `vision-agents serve` running there?"
            ) from None
        if not alive:
            raise ServerError(f"what answers at {self._url} is no vision-agents server ({said}): check the address")

    async def start(self, call: str, offer: str) -> Started:
        """Start a session for a caller's offer.

        Raises RefusedError, StartError, and ServerError if no start will ever be allowed.
        """
        sessions = f"{self._url}/calls/{call}/sessions"
        try:
            async with self._http.post(
                sessions, json={"offer": {"type": "offer", "sdp": offer}}, headers=self._headers
            ) as answer:
                body = await _json(answer)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise StartError(f"the server did not answer: {error or type(error).__name__}") from None
        if answer.status == 201:
            return Started(f"{sessions}/{body['session_id']}", body["answer"]["sdp"])
        said = body.get("detail", f"status {answer.status}") if isinstance(body, dict) else f"status {answer.status}"
        if answer.status in (401, 403):
            raise ServerError(
                f"the server lets nobody in: {said}; give --token one of `vision-agents token --call '*'`"
            )
        if answer.status in (429, 503):
            raise RefusedError(str(said), _seconds(answer.headers.get("Retry-After")))
        raise StartError(str(said))

    async def end(self, session: Started) -> None:
        """End a session. One that is over already is no error, and neither is a server that is."""
        try:
            async with self._http.delete(session.url, headers=self._headers):
                pass
        except (aiohttp.ClientError, OSError, TimeoutError):
            pass

    async def figures(self) -> dict[str, float]:
        """The gauges of GET /metrics by name, without `vision_agents_`; none if they are not for us to see."""
        try:
            async with self._http.get(f"{self._url}/metrics", headers=self._headers) as answer:
                text = await answer.text() if answer.status == 200 else ""
        except (aiohttp.ClientError, OSError, TimeoutError):
            return {}
        return read_gauges(text)


def read_gauges(exposition: str) -> dict[str, float]:
    """The figures of Prometheus's text format that have no label, or that of their process: those are added up."""
    figures: dict[str, float] = {}
    for name, value in _GAUGE.findall(exposition):
        with suppress(ValueError):
            figures[name] = figures.get(name, 0.0) + float(value)
    return figures


def is_here(url: str) -> bool:
    """Return whether the server is on this machine. Raises ServerError for what is no address of a server."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.hostname and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
    if not usable:
        raise ServerError(f"{url!r} is no address of a server: write it as in http://127.0.0.1:8000")
    return parts.hostname in ("127.0.0.1", "localhost", "::1")


async def _json(answer: aiohttp.ClientResponse) -> Any:
    try:
        return json.loads(await answer.read())
    except (ValueError, aiohttp.ClientError):
        return None


def _seconds(header: str | None) -> float:
    try:
        return min(60.0, max(0.1, float(header or "")))
    except ValueError:
        return RETRY


def session() -> aiohttp.ClientSession:
    """A client for any number of requests at a time."""
    timeout = aiohttp.ClientTimeout(total=TIMEOUT)
    return aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=0))
