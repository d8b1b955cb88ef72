"""Proportions, percentiles and ratios, and how uncertain they are: intervals at 95 %."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

# What lies outside an interval on each side, and how often a sample is drawn anew for one.
TAIL = 0.025
DRAWS = 2000

# Of the standard normal distribution, two-sided 95 %.
Z_95 = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Proportion:
    """`hits` of `count`, with Wilson's score interval at 95 % (E. B. Wilson 1927): `low` to `high`.

    It holds for few cases and for proportions near 0 and 1, where the usual interval does not. None where count is 0.
    """

    hits: int
    count: int

    @property
    def value(self) -> float | None:
        return self.hits / self.count if self.count else None

    @property
    def interval(self) -> tuple[float, float] | None:
        return wilson(self.hits, self.count) if self.count else None


def wilson(hits: int, count: int, z: float = Z_95) -> tuple[float, float]:
    """Wilson's score interval of `hits` in `count` trials. Raises ValueError unless 0 <= hits <= count, count > 0."""
    if not (0 <= hits <= count and count > 0):
        raise ValueError(f"{hits} of {count} is no proportion")
    share = hits / count
    scale = 1 + z * z / count
    centre = (share + z * z / (2 * count)) / scale
    half = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count)) / scale
    # At the ends the formula is 0 and 1 exactly; rounding need not be.
    return (0.0 if hits == 0 else max(0.0, centre - half), 1.0 if hits == count else min(1.0, centre + half))


@dataclass(frozen=True, slots=True)
class Spread:
    """Median and 95th percentile (linear between ranks), with their intervals, and the largest of `count` values."""

    count: int
    p50: float
    p95: float
    largest: float
    p50_interval: tuple[float, float]
    p95_interval: tuple[float, float]


def spread(values: Iterable[float | None]) -> Spread | None:
    """The spread of the values that are there; None if there is none."""
    known = [value for value in values if value is not None]
    if not known:
        return None
    p50, p95 = np.percentile(known, [50, 95])
    return Spread(
        len(known),
        float(p50),
        float(p95),
        max(known),
        quantile_interval(known, 0.5),
        quantile_interval(known, 0.95),
    )


def quantile_interval(values: Sequence[float], quantile: float) -> tuple[float, float]:
    """Between which of the values the quantile of all such values lies, whatever their distribution.

    By the ranks of a binomial distribution (W. R. Thompson 1936). With few values there may be no such rank: the
    smallest or the largest value then stands in its place, and the interval promises less than 95 %.
    """
    ordered, count = sorted(values), len(values)
    below = np.cumsum([_binomial(hits, count, quantile) for hits in range(count + 1)])
    low = int(np.searchsorted(below, TAIL, side="right"))
    high = int(np.searchsorted(below, 1 - TAIL, side="left")) + 1
    return ordered[max(low, 1) - 1], ordered[min(high, count) - 1]


def _binomial(hits: int, count: int, share: float) -> float:
    ways = math.lgamma(count + 1) - math.lgamma(hits + 1) - math.lgamma(count - hits + 1)
    return math.exp(ways + hits * math.log(share) + (count - hits) * math.log(1 - share))


@dataclass(frozen=True, slots=True)
class Ratio:
    """The sum of one quantity over that of another, in `count` cases; `low` to `high`: by drawing cases anew.

    Where the sum above is 0 no drawing can be another: `high` is then that of the rule of three, 3 over the sum below.
    """

    value: float
    low: float
    high: float
    count: int


def ratio(pairs: Sequence[tuple[float, float]]) -> Ratio | None:
    """The ratio of the sums of (above, below); None where there is nothing below."""
    above, below = np.array([a for a, _ in pairs], float), np.array([b for _, b in pairs], float)
    total = float(below.sum())
    if total <= 0:
        return None
    if not above.any():
        return Ratio(0.0, 0.0, min(1.0, 3 / total), len(pairs))
    drawn = np.random.default_rng(1).integers(len(pairs), size=(DRAWS, len(pairs)))
    sums = below[drawn].sum(axis=1)
    ratios = above[drawn].sum(axis=1)[sums > 0] / sums[sums > 0]
    low, high = np.percentile(ratios, [100 * TAIL, 100 * (1 - TAIL)])
    return Ratio(float(above.sum()) / total, float(low), float(high), len(pairs))
