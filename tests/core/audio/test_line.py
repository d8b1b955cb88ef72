"""The line of one reply: what goes in comes out once, and a little of the past can be had again."""

import asyncio

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision_agents.core.audio.line import Line


def numbered(start: int, count: int) -> np.ndarray:
    """Samples that tell their own position."""
    return np.arange(start, start + count, dtype=np.int16)


def read(line: Line, count: int) -> list[int]:
    out = np.zeros(count, dtype=np.int16)
    return out[: line.read_into(out)].tolist()


def filled(pieces: list[int], keep: int = 100) -> Line:
    line = Line(1, 0, keep)
    for size in pieces:
        line.append(numbered(line.written, size))
    return line


@given(st.lists(st.integers(0, 50), max_size=20), st.lists(st.integers(1, 40), min_size=1, max_size=60))
def test_samples_come_out_once_and_in_order_whatever_the_pieces(pieces, reads):
    line = filled(pieces)
    got = [sample for count in reads for sample in read(line, count)]
    assert got == list(range(min(sum(pieces), sum(reads))))
    assert line.position == line.heard == len(got)
    assert line.waiting == sum(pieces) - len(got)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.integers(0, 30)),
        st.tuples(st.just("read"), st.integers(1, 40)),
        st.tuples(st.just("rewind"), st.integers(-5, 150)),
    ),
    max_size=60,
)


@given(STEPS, st.integers(0, 50))
def test_a_rewound_line_repeats_exactly_the_stretch_it_went_back(steps, keep):
    line = Line(1, 0, keep)
    position = furthest = 0
    for step, amount in steps:
        if step == "write":
            line.append(numbered(line.written, amount))
        elif step == "read":
            expected = list(range(position, min(position + amount, line.written)))
            assert read(line, amount) == expected
            position += len(expected)
            furthest = max(furthest, position)
        else:
            line.rewind(amount)
            # Never forward, and at least as far back from the furthest sample as is promised to be kept.
            assert line.position <= position
            assert line.position == min(position, max(0, amount)) or line.position <= furthest - keep
            position = line.position
        assert (line.position, line.heard) == (position, furthest)


@given(st.lists(st.integers(1, 30), min_size=1, max_size=100), st.integers(0, 60))
def test_the_past_is_bounded(pieces, keep):
    line = filled(pieces, keep)
    while read(line, 7):
        pass
    end = line.position
    line.rewind(0)
    assert end - line.position <= keep + max(pieces)


def test_rewinding_goes_over_the_borders_of_pieces():
    line = filled([3, 4, 5])
    assert read(line, 9) == list(range(9))
    line.rewind(2)
    assert read(line, 20) == list(range(2, 12))
    line.rewind(11)
    assert read(line, 20) == [11]


@pytest.mark.virtual_time
async def test_whoever_waits_for_room_goes_on_when_there_is_some_or_the_line_is_closed():
    line = filled([10])
    await line.room(11)
    waiting = asyncio.create_task(line.room(5))
    await asyncio.sleep(1)
    read(line, 5)
    await asyncio.sleep(1)
    assert not waiting.done()
    read(line, 1)
    await waiting
    line.append(numbered(10, 20))
    waiting = asyncio.create_task(line.room(5))
    await asyncio.sleep(1)
    line.close()
    await waiting
