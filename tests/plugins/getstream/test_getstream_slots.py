"""When a frame is due, and how much silence belongs between two."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("getstream_rtc", reason="needs the extra getstream")

from vision_agents.plugins.getstream.slots import (
    CLOCK_RATE,
    LEAD,
    LONGEST_GAP,
    LONGEST_SILENCE,
    PATIENCE,
    Slots,
    Timeline,
)

FRAME = 0.02
WRAP = 2**32


@given(stalls=st.lists(st.floats(0.0, 0.2), max_size=50), first=st.floats(0.0, 0.5))
def test_the_sdk_finds_one_frame_at_most_at_each_beat_and_none_is_late(stalls: list[float], first: float):
    beats: list[int] = []
    slots = Slots(100.0)
    now = 100.0 + first - 0.25
    for stall in stalls:
        now = max(now, now + slots.wait(now)) + stall
        if slots.take(now):
            # The beat that this frame is for is the first one that comes now.
            beats.append(-int((100.0 - now) / FRAME // 1))
            assert now <= 100.0 + beats[-1] * FRAME
        assert slots.wait(now) > -LEAD, "a slot that has passed is waited for"
    assert len(set(beats)) == len(beats)
    assert beats == sorted(beats)


def test_an_even_loop_uses_every_slot():
    slots = Slots(5.0)
    now = 4.9
    for _ in range(1000):
        now += slots.wait(now)
        assert slots.take(now)
    assert now == pytest.approx(5.0 + 999 * FRAME - LEAD)


@given(
    begin=st.integers(0, WRAP - 1),
    pieces=st.lists(st.tuples(st.integers(1, 2880), st.integers(0, round(LONGEST_GAP * CLOCK_RATE))), min_size=1),
)
def test_gaps_in_the_clock_are_filled_exactly(begin: int, pieces: list[tuple[int, int]]):
    timeline = Timeline()
    timeline.missing(begin, 0)
    clock = told = begin
    for length, gap in pieces:
        clock += gap
        told += timeline.missing(clock % WRAP, length) + length
        clock += length
        assert told == clock


@given(gap=st.one_of(st.integers(-WRAP // 2, -1), st.integers(round(LONGEST_GAP * CLOCK_RATE) + 1, WRAP // 2)))
def test_a_clock_that_jumps_fills_nothing(gap: int):
    timeline = Timeline()
    timeline.missing(1000, 960)
    assert timeline.missing((1960 + gap) % WRAP, 960) == 0
    assert timeline.missing((1960 + gap + 960) % WRAP, 960) == 0


def test_silence_is_made_up_as_time_passes_and_not_twice_and_not_for_ever():
    timeline = Timeline()
    assert timeline.patience is None, "nobody has begun to send"
    timeline.missing(0, 960)
    assert timeline.patience == PATIENCE
    made_up = passed = 0.0
    while (patience := timeline.patience) is not None:
        passed += patience
        made_up += timeline.silence() / CLOCK_RATE
        assert made_up == pytest.approx(passed)
    assert made_up == pytest.approx(LONGEST_SILENCE, abs=PATIENCE)
    # The first frame after it comes as long after as the clock says: nothing is missing any more.
    assert timeline.missing(960 + round(passed * CLOCK_RATE), 960) == 0
    assert timeline.patience == PATIENCE
