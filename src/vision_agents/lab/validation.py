"""Cross-validation by source: each source is judged by thresholds that were set without it.

What was heard in a case is run through the floor again under other settings of the policy. For each source those
settings are taken that are best on all others; how often they are right on it is the figure "left out". It tells what
part of a result is owed to thresholds that were set on these very recordings.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from vision_agents.core.floor import Floor, InterruptionPolicy
from vision_agents.core.floor import effects as fx
from vision_agents.core.floor import events as ev
from vision_agents.core.trace.notes import SessionStarted
from vision_agents.core.trace.records import Fact

from .case import Recorded
from .result import CaseResult

# The settings that are tried: those that decide how much speech an interruption takes, around what they are.
TRIED: tuple[Mapping[str, float], ...] = (
    {},
    *({"commit_speech": seconds} for seconds in (0.5, 0.6, 0.9, 1.1)),
    *({"clear_speech": confidence} for confidence in (0.8, 0.9)),
)

# Deadlines that fall due one after the other without an event between them: more would be a loop.
_DEADLINES = 64


def under(recorded: Recorded) -> dict[str, bool]:
    """Return for each setting that is tried, on top of the policy, whether the floor decides rightly on what was heard.

    What people did is as it was; what the agent did is, too, as in `what_if`.
    """
    expected = recorded.scenario.expect
    policy = next(InterruptionPolicy(**fact.policy) for fact in _facts(recorded) if isinstance(fact, SessionStarted))
    found: dict[str, bool] = {}
    for settings in TRIED:
        yields = _yields(recorded, policy.override({name: str(value) for name, value in settings.items()}))
        found[_name(settings)] = yields == (expected == "yield")
    return found


def left_out(cases: Sequence[CaseResult]) -> dict[str, bool]:
    """Return for each case, by its id, whether it is right by the setting that is best on all other sources."""
    tried = [case for case in cases if case.source and case.under]
    found: dict[str, bool] = {}
    for source in {case.source for case in tried}:
        best = _best([case for case in tried if case.source != source])
        found |= {case.id: case.under[best] for case in tried if case.source == source}
    return found


def _best(cases: Iterable[CaseResult]) -> str:
    """The setting with the highest mean over kinds; of equals the first, which is what the policy is."""
    kinds: dict[tuple[str, str], list[CaseResult]] = defaultdict(list)
    for case in cases:
        kinds[case.kind, case.expect].append(case)
    names = [_name(settings) for settings in TRIED]
    return max(names, key=lambda name: sum(sum(c.under[name] for c in kind) / len(kind) for kind in kinds.values()))


def _name(settings: Mapping[str, float]) -> str:
    return " ".join(f"{name}={value:g}" for name, value in settings.items()) or "as it is"


def _yields(recorded: Recorded, policy: InterruptionPolicy) -> bool:
    """Return whether the floor gives the caller the turn."""
    effects = [(at, effect) for at, effect in _replayed(recorded, policy) if at >= recorded.began]
    commits = [at for at, effect in effects if isinstance(effect, fx.Commit)]
    return bool(commits) or any(isinstance(effect, fx.RecordTurn) for _, effect in effects)


def _replayed(recorded: Recorded, policy: InterruptionPolicy) -> Iterator[tuple[float, fx.Effect]]:
    """The effects, in seconds of the case; deadlines fall due in their own time."""
    floor = Floor(policy)
    for record in (*recorded.before, *recorded.records):
        event = record.fact
        if not isinstance(event, ev.FloorEvent):
            continue
        start = event.at - record.t
        for at in _due(floor, event.at):
            yield from ((at - start, effect) for effect in floor.handle(ev.TimePassed(at)))
        yield from ((record.t, effect) for effect in floor.handle(event))


def _facts(recorded: Recorded) -> Iterator[Fact | None]:
    return (record.fact for record in (*recorded.before, *recorded.records))


def _due(floor: Floor, until: float) -> Iterator[float]:
    for _ in range(_DEADLINES):
        deadline = floor.deadline
        if deadline is None or deadline >= until:
            return
        yield deadline
