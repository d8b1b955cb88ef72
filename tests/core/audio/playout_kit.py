"""A gate to be pulled by hand, for the tests of the playout."""

import numpy as np

from vision_agents.core.audio.playout import FADE_SAMPLES, Playout
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
