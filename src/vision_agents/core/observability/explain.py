"""The report in words: why an interruption was taken for one or not, and how far the word times go."""

from __future__ import annotations

from ..floor.evidence import Vote
from ..trace.stages import Stage
from .facts import AnswerFacts, Distribution, InterruptionFacts, Source, WordFacts

# What a call cannot tell by itself: real speech that was cut off at many places, and aligned with its text. From
# `vision-agents lab run --only heard_words`, which has the intervals.
LAB = "in the lab 2.3 % of the heard words were wrong (114 cuts, one English voice)"

SOURCES: dict[Source, str] = {
    "provider": "from the synthesiser",
    "estimated": "estimated",
    "mixed": "from the synthesiser, the others estimated",
    "none": "not needed",
    "unknown": "not told by the trace",
}

# What took the time up to each stage, in the words of a table's head, and in a sentence.
STAGES: dict[Stage, tuple[str, str]] = {
    "pause_found": ("pause", "to find the pause"),
    "turn_ended": ("end of turn", "to decide that the turn is over"),
    "final_words": ("words", "for the final words"),
    "begun": ("begun", "until the reply was begun"),
    "first_token": ("token", "for the model's first token"),
    "first_sentence": ("sentence", "for the first sentence"),
    "first_audio": ("audio", "for the first audio"),
    "pulled": ("pulled", "until the first sample was pulled"),
}


def counted(number: int, what: str) -> str:
    """So many of something, in the singular if it is one."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def milliseconds(value: float | None) -> str:
    """A duration as people read it."""
    return "–" if value is None else f"{value * 1000:.0f} ms"


def weight(vote: Vote) -> str:
    """With its sign, as weights are added."""
    return f"{vote.weight:+.2f}"


def outcome(facts: InterruptionFacts) -> str:
    """Tell what came before or after the decision, if that is not the whole story."""
    if facts.accepted_at is not None:
        return f"became an interruption at {facts.accepted_at:.2f} s, on later evidence"
    if facts.refused_at is not None:
        return f"was taken for none at {facts.refused_at:.2f} s, before all of it was known"
    if facts.continued is not None:
        return f"was none: no words came, and reply {facts.continued_by} said the rest from {facts.continued:.2f} s"
    if facts.continued_by is not None:
        return f"was none: no words came; reply {facts.continued_by}, which was to say the rest, was never heard"
    return ""


def dropped(facts: InterruptionFacts) -> str:
    """The audio that was thrown away: samples, and how long they would have sounded."""
    if facts.samples_dropped is None or facts.seconds_dropped is None:
        return "–"
    return f"{facts.seconds_dropped:.2f} s ({facts.samples_dropped} samples)" if facts.samples_dropped else "none"


def clock(at: float) -> str:
    """A time of the call as people read it: minutes and seconds."""
    minutes, seconds = divmod(max(at, 0.0), 60.0)
    return f"{minutes:.0f}:{seconds:05.2f}"


def stage_sentence(facts: AnswerFacts) -> str:
    """Tell in words where the time of an answer went."""
    took = [
        f"{milliseconds(facts.durations[stage])} {long}"
        for stage, (_, long) in STAGES.items()
        if stage in facts.durations
    ]
    return f"{milliseconds(facts.total)}: {', '.join(took)}"


def delays(facts: AnswerFacts) -> str:
    """Tell what was asked for by nobody in the call, and what else the time went to: functions, and holds."""
    stages = facts.stages
    told = [] if facts.participant is not None else ["by code"]
    if facts.continues and facts.participant is None:
        told = [f"the rest of {facts.continues}"]
    told += [
        f"{seconds:.2f} s {what}"
        for seconds, what in ((stages.functions, "in functions"), (stages.held, "held"))
        if round(seconds, 2)
    ]
    if stages.pulled is None:
        told.append("never heard")
    return ", ".join(told)


def word_times(words: WordFacts | None) -> list[str]:
    """Tell the source of the words' times and their error: a sentence or two, or none if nothing was said."""
    if words is None or words.source == "none":
        return []
    total = words.given + words.estimated
    counted = f" ({words.given} of {total} words)" if words.source == "mixed" else f" ({total} words)" if total else ""
    sentences = [f"word times: {SOURCES[words.source]}{counted}"]
    if words.error is not None and words.error_words is not None:
        sentences.append(
            f"estimated from the text alone, they would be off by {_spread(words.error)}, "
            f"and what was heard by {_words(words.error_words)}"
        )
    elif words.source in ("estimated", "mixed"):
        sentences.append(f"the error of the estimate is not known in this call; {LAB}")
    return sentences


def _spread(error: Distribution) -> str:
    return f"{milliseconds(error.p50)} (median), {milliseconds(error.p95)} (p95)"


def _words(error: Distribution) -> str:
    return f"{error.p50:g} {'word' if error.p50 == 1 else 'words'} (median), {error.p95:g} (p95)"
