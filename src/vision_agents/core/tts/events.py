"""The events of speech synthesis."""

from __future__ import annotations

from dataclasses import dataclass

from ..audio import PcmData
from ..events import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class TTSAudioEvent(Event):
    """A chunk of synthesised speech, and the epoch in which it was asked for."""

    data: PcmData
    epoch: int
