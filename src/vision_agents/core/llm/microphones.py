"""Many participants, one model: their audio as one stream."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ..audio import PcmData, Samples
from ..participants import Participant

# How far one participant may be ahead of the one whose audio sets the pace before that one counts as gone, in seconds;
# at the same time the most audio that waits to be mixed in.
PATIENCE = 0.2

# How fast the measure of who is loud forgets: by half in about this many seconds of audio.
HALF_LIFE = 0.5


@dataclass(slots=True)
class Microphone:
    """A participant's audio that waits to be mixed in, and how loud it has been."""

    waiting: Samples = field(default_factory=lambda: np.zeros(0, np.int16))
    loudness: float = 0.0

    def take(self, count: int) -> Samples:
        """The oldest samples that wait, at most `count`."""
        taken, self.waiting = self.waiting[:count], self.waiting[count:]
        return taken


class Microphones:
    """Mixes the participants' audio. One of them sets the pace; that of a single one passes untouched."""

    def __init__(self) -> None:
        self._microphones: dict[Participant, Microphone] = {}
        self._pacemaker: Participant | None = None

    @property
    def loudest(self) -> Participant | None:
        """The participant who was loudest in the last second: the one who speaks, if anyone does."""
        return max(self._microphones, key=lambda who: self._microphones[who].loudness, default=None)

    def mix(self, audio: PcmData, participant: Participant) -> PcmData | None:
        """Take the next piece of a participant's audio; return the next piece of the mix, if it is time for one."""
        microphone = self._microphones.setdefault(participant, Microphone())
        if len(self._microphones) == 1:
            self._pacemaker = participant
            return audio
        samples = audio.samples.astype(np.float32)
        microphone.loudness += float(samples @ samples)
        if participant == self._pacemaker:
            return self._with_others(audio)
        microphone.waiting = np.concatenate((microphone.waiting, audio.samples))
        if len(microphone.waiting) <= PATIENCE * audio.sample_rate:
            return None
        # The pacemaker sends nothing any more: this one takes over, and catches up.
        self._pacemaker = participant
        return self._with_others(PcmData(microphone.take(len(microphone.waiting)), audio.sample_rate))

    def forget(self, participant: Participant) -> None:
        """The participant left."""
        self._microphones.pop(participant, None)
        if participant == self._pacemaker:
            self._pacemaker = next(iter(self._microphones), None)

    def _with_others(self, audio: PcmData) -> PcmData:
        total = audio.samples.astype(np.int32)
        for who, microphone in self._microphones.items():
            microphone.loudness *= 0.5 ** (audio.duration / HALF_LIFE)
            if who != self._pacemaker:
                piece = microphone.take(len(total))
                total[: len(piece)] += piece
        return PcmData(np.clip(total, -32768, 32767).astype(np.int16), audio.sample_rate)
