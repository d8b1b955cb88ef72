"""Cross-validation by source: each source is judged by thresholds that were set without it.

What was heard in a case is run through the floor again with each number in turn at other values: the settings of the
policy, and the constants of the strategies that were set on recordings. For each source that value is taken which is
best on all others; how often it is right on the source is the figure "left out". It tells what part of a result is owed
to thresholds that were set on these very recordings.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from importlib import import_module

from vision_agents.core.floor import InterruptionPolicy
from vision_agents.core.floor.policy import BEYOND
from vision_agents.core.floor.strategies import votes
from vision_agents.core.trace.records import Record

from .again import is_right, recorded_policy
from .result import CaseResult
from .scenario import LabError

# No constant of the floor is so large, and no vote weighs so much.
LARGEST, WEIGHT = 1e3, 2.0


@dataclass(frozen=True, slots=True)
class Number:
    """A number that was set on recordings, and the other values that are tried: of the policy, or a constant of a
    `module` of the floor, which no agent sets, from `least` to `most`."""

    name: str
    values: tuple[float, ...]
    module: str = ""
    least: float = field(default=0.0, compare=False)
    most: float = field(default=LARGEST, compare=False)

    @property
    def title(self) -> str:
        return f"{self.module}.{self.name}".removeprefix("strategies.").removeprefix(".")

    @contextmanager
    def at(self, value: float, policy: InterruptionPolicy) -> Iterator[InterruptionPolicy]:
        """Have the number at another value for a while; yields the policy with it."""
        if not self.module:
            yield policy.override({self.name: _written(value)})
            return
        module = import_module(f"{_FLOOR}.{self.module}")
        before = getattr(module, self.name)
        try:
            setattr(module, self.name, value)
            votes.cache_clear()
            yield policy
        finally:
            setattr(module, self.name, before)
            votes.cache_clear()


AS_IT_IS = "as it is"

_DEFAULTS = asdict(InterruptionPolicy())

_FLOOR = "vision_agents.core.floor"

TRIED = (
    Number("commit_speech", (0.5, 0.6, 0.9, 1.1)),
    Number("clear_speech", (0.8, 0.9)),
    Number("OVER", (1.25, 2.0), "strategies.length"),
    Number("DOUBT", (0.25, 0.75), "challenger"),
    Number("STEADY", (5.0, 9.0), "strategies.loudness"),
    Number("FARTHEST", (14.0, 18.0), "strategies.loudness"),
    Number("LATER", (-1.0, -0.25), "strategies.loudness", -WEIGHT, WEIGHT),
    Number("SETTLED", (0.25, 0.8), "strategies.loudness"),
    Number("SENTENCE", (2.0, 4.0), "strategies.words"),
    Number("GOES_ON", (1.0, 3.0), "strategies.loudness"),
    Number("BELIEVED", (0.5, 0.7), "strategies.words"),
    Number("CERTAIN", (0.7, 0.8), "strategies.words"),
    Number("UNSURE", (0.0, 0.5, 0.75), "strategies.words", -WEIGHT, WEIGHT),
    Number("WORD", (0.2, 0.4), "strategies.words"),
    Number("FASTEST", (4.0, 6.0), "strategies.words"),
    Number("FASTEST_IN_ALL", (3.0, 4.5), "strategies.words"),
    Number("PER_BACKCHANNEL", (0.4, 0.6), "strategies.words"),
    Number("ADDRESSING", (3.0, 5.0), "strategies.words"),
    Number("SAME", (0.25, 0.35), "strategies.voice"),
    Number("SUREST", (0.3, 0.42), "strategies.voice"),
)
"""The numbers that decide what is an interruption, each with values on both sides, where both make sense."""


def under(
    case: CaseResult,
    records: Sequence[Record],
    numbers: Sequence[Number] = TRIED,
    settings: Mapping[str, str] | None = None,
) -> dict[str, bool]:
    """Return for each value that is tried, one number at a time, whether the floor decides rightly on what was heard.

    `records`: the trace of the case; `settings`: of its policy, as texts. What people did is as it was; what the agent
    did is, too, as in `what_if`.
    """
    policy = recorded_policy(records).override(dict(settings or {}))
    found = {AS_IT_IS: is_right(case, records, policy)}
    for number in numbers:
        for value in number.values:
            with number.at(value, policy) as other:
                found[f"{number.title}={value:g}"] = is_right(case, records, other)
    return found


def number_of(setting: str) -> Number:
    """The number of NAME=VALUE,VALUE: of the policy, or by its title one of `TRIED`.

    Raises LabError for none, and for values that it cannot have.
    """
    name, _, texts = setting.partition("=")
    known = {number.title: number for number in TRIED}
    known |= {name: Number(name, ()) for name, value in _DEFAULTS.items() if _is_number(value) and name not in BEYOND}
    if name in BEYOND:
        raise LabError(f"{name} cannot be tried: {BEYOND[name]}")
    if name not in known:
        raise LabError(f"there is no number {name!r} to try; there are {', '.join(known)}")
    try:
        values = tuple(float(text) for text in texts.split(","))
    except ValueError:
        raise LabError(f"--try takes NAME=VALUE,VALUE, as in commit_speech=0.5,0.9, not {setting!r}") from None
    for value in values:
        _check(known[name], value)
    return replace(known[name], values=values)


def _check(number: Number, value: float) -> None:
    """Raise LabError for a value that the number cannot have."""
    if number.module and not number.least <= value <= number.most:
        raise LabError(f"{number.title} is tried from {number.least:g} to {number.most:g}, not at {value:g}")
    if not number.module:
        try:
            InterruptionPolicy().override({number.name: _written(value)})
        except ValueError as error:
            raise LabError(f"--try {number.name}: {error}") from None


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _written(value: float) -> str:
    """The value as the policy reads it: some of its numbers are whole."""
    return f"{value:.0f}" if value.is_integer() else str(value)


def left_out(cases: Sequence[CaseResult]) -> dict[str, bool]:
    """Return for each case, by its id, whether it is right by the value that is best on all other sources."""
    best = chosen(cases)
    return {case.id: case.under[best[case.source]] for case in _tried(cases)}


def chosen(cases: Sequence[CaseResult]) -> dict[str, str]:
    """Return for each source the value that is best on all others; of equals the first, which is what the number is."""
    tried = _tried(cases)
    found: dict[str, str] = {}
    for source in {case.source for case in tried}:
        others = means([case for case in tried if case.source != source])
        found[source] = max(others, key=others.__getitem__, default=AS_IT_IS)
    return found


def means(cases: Sequence[CaseResult]) -> dict[str, float]:
    """Return for each value the mean over kinds of the share of right cases."""
    kinds: dict[tuple[str, str], list[CaseResult]] = defaultdict(list)
    for case in cases:
        kinds[case.kind, case.expect].append(case)
    names = cases[0].under if cases else ()
    return {
        name: sum(sum(case.under[name] for case in kind) / len(kind) for kind in kinds.values()) / len(kinds)
        for name in names
    }


def _tried(cases: Sequence[CaseResult]) -> list[CaseResult]:
    return [case for case in cases if case.source and case.under]
