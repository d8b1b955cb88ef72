"""The gate, frame by frame: exact samples, holds, fades, epochs, and what the listener is told."""

import asyncio

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision_agents.core.audio.playout import FADE_SAMPLES, FRAME_SAMPLES, PROGRESS_FRAMES, Playout
from vision_agents.core.epoch import Epoch

LEVEL = 20_000
# The steepest step between two samples: that of a fade, that of a voice that swells and ebbs meanwhile, and rounding.
SWELL = 2000
STEEPEST = LEVEL / FADE_SAMPLES + LEVEL / SWELL + 2


class Listener:
    """Notes what it is told, and may do something about it."""

    def __init__(self):
        self.told = []
        self.react = lambda: None

    def audio_started(self, reply):
        self.told.append(("started", reply))
        self.react()

    def audio_progressed(self, reply):
        self.told.append(("progressed", reply))
        self.react()

    def audio_drained(self, reply, heard):
        self.told.append(("drained", reply, heard))


class Gate:
    """A playout with one reply begun, whose samples are numbered from 1 unless said otherwise."""

    def __init__(self, limit: float = 60.0):
        self.epoch = Epoch()
        self.listener = Listener()
        self.playout = Playout(self.epoch, self.listener, limit)
        self.playout.begin(1, 0)
        self.written = 0

    def write(self, count: int) -> None:
        samples = (np.arange(self.written, self.written + count) % 30_000 + 1).astype(np.int16)
        self.written += count
        assert now(self.playout.write(1, samples))

    def write_level(self, count: int, reply: int = 1) -> None:
        assert now(self.playout.write(reply, np.full(count, LEVEL, dtype=np.int16)))

    def pull(self, frames: int = 1) -> np.ndarray:
        return np.concatenate([self.playout.pull().copy() for _ in range(frames)])


def now(coroutine):
    """The result of a coroutine that has nothing to wait for."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value
    raise AssertionError("it waits")


def steepest(samples: np.ndarray) -> int:
    return int(np.abs(np.diff(samples.astype(np.int32))).max(initial=0))


# Samples.


@given(st.lists(st.integers(0, 5000), min_size=1, max_size=12))
def test_an_uninterrupted_reply_leaves_as_it_came_whatever_the_chunks(chunks):
    gate = Gate()
    for count in chunks:
        gate.write(count)
    gate.playout.finish(1)
    frames = -(-gate.written // FRAME_SAMPLES)
    pulled = gate.pull(frames + 1)
    expected = np.zeros(len(pulled), dtype=np.int16)
    expected[: gate.written] = np.arange(gate.written) % 30_000 + 1
    assert pulled.tolist() == expected.tolist()
    assert gate.listener.told[-1] == ("drained", 1, gate.written)


def test_chunks_that_come_just_in_time_are_not_touched():
    gate = Gate()
    pulled = []
    for _ in range(20):
        gate.write(FRAME_SAMPLES)
        pulled.append(gate.pull())
    assert np.concatenate(pulled).tolist() == list(range(1, 20 * FRAME_SAMPLES + 1))


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
            playout.resume()
            assert gate.line.position == before
        else:
            playout.resume(before - amount)
            assert before - amount <= gate.line.position <= before
            rewound_to.append((len(gate.taken), gate.line.position))
    playout.resume()
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
            gate.playout.resume()
        else:
            gate.playout.resume(max(0, gate.playout.position(1) - amount))
    gate.playout.resume()
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
    gate.playout.resume()
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
    gate.playout.resume()
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
    gate.playout.resume()
    gate.playout.hold(1)
    assert not gate.pull(3).any()


def test_a_hold_that_is_over_before_the_next_frame_is_not_heard_and_goes_back_to_no_word():
    gate = Gate()
    gate.write(10 * FRAME_SAMPLES)
    gate.pull()
    gate.playout.hold(1)
    gate.playout.resume(100)
    assert gate.pull().tolist() == list(range(FRAME_SAMPLES + 1, 2 * FRAME_SAMPLES + 1))


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


def test_nothing_is_drawn_out_after_an_interruption():
    gate = Gate()
    gate.write_level(FRAME_SAMPLES)
    gate.pull()
    gate.epoch.advance()
    assert not gate.pull(3).any()


# Several replies.


def test_replies_leave_in_the_order_in_which_they_began():
    gate = Gate()
    gate.playout.begin(2, 0)
    gate.write_level(FRAME_SAMPLES, reply=2)
    gate.playout.finish(2)
    gate.write(FRAME_SAMPLES + 10)
    gate.playout.finish(1)
    pulled = gate.pull(4)
    assert pulled[: FRAME_SAMPLES + 10].tolist() == list(range(1, FRAME_SAMPLES + 11))
    assert (pulled[2 * FRAME_SAMPLES : 3 * FRAME_SAMPLES] == LEVEL).all()
    assert gate.listener.told == [
        ("started", 1),
        ("drained", 1, FRAME_SAMPLES + 10),
        ("started", 2),
        ("drained", 2, FRAME_SAMPLES),
    ]


def test_an_empty_reply_behind_another_does_not_block_the_gate():
    gate = Gate()
    gate.playout.begin(2, 0)
    gate.playout.begin(3, 0)
    gate.playout.finish(2)
    gate.write_level(FRAME_SAMPLES)
    gate.playout.finish(1)
    gate.write_level(FRAME_SAMPLES, reply=3)
    assert gate.listener.told == []
    gate.pull(3)
    assert gate.listener.told == [("started", 1), ("drained", 1, FRAME_SAMPLES), ("drained", 2, 0), ("started", 3)]


def test_finish_of_an_empty_reply_is_told_at_once():
    gate = Gate()
    gate.playout.finish(1)
    assert gate.listener.told == [("drained", 1, 0)]
    gate.playout.finish(1)
    assert len(gate.listener.told) == 1


def test_a_hold_of_a_reply_without_audio_yet_ends_with_that_reply():
    gate = Gate()
    gate.playout.finish(1)
    for end in (lambda: gate.playout.drop(2), lambda: (gate.epoch.advance(), gate.playout.silence())):
        gate.playout.hold(2)
        end()
        gate.playout.begin(3, gate.epoch.value)
        gate.write_level(FRAME_SAMPLES, reply=3)
        assert gate.pull().any()
        gate.playout.drop(3)


def test_while_one_reply_is_held_nothing_else_sounds():
    gate = Gate()
    gate.playout.begin(2, 0)
    gate.write_level(FRAME_SAMPLES, reply=2)
    gate.write_level(2 * FRAME_SAMPLES)
    gate.pull()
    gate.playout.hold(1)
    gate.pull()
    gate.playout.drop(2)
    assert not gate.pull().any()


def test_dropping_tells_what_was_heard_and_the_next_reply_goes_on():
    gate = Gate()
    gate.write_level(2 * FRAME_SAMPLES)
    gate.playout.begin(2, 0)
    gate.write_level(FRAME_SAMPLES, reply=2)
    gate.pull()
    assert gate.playout.drop(1) == FRAME_SAMPLES
    assert gate.playout.drop(1) == 0
    assert gate.pull().all()
    assert gate.playout.heard(1) == gate.playout.position(1) == gate.playout.written(1) == 0


# Epochs.


def test_after_the_epoch_has_advanced_nothing_older_leaves():
    gate = Gate()
    gate.playout.begin(2, 0)
    gate.write_level(5 * FRAME_SAMPLES)
    gate.write_level(5 * FRAME_SAMPLES, reply=2)
    gate.pull()
    gate.epoch.advance()
    gate.playout.begin(3, 1)
    gate.write_level(FRAME_SAMPLES, reply=3)
    assert not gate.pull().any()
    assert gate.pull().all()
    assert gate.playout.heard(3) == FRAME_SAMPLES
    assert ("started", 2) not in gate.listener.told


def test_silence_tells_what_was_heard_of_each_reply():
    gate = Gate()
    gate.playout.begin(2, 0)
    gate.write_level(5 * FRAME_SAMPLES)
    gate.pull(2)
    gate.epoch.advance()
    gate.playout.begin(3, 1)
    assert gate.playout.silence() == {1: 2 * FRAME_SAMPLES, 2: 0}
    assert gate.playout.silence() == {}


def test_what_was_heard_counts_the_furthest_sample_once():
    gate = Gate()
    gate.write_level(5 * FRAME_SAMPLES)
    gate.pull(2)
    gate.playout.hold(1)
    gate.pull()
    gate.playout.resume(0)
    gate.pull()
    assert gate.playout.position(1) == FRAME_SAMPLES
    assert gate.playout.heard(1) == 2 * FRAME_SAMPLES + FADE_SAMPLES


def test_late_audio_is_refused_and_counted():
    gate = Gate()
    gate.write_level(FRAME_SAMPLES)
    gate.epoch.advance()
    late = np.full(1000, LEVEL, dtype=np.int16)
    assert now(gate.playout.write(1, late)) is False
    gate.playout.silence()
    assert now(gate.playout.write(1, late)) is False
    assert (gate.playout.stale_chunks, gate.playout.stale_samples) == (2, 2000)
    assert not gate.pull(2).any()


def test_an_interruption_from_within_the_news_of_a_frame_takes_that_frame_back():
    for news in ("started", "progressed"):
        gate = Gate()
        gate.write_level(40 * FRAME_SAMPLES)

        def interrupt(gate=gate, news=news):
            if gate.listener.told[-1][0] == news:
                gate.epoch.advance()
                gate.playout.silence()

        gate.listener.react = interrupt
        while gate.epoch.value == 0:
            frame = gate.playout.pull()
        assert not frame.any()
        assert not gate.pull().any()


# Bounds.


@pytest.mark.virtual_time
async def test_a_writer_waits_for_room_and_one_long_chunk_does_not_break_the_bound():
    gate = Gate(limit=1.0)
    writing = asyncio.create_task(gate.playout.write(1, np.full(480_000, LEVEL, dtype=np.int16)))
    most = 0
    while not writing.done():
        await asyncio.sleep(0.02)
        gate.playout.pull()
        most = max(most, gate.playout.written(1) - gate.playout.position(1))
    assert most <= 2 * 48_000
    assert await writing is True


@pytest.mark.virtual_time
@pytest.mark.parametrize("end", ["silence", "pull", "drop"])
async def test_a_writer_who_waits_for_room_learns_of_the_end(end):
    gate = Gate(limit=1.0)
    writing = asyncio.create_task(gate.playout.write(1, np.full(480_000, LEVEL, dtype=np.int16)))
    await asyncio.sleep(1)
    assert not writing.done()
    if end == "drop":
        gate.playout.drop(1)
    else:
        gate.epoch.advance()
        getattr(gate.playout, end)()
    assert await writing is False
    assert gate.playout.stale_chunks == 1
    assert gate.playout.stale_samples == 480_000 - 48_000


@pytest.mark.virtual_time
async def test_a_held_reply_takes_no_more_than_its_limit():
    gate = Gate(limit=1.0)
    gate.write_level(100)
    gate.playout.hold(1)
    writing = asyncio.create_task(gate.playout.write(1, np.full(480_000, LEVEL, dtype=np.int16)))
    for _ in range(100):
        await asyncio.sleep(0.02)
        gate.playout.pull()
    assert gate.playout.written(1) <= 2 * 48_000
    writing.cancel()


def test_progress_is_told_a_few_times_a_second_while_it_plays():
    gate = Gate()
    gate.write_level(100 * FRAME_SAMPLES)
    gate.pull(1 + 3 * PROGRESS_FRAMES)
    assert gate.listener.told == [("started", 1), *[("progressed", 1)] * 3]
    gate.playout.hold(1)
    gate.pull(1)
    told = len(gate.listener.told)
    gate.pull(5 * PROGRESS_FRAMES)
    assert len(gate.listener.told) == told


def test_frames_are_20_ms_and_the_idle_one_cannot_be_written_on():
    gate = Gate()
    frame = gate.playout.pull()
    assert (frame.shape, frame.dtype) == ((960,), np.int16)
    with pytest.raises(ValueError, match="read-only"):
        frame[0] = 1
