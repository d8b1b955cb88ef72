"""The certainty of what an answer is to: what is prepared before stays unknown until then."""

from __future__ import annotations

from collections.abc import Callable


def _nothing() -> None:
    pass


class Confirmation:
    """Keeps what an answer would make known (history, events) until the turn that it answers is certain.

    `certain`: from the beginning, as for most answers: then everything is made known at once.
    """

    def __init__(self, *, certain: bool = True) -> None:
        self._waiting: list[tuple[Callable[[], object], Callable[[], object]]] | None = None if certain else []
        self._revoked = False

    @property
    def certain(self) -> bool:
        """Return whether the turn is certain."""
        return self._waiting is None and not self._revoked

    def then(self, act: Callable[[], object], otherwise: Callable[[], object] = _nothing) -> None:
        """Do it when the turn is certain, now if it is; `otherwise` when it turns out not to have been."""
        if self._revoked:
            otherwise()
        elif self._waiting is None:
            act()
        else:
            self._waiting.append((act, otherwise))

    def confirm(self) -> None:
        """The turn is certain: do all that waited, in its order. Harmless twice."""
        if self._revoked:
            return
        waiting, self._waiting = self._waiting or [], None
        for act, _ in waiting:
            act()

    def revoke(self) -> None:
        """Nobody said what was to be answered: nothing of the answer is ever made known. Harmless twice."""
        waiting, self._waiting = self._waiting or [], None
        self._revoked = True
        for _, otherwise in waiting:
            otherwise()
