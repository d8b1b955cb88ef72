"""The word that was probably meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that is spelt most like `word`; None if none is."""
    return next(iter(difflib.get_close_matches(word, list(known), n=1)), None)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A sentence to put behind a complaint, with a space before it; empty without a near word."""
    near = nearest(word, known)
    return f" Did you mean {near}?" if near else ""
