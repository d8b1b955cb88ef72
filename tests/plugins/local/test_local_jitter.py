"""Received packets go on at once, in order, each one once; what is lost leaves neither a delay nor a gap in time."""

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision_agents.plugins.local.jitter import LATE_PACKETS, LONGEST_FILL, Continuity, PassingBuffer

WRAP = 2**16


def packet(number, data=b"sound"):
    return SimpleNamespace(sequence_number=number % WRAP, timestamp=number * 960 % 2**32, _data=data)


def through(buffer, numbers):
    """The numbers (from the timestamps) of the packets that come out as these go in."""
    out = []
    for number in numbers:
        picture, frame = buffer.add(packet(number))
        assert picture is False
        if frame is not None:
            out.append(frame.timestamp // 960)
    return out


# A stream in which packets get lost, are doubled, and arrive up to a few places too early or too late.
@st.composite
def arrivals(draw):
    first = draw(st.integers(0, WRAP - 1))
    count = draw(st.integers(1, 200))
    places = []
    for number in range(first, first + count):
        for _ in range(draw(st.sampled_from([0, 1, 1, 1, 1, 2]))):
            places.append((number - first + draw(st.sampled_from([0, 0, 0, -3, 2, 20])), number))
    return [number for _, number in sorted(places, key=lambda place: place[0])]


@given(arrivals())
def test_order_is_kept_nothing_comes_twice_and_what_is_newest_goes_on_at_once(numbers):
    buffer = PassingBuffer()
    out, newest = [], None
    for number in numbers:
        frame = buffer.add(packet(number))[1]
        if newest is None or number > newest:
            assert frame is not None, "the newest packet must not wait"
            assert frame.data == b"sound"
            newest = number
            out.append(frame.timestamp)
        else:
            assert frame is None
    assert len(set(out)) == len(out)
    assert buffer.late == len(numbers) - len(out)


@pytest.mark.parametrize("first", [0, 1000, WRAP - 5, WRAP - 1])
def test_numbers_wrap_around(first):
    numbers = list(range(first, first + 10))
    assert through(PassingBuffer(), numbers) == numbers


def test_a_lost_packet_delays_none_of_those_after_it():
    assert through(PassingBuffer(), [1, 2, 4, 5, 6]) == [1, 2, 4, 5, 6]


def test_late_and_doubled_packets_are_left_out():
    buffer = PassingBuffer()
    assert through(buffer, [1, 1, 3, 2, 4, 4]) == [1, 3, 4]
    assert buffer.late == 3


def test_a_stream_that_begins_anew_goes_on():
    assert through(PassingBuffer(), [5000, 5001, 10, 11]) == [5000, 5001, 10, 11]


@given(st.integers(0, WRAP - 1), st.integers(1, LATE_PACKETS - 1))
def test_every_packet_within_the_window_is_late(newest, back):
    assert through(PassingBuffer(), [WRAP + newest, WRAP + newest - back]) == [WRAP + newest]


def test_an_empty_packet_does_not_reach_the_decoder_and_is_not_missed():
    buffer = PassingBuffer()
    buffer.add(packet(1))
    assert buffer.add(packet(2, b"")) == (False, None)
    assert through(buffer, [2, 3]) == [3]


@given(st.lists(st.booleans(), min_size=1, max_size=100), st.integers(0, 2**32))
def test_time_in_the_audio_is_time_in_the_room(arrived, start):
    continuity, total, first, last = Continuity(), 0, None, None
    for index, came in enumerate(arrived):
        if came:
            total += continuity.missing(start + index * 960, 960) + 960
            first, last = index if first is None else first, index
    if first is not None:
        gaps = [gap for gap in "".join("x" if came else " " for came in arrived[first : last + 1]).split("x") if gap]
        unfilled = sum(len(gap) * 960 for gap in gaps if len(gap) * 960 > LONGEST_FILL)
        assert total == (last - first + 1) * 960 - unfilled


def test_a_loss_too_long_to_be_filled_and_a_jump_back_are_passed_over():
    continuity = Continuity()
    assert continuity.missing(0, 960) == 0
    assert continuity.missing(960 + LONGEST_FILL, 960) == LONGEST_FILL
    assert continuity.missing(10_000_000, 960) == 0
    assert continuity.missing(0, 960) == 0
    assert continuity.missing(960, 960) == 0
