"""Reader of Moonshine's `tokenizer.bin`, and token numbers back to text.

The file is a row of entries, one a token, in the order of their numbers: the length of the token in bytes, then the
bytes. Lengths under 128 take one byte; longer ones two, the low seven bits first with the top bit set. Tokens 0, 1
and 2 are `<unk>`, `<s>` and `</s>`, the next 256 are the single bytes, and from 32000 on come marks that stand for
no text. A word's first token begins with U+2581 in place of the space before it.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from vision_agents.core.conversation import has_words

START = 1
END = 2

_FIRST_TEXT = 3
_FIRST_MARK = 32_000
_SPACE = "\u2581"
# The network writes notes for what it takes for music: they are no words.
_NO_WORDS = str.maketrans("", "", "\u266a\u266b")


class Tokenizer:
    """Moonshine's vocabulary. Raises RuntimeError for a file that is cut off or something else altogether."""

    def __init__(self, path: Path | str) -> None:
        self._tokens = _read(Path(path))
        self._numbers = {token: number for number, token in enumerate(self._tokens) if number < _FIRST_MARK}

    def __len__(self) -> int:
        return len(self._tokens)

    def first_token(self, text: str) -> int:
        """The token that is this text at the beginning of a word. Raises KeyError if there is none."""
        return self._numbers[(_SPACE + text).encode()]

    def text(self, tokens: Iterable[int]) -> str:
        """Decode `tokens`. Bytes that make no character and marks without meaning are left out; without any letter
        or digit there is no text."""
        said = b"".join(self._tokens[token] for token in tokens if _FIRST_TEXT <= token < _FIRST_MARK)
        text = said.decode("utf-8", errors="ignore").replace(_SPACE, " ").translate(_NO_WORDS)
        text = " ".join(text.split())
        return text if has_words(text) else ""


def _read(path: Path) -> list[bytes]:
    data = path.read_bytes()
    tokens: list[bytes] = []
    at = 0
    while at < len(data):
        length, at = data[at], at + 1
        if length >= 128 and at < len(data):
            length, at = length - 128 + 128 * data[at], at + 1
        tokens.append(data[at : at + length])
        at += length
    if at != len(data) or tokens[:3] != [b"<unk>", b"<s>", b"</s>"]:
        raise RuntimeError(
            f"{path} is not Moonshine's tokenizer, or not all of it. Check it with: vision-agents models verify"
        )
    return tokens
