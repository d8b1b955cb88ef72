"""Local: a call on this machine, in the browser or from a file. Install `interruptible-agents[local]`."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vision_agents.core.address import Certificate

    from .edge import Edge
    from .file_edge import FileEdge
    from .page_server import PageServer

__all__ = ["Certificate", "Edge", "FileEdge", "PageServer"]

# A call from a file needs nothing of WebRTC: each edge is imported when it is first used.
_MODULES = {
    "Certificate": "vision_agents.core.address",
    "Edge": ".edge",
    "FileEdge": ".file_edge",
    "PageServer": ".page_server",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULES[name], __name__), name)
