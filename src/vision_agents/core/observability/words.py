"""Sources of the times of the agent's words, and the error that an estimate of them would have."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ..tts import Word
from ..voice.transcript import Utterance
from .facts import ReplyFacts, Source, WordFacts, distribution
from .story import ReplyStory, WordTiming


def timing_of(utterances: Iterable[Utterance]) -> WordTiming:
    """Count the words whose times are known, and lay the same words out as if none were.

    Only utterances that are complete and timed throughout are compared: of others the estimate is one of their length
    as well, and that is another error.
    """
    given = estimated = 0
    errors: list[float] = []
    off: list[int] = []
    for utterance in utterances:
        words, guessed = utterance.timed_words()
        known = len(utterance.words) if guessed else len(words)
        given, estimated = given + known, estimated + len(words) - known
        laid_out, _ = replace(utterance, words=[]).timed_words()
        # The last word ends with the utterance either way.
        if utterance.complete and not guessed and len(laid_out) == len(words):
            ends = [word.end for word in words[:-1]]
            errors += [guess.end - end for guess, end in zip(laid_out, ends, strict=False)]
            off += [_heard(laid_out, end) - _heard(words, end) for end in ends]
    return WordTiming(given, estimated, tuple(errors), tuple(off))


def reply_facts(reply: ReplyStory) -> ReplyFacts:
    """The report's facts of one reply."""
    timing = reply.timing
    return ReplyFacts(
        reply=reply.number,
        epoch=reply.epoch,
        heard=reply.heard,
        unheard=reply.unheard,
        source=_source(reply),
        given=timing.given if timing is not None else None,
        estimated=timing.estimated if timing is not None else None,
        rests_on_estimate=reply.estimated,
        continues=reply.continues,
    )


def word_facts(replies: Iterable[ReplyStory]) -> WordFacts | None:
    """The whole call; None if the agent said nothing."""
    replies = [reply for reply in replies if reply.heard or reply.unheard]
    if not replies:
        return None
    sources = {_source(reply) for reply in replies} - {"none"}
    timings = [reply.timing for reply in replies if reply.timing is not None]
    return WordFacts(
        source=_together(sources),
        given=sum(timing.given for timing in timings),
        estimated=sum(timing.estimated for timing in timings),
        error=distribution(abs(error) for timing in timings for error in timing.errors),
        error_words=distribution(abs(words) for timing in timings for words in timing.off),
    )


def _source(reply: ReplyStory) -> Source:
    timing = reply.timing
    if timing is None:
        # An older trace: only where a reply was cut does it say how it was divided.
        if reply.estimated:
            return "estimated"
        return "provider" if reply.end == "interrupted" and reply.heard and reply.unheard else "unknown"
    if timing.given and timing.estimated:
        return "mixed"
    return "provider" if timing.given else "estimated" if timing.estimated else "none"


def _together(sources: set[Source]) -> Source:
    known = sources - {"unknown"}
    if not known:
        return "unknown" if sources else "none"
    return known.pop() if len(known) == 1 else "mixed"


def _heard(words: Iterable[Word], seconds: float) -> int:
    """Count the heard words as `ReplyTranscript.at` does: a word is heard when half of it was."""
    return sum((word.start + word.end) / 2 <= seconds for word in words)
