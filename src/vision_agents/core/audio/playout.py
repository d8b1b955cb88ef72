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
from .line import Heard, Line
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
        # The reply that is held, and with it everything behind it.
        self._held: int | None = None
        # The last frame ended in mid-voice: a silence after it must fade, and only after a silence the voice fades in.
        self._sounding = False
        self._frames = 0
        self._closed = False
        # Audio that came after its epoch was over, since the beginning.
        self.stale_chunks = 0
        self.stale_samples = 0
        # Audio that was here, and was thrown away unplayed, since the beginning.
        self.dropped_samples = 0

    # What makes a voice.

    def begin(self, reply: int, epoch: int, *, prepared: bool = False) -> None:
        """Open the line of a reply, behind those that are open. `prepared`: none of it is pulled before `release`."""
        if not self._closed:
            line = Line(reply, epoch, round(KEEP_SECONDS * SAMPLE_RATE))
            line.prepared = prepared
            self._lines.append(line)

    def release(self, reply: int) -> None:
        """Let a prepared reply be pulled from now on."""
        line = self._find(reply)
        if line is not None:
            line.prepared = False
            self._end_if_drained(line)

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
                self._epoch.dropped(line.epoch if line else self._epoch.value - 1, (len(samples) - start) / SAMPLE_RATE)
                return False
            line.append(samples[start : start + SAMPLE_RATE])
        return line is not None

    def written(self, reply: int) -> int:
        """Samples written to a reply so far; 0 if it is gone."""
        line = self._find(reply)
        return line.written if line is not None else 0

    @property
    def ahead(self) -> float:
        """Seconds of audio that wait to be pulled, of all replies."""
        return sum(line.waiting for line in self._lines) / SAMPLE_RATE

    def mark(self, reply: int, heard: Heard) -> None:
        """Call `heard(True)` when all that was written to the reply so far has been pulled, `heard(False)` if it will
        not be. It is called from within `pull` and whatever ends the reply: it must return at once."""
        line = self._find(reply)
        if line is None:
            heard(False)
        else:
            line.mark(heard)

    def finish(self, reply: int) -> None:
        """No more audio of the reply will come."""
        line = self._find(reply)
        if line is not None:
            line.finished = True
            self._end_if_drained(line)

    def _end_if_drained(self, line: Line) -> None:
        if line.finished and not line.prepared and line is self._lines[0] and not line.waiting:
            self._drained(line)

    # What decides about it: all synchronous, all in force at the next pull.

    def hold(self, reply: int) -> None:
        """Fade out within the next frame and keep the place, until `resume` or until `reply` is over.

        Nothing at all is played meanwhile: the reply may have no line yet, and another may be behind it.
        """
        self._held = reply

    def resume(self, reply: int, position: int | None = None) -> None:
        """Go on from `position` in the reply, by default at the exact sample, with a fade-in.

        If another one is before it, that goes on at its exact sample.
        """
        self._held = None
        # A voice that is resumed before its hold was heard was never cut: there is no word to go back to.
        if position is not None and self._lines and self._lines[0].reply == reply and not self._sounding:
            self._lines[0].rewind(position)

    @property
    def sounding(self) -> bool:
        """Return whether the last frame that was pulled ended in mid-voice."""
        return self._sounding

    def silence(self) -> dict[int, int]:
        """Throw away all that is older than the current epoch; return for each reply the samples that were heard."""
        self._held = None
        stale = [line for line in self._lines if line.epoch < self._epoch.value]
        for line in stale:
            self._remove(line)
        return {line.reply: line.heard for line in stale}

    def drop(self, reply: int) -> int:
        """Throw one reply away, whatever its epoch; return the samples of it that were heard."""
        if self._held == reply:
            self._held = None
        line = self._find(reply)
        if line is None:
            return 0
        self._remove(line)
        return line.heard

    def close(self) -> None:
        """Shut the gate for good: the call is over."""
        self._closed = True
        while self._lines:
            self._remove(self._lines[0])

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
        if line.prepared:
            return self._silence
        if self._held is None:
            return self._pull_voice(line)
        return self._pull_fade_out(line) if self._sounding else self._silence

    def _pull_voice(self, line: Line) -> Samples:
        count = line.read_into(self._frame)
        if not count and not self._sounding:
            if line.finished:
                self._drained(line)
            return self._silence
        if line.started and not self._sounding:
            self._frame[:FADE_SAMPLES] = self._frame[:FADE_SAMPLES] * self._fade_in
        self._sounding = count == FRAME_SAMPLES
        if not self._sounding:
            if line.finished:
                self._frame[count:] = 0
            else:
                # Nothing more has come in time: a network's gap must not click.
                self._end_softly(count)
        return self._report(line, count)

    def _pull_fade_out(self, line: Line) -> Samples:
        count = line.read_into(self._frame[:FADE_SAMPLES])
        self._end_softly(count)
        self._sounding = False
        return self._report(line, count)

    def _end_softly(self, count: int) -> None:
        """Fade the frame out at the end of its `count` samples; where they are too few, their last one is drawn out."""
        if count < FADE_SAMPLES:
            # With none at all, the last one is that of the frame before, which still stands in the buffer.
            self._frame[count:FADE_SAMPLES] = self._frame[count - 1]
            count = FADE_SAMPLES
        self._frame[count - FADE_SAMPLES : count] = self._frame[count - FADE_SAMPLES : count] * self._fade_out
        self._frame[count:] = 0

    def _report(self, line: Line, count: int) -> Samples:
        """Tell the listener what was pulled, and return it, unless it was interrupted by that very news."""
        self._frames += 1
        if count and not line.started:
            line.started = True
            self._frames = 0
            self._listener.audio_started(line.reply)
        elif count and self._frames % PROGRESS_FRAMES == 0:
            self._listener.audio_progressed(line.reply)
        line.tell_heard()
        if line.closed:
            return self._silence
        if line.finished and not line.waiting:
            self._drained(line)
        return self._frame

    def _drained(self, line: Line) -> None:
        self._remove(line)
        self._listener.audio_drained(line.reply, line.heard)

    def _remove(self, line: Line) -> None:
        if line is self._lines[0]:
            self._sounding = False
        if line.reply == self._held:
            # A hold is of one reply; the next one is not born held.
            self._held = None
        self._lines.remove(line)
        self.dropped_samples += line.waiting
        line.close()

    def _find(self, reply: int) -> Line | None:
        for line in self._lines:
            if line.reply == reply:
                return line
        return None
