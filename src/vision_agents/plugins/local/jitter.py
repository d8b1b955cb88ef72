"""A replacement for aiortc's jitter buffer that holds nothing.

aiortc's own buffer lets a packet go when four more have come (+80 ms), and one lost packet leaves it full, at 282 ms,
for the rest of the call. A listener that is to stop an agent at once cannot afford either. Nor does it need a buffer at
all: nothing here is played to anyone, so unevenness does no harm, and between two programs on one machine packets
neither overtake each other nor, as a rule, get lost. Each packet goes on at once; the place of one that did not come is
filled with silence, so that time in the audio stays time in the room.
"""

from __future__ import annotations

from typing import Any

from aiortc.jitterbuffer import JitterFrame

# How far back a packet may be and still count as a late one: 2 s. Further back, the numbers have wrapped around or the
# browser began to count anew.
LATE_PACKETS = 100

# The longest loss that is filled: 0.5 s at 48 kHz. After a longer one, of a laptop that slept for instance, the stream
# just goes on: an hour of silence is no help to anyone.
LONGEST_FILL = 24_000


class PassingBuffer:
    """Takes the place of `aiortc.jitterbuffer.JitterBuffer` in an audio receiver, and holds nothing.

    What comes too late or twice is left out: its place has been filled. `late` counts these packets.
    """

    def __init__(self) -> None:
        self.late = 0
        self._newest: int | None = None

    def add(self, packet: Any) -> tuple[bool, JitterFrame | None]:
        """Take an RTP packet; return False (no picture to be asked for) and the frame to decode, if any."""
        number: int = packet.sequence_number
        if self._newest is not None and (self._newest - number) % 2**16 < LATE_PACKETS:
            self.late += 1
            return False, None
        self._newest = number
        if not packet._data:
            # To a decoder, an empty packet would be the end of the stream.
            return False, None
        return False, JitterFrame(data=packet._data, timestamp=packet.timestamp)


class Continuity:
    """Tells how much is missing between one decoded frame and the next. Positions are RTP's: they wrap at 2**32."""

    def __init__(self) -> None:
        self._expected: int | None = None

    def missing(self, start: int, length: int) -> int:
        """Samples lost before the frame that begins at sample `start` and is `length` long; at most `LONGEST_FILL`."""
        gap = 0 if self._expected is None else (start - self._expected + 2**31) % 2**32 - 2**31
        self._expected = start + length
        return gap if 0 < gap <= LONGEST_FILL else 0
