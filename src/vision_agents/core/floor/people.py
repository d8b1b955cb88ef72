"""The floor's memory of the people in the call, beside their turns."""

from __future__ import annotations

from dataclasses import dataclass, field

from .endpointing import Pauses
from .evidence import Vote
from .loudness import Loudness
from .strategies.echo import SURE
from .turn import Turn

# Seconds after an echo in which the participant's speech causes no hold: the echo would stop the agent, its silence
# the echo, and so on for ever.
ECHO_MEMORY = 10.0


@dataclass(slots=True)
class Person:
    """Facts about one participant that outlast a turn."""

    allowed: bool = True
    usual: Loudness = field(default_factory=Loudness)
    # When the last sound was of a turn that was taken.
    spoke_at: float | None = None
    echoed_at: float | None = None
    pauses: Pauses = field(default_factory=Pauses)


@dataclass(slots=True)
class People:
    """All participants of whom something is known, and the last words of the agent that were played to them."""

    agent_words: str = ""
    agent_words_at: float = float("-inf")
    known: dict[str, Person] = field(default_factory=dict)

    def learn(self, turn: Turn) -> None:
        """Take note of a turn that was taken: its loudness is added to the participant's usual one, and its pauses."""
        person, speech = self._person(turn.participant), turn.speech
        person.usual.add(speech.loudness.level, speech.loudness.seconds)
        person.spoke_at = speech.last_sound
        person.pauses = self.pauses(turn)

    def hear_listening(self, participant: str, loudness: Loudness) -> None:
        """Take the loudness of an "uh-huh": how loud whoever is at the microphone sounds, until they take a turn."""
        person = self._person(participant)
        if person.spoke_at is None:
            person.usual.add(loudness.level, loudness.seconds)

    def pauses(self, turn: Turn) -> Pauses:
        """Return the pauses of the participant's earlier turns, and of this one.

        A turn that cut off an answer before anything of it was heard goes on with the one before: that was a pause.
        """
        person = self.known.get(turn.participant, _NOBODY)
        gap, pauses = turn.silences.gap, turn.silences.pauses
        return person.pauses.add(pauses if gap is None or not turn.cut_off.unanswered else [gap, *pauses])

    def since_turn(self, participant: str, at: float) -> float | None:
        """Return the seconds since the participant's last turn that was taken; None before the first."""
        person = self.known.get(participant)
        return None if person is None or person.spoke_at is None else max(0.0, at - person.spoke_at)

    def usual(self, participant: str) -> Loudness:
        """Return the loudness of the participant's earlier turns."""
        person = self.known.get(participant)
        return person.usual if person is not None else Loudness()

    def allow(self, participant: str, allowed: bool) -> None:
        """Set whether the participant's speech may interrupt the agent."""
        self._person(participant).allowed = allowed

    def may_interrupt(self, participant: str) -> bool:
        """Return True if the participant's speech may interrupt the agent."""
        person = self.known.get(participant)
        return person is None or person.allowed

    def remember_echo(self, participant: str, at: float, votes: tuple[Vote, ...]) -> None:
        """Note that the participant's speech was the agent's own, if the votes say so for sure."""
        if any(vote.strategy == "echo" and vote.weight <= SURE for vote in votes):
            self._person(participant).echoed_at = at

    def echoes(self, participant: str, at: float) -> bool:
        """Return True if the participant's microphone picked up the agent within the last `ECHO_MEMORY`."""
        person = self.known.get(participant)
        return person is not None and person.echoed_at is not None and at < person.echoed_at + ECHO_MEMORY

    def forget(self, participant: str) -> None:
        """Forget a participant who left."""
        self.known.pop(participant, None)

    def _person(self, participant: str) -> Person:
        return self.known.setdefault(participant, Person())


_NOBODY = Person()
