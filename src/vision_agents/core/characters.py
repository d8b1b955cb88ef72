"""Text of whole characters: what services and files can take.

Some servers cut a character in two (an emoji, as two surrogates). Nothing can encode half of one: a request with it in
its history would fail, and so would each request after it.
"""

from __future__ import annotations

from typing import Any

# The first half of a character.
_FIRST = range(0xD800, 0xDC00)


def whole(text: str) -> str:
    """Return the text with halves of characters joined; one without its other half becomes U+FFFD."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def whole_values(value: Any) -> Any:
    """Return a JSON value of which all texts are `whole`."""
    if isinstance(value, str):
        return whole(value)
    if isinstance(value, dict):
        return {whole_values(key): whole_values(each) for key, each in value.items()}
    return [whole_values(each) for each in value] if isinstance(value, list) else value


class Characters:
    """Makes the pieces of a text, of which one may end in the middle of a character, `whole`."""

    def __init__(self) -> None:
        self._half = ""

    def take(self, piece: str) -> str:
        """Take the next piece, and return what there is of it in whole characters."""
        piece = self._half + piece
        self._half = piece[-1:] if piece and ord(piece[-1]) in _FIRST else ""
        return whole(piece[: len(piece) - len(self._half)])

    def finish(self) -> str:
        """End the text, and return what is left of it: a half without its other half. The next piece begins anew."""
        rest, self._half = whole(self._half), ""
        return rest
