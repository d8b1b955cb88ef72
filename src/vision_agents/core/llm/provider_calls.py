"""The calls of a realtime model, and those that it makes again because it was broken off."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from ..conversation import Conversation, ToolCall
from .function_call import FunctionCall, Phase

# Calls of a realtime model that can still be taken back; of more than these the oldest are final.
TAKE_BACK_LIMIT = 64

# What a result says for as long as the words that belong to it may be missed.
CUT_OFF = (
    "what was said for this call was cut off, and the user has not heard all of it: say what of it is still wanted"
)

# Speech of so many seconds may ask for something, though its words cannot be written down; what is shorter is taken for
# a cough. Who asks for something again in one word is told what came of it before: that is better than to pay twice.
WISH_SECONDS = 0.75

# Seconds in which a model tells the words of what it has heard. After them it was a noise: the agent goes on, too.
WORDS_TIMEOUT = 2.0


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
    # The place of whoever was heard last since, of whom it is not known whether they have said something.
    heard: int | None = None
    # Somebody has said something since, and nobody knows what.
    unread: bool = False

    @property
    def told_again(self) -> str:
        """Return what tells the model that makes the call again, which it was broken off in, what came of it."""
        return f"{self.made.output} ({CUT_OFF})" if self.made.cut_off else self.made.output

    def show(self, output: str) -> None:
        """Tell the model what it should know now."""
        if self.late and self.made.phase is not Phase.TAKING_BACK:
            self.tell(self.call, output)


class Repeats:
    """Finds the call with effects that another one repeats.

    A model that was broken off by a noise, or with its connection, is asked to go on, and may call a function once
    more that it called for the same words. The first call then stands for that one: once for each time that the model
    was broken off, since what it calls twice in one go it may want twice.

    Whoever is heard breaks the model off. That they have said something, and may want it again, is known by their
    words, and these may come later than the model acts on them: they are waited for. Where none come it was a noise. Of
    a model that has told no words in this call, what it calls by itself after a sound is taken for wanted; what it
    calls when the agent has asked it to go on since is not.
    """

    def __init__(self, conversation: Callable[[], Conversation]) -> None:
        self._conversation = conversation
        self._entries: deque[ProviderCall] = deque(maxlen=TAKE_BACK_LIMIT)
        # The model tells words.
        self._transcribes = False
        # Set whenever something is known of what was heard: one for each call that waits for it.
        self._waiting: set[asyncio.Event] = set()

    def add(self, entry: ProviderCall) -> None:
        """Take note of a call that is made."""
        if entry.made.tool is not None and entry.made.tool.effects:
            entry.place = self._conversation().latest
            self._entries.append(entry)

    def broken_off(self) -> None:
        """The model was broken off: it may call again what it has called."""
        for entry in self._entries:
            entry.broken_off = True

    def heard(self) -> None:
        """Somebody is heard, whose words have the place that was given out last: that breaks the model off, and they
        may be saying something."""
        for entry in self._entries:
            entry.broken_off, entry.heard = True, self._conversation().latest

    def interrupted(self) -> None:
        """The model is broken off, by somebody who is being heard or will be."""
        for entry in self._entries:
            entry.broken_off = True
            entry.heard = self._conversation().latest if entry.heard is None else entry.heard

    def words_known(self, place: int | None) -> None:
        """All words are known of what has this place in the history, if only that there are none."""
        self._transcribes = True
        self._clear_up(place)

    def unread(self, place: int, seconds: float) -> None:
        """Somebody was heard for so long, and what they have said will not be known, which has this place in the
        history."""
        for entry in self._entries:
            entry.unread |= seconds >= WISH_SECONDS and self._conversation().since(place) > entry.place
        self.words_known(place)

    def asked(self) -> None:
        """The agent asks the model for something by itself: nobody has who was heard before."""
        for entry in self._entries:
            entry.unread = False
        self._clear_up(None)

    def find(self, call: ToolCall) -> ProviderCall | None:
        """Return the call that this one repeats; None if it does not, or somebody has asked for something since."""
        for entry in reversed(self._entries):
            first, made = entry.call, entry.made
            same = (first.name, first.arguments) == (call.name, call.arguments)
            repeated = entry.broken_off or made.phase is Phase.TAKING_BACK
            if same and repeated and (made.stands or made.phase is not Phase.OVER):
                return None if entry.unread or self._conversation().asked_after(entry.place) else entry
        return None

    async def repeated(self, call: ToolCall) -> ProviderCall | None:
        """Return what `find` does, as soon as the words are known of whoever was heard since."""
        known = asyncio.Event()
        self._waiting.add(known)
        try:
            async with asyncio.timeout(WORDS_TIMEOUT):
                while (entry := self.find(call)) is not None and entry.heard is not None:
                    if not self._transcribes:  # What is being taken back is over first.
                        return entry if entry.made.phase is Phase.TAKING_BACK else None
                    known.clear()
                    await known.wait()
        except TimeoutError:
            pass  # There are none.
        finally:
            self._waiting.discard(known)
        return self.find(call)

    def clear(self) -> None:
        """The call is over."""
        self._entries.clear()
        self._transcribes = False

    def _clear_up(self, place: int | None) -> None:
        since = None if place is None else self._conversation().since(place)
        for entry in self._entries:
            # Words of before the call, or of whoever was heard before the last one, tell nothing of that one.
            if entry.heard is not None and (since is None or (since >= entry.heard and since > entry.place)):
                entry.heard = None
        for known in self._waiting:
            known.set()
