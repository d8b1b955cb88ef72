"""Slots: the places of the sessions in the model's cache, and who may have which when."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Slot:
    """A place for one conversation in the cache."""

    number: int
    session: int | None = None
    """Whose conversation it holds; None when nobody comes back for it."""
    prefix: str = ""
    """The key of what the conversation begins with; empty when that is not known."""
    tokens: int = 0
    """In the cache: those that it holds, or, while it is busy, the most that it may come to hold."""
    busy: bool = False
    used: int = 0
    """When it was taken last, in takes."""


class Slots:
    """Gives slots to requests. The cells of the cache are shared by all slots, one for each token.

    A session keeps its slot as long as nobody else needs it; of those that are idle, the one that was used least
    recently is taken first. What is taken at the same time can never hold more tokens than there are cells.

    Not thread-safe.

    Args:
        count: of slots.
        cells: tokens that all of them hold together.
        most: slots that may be busy at once.
    """

    def __init__(self, count: int, cells: int, most: int) -> None:
        self._slots = [Slot(number) for number in range(count)]
        self._cells = cells
        self._most = most
        self._takes = 0

    def take(self, session: int, tokens: int) -> tuple[Slot, list[Slot]] | None:
        """A slot for a request that needs at most `tokens` cells, and the idle slots to be erased to make room.

        All of them are busy then, until they are released. None if too much is busy: the request has to wait.
        """
        idle = sorted((slot for slot in self._slots if not slot.busy), key=lambda slot: slot.used)
        if not idle or len(self._slots) - len(idle) >= self._most:
            return None
        slot = self._best(idle, session)
        room = self._cells - sum(other.tokens for other in self._slots if other is not slot)
        erased = []
        for other in idle:
            if room < tokens and other is not slot and other.tokens:
                room += other.tokens
                erased.append(other)
        if room < tokens:
            return None
        self._takes += 1
        for other in self._slots:
            if other in erased or (other is not slot and other.session == session):
                other.session = None
        for other in erased:
            other.busy = True
        slot.session, slot.prefix = session, slot.prefix if slot.session == session else ""
        slot.tokens, slot.busy, slot.used = tokens, True, self._takes
        return slot, erased

    def release(self, slot: Slot) -> None:
        """The slot is idle now, and holds `slot.tokens`."""
        slot.busy = False

    def forget(self, session: int) -> Slot | None:
        """The session is over. Returns its slot, which is busy until released, to be erased; None if it is at work."""
        for slot in self._slots:
            if slot.session == session:
                slot.session = None
                if not slot.busy:
                    slot.busy = True
                    return slot
        return None

    @staticmethod
    def _best(idle: list[Slot], session: int) -> Slot:
        """The session's own slot, else one that nobody has, else the one that was used least recently."""
        own = [slot for slot in idle if slot.session == session]
        free = [slot for slot in idle if slot.session is None]
        return (own or free or idle)[0]
