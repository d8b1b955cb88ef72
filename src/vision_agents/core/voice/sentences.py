"""Cutting a stream of text into sentences, as early as it can be done well."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterable

# A sentence that grows beyond this is cut at a clause or a space: synthesis should not wait for a writer without dots.
LONGEST = 240

# The shortest piece that is spoken alone. "No." is; a list's "1." is not.
_END = re.compile(r"""[.!?…]+["')\]]*\s|\n+|[。！？]""")
_CLAUSE = re.compile(r"[,;:–—]\s")
_ABBREVIATION = re.compile(
    r"(?:^|\s)(?:[A-Za-z]|\d+|(?:[A-Za-z]\.)+[A-Za-z]|mr|mrs|ms|dr|prof|st|vs|etc|approx|no|fig|inc|ltd)\.\s$",
    re.IGNORECASE,
)
# "No." ends a sentence more often than it abbreviates a number, unless a digit follows.
_NUMBER_SIGN = re.compile(r"(?:^|\s)no\.\s$", re.IGNORECASE)


# Signs that structure written text and would be read aloud ("asterisk asterisk"): emphasis, code, headings, bullets,
# and the address of a link. Models write them although they are asked not to.
_LINK = re.compile(r"\[([^\]]*)\]\((?:[^()]|\([^()]*\))*\)")
_BULLET = re.compile(r"^\s*(?:[-*•]|#{1,6})\s+", re.MULTILINE)
_EMPHASIS = re.compile(r"(?<!\w)\*+(?=\S)|(?<=\S)\*+(?!\w)|`+|(?<!\w)_+|_+(?!\w)")


def speakable(text: str) -> str:
    """`text` without the signs of Markdown."""
    return _EMPHASIS.sub("", _BULLET.sub("", _LINK.sub(r"\1", text))).strip()


async def sentences(deltas: AsyncIterable[str]) -> AsyncGenerator[str, None]:
    """Yield each sentence as soon as its end is certain; what remains at the end is the last one. None is blank.

    What remains when `deltas` raises is a sentence too: it was written. Then the error is raised.
    """
    text = ""
    failure: Exception | None = None
    try:
        async for delta in deltas:
            text += delta
            while (end := _first_end(text)) is not None:
                sentence, text = speakable(text[:end]), text[end:]
                if sentence:
                    yield sentence
    except Exception as error:
        failure = error
    if sentence := speakable(text):
        yield sentence
    if failure is not None:
        raise failure


def _first_end(text: str) -> int | None:
    """Find the end of the first complete sentence of `text`, if it is certain already."""
    for match in _END.finditer(text):
        line_ends = "\n" in match.group()
        if line_ends or not _abbreviates(text[: match.end()], text[match.end() : match.end() + 1]):
            return match.end()
    if len(text) <= LONGEST:
        return None
    clauses = list(_CLAUSE.finditer(text, LONGEST // 3, LONGEST))
    if clauses:
        return clauses[-1].end()
    space = text.rfind(" ", LONGEST // 3, LONGEST)
    return space + 1 if space > 0 else LONGEST


def _abbreviates(upto: str, following: str) -> bool:
    if _NUMBER_SIGN.search(upto):
        # Certain only once it is seen what follows.
        return not following or following.isdigit()
    return _ABBREVIATION.search(upto) is not None
