"""Proportions and their uncertainty, and percentiles."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

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
    """Median, 95th percentile (linear between ranks) and the largest of `count` values."""

    count: int
    p50: float
    p95: float
    largest: float


def spread(values: Iterable[float | None]) -> Spread | None:
    """The spread of the values that are there; None if there is none."""
    known = [value for value in values if value is not None]
    if not known:
        return None
    p50, p95 = np.percentile(known, [50, 95])
    return Spread(len(known), float(p50), float(p95), max(known))
