"""The types of calls under their public name, for programs that import them from here."""

from __future__ import annotations

from ..audio import PcmData
from ..participants import Participant, User

__all__ = ["Participant", "PcmData", "User"]
