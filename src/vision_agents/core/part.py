"""Parts of an agent, and how a call takes them and gives them back.

A part is in one call at a time: everything that it reports, makes and remembers belongs to that call. Weights do not:
they are loaded once a process, however many parts use them.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from .conversation import Conversation
from .epoch import Epoch
from .events import EventManager
from .listeners import CallBarrier, HearingListener, OutputListener
from .shed import Shed
from .tasks import own_errors, own_result
from .usage import TokenUsage

T = TypeVar("T")

# Agents of several threads may want the same part at the same moment.
_taking = threading.Lock()


class PartError(RuntimeError):
    """A part cannot be taken into a call. The message says why, and what to do."""


@dataclass(frozen=True, slots=True, eq=False)
class Attachment:
    """All that a call lends to its parts. A call makes one of it, the same for all.

    Args:
        epoch: the call's; an interruption of any part is one of all.
        events: where the parts' events go too.
        conversation: the call's history.
        hearing: takes what is heard of participants.
        output: takes what a realtime model says.
        barrier: where functions with effects wait; None if none need to.
        agent: the id of the agent's user, for messages.
        used: takes the tokens that a model was used for.
        ahead: tells how many seconds of the agent's audio are made and not heard yet.
    """

    epoch: Epoch = field(default_factory=Epoch)
    events: EventManager = field(default_factory=EventManager)
    conversation: Conversation = field(default_factory=Conversation)
    hearing: HearingListener | None = None
    output: OutputListener | None = None
    agent: str = ""
    barrier: CallBarrier | None = None
    used: Callable[[TokenUsage], None] | None = None
    ahead: Callable[[], float] | None = None


class Part:
    """A part of an agent. The agent attaches it when it joins a call, and detaches it when the part is closed again.

    Then it may serve the next call, of the same agent's event loop. A part that uses others names them in `subparts`.
    """

    # Not set by `__init__`, which subclasses of other people need not call.
    _attachment: Attachment | None = None
    _loop: asyncio.AbstractEventLoop | None = None
    _shed = Shed.NOTHING
    # How many of `at_work` run, and what is to be done when the last has ended.
    _works: int = 0
    _at_rest: tuple[Callable[[], None], ...] = ()

    @property
    def subparts(self) -> tuple[Part, ...]:
        """The parts that this one starts, uses and closes."""
        return ()

    def preflight(self) -> None:
        """Look at what the part is set to, and at the files on this machine, before a call: `doctor` asks for it.

        Loads, fetches and sends nothing. Raises what `start` would, if that can be told; by default nothing.
        """

    def attach(self, attachment: Attachment) -> None:
        """Take the part into a call. Raises PartError if it is in another one, or was in one of another event loop."""
        loop = _running_loop()
        with _taking:
            if self._attachment is not None:
                raise PartError(_in_use(self, self._attachment, attachment))
            if self._loop is not None and loop is not None and loop is not self._loop:
                raise PartError(
                    f"this {_name(self)} served a call on another event loop, to which it is bound: make a new one for "
                    f"each loop (each `asyncio.run`, each thread); networks are loaded once a process all the same"
                )
            self._attachment, self._loop = attachment, loop or self._loop

    def detach(self, attachment: Attachment) -> None:
        """Give the part back. Harmless if it is not attached, or to something else."""
        if self._attachment is attachment:
            self._attachment = None
            self._shed = Shed.NOTHING

    def shed(self, level: Shed) -> None:
        """Leave out as much as `level` says, from now until it is told otherwise: the process is late."""
        self._shed = level

    async def at_work(self, work: Callable[[], Awaitable[T]], what: str) -> T:
        """Await `work()` of the part, such as its `start`, which may go on for long after it was cancelled.

        Until it has really ended the part is not given back, for what it reports then is of this call and not of the
        next. So runs what an agent awaits of a part that hears; a part may run its own readers so, too. Errors speak of
        it as `what`. Raises what it raises, and InnerCancellationError as `own_errors` does.
        """
        self._works += 1
        try:
            return await own_errors(work(), what)
        finally:
            self._works -= 1
            if not self._works:
                waiting, self._at_rest = self._at_rest, ()
                for then in waiting:
                    then()

    def when_at_rest(self, then: Callable[[], None]) -> None:
        """Call `then()` when nothing is `at_work`: now, or when the last of it has really ended."""
        if self._works:
            self._at_rest = (*self._at_rest, then)
        else:
            then()

    def attached_to(self, attachment: Attachment | None) -> bool:
        """Return whether the part is in the call of `attachment`."""
        return attachment is not None and self._attachment is attachment


def with_subparts(parts: Iterable[Part]) -> tuple[Part, ...]:
    """Return `parts` and all that they use, each once. Raises what `subparts` raises, as `own_result` does."""
    found: dict[int, Part] = {}
    waiting = list(parts)
    while waiting:
        part = waiting.pop(0)
        if id(part) not in found:
            found[id(part)] = part
            waiting += own_result(partial(getattr, part, "subparts"), f"{_name(part)}.subparts")
    return tuple(found.values())


def attach_all(parts: Iterable[Part], attachment: Attachment) -> None:
    """Take all of them, or, if one is refused, none. Raises PartError."""
    taken: list[Part] = []
    try:
        for part in parts:
            part.attach(attachment)
            taken.append(part)
    except BaseException:
        for part in taken:
            part.detach(attachment)
        raise


def _in_use(part: Part, held: Attachment, wanted: Attachment) -> str:
    if held is wanted:
        return f"this {_name(part)} is attached to this call already"
    owner = f"of agent {held.agent!r}" if held.agent else "of another agent"
    return (
        f"this {_name(part)} is part of a running call {owner}, and hears and speaks for that one alone: make one for "
        f"each agent, for example in the function that makes the agent (networks are loaded once a process all the "
        f"same), or join when that call is over"
    )


def _name(part: Part) -> str:
    kind = type(part)
    plugin = kind.__module__.removeprefix("vision_agents.plugins.").split(".")[0]
    return f"{plugin}.{kind.__name__}" if kind.__module__.startswith("vision_agents.plugins.") else kind.__name__


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
