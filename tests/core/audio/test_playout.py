"""The gate, frame by frame: exact samples, several replies, epochs, bounds, and what the listener is told."""

import asyncio

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision_agents.core.audio.playout import FADE_SAMPLES, FRAME_SAMPLES, PROGRESS_FRAMES, SAMPLE_RATE, Playout
from vision_agents.core.epoch import Epoch

from .playout_kit import LEVEL, Gate, Listener, now

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


def test_ahead_is_all_that_waits_to_be_pulled_until_it_is_dropped():
    gate = Gate()
    gate.playout.begin(2, 0)
    assert gate.playout.ahead == 0.0
    gate.write(3 * FRAME_SAMPLES)
    gate.write_level(FRAME_SAMPLES, reply=2)
    assert gate.playout.ahead == 4 * FRAME_SAMPLES / SAMPLE_RATE
    gate.pull()
    assert gate.playout.ahead == 3 * FRAME_SAMPLES / SAMPLE_RATE
    gate.playout.drop(2)
    assert gate.playout.ahead == 2 * FRAME_SAMPLES / SAMPLE_RATE
    gate.epoch.advance()
    gate.playout.silence()
    assert gate.playout.ahead == 0.0


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
    gate.playout.resume(1, 0)
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
    gate, told = Gate(limit=1.0), []
    gate.epoch.observe_dropped(lambda born, seconds: told.append((born, seconds)))
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
    assert [seconds for _, seconds in told] == [9.0]


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


def test_progress_is_counted_from_the_first_frame_of_each_reply():
    gate = Gate()
    gate.write_level(4 * FRAME_SAMPLES)
    gate.playout.finish(1)
    gate.pull(4)
    gate.playout.begin(2, 0)
    gate.write_level(20 * FRAME_SAMPLES, reply=2)
    gate.pull(PROGRESS_FRAMES)
    assert gate.listener.told[-1] == ("started", 2)
    gate.pull()
    assert gate.listener.told[-1] == ("progressed", 2)


def test_frames_are_20_ms_and_the_idle_one_cannot_be_written_on():
    gate = Gate()
    frame = gate.playout.pull()
    assert (frame.shape, frame.dtype) == ((960,), np.int16)
    with pytest.raises(ValueError, match="read-only"):
        frame[0] = 1


def test_frames_and_fades_have_the_lengths_that_are_promised():
    assert FRAME_SAMPLES == 0.020 * SAMPLE_RATE
    assert FADE_SAMPLES == 0.005 * SAMPLE_RATE
    assert PROGRESS_FRAMES * FRAME_SAMPLES == 0.2 * SAMPLE_RATE


@pytest.mark.virtual_time
async def test_five_seconds_of_a_reply_may_wait_unless_said_otherwise():
    playout = Playout(Epoch(), Listener())
    playout.begin(1, 0)
    writing = asyncio.create_task(playout.write(1, np.full(10 * SAMPLE_RATE, LEVEL, dtype=np.int16)))
    await asyncio.sleep(1)
    assert playout.written(1) == 5 * SAMPLE_RATE
    writing.cancel()


def test_the_gate_counts_from_nothing():
    playout = Playout(Epoch(), Listener())
    assert (playout.stale_chunks, playout.stale_samples, playout.dropped_samples) == (0, 0, 0)


def test_a_closed_gate_has_dropped_everything():
    gate = Gate()
    gate.write(10 * FRAME_SAMPLES)
    gate.playout.begin(2, 0)
    gate.write_level(5 * FRAME_SAMPLES, reply=2)
    gate.pull()
    dropped = gate.playout.dropped_samples
    gate.playout.close()
    assert gate.playout.dropped_samples - dropped == 14 * FRAME_SAMPLES
    assert not now(gate.playout.write(1, np.ones(10, np.int16)))
    assert not gate.pull(3).any()
    assert gate.playout.heard(1) == 0
    gate.playout.begin(3, 0)
    assert not now(gate.playout.write(3, np.ones(10, np.int16)))
    assert not gate.pull().any()


def test_it_sounds_until_the_reply_that_is_pulled_is_thrown_away():
    gate = Gate()
    gate.write_level(3 * FRAME_SAMPLES)
    gate.playout.begin(2, 0)
    gate.write_level(3 * FRAME_SAMPLES, reply=2)
    gate.pull()
    gate.playout.drop(2)
    assert gate.playout.sounding
    gate.playout.drop(1)
    assert not gate.playout.sounding


@pytest.mark.parametrize("drop", [lambda gate: gate.epoch.advance(), lambda gate: gate.playout.drop(1)])
def test_audio_that_comes_too_late_is_told(drop):
    gate = Gate()
    told = []
    gate.epoch.observe_dropped(lambda born, seconds: told.append((born, seconds)))
    drop(gate)
    assert not now(gate.playout.write(1, np.ones(480, np.int16)))
    assert told == [(gate.epoch.value - 1 if gate.epoch.value else -1, 0.01)]
    assert gate.playout.stale_samples == 480


# Marks.


def test_a_mark_is_told_in_the_frame_in_which_it_was_heard():
    gate, told = Gate(), []
    gate.playout.mark(1, lambda heard: told.append(("nothing", heard)))
    assert told == [("nothing", True)]
    gate.write(FRAME_SAMPLES + 10)
    gate.playout.mark(1, lambda heard: told.append(("first", heard)))
    gate.write(FRAME_SAMPLES)
    gate.playout.mark(1, lambda heard: told.append(("second", heard)))
    gate.pull()
    assert told[1:] == []
    gate.pull()
    assert told[1:] == [("first", True)]
    gate.pull()
    assert told[1:] == [("first", True), ("second", True)]


@pytest.mark.parametrize("end", ["interrupted", "dropped", "closed"])
def test_a_mark_that_will_not_be_reached_is_told_at_once(end):
    gate, told = Gate(), []
    gate.write(FRAME_SAMPLES)
    gate.playout.mark(1, told.append)
    if end == "interrupted":
        gate.epoch.advance(1)
        gate.playout.silence()
    elif end == "dropped":
        gate.playout.drop(1)
    else:
        gate.playout.close()
    assert told == [False]
    gate.playout.mark(1, told.append)
    assert told == [False, False]


def test_a_mark_that_was_heard_before_the_voice_went_back_to_a_word_stays_told():
    gate, told = Gate(), []
    gate.write(2 * FRAME_SAMPLES)
    gate.playout.mark(1, told.append)
    gate.write(FRAME_SAMPLES)
    gate.pull(2)
    gate.playout.hold(1)
    gate.pull()
    gate.playout.resume(1, FRAME_SAMPLES)
    gate.pull(2)
    assert told == [True]
