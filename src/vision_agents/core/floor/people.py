"""What the floor remembers of the people in the call, beside their turns."""

from __future__ import annotations

from dataclasses import dataclass, field

from .evidence import Vote
from .loudness import Loudness
from .strategies.echo import SURE
from .turn import Turn

# Seconds in which a participant whose loudspeaker was heard is not held for: the echo would stop the agent, its own
# silence the echo, and so on for ever.
ECHO_MEMORY = 10.0


@dataclass(slots=True)
class Person:
    """One participant."""

    allowed: bool = True
    usual: Loudness = field(default_factory=Loudness)
    echoed_at: float | None = None


@dataclass(slots=True)
class People:
    """All participants that something is known of, and what they last heard the agent say."""

    said: str = ""
    known: dict[str, Person] = field(default_factory=dict)

    def heard(self, turn: Turn) -> None:
        """A turn was taken: that is how the participant usually sounds."""
        speech = turn.speech.loudness
        self._person(turn.participant).usual.add(speech.level, speech.seconds)

    def usual(self, participant: str) -> Loudness:
        """How loud the participant's turns were."""
        person = self.known.get(participant)
        return person.usual if person is not None else Loudness()

    def allow(self, participant: str, allowed: bool) -> None:
        """Let the participant's speech interrupt the agent, or not."""
        self._person(participant).allowed = allowed

    def may_interrupt(self, participant: str) -> bool:
        """Whether the participant's speech may interrupt the agent."""
        person = self.known.get(participant)
        return person is None or person.allowed

    def remember_echo(self, participant: str, at: float, votes: tuple[Vote, ...]) -> None:
        """Remember that what came from the participant was the agent itself, if that is what the votes say."""
        if any(vote.strategy == "echo" and vote.weight <= SURE for vote in votes):
            self._person(participant).echoed_at = at

    def echoes(self, participant: str, at: float) -> bool:
        """Whether the agent was heard through the participant's microphone lately."""
        person = self.known.get(participant)
        return person is not None and person.echoed_at is not None and at < person.echoed_at + ECHO_MEMORY

    def forget(self, participant: str) -> None:
        """The participant left."""
        self.known.pop(participant, None)

    def _person(self, participant: str) -> Person:
        return self.known.setdefault(participant, Person())
