"""The calls of a realtime model, and those that it makes again because it was broken off."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from ..conversation import Conversation, ToolCall
from .function_call import FunctionCall, Phase

# Calls of a realtime model that can still be taken back; of more than these the oldest are final.
TAKE_BACK_LIMIT = 64


@dataclass(slots=True, eq=False)
class ProviderCall:
    """A call of a realtime model. `responses`: what the model said just before it, and says after it.

    `tell` is told of what becomes of the call when the provider has been told something else, or waits no more.
    """

    call: ToolCall
    responses: set[str]
    tell: Callable[[ToolCall, str], None]
    # What is said after it is still to come.
    awaited: bool = True
    # The provider waits no more.
    late: bool = False
    made: FunctionCall = field(init=False)
    # The last place in the history when it was made, and whether the model was broken off since.
    place: int = 0
    broken_off: bool = False

    def show(self, output: str) -> None:
        """Tell the model what it should know now."""
        if self.late and self.made.phase is not Phase.TAKING_BACK:
            self.tell(self.call, output)


class Repeats:
    """Finds the call with effects that another one repeats.

    A model that was broken off by a noise, or with its connection, is asked to go on, and may call a function once
    more that it called for the same words. The first call then stands for that one: once for each time that the model
    was broken off, since what it calls twice in one go it may want twice. Somebody who interrupts breaks nothing off:
    they may want it again, in words that are known later.
    """

    def __init__(self, conversation: Callable[[], Conversation]) -> None:
        self._conversation = conversation
        self._entries: deque[ProviderCall] = deque(maxlen=TAKE_BACK_LIMIT)

    def add(self, entry: ProviderCall) -> None:
        """Take note of a call that is made."""
        if entry.made.tool is not None and entry.made.tool.effects:
            entry.place = self._conversation().latest
            self._entries.append(entry)

    def broken_off(self) -> None:
        """The model was broken off: it may call again what it has called."""
        for entry in self._entries:
            entry.broken_off = True

    def find(self, call: ToolCall) -> ProviderCall | None:
        """Return the call that this one repeats; None if it does not, or somebody has said something in between."""
        asked = self._conversation().asked_after
        for entry in reversed(self._entries):
            first, made = entry.call, entry.made
            same = (first.name, first.arguments) == (call.name, call.arguments)
            repeated = entry.broken_off or made.phase is Phase.TAKING_BACK
            if same and repeated and (made.stands or made.phase is not Phase.OVER):
                return None if asked(entry.place) else entry
        return None

    def clear(self) -> None:
        """The call is over."""
        self._entries.clear()
