"""Speech segments out of window probabilities: when each began, how much speech it has, when it ended."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

# Of the threshold: the probability at which detectors that hold the agent begin a segment. Soft onsets stay under the
# threshold for a while, and a hold that proves to be for nothing costs little.
HOLD_SHARE = 0.6


class SpeechEdge(Enum):
    """The meaning of a window."""

    STARTED = "started"
    CONTINUED = "continued"
    ENDED = "ended"
    NOTHING = "nothing"


@dataclass(slots=True)
class SpeechSegmenter:
    """Turns the probabilities of windows into speech segments. A probability near the edge makes none flicker.

    `threshold`: a window at or above it counts as speech. `opening`: the very first window at or above it begins a
    segment, by default `threshold`; a lower one begins sooner on weak onsets, and costs nothing but a short hold, since
    only windows over `threshold` are evidence. `release`: within a segment a window is silence only below it; by
    default 0.15 under `threshold`, the hysteresis that Silero's authors use, not above `opening`, and at least 0.01.
    `min_silence`: seconds under `release` that end a segment.
    """

    window: float
    threshold: float = 0.5
    opening: float | None = None
    release: float | None = None
    min_silence: float = 0.16

    speaking: bool = False
    # Seconds judged speech within this segment, and seconds of silence since the last of them.
    voiced: float = 0.0
    silence: float = 0.0

    def feed(self, probability: float) -> SpeechEdge:
        """Take the next window's probability in [0, 1]."""
        opening = self.threshold if self.opening is None else self.opening
        # Above zero whatever the settings: something must count as silence, or no segment would ever end.
        release = max(min(opening, self.threshold - 0.15), 0.01) if self.release is None else self.release
        # Only windows above the threshold are evidence; others only begin a segment or keep it open.
        evidence = self.window if probability >= self.threshold else 0.0
        if not self.speaking:
            if probability < opening:
                self.silence += self.window
                return SpeechEdge.NOTHING
            self.speaking, self.voiced, self.silence = True, evidence, 0.0
            return SpeechEdge.STARTED
        if probability >= release:
            self.voiced += evidence
            self.silence = 0.0
            return SpeechEdge.CONTINUED
        self.silence += self.window
        if self.silence + 1e-9 < self.min_silence:
            return SpeechEdge.NOTHING
        self.speaking = False
        return SpeechEdge.ENDED

    def reset(self) -> None:
        """Back to silence."""
        self.speaking, self.voiced, self.silence = False, 0.0, 0.0
