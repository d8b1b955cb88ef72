"""Requests of pages that are not granted."""

from __future__ import annotations


class RefusedError(Exception):
    """A request that is not granted: the status of HTTP, and a sentence for people."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence
