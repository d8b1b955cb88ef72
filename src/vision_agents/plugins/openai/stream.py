"""The streaming requests of OpenAI's SDK."""

from __future__ import annotations

from vision_agents.core.remote.requests import Stopped, StreamingRequests

from .client import ERRORS, OpenAIError, explained

__all__ = ["Requests", "Stopped"]


class Requests(StreamingRequests):
    """The streaming requests of one model at `where` that are under way. Raises OpenAIError."""

    def __init__(self, where: str) -> None:
        super().__init__(where, ERRORS, explained, OpenAIError)
