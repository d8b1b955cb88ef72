"""The user's turns as the service tells them: marks on its clock of audio, and words that come later."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vision_agents.core.participants import Participant

# The service's own defaults for `server_vad`, needed to tell a turn's length from its marks.
PREFIX_PADDING_MS = 300
SILENCE_MS = 500

# Turns whose words may still come.
REMEMBERED = 64


@dataclass(slots=True)
class UserTurn:
    """A turn. `start_ms` is where its audio begins; `place`: of the words in the history; `partial`: those so far."""

    participant: Participant
    start_ms: int
    place: int
    partial: str = ""
    ended: bool = False
    # From its first to its last sound; as long as can be while it is not over.
    seconds: float = math.inf
    committed: bool = False
    # The final words that were reported.
    final: str | None = None
    # The epoch in which the answer to it was over, without a word and before its own words were known.
    unsaid: int | None = None

    @property
    def understood(self) -> bool:
        """Return whether it is known to have words."""
        return bool(self.final)


class UserTurns:
    """The latest turns by the ids of their items."""

    def __init__(self, detection: Mapping[str, Any]) -> None:
        self._padding_ms = self._silence_ms = 0
        self._turns: OrderedDict[str, UserTurn] = OrderedDict()
        # The one that is answered now, or was last.
        self.asking: UserTurn | None = None
        self.configure(detection)

    def configure(self, detection: Mapping[str, Any]) -> None:
        """Set how the service detects turns: the `turn_detection` of its session."""
        by_volume = detection.get("type") == "server_vad"
        padding, silence = detection.get("prefix_padding_ms"), detection.get("silence_duration_ms")
        self._padding_ms = (PREFIX_PADDING_MS if padding is None else padding) if by_volume else 0
        self._silence_ms = (SILENCE_MS if silence is None else silence) if by_volume else 0

    @property
    def trailing_silence(self) -> float:
        """Seconds of silence after which the service calls a turn ended; 0 where that is not known."""
        return self._silence_ms / 1000.0

    def begin(self, item: str, participant: Participant, start_ms: int, place: int) -> None:
        """Add the turn that begins with this item."""
        self._turns[item] = UserTurn(participant, start_ms, place)
        while len(self._turns) > REMEMBERED:
            self._turns.popitem(last=False)

    def get(self, item: str) -> UserTurn | None:
        """Returns the turn of an item, if it is remembered."""
        return self._turns.get(item)

    def commit(self, item: str) -> bool:
        """Note that a turn is over and will be answered. Returns False if the service says so again."""
        turn = self.asking = self._turns.get(item)
        again = turn is not None and turn.committed
        if turn is not None:
            turn.committed = True
        return not again

    def unsaid(self, epoch: int) -> bool:
        """Note that the answer was over without a word. Returns whether what it answers is known to have words."""
        turn = self.asking
        if turn is not None and not turn.understood:
            turn.unsaid = epoch
        return turn is not None and turn.understood

    @property
    def speaking(self) -> bool:
        """Return whether the latest turn is not over."""
        return bool(self._turns) and not next(reversed(self._turns.values())).ended

    def duration(self, turn: UserTurn, end_ms: int) -> float:
        """Returns the seconds from the first to the last sound of a turn whose audio ends at `end_ms`.

        The audio that the model gets, which is what the marks are about, has some from before the speech and the
        silence after it. Only a turn whose audio begins with the session's may have less before it, and the marks do
        not tell how much: nothing is taken off then, since such a turn is mostly one that a new connection cut in two.
        """
        padding_ms = self._padding_ms if turn.start_ms > 0 else 0
        return max(0, end_ms - turn.start_ms - padding_ms - self._silence_ms) / 1000.0

    def clear(self) -> None:
        """Forget all: the session is gone, and its ids and its clock with it."""
        self._turns.clear()
        self.asking = None
