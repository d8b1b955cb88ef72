"""A caller's mouth, frame by frame: clips when it is told to say them, the room in between. Reads no clock."""

from __future__ import annotations

import asyncio

from vision_agents.core.edge import FRAME_SECONDS

from .clips import Clip


class Saying:
    """A clip that is being said. `onset` and `end` are times of the loop's clock, once it has begun."""

    def __init__(self, clip: Clip) -> None:
        self.clip = clip
        self.began: float | None = None
        self.done = asyncio.Event()

    @property
    def onset(self) -> float:
        """The moment at which the sound begins."""
        return self._begun + self.clip.onset

    @property
    def end(self) -> float:
        """The moment at which it ends."""
        return self._begun + self.clip.end

    @property
    def _begun(self) -> float:
        if self.began is None:
            raise RuntimeError(f"{self.clip.name} has not begun")
        return self.began


class Mouth:
    """The frames of one caller; `room` is what is between clips."""

    def __init__(self, room: Clip) -> None:
        self._room = room
        self._place = 0
        self._saying: Saying | None = None

    def say(self, clip: Clip) -> Saying:
        """Say a clip from the next frame on, whatever was being said."""
        self.hush()
        self._saying, self._place = Saying(clip), 0
        return self._saying

    def hush(self) -> None:
        """Say no more."""
        if self._saying is not None:
            self._saying.done.set()
        self._saying, self._place = None, 0

    def next(self, due: float) -> tuple[Clip, int]:
        """The clip and the number of the frame that is complete, and so is sent, at `due` of the loop's clock."""
        saying = self._saying
        clip = self._room if saying is None else saying.clip
        place = self._place
        self._place += 1
        if saying is not None and saying.began is None:
            saying.began = due - FRAME_SECONDS
        if self._place == len(clip.frames):
            self.hush()
        return clip, place
