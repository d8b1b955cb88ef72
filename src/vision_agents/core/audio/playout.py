"""The one gate: audio leaves only through here, and only as long as its epoch is current.

Pull-based. Whoever sends the agent's voice into the call pulls a frame each 20 ms; at that moment the frame's epoch is
compared with the current one. So an interruption needs nothing but the new epoch: no task, no queue and no provider has
to notice it first. What was pulled counts as heard.

Runs on the event loop's thread alone.
"""

from __future__ import annotations

from collections import deque
from typing import Protocol

import numpy as np

from ..epoch import Epoch
from .line import Line
from .pcm import Samples

SAMPLE_RATE = 48_000
FRAME_SAMPLES = 960

# Long enough to be no click, short enough to be no delay: 5 ms.
FADE_SAMPLES = 240

# Audio of one reply that may wait at the gate. Providers send a 20 s answer in half a second; beyond this they wait.
LIMIT_SECONDS = 5.0

# What is kept behind the position, for going back to the start of a cut word.
KEEP_SECONDS = 2.0

# Progress is reported each so many frames: 0.2 s.
PROGRESS_FRAMES = 10


class PlayoutListener(Protocol):
    """Hears what was pulled. Called from within `pull` and `finish`: it must return at once."""

    def audio_started(self, reply: int) -> None:
        """The first sample of the reply was pulled."""

    def audio_progressed(self, reply: int) -> None:
        """More of the reply was pulled; called a few times a second."""

    def audio_drained(self, reply: int, heard: int) -> None:
        """The reply is finished and all of it, `heard` samples, was pulled."""


class Playout:
    """The gate of one session: replies in order, each a line of 48 kHz mono int16."""

    def __init__(self, epoch: Epoch, listener: PlayoutListener, limit: float = LIMIT_SECONDS) -> None:
        self._epoch = epoch
        self._listener = listener
        self._limit = round(limit * SAMPLE_RATE)
        self._lines: deque[Line] = deque()
        self._frame: Samples = np.zeros(FRAME_SAMPLES, dtype=np.int16)
        self._silence: Samples = np.zeros(FRAME_SAMPLES, dtype=np.int16)
        self._silence.flags.writeable = False
        self._fade_in = np.linspace(0.0, 1.0, FADE_SAMPLES, dtype=np.float32)
        self._fade_out = self._fade_in[::-1].copy()
        self._held = False
        # What the next frame begins or ends with, when the voice is resumed or held while it sounds.
        self._fade: np.ndarray[tuple[int], np.dtype[np.float32]] | None = None
        self._frames = 0
        # Audio that came after its epoch was over, since the beginning.
        self.stale_chunks = 0
        self.stale_samples = 0

    # What makes a voice.

    def begin(self, reply: int, epoch: int) -> None:
        """Open the line of a reply, behind those that are open."""
        self._lines.append(Line(reply, epoch, round(KEEP_SECONDS * SAMPLE_RATE)))

    async def write(self, reply: int, samples: Samples) -> bool:
        """Add 48 kHz samples to a reply; wait while more than the limit is queued for it.

        Returns False, and counts the audio as stale, if the reply was interrupted or dropped, also in the meantime.
        """
        line = self._find(reply)
        # In pieces of a second: one long chunk must not break the bound.
        for start in range(0, len(samples), SAMPLE_RATE):
            if line is not None:
                await line.room(self._limit)
            if line is None or line.closed or line.epoch < self._epoch.value:
                self.stale_chunks += 1
                self.stale_samples += len(samples) - start
                return False
            line.append(samples[start : start + SAMPLE_RATE])
        return line is not None

    def written(self, reply: int) -> int:
        """Samples written to a reply so far; 0 if it is gone."""
        line = self._find(reply)
        return line.written if line is not None else 0

    def finish(self, reply: int) -> None:
        """No more audio of the reply will come."""
        line = self._find(reply)
        if line is not None:
            line.finished = True
            if line is self._lines[0] and not line.waiting:
                self._drained(line)

    # What decides about it: all synchronous, all in force at the next pull.

    def hold(self) -> None:
        """Fade out within the next frame and keep the place."""
        if self._held:
            return
        self._held = True
        line = self._lines[0] if self._lines else None
        self._fade = self._fade_out if line is not None and line.started and line.waiting else None

    def resume(self, position: int | None = None) -> None:
        """Go on from `position` in the current reply, by default at the exact sample, with a fade-in."""
        self._held = False
        if self._lines and self._lines[0].started:
            if position is not None:
                self._lines[0].rewind(position)
            self._fade = self._fade_in

    def silence(self) -> dict[int, int]:
        """Throw away all that is older than the current epoch; return for each reply the samples that were heard."""
        stale = [line for line in self._lines if line.epoch < self._epoch.value]
        for line in stale:
            self._remove(line)
        return {line.reply: line.heard for line in stale}

    def drop(self, reply: int) -> int:
        """Throw one reply away, whatever its epoch; return the samples of it that were heard."""
        line = self._find(reply)
        if line is None:
            return 0
        self._remove(line)
        return line.heard

    def heard(self, reply: int) -> int:
        """Samples of the reply that were heard so far; 0 if it is gone."""
        line = self._find(reply)
        return line.heard if line is not None else 0

    def position(self, reply: int) -> int:
        """The next sample of the reply to be pulled: less than what was heard, after going back to a cut word."""
        line = self._find(reply)
        return line.position if line is not None else 0

    # What leaves.

    def pull(self) -> Samples:
        """The next 20 ms: int16, shape (960,), 48 kHz. The array is reused by the next call."""
        if not self._lines:
            return self._silence
        line = self._lines[0]
        if line.epoch < self._epoch.value:
            self.silence()
            return self._silence
        if self._held:
            return self._pull_fade_out(line)
        frame = self._frame
        count = line.read_into(frame)
        if not count:
            return self._silence
        if count < FRAME_SAMPLES:
            frame[count:] = 0
        if self._fade is not None:
            self._apply(self._fade)
            self._fade = None
        self._report(line)
        return frame

    def _pull_fade_out(self, line: Line) -> Samples:
        if self._fade is None:
            return self._silence
        self._frame[:] = 0
        line.read_into(self._frame[:FADE_SAMPLES])
        self._apply(self._fade)
        self._fade = None
        self._report(line)
        return self._frame

    def _apply(self, fade: np.ndarray[tuple[int], np.dtype[np.float32]]) -> None:
        self._frame[:FADE_SAMPLES] = self._frame[:FADE_SAMPLES] * fade

    def _report(self, line: Line) -> None:
        self._frames += 1
        if not line.started:
            line.started = True
            self._frames = 0
            self._listener.audio_started(line.reply)
        elif self._frames % PROGRESS_FRAMES == 0:
            self._listener.audio_progressed(line.reply)
        if line.finished and not line.waiting:
            self._drained(line)

    def _drained(self, line: Line) -> None:
        self._remove(line)
        self._listener.audio_drained(line.reply, line.heard)

    def _remove(self, line: Line) -> None:
        if line is self._lines[0]:
            # A hold is of one reply; the next one is not born held.
            self._held, self._fade = False, None
        self._lines.remove(line)
        line.close()

    def _find(self, reply: int) -> Line | None:
        for line in self._lines:
            if line.reply == reply:
                return line
        return None
