"""How loud somebody's speech is: the level of its mean power."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision_agents.core.floor.loudness import MEMORY, Loudness

LEVELS = st.floats(-90.0, 0.0)
PIECES = st.lists(st.tuples(LEVELS, st.floats(0.001, 5.0)), min_size=1)


def test_of_whom_nothing_was_heard_nothing_is_known() -> None:
    assert Loudness().level is None


def test_a_level_that_is_not_known_does_not_count() -> None:
    loudness = Loudness()
    loudness.add(None, 1.0)
    assert (loudness.level, loudness.seconds) == (None, 0.0)
    loudness.add(-20.0, 0.0)
    assert loudness.level is None


def test_it_is_the_mean_of_the_power_over_the_time() -> None:
    """So the loud windows count: half a second of speech in a second of murmur is 3 dB less, not half way down."""
    loudness = Loudness()
    loudness.add(-20.0, 1.0)
    assert loudness.level == pytest.approx(-20.0)
    loudness.add(-90.0, 1.0)
    assert loudness.level == pytest.approx(-23.0, abs=0.02)
    assert loudness.seconds == 2.0


def test_digital_silence_has_no_level() -> None:
    loudness = Loudness()
    loudness.add(float("-inf"), 1.0)
    assert loudness.level is None


def test_what_was_long_ago_counts_less() -> None:
    """Somebody who speaks at -40 as long as they did at -20 before: the memory is of the last seconds."""
    loudness = Loudness()
    loudness.add(-20.0, 1000.0)
    for _ in range(200):
        loudness.add(-40.0, MEMORY / 10)
    assert loudness.level == pytest.approx(-40.0, abs=0.1)


@given(PIECES)
def test_it_lies_among_what_was_heard(pieces: list[tuple[float, float]]) -> None:
    loudness = Loudness()
    for level, seconds in pieces:
        loudness.add(level, seconds)
    levels = [level for level, _ in pieces]
    assert loudness.level is not None
    assert min(levels) - 1e-6 <= loudness.level <= max(levels) + 1e-6
    assert loudness.seconds <= MEMORY + pieces[-1][1]
