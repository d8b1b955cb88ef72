"""One file over HTTP, in as many pieces as it takes: what has come stays, and the next try goes on from there."""

from __future__ import annotations

import base64
import http.client
import re
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from time import sleep
from urllib.parse import unquote, urlsplit, urlunsplit

from .errors import FetchError
from .files import CHUNK, Tick, writing

TIMEOUT = 20.0
"""Seconds without an answer or a byte after which a connection counts as broken."""

TRIES = 4
"""Tries in a row that bring nothing new before we give up, with pauses of 0.5, 1 and 2 s between them."""

_PASSING = {408, 425, 429, 500, 502, 503, 504}  # statuses that another try may cure


class _Broken(Exception):
    """This try failed; another may not."""


def download(url: str, part: Path, size: int, tick: Tick) -> None:
    """Make ``part`` hold the ``size`` bytes at ``url``, going on from what it holds already.

    Whether they are the right ones is for the caller to check. On any error, and on Ctrl-C, ``part`` keeps what came.

    Raises:
        FetchError: the server refused, has a file of another size, or stopped answering.
        DiskFullError, StoreError: ``part`` could not be written.
    """
    best, futile = _size(part), 0
    while (have := _size(part)) != size:
        tick(have if have < size else 0)  # it may raise, also where no server answers
        try:
            _continue(url, part, have if have < size else 0, size, tick)
        except _Broken as broken:
            # Against the best so far: a server that ignores ranges begins again, and must not keep us for ever.
            futile = 0 if _size(part) > best else futile + 1
            best = max(best, _size(part))
            if futile == TRIES:
                raise FetchError(
                    f"Cannot fetch {shown(url)}: {broken} ({_size(part)} of {size} bytes are kept). "
                    "Check the network and the address, and pull again: it goes on from there."
                ) from broken
            if futile:
                sleep(0.25 * 2**futile)


def shown(text: str) -> str:
    """The text as it may be shown or logged: addresses lose their credentials, query and fragment."""
    return re.sub(r"(://)(?:[^/\s]*@)?([^\s?#]*)[?#]?\S*", r"\1\2", text)


def _continue(url: str, part: Path, have: int, size: int, tick: Tick) -> None:
    try:
        response = urllib.request.urlopen(_request(url, have), timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        error.close()
        said = f"the server answered {error.code} {error.reason}"
        if error.code in _PASSING:
            raise _Broken(said) from error
        if error.code == 416:  # what we hold is not the beginning of what they have
            part.unlink(missing_ok=True)
            raise _Broken(said) from error
        raise FetchError(
            f"Cannot fetch {shown(url)}: {said}. Check the address and credentials given with --from."
        ) from error
    except (OSError, ValueError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        if isinstance(reason, ssl.SSLCertVerificationError):
            raise FetchError(
                f"Cannot fetch {shown(url)}: {reason.verify_message}. "
                "If the server is yours, set SSL_CERT_FILE to its authority's certificate."
            ) from error
        raise _Broken(str(reason) or type(reason).__name__) from error
    with response:
        start = _start(response, have, size, url)
        done = start
        with writing(part), part.open("ab" if start else "wb") as sink:
            for chunk in _body(response):
                done += len(chunk)
                if done > size:
                    sink.truncate(0)
                    raise _other_file(url, f"more than {size}", size)
                sink.write(chunk)
                tick(done)
    if done < size:
        raise _Broken(f"the connection ended after {done} of {size} bytes")


def _request(url: str, have: int) -> urllib.request.Request:
    parts = urlsplit(url)
    who, _, host = parts.netloc.rpartition("@")
    request = urllib.request.Request(urlunsplit(parts._replace(netloc=host)))
    request.add_header("Accept-Encoding", "identity")
    if have:
        request.add_header("Range", f"bytes={have}-")
    if who:
        # Unredirected: a redirect to another host must not carry the credentials along.
        token = base64.b64encode(unquote(who).encode()).decode()
        request.add_unredirected_header("Authorization", f"Basic {token}")
    return request


def _start(response: http.client.HTTPResponse, have: int, size: int, url: str) -> int:
    """The offset of the answer's first byte; a server that ignores ranges begins again."""
    if response.status == 206:
        found = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", ""))
        if found is None or int(found[1]) != have:
            raise _Broken("the server answered with another range than asked for")
        if found[2] not in ("*", str(size)):
            raise _other_file(url, found[2], size)
        return have
    length = response.headers.get("Content-Length")
    if length is not None and length != str(size):
        raise _other_file(url, length, size)
    return 0


def _other_file(url: str, length: str, size: int) -> FetchError:
    return FetchError(
        f"{shown(url)} has {length} bytes, but {size} are pinned: it is another file. "
        "Check the address given with --from."
    )


def _body(response: http.client.HTTPResponse) -> Iterator[bytes]:
    try:
        while chunk := response.read1(CHUNK):
            yield chunk
    except (OSError, http.client.HTTPException) as error:
        raise _Broken(str(error) or type(error).__name__) from error


def _size(part: Path) -> int:
    try:
        return part.stat().st_size
    except OSError:
        return 0
