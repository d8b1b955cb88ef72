"""The held voice: when it fell silent for somebody's speech, and what is told when that is decided."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Literal

from ..audio import Playout
from ..audio.playout import FADE_SAMPLES, SAMPLE_RATE
from ..epoch import Epoch
from ..events import EventManager
from ..floor.evidence import Vote
from ..participants import Participant
from ..trace import Trace
from ..trace.notes import InterruptionDecided
from ..voice import HeardText
from .events import InterruptionEvent


@dataclass(slots=True)
class Hold:
    """A hold that is not decided yet.

    `onset`: when the sound began that it is for. `sounding`: the voice was to be heard when it began. `silent_at`: when
    the voice fell silent, None as long as it has not.
    """

    reply: int
    at: float
    onset: float
    participant: Participant | None
    sounding: bool
    silent_at: float | None = None


class HeldVoice:
    """Measures how long the voice takes to fall silent, and announces what was decided."""

    def __init__(self, playout: Playout, events: EventManager, trace: Trace, epoch: Epoch) -> None:
        self._playout, self._events, self._trace, self._epoch = playout, events, trace, epoch
        self._hold: Hold | None = None

    def begin(self, reply: int, participant: Participant | None, onset: float, *, sounding: bool) -> None:
        """It is held from now on."""
        self._hold = Hold(reply, self._trace.now(), onset, participant, sounding)

    def cut_off(self, reply: int, participant: Participant | None, onset: float, *, sounding: bool) -> None:
        """It was silenced for good, perhaps without a hold before, and before the fade could be pulled."""
        if self._hold is None:
            self.begin(reply, participant, onset, sounding=sounding)
        if self._hold is not None and self.falling_silent:
            self._hold.silent_at = self._trace.now()

    @property
    def falling_silent(self) -> bool:
        """True while it is still to be heard: its last frame has not been pulled."""
        return self._hold is not None and self._hold.sounding and self._hold.silent_at is None

    def pulled(self) -> None:
        """A frame was pulled while it was falling silent."""
        if self._hold is not None and not self._playout.sounding:
            self._hold.silent_at = self._trace.now() + FADE_SAMPLES / SAMPLE_RATE

    def ended(self, reply: int) -> None:
        """The reply is over: nothing is decided about it any more."""
        if self._hold is not None and self._hold.reply == reply:
            self._hold = None

    def decide(
        self,
        decision: Literal["commit", "resume"],
        reply: int,
        reason: str,
        evidence: tuple[Vote, ...],
        text: HeardText,
        dropped: int = 0,
    ) -> None:
        """Announce the decision. `text`: what of the reply was heard; `dropped`: samples that will not be."""
        held, self._hold = self._hold, None
        if held is None:
            return
        now, unix = self._trace.now(), time.time()
        onset, silent = held.onset, held.silent_at
        event = InterruptionEvent(
            participant=held.participant,
            reply=reply,
            decision=decision,
            reason=reason,
            evidence=evidence,
            epoch=self._epoch.value,
            onset=unix - (now - onset),
            silence=None if silent is None else unix - (now - silent),
            time_to_silence_ms=None if silent is None else max(0.0, (silent - onset) * 1000.0),
            onset_delay_ms=(held.at - held.onset) * 1000.0,
            held_ms=(now - held.at) * 1000.0,
            heard=text.heard,
            unheard=text.unheard,
            samples_dropped=dropped,
        )
        self._trace.note(
            InterruptionDecided(
                reply=reply,
                participant=held.participant.id if held.participant is not None else None,
                decision=decision,
                reason=reason,
                evidence=evidence,
                onset=round(onset - self._trace.start, 6),
                silence=None if silent is None else round(silent - self._trace.start, 6),
                time_to_silence_ms=event.time_to_silence_ms,
                heard=text.heard,
                unheard=text.unheard,
                samples_dropped=dropped,
            )
        )
        self._events.send(event)
