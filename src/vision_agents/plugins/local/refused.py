"""Requests of pages that are not granted."""

from __future__ import annotations

from collections.abc import Iterable

from vision_agents.core.suggestions import did_you_mean

# The parameter that brings the token, with any request.
TOKEN = "token"


class RefusedError(Exception):
    """A request that is not granted: the status of HTTP, and a sentence for people."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence


def check_parameters(given: Iterable[str], *known: str) -> None:
    """Raise RefusedError for a parameter of an address that none of its requests has: it would be of no effect."""
    for name in given:
        if name not in (*known, TOKEN):
            raise RefusedError(422, f"{name}: there is no such parameter.{did_you_mean(name, known)}")
