"""Voices that can be tuned while a call goes on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable


@dataclass(frozen=True, slots=True)
class VoiceTuning:
    """The settings of a voice."""

    voices: tuple[str, ...] = ()
    """The names of the voices to be had; none where there is but one, or where a service has more than one can list."""

    voice: str = ""
    """The name of the one that speaks, "" where there is but one."""

    pace: float = 1.0
    """Its speed, 1.0 as it is by itself."""


@runtime_checkable
class TunableVoice(Protocol):
    """A synthesiser whose voice can be tuned in a call."""

    def tuning(self) -> VoiceTuning:
        """The settings now. Known once the synthesiser has started."""

    def tune(self, voice: str | None = None, pace: float | None = None) -> None:
        """Speak otherwise from the next sentence on; None leaves it. Raises ValueError for what cannot be had."""
