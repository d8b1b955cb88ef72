"""The audio of one turn, and the words found in it so far."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import numpy as np

from vision_agents.core.audio import Samples

from .model import NOTHING, Reading, joined
from .pauses import quietest

SAMPLE_RATE = 16_000
PRE_ROLL = SAMPLE_RATE // 2
"""Samples kept from before a turn: a detector hears speech 0.05 to 0.25 s after it began."""
LONGEST = 12 * SAMPLE_RATE
"""Samples that are read again and again; the earlier half of more is read once more and then left alone."""
MOST_WAITING = 10
"""Pieces (two minutes of audio at most) that may wait to be read for the last time."""
LEAST_VOICED = 3
"""Windows of speech (0.1 s) without which there are no words: noise seldom has them, every word has."""

_MARGIN_BEFORE, _MARGIN_AFTER = SAMPLE_RATE // 2, 2 * SAMPLE_RATE // 5  # around the speech in what is read


class Stop(threading.Event):
    """Ends a reading: at once while it waits for the network, within 100 ms once it has begun. Set it on the loop.

    `slack`: seconds that the reading may come later than those of others.
    """

    def __init__(self, slack: float = 0.0) -> None:
        super().__init__()
        self.slack = slack
        self.begun = False
        self._job: asyncio.Future[Reading] | None = None

    @property
    def in_no_hurry(self) -> bool:
        """Return whether the reading still lets those of others go before it."""
        return self.slack > 0 and not self.begun

    def ends(self, job: asyncio.Future[Reading]) -> None:
        """Take `job` as what is to be ended."""
        self._job = job

    def set(self) -> None:
        """End the reading; its words are of no use."""
        super().set()
        if self._job is not None:
            self._job.cancel()


Transcribe = Callable[[Samples, Stop], Awaitable[Reading]]


class BacklogError(RuntimeError):
    """Speech came faster than it could be read, and some of it was given up."""


@dataclass(slots=True)
class _Buffer:
    """Audio, and where in it speech was heard (the numbers of the last samples of voiced windows)."""

    space: Samples
    length: int
    voiced: list[int]

    @classmethod
    def empty(cls) -> _Buffer:
        return cls(np.empty(PRE_ROLL * 2, dtype=np.int16), 0, [])

    def push(self, samples: Samples, voiced: int) -> None:
        end = self.length + len(samples)
        if end > len(self.space):
            grown = np.empty(2 * end, dtype=np.int16)
            grown[: self.length] = self.space[: self.length]
            self.space = grown
        self.space[self.length : end] = samples
        self.length = end
        self.voiced.extend([end] * voiced)

    def cut(self, at: int) -> Samples:
        """Take the first `at` samples out: those with speech in them, or none if there is too little of it."""
        taken = self.speech(at)
        rest = self.space[at : self.length].copy()
        self.space[: len(rest)] = rest
        self.length = len(rest)
        self.voiced = [position - at for position in self.voiced if position > at]
        return taken

    def speech(self, end: int) -> Samples:
        """A copy of what lies before `end`, without the silence around its speech."""
        voiced = [position for position in self.voiced if position <= end]
        if len(voiced) < LEAST_VOICED:
            return self.space[:0].copy()
        return self.space[max(0, voiced[0] - _MARGIN_BEFORE) : min(end, voiced[-1] + _MARGIN_AFTER)].copy()


class Utterance:
    """Collects one participant's audio: half a second of it until `begin`, everything from there on.

    Reading happens in `transcribe`, one piece at a time. What is longer than 12 s is cut at a pause; the part before
    is read once more and its words stay, so that a turn of minutes costs no more for each second than a short one.
    """

    def __init__(self, transcribe: Transcribe) -> None:
        self.active = False
        self.heard = 0
        """Windows of speech so far: what has not changed since the last reading need not be read again."""
        self.read = 0
        """How many of them the last reading covered."""
        self._transcribe = transcribe
        self._buffer = _Buffer.empty()
        self._pieces: deque[Samples] = deque()
        self._settled: list[Reading] = []
        self._newest = NOTHING
        self._reading = asyncio.Lock()
        self._stop = Stop()
        self._reading_to = 0

    def begin(self) -> None:
        """Speech was heard: keep everything from half a second ago on."""
        self._buffer.cut(max(0, self._buffer.length - PRE_ROLL))
        self.read = self.heard - len(self._buffer.voiced)
        self.active = True

    def add(self, samples: Samples, voiced: int) -> None:
        """Take audio, of which `voiced` windows were speech.

        Raises BacklogError, once the oldest piece is given up, if reading is two minutes behind.
        """
        self._buffer.push(samples, voiced)
        self.heard += voiced
        if not self.active:
            if self._buffer.length > 2 * PRE_ROLL:
                self._buffer.cut(self._buffer.length - PRE_ROLL)
        elif self._buffer.length > LONGEST:
            self._settle()

    async def update(self, slack: float = 0.0) -> Reading:
        """Read what is new and return all words so far. It may be `slack` seconds late if others need the network."""
        async with self._reading:
            await self._read_pieces()
            await self._read_rest(slack)
            return self.words

    async def finish(self) -> Reading:
        """Read to the end. A reading that has begun is used if it covers all speech; another is stopped."""
        if self._reading_to != self.heard or self._stop.in_no_hurry:
            self._stop.set()
        return await self.update()

    def abandon(self) -> None:
        """Nobody wants the words any more."""
        self._stop.set()
        self._pieces.clear()

    @property
    def words(self) -> Reading:
        """All words found so far."""
        return joined((*self._settled, self._newest))

    def _settle(self) -> None:
        cut = quietest(self._buffer.space[: self._buffer.length], LONGEST // 2, LONGEST)
        piece = self._buffer.cut(cut)
        self.read = -1  # the words of the last reading are about to be counted twice
        if len(piece):
            self._pieces.append(piece)
        if len(self._pieces) > MOST_WAITING:
            lost = self._pieces.popleft()
            raise BacklogError(
                f"Transcription is {MOST_WAITING} pieces behind: {len(lost) / SAMPLE_RATE:.1f} s of speech were given "
                "up. Give it a core of its own, or fewer participants."
            )

    async def _read_pieces(self) -> None:
        while self._pieces:
            piece = self._pieces.popleft()
            self._settled.append(await self._transcribe(piece, Stop()))
            self._newest = NOTHING

    async def _read_rest(self, slack: float) -> None:
        if self.read == self.heard:
            return
        self._stop = Stop(slack)
        stop, self._reading_to = self._stop, self.heard
        speech = self._buffer.speech(self._buffer.length)
        newest = await self._transcribe(speech, stop) if len(speech) else NOTHING
        if not stop.is_set():
            self._newest, self.read = newest, self._reading_to
