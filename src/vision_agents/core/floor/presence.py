"""Presence: who is in the call, who has left it, and whether those who are there still take part."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from . import effects as fx
from .turn_facts import ClosedTurn

# Participants who left and are remembered: what is reported of them later brings nobody back.
LEFT_LIMIT = 64


@dataclass(slots=True)
class Presence:
    """The participants in the call, and how long neither they nor the agent have said anything.

    Only words count as said: noise does not bring anybody back.
    """

    participants: set[str] = field(default_factory=set)
    # Those who left and did not come back, each with their last turn: words of it may come still.
    left: dict[str, ClosedTurn] = field(default_factory=dict)
    idle_since: float = 0.0
    away: bool = False
    # The agent had something to say, or a function ran, when this was looked at last.
    agent_active: bool = False

    def join(self, participant: str, at: float) -> None:
        """Take note of a participant who joined."""
        self.participants.add(participant)
        self.left.pop(participant, None)
        self.idle_since = at

    def leave(self, participant: str, last: ClosedTurn) -> None:
        """Take note of a participant who left, and of their last turn. With the last one nobody is away any more."""
        self.participants.discard(participant)
        self.left[participant] = last
        if len(self.left) > LEFT_LIMIT:
            del self.left[next(iter(self.left))]
        self.away = self.away and bool(self.participants)

    def deserted(self, turns: Collection[object]) -> bool:
        """Return True when everybody has left. `turns`: of those who spoke, who are there though nobody said so."""
        return bool(self.left) and not (self.participants or turns)

    def deadline(self, limit: float) -> float | None:
        """Return when the participants are away; None if nobody is there, or they are away already."""
        return self.idle_since + limit if self.participants and not self.away else None

    def leave_alone(self, at: float) -> list[fx.Effect]:
        """Announce that the participants are away."""
        self.away = True
        return [fx.AnnounceUserAway(at - self.idle_since)]

    def update(self, at: float, effects: Iterable[fx.Effect], *, agent_active: bool) -> list[fx.Effect]:
        """Look at what was said: by the participants, which brings them back, or by the agent."""
        recorded = [effect.participant for effect in effects if isinstance(effect, fx.RecordTurn)]
        said = [participant for participant in recorded if participant not in self.left]
        if said or agent_active or self.agent_active:
            self.idle_since = at
        self.agent_active = agent_active
        if not (said and self.away):
            return []
        self.away = False
        return [fx.AnnounceUserBack(said[0])]
