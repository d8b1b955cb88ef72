"""The beat at which the SDK takes audio, and the gaps in what it gives. Reads no clock: `now` is in seconds."""

from __future__ import annotations

from vision_agents.core.edge import FRAME_SECONDS

# How long before the SDK takes a frame it is pulled: half-way between two beats. An event loop that is later than this
# loses the frame's slot, which is a hole of 20 ms; other threads alone may keep it waiting for 5 ms, CPython's switch
# interval.
LEAD = FRAME_SECONDS / 2
# Less than this before the beat is too late: handing over takes time too.
MARGIN = 0.001

# The clock of received audio: RTP's for Opus.
CLOCK_RATE = 48_000

# Nothing for so long means that the other side sends nothing while it is silent (DTX), or that it is muted.
PATIENCE = 0.06
# Silence that is made up then, as time passes, at most: enough for any end of a turn.
LONGEST_SILENCE = 3.0
# The longest gap in the clock that is filled after the fact.
LONGEST_GAP = 0.5


class Slots:
    """Times at which frames are due: the SDK finds exactly one each time. `beat`: a moment at which it takes one."""

    def __init__(self, beat: float) -> None:
        self._beat = beat

    def wait(self, now: float) -> float:
        """Seconds until the next frame is due; not above 0 if it is."""
        return self._beat - LEAD - now

    def take(self, now: float) -> bool:
        """Return whether there is still time for the frame that is due. Either way it is the next one's turn.

        Slots that have passed are left out: the SDK has played silence in their place, and a frame put in later would
        have all others wait, for the rest of the call.
        """
        late = now + MARGIN - self._beat
        if late < 0:
            self._beat += FRAME_SECONDS
            return True
        self._beat += (int(late / FRAME_SECONDS) + 1) * FRAME_SECONDS
        return False


class Timeline:
    """Keeps time in somebody's audio the same as time in the room, although they may send nothing while silent."""

    def __init__(self) -> None:
        self._expected: int | None = None
        self._made_up = 0

    @property
    def patience(self) -> float | None:
        """Seconds to wait for the next frame before `silence`; None: for as long as it takes."""
        if self._expected is None or self._made_up >= LONGEST_SILENCE * CLOCK_RATE:
            return None
        return FRAME_SECONDS if self._made_up else PATIENCE

    def silence(self) -> int:
        """Nothing came for `patience`: the samples of silence that belong here."""
        count = round((FRAME_SECONDS if self._made_up else PATIENCE) * CLOCK_RATE)
        self._made_up += count
        return count

    def missing(self, start: int | None, length: int) -> int:
        """Samples of silence that belong before a frame that begins at `start`, modulo 2**32, and is `length` long."""
        gap = 0
        if start is not None and self._expected is not None:
            gap = (start - self._expected) % 2**32 - self._made_up
        if start is not None:
            self._expected = (start + length) % 2**32
        self._made_up = 0
        return gap if 0 < gap <= LONGEST_GAP * CLOCK_RATE else 0
