"""The answers of the registry to fronts: they come from another machine, so all of them are data."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from vision_agents.core.conversation import Message

from ..admission import Refused

Refusal = tuple[str, str, float]
"""A `Refused`, as it is sent: the reason, the text, and seconds."""


def sent(refusal: Refused) -> Refusal:
    """A refusal, as it is sent."""
    return refusal.reason, str(refusal), refusal.retry_after


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt to have a session taken by a host. `takers`: the names of the hosts that it may be offered to."""

    number: int
    takers: frozenset[str]


@dataclass(frozen=True, slots=True)
class Before:
    """The remains of a call whose page comes back. `conversation`: None if nothing is known of one."""

    session: str | None = None
    """The session that still has it."""
    conversation: tuple[Message, ...] | None = None


class Said(StrEnum):
    """The fate of a typed text."""

    TOLD = "told"
    FULL = "full"
    """So many of the session's wait already that this one is not taken."""
    NOWHERE = "nowhere"
    """No agent is in such a call."""
