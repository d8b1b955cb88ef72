"""Measures a case by its trace and by every sample that the agent played."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Generic, TypeVar

from vision_agents.core.agents.events import InterruptionEvent
from vision_agents.core.floor import effects as fx
from vision_agents.core.floor import events as ev
from vision_agents.core.trace import notes
from vision_agents.core.trace.records import Fact

from .case import Recorded
from .decision import decided, expected
from .result import CaseResult
from .scenario import Hearing, Scenario, Sound
from .script import RATE, Stretch, follow

# A detector may be a little ahead of an onset that was taken from the energy.
AHEAD = 0.1
# Quiet that is shorter is no silence of the agent, in seconds.
SILENT = 0.04
# Of what the caller said over a notice, the share of the words that its answer has to know.
KEPT = 0.5
# The agent stopped because of a hold or a commit if it stopped within so many seconds of one: two frames.
STOPPED_BY = 0.05


def measure(recorded: Recorded) -> CaseResult:
    """The facts of a case that was run."""
    scenario, onset, end = recorded.scenario, recorded.onset, recorded.end
    stretches = follow(recorded.played, recorded.script)
    commit = next(iter(_all(recorded, fx.Commit)), None)
    course = [(record.t, record.fact) for record in recorded.records if record.fact is not None]
    decision = decided(course, scenario.state, _since(recorded))
    committed_at = commit.t if commit is not None else None
    held = any(record.t >= _since(recorded) for record in _all(recorded, fx.Hold))
    kept = decision == "ignore" or (decision == "after" and scenario.state == "answering")
    voices = _merged(stretches)
    recovered = committed_at is not None and any(
        stretch.place is not None and stretch.at / RATE > committed_at for stretch in stretches
    )
    own = [stretch for stretch in stretches if stretch.place is not None]
    after = [start for start, stop in _merged(own if recovered else stretches) if stop > end]
    stopped = (kept and held) or recovered
    gap = max(0.0, after[0] - end) if stopped and after else None
    lost, repeated, rewound = _jumps(recorded, stretches)
    reported, heard = _words(recorded, stretches, committed_at)
    case = CaseResult(
        id=scenario.id,
        kind=scenario.kind,
        origin=scenario.origin,
        state=scenario.state,
        expect=scenario.expect,
        language=scenario.language,
        source=scenario.source,
        sound=_described(scenario),
        onset=onset,
        end=end,
        decision=decision,
        reason=_reason(recorded, commit),
        evidence=_evidence(recorded, committed_at),
        decided_by=decided_by(recorded.interruptions),
        held=held,
        silence=_time_to_silence(recorded, voices),
        resume_gap=gap,
        pause=sum(b[0] - a[1] for a, b in pairwise(voices)) if kept else None,
        dead_air=_dead_air(recorded, voices) if kept else [],
        stuck=kept and held and not after,
        lost=lost,
        repeated=repeated,
        rewound=rewound,
        recovered=recovered,
        resume_delay=_resume_delay(recorded, voices),
        reported_words=reported,
        heard_words=heard,
        response=_response(stretches, onset, _spoken_until(recorded)) if decision in ("yield", "after") else None,
        went_on=_went_on(recorded, stretches),
        began=recorded.began,
        since=_since(recorded),
        resumed=recorded.resumed,
        may_be_later=scenario.may_be_later,
    )
    return replace(case, right=expected(case, decision, course, _finished(recorded, stretches)))


def failure(scenario: Scenario, error: BaseException) -> CaseResult:
    """A case that did not run to its end."""
    return CaseResult(
        scenario.id,
        scenario.kind,
        scenario.origin,
        scenario.state,
        scenario.expect,
        scenario.language,
        scenario.source,
        _described(scenario),
        reason=f"{type(error).__name__}: {error}",
    )


F = TypeVar("F", bound=Fact)


@dataclass(frozen=True, slots=True)
class Happened(Generic[F]):
    """A fact of one kind, and when it was, in seconds of the case."""

    t: float
    fact: F


def _all(recorded: Recorded, *kinds: type[F]) -> list[Happened[F]]:
    """Every fact of these kinds, in their order."""
    return [Happened(record.t, record.fact) for record in recorded.records if isinstance(record.fact, kinds)]


def _since(recorded: Recorded) -> float:
    """From when on what happened is because of the sound: where nothing else is to be heard, everything is."""
    alone = recorded.scenario.bed is None and recorded.scenario.echo is None
    return recorded.began if alone else recorded.onset - AHEAD


def _finished(recorded: Recorded, stretches: list[Stretch]) -> bool:
    """Return whether the whole notice was played, and then an answer that knows what was said meanwhile."""
    notice = [stretch for stretch in stretches if stretch.place is not None]
    whole = len(notice) == 1 and notice[0].length == len(recorded.script.samples)
    taken = " ".join(turn.fact.text for turn in _all(recorded, fx.RecordTurn))
    return whole and stretches[-1].place is None and kept(recorded.scenario.sound, taken) >= KEPT


def kept(sound: Sound | None, taken: str) -> float:
    """The share of the words said that are in what was taken down; 1 where it is not known what was said."""
    if sound is None or sound.source != "say":
        return 1.0 if taken else 0.0
    said, there = Counter(plain_words(sound.name)), Counter(plain_words(taken))
    return (said & there).total() / max(1, said.total())


def plain_words(text: str) -> list[str]:
    """In lower case, without punctuation."""
    return re.findall(r"[^\W_]+(?:'[^\W_]+)*", text.lower())


def decided_by(interruptions: Sequence[InterruptionEvent]) -> str | None:
    """The strategy that weighed most for what was decided in the end: the commit, if there was one, else the last.

    "none" where the agent went on and nothing spoke against an interruption: there was too little for one. None where
    there is no evidence.
    """
    events = [event for event in interruptions if event.evidence]
    if not events:
        return None
    final = next((event for event in events if event.decision == "commit"), events[-1])
    sign = 1.0 if final.decision == "commit" else -1.0
    strongest = max(final.evidence, key=lambda vote: sign * vote.weight)
    return strongest.strategy if sign * strongest.weight > 0 else "none"


def _dead_air(recorded: Recorded, voices: list[tuple[float, float]]) -> list[float]:
    """For each silence because of a hold, the seconds of it that lie beyond the end of the sound."""
    holds = [hold.t for hold in _all(recorded, fx.Hold)]
    return [
        max(0.0, start - max(stop, recorded.end))
        for (_, stop), (start, _) in pairwise(voices)
        if any(stop - STOPPED_BY <= hold < start for hold in holds)
    ]


def _resume_delay(recorded: Recorded, voices: list[tuple[float, float]]) -> float | None:
    """The longest time from a decision to go on to the next sample, in mid-answer."""
    if recorded.scenario.state != "answering":
        return None  # There may be nothing to go on with yet.
    held = [hold.t for hold in _all(recorded, fx.Hold)]
    delays: list[float] = []
    for at in (resume.t for resume in _all(recorded, fx.Resume)):
        start = next((max(at, start) for start, stop in voices if stop > at), None)
        # If it was held again before it was heard, that is another decision.
        if start is not None and not any(at < hold <= start for hold in held):
            delays.append(start - at)
    return max(delays, default=None)


def _reason(recorded: Recorded, commit: Happened[fx.Commit] | None) -> str:
    if commit is not None:
        return commit.fact.reason
    if _all(recorded, fx.RecordTurn):
        return "a turn with words"
    resumes = _all(recorded, fx.Resume)
    if resumes:
        return resumes[-1].fact.reason
    return "a turn without words" if _all(recorded, ev.SpeechStarted) else "no speech was heard in it"


def _evidence(recorded: Recorded, committed_at: float | None) -> dict[str, Any]:
    """The evidence known by the decision; where there was none, all that came."""
    until = committed_at if committed_at is not None else float("inf")
    started, ended = _all(recorded, ev.SpeechStarted), _all(recorded, ev.SpeechEnded)
    windows = _all(recorded, ev.SpeechContinued)
    evidence: dict[str, Any] = {
        "voiced": max(
            [window.fact.voiced for window in windows if window.t <= until]
            + [end.fact.voiced for end in ended if end.t <= until],
            default=0.0,
        ),
        "confidence": max(
            [start.fact.confidence for start in started if start.t <= until]
            + [window.fact.confidence for window in windows if window.t <= until],
            default=0.0,
        ),
        "held": _first_hold(recorded),
        "words": [
            [words.t, words.fact.participant, words.fact.text, words.fact.final]
            for words in _all(recorded, notes.UserTranscript)
        ],
    }
    votes = [[asdict(vote) for vote in event.evidence] for event in recorded.interruptions if event.evidence]
    return {**evidence, "strategies": votes} if votes else evidence


def _first_hold(recorded: Recorded) -> float | None:
    """Seconds that the first hold lasted; None if there was none."""
    hold = next(iter(_all(recorded, fx.Hold)), None)
    if hold is None:
        return None
    return min((end.t for end in _all(recorded, fx.Commit, fx.Resume) if end.t >= hold.t), default=hold.t) - hold.t


def _merged(stretches: list[Stretch]) -> list[tuple[float, float]]:
    """The times between which the agent was heard: from, to."""
    voices: list[tuple[float, float]] = []
    for stretch in stretches:
        start, stop = stretch.at / RATE, stretch.end / RATE
        if voices and start - voices[-1][1] < SILENT:
            voices[-1] = (voices[-1][0], stop)
        else:
            voices.append((start, stop))
    return voices


def _time_to_silence(recorded: Recorded, voices: list[tuple[float, float]]) -> float | None:
    if recorded.scenario.sound is None:
        return None
    stop = next((stop for start, stop in voices if start <= recorded.onset < stop), None)
    if stop is None:
        return None
    if not any(stop - STOPPED_BY <= cause.t <= stop for cause in _all(recorded, fx.Hold, fx.Commit)):
        return None  # It had said all it had to say.
    return stop - recorded.onset


def _jumps(recorded: Recorded, stretches: list[Stretch]) -> tuple[int, int, int]:
    lost = repeated = rewound = 0
    placed = [(stretch.place, stretch.length) for stretch in stretches if stretch.place is not None]
    for (place, length), (there, _) in pairwise(placed):
        cut = place + length
        lost += max(0, there - cut)
        rewound += max(0, cut - there)
        repeated += max(0, recorded.script.word_start(cut) - there)
    return lost, repeated, rewound


def _words(recorded: Recorded, stretches: list[Stretch], committed_at: float | None) -> tuple[int | None, int | None]:
    """Of the first reply, if it was cut off: the words that the agent says were heard, and those that were."""
    played = next(iter(_all(recorded, notes.ReplyPlayed)), None)
    if committed_at is None or played is None or recorded.scenario.state == "idle":
        return None, None
    place = max(
        (s.place + s.length for s in stretches if s.place is not None and s.at / RATE <= committed_at), default=0
    )
    return len(played.fact.text.split()), recorded.script.heard(place)


def _spoken_until(recorded: Recorded) -> float:
    """The time at which the caller had said all: a recording may go on with the room, or the breath."""
    heard = [ended.t - ended.fact.trailing_silence for ended in _all(recorded, ev.SpeechEnded)]
    return min(recorded.end, max((last for last in heard if last > recorded.onset), default=recorded.end))


def _response(stretches: list[Stretch], onset: float, end: float) -> float | None:
    answer = _answered_at(stretches, onset)
    return None if answer is None else answer - end


def _went_on(recorded: Recorded, stretches: list[Stretch]) -> float | None:
    """Seconds from the first sample of an answer to what the caller said next; None if that was all."""
    answer = _answered_at(stretches, recorded.onset)
    began = [started.t - started.fact.onset_delay for started in _all(recorded, ev.SpeechStarted)]
    if answer is None:
        return None
    return next((at - answer for at in began if answer <= at < recorded.end), None)


def _answered_at(stretches: list[Stretch], onset: float) -> float | None:
    starts = [stretch.at / RATE for stretch in stretches if stretch.place is None]
    return next((start for start in starts if start > onset), None)


_HEARING: dict[Hearing, str] = {
    "corrects": "final words correct partial ones",
    "late": "final words late",
    "foreign": "recognised as another language",
}


def _described(scenario: Scenario) -> str:
    parts = [_sound(scenario.sound)] if scenario.sound is not None else []
    if scenario.bed is not None:
        parts.append(f"over {scenario.bed.name}, {scenario.bed.snr:g} dB below")
    if scenario.then is not None:
        parts.append(f"and {scenario.then_after:g} s after its end {_sound(scenario.then)}")
    if scenario.hearing:
        parts.append(_HEARING[scenario.hearing] + (f" by {scenario.late:g} s" if scenario.late else ""))
    if scenario.second is not None:
        parts.append(f"and after {scenario.second_after:g} s {_sound(scenario.second)}")
    if scenario.echo is not None:
        parts.append(f"echo {scenario.echo:g} dB" + (" with a canceller" if scenario.echo_cancellation else ""))
    return ", ".join(parts)


def _sound(sound: Sound) -> str:
    name = sound.name
    if sound.source == "say":
        name = f"“{name}”"
    elif sound.source == "file":
        name = Path(name).name
    style = "" if sound.style == "plain" else f" ({sound.style})"
    level = "" if sound.level in (None, -20.0) else f" at {sound.level:g} dB"
    gain = f", {sound.gain:+g} dB" if sound.gain else ""
    return f"{name}{style}{level}{gain}"
