"""Stands in for the plugin where its packages are not installed: programs that name it and use another edge run."""

from __future__ import annotations

from typing import Any

from vision_agents.core.edge import CallSink, EdgeTransport
from vision_agents.core.participants import User


class StreamError(Exception):
    """An error of Stream, which is not raised without the plugin."""


class Edge(EdgeTransport):
    """Says what to install when it is made. Raises ImportError."""

    def __init__(self, *args: Any, **options: Any) -> None:
        raise ImportError('The Stream plugin lacks its packages. Run: pip install "interruptible-agents[getstream]"')

    async def join(self, agent_user: User, call: Any, sink: CallSink) -> None:
        """There is no call to join or leave."""

    async def leave(self) -> None:
        """There is no call to join or leave."""
