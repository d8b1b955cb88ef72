"""The epoch: one monotonic number that says which audio is still wanted.

A reply takes the epoch that is current when it begins, and everything made from it (LLM text, synthesis request,
audio chunk, tool result) inherits that number. An interruption advances the epoch; what is older is stale and is never
played. A component on its own has its own `Epoch`; the `Agent` gives all of its components the same one, so that
`interrupt()` on any of them silences the gate in the same instant.
"""

from __future__ import annotations

from collections.abc import Callable


class Epoch:
    """A monotonic counter with observers. Not thread-safe: use it on the event loop's thread."""

    __slots__ = ("_observers", "_stale_observers", "_value")

    def __init__(self) -> None:
        self._value = 0
        self._observers: list[Callable[[int], None]] = []
        self._stale_observers: list[Callable[[int, float], None]] = []

    @property
    def value(self) -> int:
        """The current epoch. It never decreases."""
        return self._value

    def advance(self, to: int | None = None) -> int:
        """Move on to epoch `to` (by one, if not given) and tell the observers; a number not above it is ignored."""
        target = self._value + 1 if to is None else to
        if target > self._value:
            self._value = target
            for observer in self._observers:
                observer(target)
        return self._value

    def observe(self, observer: Callable[[int], None]) -> None:
        """Call `observer(value)` synchronously after each advance."""
        self._observers.append(observer)

    def dropped(self, born: int, seconds: float) -> None:
        """Tell that audio of epoch `born` came late and was dropped. Whoever compares epochs says so here."""
        for observer in self._stale_observers:
            observer(born, seconds)

    def observe_dropped(self, observer: Callable[[int, float], None]) -> None:
        """Call `observer(born, seconds)` for each chunk that is dropped because its epoch is over."""
        self._stale_observers.append(observer)
