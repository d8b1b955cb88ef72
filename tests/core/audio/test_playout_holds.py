"""Holding and resuming, and gaps in what comes: nothing is lost, nothing is repeated by accident, nothing clicks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision_agents.core.audio.playout import FADE_SAMPLES, FRAME_SAMPLES, SAMPLE_RATE

from .playout_kit import LEVEL, STEEPEST, SWELL, Gate, now, steepest

OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.integers(1, 4000)),
        st.tuples(st.just("pull"), st.integers(1, 4)),
        st.tuples(st.just("hold"), st.just(0)),
        st.tuples(st.just("resume"), st.just(0)),
        st.tuples(st.just("rewind"), st.integers(0, 3000)),
    ),
    max_size=40,
)


class Numbered(Gate):
    """A gate whose frames are traced back to positions: the raw samples are noted as they are taken from the line."""

    def __init__(self):
        super().__init__()
        self.taken: list[int] = []
        self.line = self.playout._lines[0]
        read_into = type(self.line).read_into

        class Noting(type(self.line)):
            __slots__ = ()

            def read_into(line, out):
                count = read_into(line, out)
                self.taken.extend(range(line.position - count, line.position))
                return count

        noting = Noting(1, 0, 2 * 48_000)
        self.line = self.playout._lines[0] = noting


@given(OPERATIONS)
def test_holds_and_resumes_lose_nothing_and_repeat_only_what_was_rewound(operations):
    gate = Numbered()
    playout = gate.playout
    expected: list[int] = []
    rewound_to: list[tuple[int, int]] = []
    for operation, amount in operations:
        before = gate.line.position
        if operation == "write":
            gate.write(amount)
        elif operation == "pull":
            gate.pull(amount)
        elif operation == "hold":
            playout.hold(1)
        elif operation == "resume":
            playout.resume(1)
            assert gate.line.position == before
        else:
            playout.resume(1, before - amount)
            assert before - amount <= gate.line.position <= before
            rewound_to.append((len(gate.taken), gate.line.position))
    playout.resume(1)
    playout.finish(1)
    gate.pull(gate.line.waiting // FRAME_SAMPLES + 2)
    position = 0
    for index in range(len(gate.taken) + 1):
        for at, to in rewound_to:
            if at == index:
                position = to
        if index < len(gate.taken):
            expected.append(position)
            position += 1
    assert gate.taken == expected
    assert not gate.taken or max(gate.taken) == gate.written - 1
    assert gate.listener.told[-1] == ("drained", 1, gate.written)


@given(OPERATIONS)
def test_nothing_ever_clicks(operations):
    gate = Gate()
    # The reply's own first and last sample are as they are: silent ones here.
    ramp = np.linspace(0, LEVEL, SWELL).astype(np.int16)
    assert now(gate.playout.write(1, ramp))
    pulled = []
    for operation, amount in operations:
        if operation == "write":
            gate.write_level(amount)
        elif operation == "pull":
            pulled.append(gate.pull(amount))
        elif operation == "hold":
            gate.playout.hold(1)
        elif operation == "resume":
            gate.playout.resume(1)
        else:
            gate.playout.resume(1, max(0, gate.playout.position(1) - amount))
    gate.playout.resume(1)
    assert now(gate.playout.write(1, ramp[::-1].copy()))
    gate.playout.finish(1)
    while gate.playout.written(1):
        pulled.append(gate.pull())
    samples = np.concatenate([*pulled, np.zeros(1, dtype=np.int16)])
    assert steepest(samples) <= STEEPEST
    assert not gate.listener.told or gate.listener.told[-1][0] == "drained"


def test_a_hold_fades_out_within_a_frame_and_resumes_at_the_exact_sample():
    gate = Gate()
    gate.write(10 * FRAME_SAMPLES)
    gate.pull()
    gate.playout.hold(1)
    faded = gate.pull()
    assert faded[0] == FRAME_SAMPLES + 1
    assert (np.diff(faded[:FADE_SAMPLES].astype(int)) <= 0).sum() > FADE_SAMPLES / 2
    assert not faded[FADE_SAMPLES:].any()
    assert not gate.pull(50).any()
    assert gate.playout.position(1) == gate.playout.heard(1) == FRAME_SAMPLES + FADE_SAMPLES
    gate.playout.resume(1)
    after = gate.pull(2)
    expected = np.arange(2 * FRAME_SAMPLES) + FRAME_SAMPLES + FADE_SAMPLES + 1
    assert after[FADE_SAMPLES:].tolist() == expected[FADE_SAMPLES:].tolist()
    assert after[0] == 0


def test_a_reply_held_before_its_first_sample_begins_with_it():
    gate = Gate()
    gate.playout.hold(1)
    gate.write(3 * FRAME_SAMPLES)
    assert not gate.pull(5).any()
    assert gate.listener.told == []
    gate.playout.resume(1)
    assert gate.pull().tolist() == list(range(1, FRAME_SAMPLES + 1))


def test_a_second_hold_and_a_hold_after_the_fade_change_nothing():
    gate = Gate()
    gate.write_level(10 * FRAME_SAMPLES)
    gate.pull()
    gate.playout.hold(1)
    gate.playout.hold(1)
    assert gate.pull().any()
    gate.playout.hold(1)
    assert not gate.pull().any()
    assert gate.playout.position(1) == FRAME_SAMPLES + FADE_SAMPLES


def test_held_resumed_and_held_again_between_two_pulls_stays_silent():
    gate = Gate()
    gate.write_level(10 * FRAME_SAMPLES)
    gate.pull()
    gate.playout.hold(1)
    gate.pull()
    gate.playout.resume(1)
    gate.playout.hold(1)
    assert not gate.pull(3).any()


def test_a_hold_that_is_over_before_the_next_frame_is_not_heard_and_goes_back_to_no_word():
    gate = Gate()
    gate.write(10 * FRAME_SAMPLES)
    gate.pull()
    gate.playout.hold(1)
    gate.playout.resume(1, 100)
    assert gate.pull().tolist() == list(range(FRAME_SAMPLES + 1, 2 * FRAME_SAMPLES + 1))


def test_one_that_sounds_before_the_reply_that_is_held_goes_on_at_the_exact_sample():
    gate = Gate()
    gate.playout.begin(2, 0)
    gate.write(10 * FRAME_SAMPLES)
    gate.pull(3)
    gate.playout.hold(2)
    assert not gate.pull(3)[FADE_SAMPLES:].any()
    gate.playout.resume(2, 0)
    assert gate.playout.position(1) == 3 * FRAME_SAMPLES + FADE_SAMPLES
    assert gate.pull()[FADE_SAMPLES] == 3 * FRAME_SAMPLES + 2 * FADE_SAMPLES + 1


def test_the_reply_may_end_in_the_fade():
    gate = Gate()
    gate.write_level(FRAME_SAMPLES + 100)
    gate.playout.finish(1)
    gate.pull()
    gate.playout.hold(1)
    faded = gate.pull()
    assert steepest(np.concatenate([[LEVEL], faded])) <= STEEPEST
    assert gate.listener.told[-1] == ("drained", 1, FRAME_SAMPLES + 100)
    # The hold was of that reply: the next one is not born held.
    gate.playout.begin(2, 0)
    gate.write_level(FRAME_SAMPLES, reply=2)
    assert gate.pull().all()


def test_a_reply_that_ends_while_it_is_held_with_nothing_left_is_over():
    gate = Gate()
    gate.write_level(FRAME_SAMPLES)
    gate.pull()
    gate.playout.hold(1)
    gate.playout.finish(1)
    assert gate.listener.told[-1] == ("drained", 1, FRAME_SAMPLES)


def test_two_seconds_behind_the_position_are_kept_for_going_back():
    gate = Gate()
    for _ in range(300):
        gate.write(FRAME_SAMPLES)
        gate.pull()
    gate.playout.hold(1)
    gate.pull()
    gate.playout.resume(1, 0)
    kept = gate.playout.heard(1) - gate.playout.position(1)
    assert 2 * SAMPLE_RATE <= kept < 2 * SAMPLE_RATE + FRAME_SAMPLES


# Gaps in what comes.


def test_a_gap_at_the_border_of_a_frame_fades_out_and_in():
    gate = Gate()
    gate.write_level(2 * FRAME_SAMPLES)
    before = gate.pull(4)
    assert steepest(before) <= STEEPEST
    assert not before[3 * FRAME_SAMPLES :].any()
    assert gate.playout.heard(1) == 2 * FRAME_SAMPLES
    gate.write_level(2 * FRAME_SAMPLES)
    after = gate.pull(2)
    assert steepest(np.concatenate([[0], after])) <= STEEPEST
    assert (after[FADE_SAMPLES:] == LEVEL).all()


@pytest.mark.parametrize("rest", [1, 17, FADE_SAMPLES - 1, FADE_SAMPLES, FADE_SAMPLES + 1, FRAME_SAMPLES - 1])
def test_a_gap_within_a_frame_fades_out(rest):
    gate = Gate()
    gate.write_level(FRAME_SAMPLES + rest)
    assert steepest(gate.pull(3)) <= STEEPEST


def test_a_gap_drawn_out_is_not_counted_as_heard():
    gate = Gate()
    gate.write_level(FRAME_SAMPLES)
    gate.pull(3)
    gate.playout.finish(1)
    assert gate.listener.told[-1] == ("drained", 1, FRAME_SAMPLES)


def test_what_is_drawn_out_is_the_last_sample():
    gate = Gate()
    gate.write_level(FRAME_SAMPLES)
    gate.pull()
    assert now(gate.playout.write(1, np.array([0, 0, 0, LEVEL], dtype=np.int16)))
    drawn_out = gate.pull()[4:FADE_SAMPLES]
    assert drawn_out[0] > 0.9 * LEVEL
    assert (np.diff(drawn_out) <= 0).all()


def test_nothing_is_drawn_out_after_an_interruption():
    gate = Gate()
    gate.write_level(FRAME_SAMPLES)
    gate.pull()
    gate.epoch.advance()
    assert not gate.pull(3).any()
