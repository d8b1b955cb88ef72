"""The participants of a call."""

from __future__ import annotations

from ..participants import Participant

# Participants who left and are remembered: late audio of theirs brings nobody back.
LEFT_LIMIT = 64


class Roster:
    """The participants who are in the call, and those who left it and did not come back."""

    def __init__(self) -> None:
        self.present: dict[str, Participant] = {}
        self._left: dict[str, Participant] = {}

    def join(self, participant: Participant) -> bool:
        """Take note of somebody who is there. Returns False if that is known."""
        if participant.id in self.present:
            return False
        self._left.pop(participant.id, None)
        self.present[participant.id] = participant
        return True

    def leave(self, participant: str) -> None:
        """Take note of somebody who is gone."""
        self._left[participant] = self.present.pop(participant)
        if len(self._left) > LEFT_LIMIT:
            del self._left[next(iter(self._left))]

    def has_left(self, participant: str) -> bool:
        """Return whether the participant was there and is gone."""
        return participant in self._left
