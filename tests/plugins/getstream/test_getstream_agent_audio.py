"""The voice falls in with the SDK's clock, and stays with it. The SDK's track is played by one whose clock is known."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest

pytest.importorskip("getstream_rtc", reason="needs the extra getstream")

import getstream_rtc

from vision_agents.core.audio import Samples
from vision_agents.plugins.getstream import StreamError, agent_audio
from vision_agents.plugins.getstream.agent_audio import PROBE, AgentAudio
from vision_agents.plugins.getstream.slots import LEAD

pytestmark = pytest.mark.virtual_time

FRAME = 0.02


class Track:
    """Takes a frame at each beat as the SDK does, and keeps them with the time: 0 for silence, else the frame's number.

    `first`: the time of the first beat. `missed`: beats, by their time, that it misses. `stall`: seconds that it needs
    to take in a frame, by its number. `shift`: from a beat on, by its number, the clock is so many seconds later.
    `slow_beats`: how many of the first beats fall into a write that takes 9 ms.
    """

    first = 0.0
    missed: tuple[float, ...] = ()
    stall: Mapping[int, float] = {}
    shift: tuple[int, float] = (0, 0.0)
    slow_beats: int = 0

    def __init__(self, pcm_queue_capacity: float) -> None:
        self.room = round(pcm_queue_capacity * 48_000)
        self.queue: list[int] = []
        self.taken: list[tuple[float, int]] = []
        self.refused: list[int] = []
        self._beats = 0

    async def write_pcm(self, samples: Samples, sample_rate: int, channels: int) -> None:
        assert (len(samples), sample_rate, channels) == (960, 48_000, 1)
        await asyncio.sleep(self.stall.get(int(samples[0]), 0.0))
        if self._beats < self.slow_beats and self._next_beat() - asyncio.get_running_loop().time() < 0.008:
            await asyncio.sleep(0.009)
        self.go_on()
        self.queue.append(int(samples[0]))
        if len(self.queue) * 960 > self.room:
            self.refused.append(self.queue.pop(0))
            raise getstream_rtc.PcmQueueOverflowError("full", 960, self.room)

    def flush(self) -> None:
        self.go_on()
        self.queue.clear()

    def go_on(self) -> None:
        """Do what it has done by now."""
        while (beat := self._next_beat()) <= asyncio.get_running_loop().time():
            self._beats += 1
            if not any(abs(beat - each) < FRAME / 2 for each in self.missed):
                self.taken.append((beat, self.queue.pop(0) if self.queue else 0))

    def _next_beat(self) -> float:
        beat, seconds = self.shift
        return self.first + self._beats * FRAME + (seconds if self._beats >= beat else 0.0)

    def sounds(self) -> list[int]:
        """The frames that were taken and are no silence."""
        self.go_on()
        return [number for _, number in self.taken if number]


class Sink:
    """Plays frames that carry their numbers, while `sounding`."""

    def __init__(self) -> None:
        self.sounding = True
        self.pulled: dict[int, float] = {}
        self.pulls = 0

    def pull(self) -> Any:
        self.pulls += 1
        if not self.sounding:
            return np.zeros(960, np.int16)
        number = len(self.pulled) + 1
        self.pulled[number] = asyncio.get_running_loop().time()
        return np.full(960, number, np.int16)


@pytest.fixture
def track(monkeypatch: pytest.MonkeyPatch) -> type[Track]:
    """Its clock, to be set before `speaking`."""

    class Set(Track):
        pass

    monkeypatch.setattr(agent_audio.getstream_rtc, "LocalAudioTrack", Set)
    return Set


@asynccontextmanager
async def speaking(sink: Sink) -> AsyncIterator[tuple[AgentAudio, Any]]:
    speaker = AgentAudio(sink)  # type: ignore[arg-type]
    task = asyncio.create_task(speaker.run())
    try:
        yield speaker, speaker.track
    finally:
        task.cancel()
        await asyncio.wait([task])
    if not task.cancelled():
        task.result()


@pytest.mark.parametrize("phase", [0.0, 0.0004, 0.003, 0.0071, 0.0133, 0.0199])
async def test_each_frame_is_pulled_just_before_its_beat_and_none_is_lost(track: type[Track], phase: float):
    track.first = asyncio.get_running_loop().time() + phase
    sink = Sink()
    async with speaking(sink) as (speaker, sdk):
        await asyncio.sleep(2.0)
        assert sdk.sounds() == list(range(1, len(sdk.sounds()) + 1))
        assert len(sdk.sounds()) >= 95
        waits = [beat - sink.pulled[number] for beat, number in sdk.taken if number]
        assert min(waits) >= LEAD - 2 * PROBE
        assert max(waits) <= LEAD + 2 * PROBE
        assert speaker.lost == 0


async def test_a_beat_that_passes_while_the_loop_is_busy_is_not_trusted(track: type[Track]):
    track.first = asyncio.get_running_loop().time() + 0.0131
    track.slow_beats = 1
    sink = Sink()
    async with speaking(sink) as (_, sdk):
        await asyncio.sleep(1.0)
        waits = [beat - sink.pulled[number] for beat, number in sdk.taken if number]
        assert max(waits) <= LEAD + 2 * PROBE


async def test_it_waits_for_the_first_connection(track: type[Track]):
    track.first = asyncio.get_running_loop().time() + 3.0
    sink = Sink()
    async with speaking(sink) as (speaker, sdk):
        await asyncio.sleep(2.9)
        assert not sink.pulls
        assert not speaker.flowing.is_set()
        await asyncio.sleep(0.3)
        assert speaker.flowing.is_set()
        assert sdk.sounds()[:3] == [1, 2, 3]


async def test_it_does_not_wait_for_ever(track: type[Track]):
    track.first = asyncio.get_running_loop().time() + 1000.0
    with pytest.raises(StreamError, match="UDP"):
        async with asyncio.timeout(60.0):
            await AgentAudio(Sink()).run()  # type: ignore[arg-type]


async def test_a_beat_that_the_sdk_misses_costs_one_frame_and_no_delay(track: type[Track]):
    now = asyncio.get_running_loop().time()
    track.first, track.missed = now + 0.007, (now + 1.007,)
    sink = Sink()
    async with speaking(sink) as (speaker, sdk):
        await asyncio.sleep(2.0)
        sounds = sdk.sounds()
        assert speaker.lost == 1
        assert set(range(1, sounds[-1] + 1)) - set(sounds) == {sdk.refused[-1]}
        waits = [beat - sink.pulled[number] for beat, number in sdk.taken if number]
        assert max(waits) <= LEAD + 2 * PROBE


@pytest.mark.parametrize("seconds", [0.004, 0.009, 0.0145, 0.019])
async def test_a_clock_that_is_set_costs_a_few_frames_and_is_followed(track: type[Track], seconds: float):
    track.first, track.shift = asyncio.get_running_loop().time() + 0.007, (50, seconds)
    sink = Sink()
    async with speaking(sink) as (speaker, sdk):
        await asyncio.sleep(2.0)
        sink.sounding = False
        await asyncio.sleep(0.1)
        last = len(sink.pulled)
        sink.sounding = True
        await asyncio.sleep(1.0)
        assert speaker.lost <= 4
        waits = [beat - sink.pulled[number] for beat, number in sdk.taken if number > last]
        assert len(waits) >= 45
        # A frame that waits longer than it should, but is taken, gives no sign of it.
        assert max(waits) < FRAME


async def test_what_the_sdk_has_not_taken_when_the_voice_ends_is_dropped(track: type[Track]):
    now = asyncio.get_running_loop().time()
    sink = Sink()
    track.first, track.missed = now + 0.007, (now + 1.007,)
    async with speaking(sink) as (_, sdk):
        # The last frame of the voice meets the beat that is missed.
        await asyncio.sleep(1.007 - LEAD / 2)
        last = len(sink.pulled)
        sink.sounding = False
        assert sdk.queue == [last]
        await asyncio.sleep(0.2)
        assert sdk.sounds()[-1] == last - 1


async def test_after_a_stall_slots_are_left_out_and_nothing_waits(track: type[Track]):
    track.first = asyncio.get_running_loop().time() + 0.007
    track.stall = {50: 0.133}
    sink = Sink()
    async with speaking(sink) as (speaker, sdk):
        await asyncio.sleep(2.0)
        sounds = sdk.sounds()
        assert speaker.lost <= 1
        assert sorted(set(sounds)) == sounds
        assert set(range(1, sounds[-1] + 1)) - set(sounds) <= {50}
        waits = [beat - sink.pulled[number] for beat, number in sdk.taken if number > 50]
        assert max(waits) <= LEAD + 2 * PROBE
        # The stall and nothing more.
        assert len(sounds) >= 95 - 0.133 / FRAME


async def test_while_paused_nothing_is_pulled_and_what_waited_is_dropped(track: type[Track]):
    track.first = asyncio.get_running_loop().time() + 0.007
    sink = Sink()
    async with speaking(sink) as (speaker, sdk):
        await asyncio.sleep(1.0 + 0.007 - LEAD / 2)
        before = len(sink.pulled)
        assert sdk.queue == [before]
        speaker.pause()
        await asyncio.sleep(0.5)
        assert len(sink.pulled) == before
        assert sdk.sounds()[-1] == before - 1
        assert not speaker.flowing.is_set()
        speaker.resume()
        await asyncio.sleep(0.5)
        assert speaker.flowing.is_set()
        assert sdk.sounds()[before - 1] == before + 1
