"""The page's files, and what browsers are told about them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from .refused import RefusedError

INDEX = "index.html"

_TYPES = {"html": "text/html", "js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self' {socket}://{host}; "
    "media-src 'self' blob:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


@dataclass(frozen=True, slots=True)
class PageFile:
    """A file of the page: its content, and its type without the charset, which is UTF-8."""

    body: bytes
    type: str


@cache
def page_files() -> dict[str, PageFile]:
    """Return the page's files by their names."""
    return {
        part.name: PageFile(part.read_bytes(), _TYPES[part.name.rpartition(".")[2]])
        for part in (files(__package__) / "page").iterdir()
    }


def page_file(name: str) -> PageFile:
    """Return a file of the page. Raises RefusedError if there is none of that name."""
    file = page_files().get(name)
    if file is None:
        raise RefusedError(404, f"there is no {name} here")
    return file


def page_headers(host: str, *, secure: bool) -> dict[str, str]:
    """Return the headers that go with each file. `host`: as the browser named it; `secure`: it asked over https."""
    return {
        "Cache-Control": "no-cache",
        "Content-Security-Policy": _POLICY.format(socket="wss" if secure else "ws", host=host),
        "X-Content-Type-Options": "nosniff",
    }
