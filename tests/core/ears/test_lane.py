"""A lane: in order, bounded, and never in anyone's way."""

import asyncio

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision_agents.core.audio import PcmData
from vision_agents.core.ears.lane import AudioLane, DirectLane
from vision_agents.testing import virtual_time

pytestmark = pytest.mark.virtual_time


def frame(value: int = 0) -> PcmData:
    """20 ms, all of one value."""
    return PcmData(np.full(320, value, dtype=np.int16), 16_000)


class Consumer:
    """Takes `seconds` for each frame, and notes its value."""

    def __init__(self, seconds: float = 0.0):
        self.seconds = seconds
        self.taken = []
        self.errors = []

    async def __call__(self, audio):
        await asyncio.sleep(self.seconds)
        self.taken.append(int(audio.samples[0]))

    def lane(self, **options) -> AudioLane:
        return AudioLane("lane", self, self.errors.append, **options)


@given(st.lists(st.floats(0, 0.1), max_size=50), st.floats(0, 0.1))
def test_everything_is_consumed_in_order_however_slow(gaps, seconds):
    async def main():
        consumer = Consumer(seconds)
        lane = consumer.lane()
        for value, gap in enumerate(gaps):
            lane.push(frame(value))
            await asyncio.sleep(gap)
        await lane.drain()
        await lane.close()
        assert consumer.taken == list(range(len(gaps)))
        assert (lane.dropped, consumer.errors) == (0.0, [])

    virtual_time.run(main())


async def test_drain_does_not_wait_for_what_is_pushed_meanwhile():
    consumer = Consumer(0.03)  # slower than the frames come
    lane = consumer.lane()

    pushed = 0

    async def talk():
        nonlocal pushed
        for value in range(500):
            lane.push(frame(value))
            pushed = value
            await asyncio.sleep(0.02)

    talking = asyncio.create_task(talk())
    await asyncio.sleep(1.0)
    latest = pushed
    await asyncio.wait_for(lane.drain(), 1.0)
    assert consumer.taken[-1] in (latest, latest + 1)
    assert pushed > latest + 1
    talking.cancel()
    await lane.close()


async def test_at_the_limit_the_oldest_goes_and_that_is_reported_each_time_it_begins():
    consumer = Consumer(1.0)
    lane = consumer.lane(limit=1.01)
    for value in range(100):
        lane.push(frame(value))
    # One second waits, the rest is gone, and it was the oldest.
    assert lane.dropped == pytest.approx(1.0)
    assert [str(error) for error in consumer.errors] == ["lane is 1 s behind: its oldest audio is dropped"]
    await lane.drain()
    assert consumer.taken == list(range(50, 100))
    for value in range(100):
        lane.push(frame(value))
    assert len(consumer.errors) == 2
    await lane.close()


async def test_one_chunk_beyond_the_limit_still_goes_through():
    consumer = Consumer()
    lane = consumer.lane(limit=0.01)
    lane.push(frame(7))
    await lane.drain()
    assert consumer.taken == [7]
    await lane.close()


async def test_a_drain_whose_place_is_dropped_or_closed_returns():
    consumer = Consumer(60.0)
    lane = consumer.lane(limit=0.1)
    for value in range(5):
        lane.push(frame(value))
    draining = asyncio.create_task(lane.drain())
    await asyncio.sleep(0)
    for value in range(20):
        lane.push(frame(value))
    await asyncio.wait_for(draining, 0.1)
    draining = asyncio.create_task(lane.drain())
    await asyncio.sleep(0)
    await lane.close()
    await asyncio.wait_for(draining, 0.1)
    await lane.drain()


async def test_a_consumer_that_raises_goes_on_and_is_reported_once_in_a_row():
    class Moody(Consumer):
        async def __call__(self, audio):
            await super().__call__(audio)
            if audio.samples[0] % 2:
                raise ValueError(f"bad frame {audio.samples[0]}")

    consumer = Moody()
    lane = consumer.lane()
    for value in (1, 3, 5, 2, 7, 9):
        lane.push(frame(value))
    await lane.drain()
    assert consumer.taken == [1, 3, 5, 2, 7, 9]
    assert [str(error) for error in consumer.errors] == ["bad frame 1", "bad frame 7"]
    await lane.close()


async def test_close_does_not_wait_for_a_consumer_that_hangs():
    class Stubborn(Consumer):
        async def __call__(self, audio):
            while True:
                try:
                    await asyncio.sleep(3600)
                except asyncio.CancelledError:
                    self.taken.append("refused")
                    if len(self.taken) == 2:
                        raise

    consumer = Stubborn()
    lane = consumer.lane()
    lane.push(frame())
    await asyncio.sleep(0.1)
    begin = asyncio.get_running_loop().time()
    await lane.close()
    assert asyncio.get_running_loop().time() - begin <= 1.0
    lane._task.cancel()
    await asyncio.wait([lane._task])


async def test_a_consumer_that_never_waits_is_called_at_once_and_its_errors_are_reported_once():
    heard, failures = [], []

    def consume(audio):
        heard.append(audio)
        if len(heard) in (2, 3, 5):
            raise ValueError(len(heard))
        if len(heard) == 6:
            raise asyncio.CancelledError

    tasks = asyncio.all_tasks()
    lane = DirectLane("plain", consume, lambda error: failures.append(type(error).__name__))
    for count in range(1, 8):
        lane.push(frame())
        assert len(heard) == count
    await lane.drain()
    await lane.close()
    assert failures == ["ValueError", "ValueError"]
    assert asyncio.all_tasks() == tasks


async def test_a_plain_consumer_that_returns_what_nobody_awaits_is_told_of():
    async def work():
        pass

    failures, made = [], []

    def consume(audio):
        made.append(work())
        return made[-1]

    lane = DirectLane("detector", consume, failures.append)
    lane.push(frame())
    lane.push(frame())
    (failure,) = failures
    assert "make it async" in str(failure)
    for each in made:
        each.close()
