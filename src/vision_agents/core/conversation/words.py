"""Words as transcripts are compared by them."""

from __future__ import annotations


def has_words(text: str) -> bool:
    """Returns whether there is a letter or a digit in `text`: else no voice can say it."""
    return any(map(str.isalnum, text))


def comparable_words(text: str) -> list[str]:
    """Returns the words of `text` without case and punctuation, by which transcripts are compared."""
    words = ("".join(filter(str.isalnum, word.casefold())) for word in text.split())
    return [word for word in words if word]
