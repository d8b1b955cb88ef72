"""One call of a function, from its beginning to its end: what the model is told of it at any time.

    WAITING ── passed ─▶ RUNNING ── returns ──▶ RETURNED ── undo ──▶ TAKING_BACK ──▶ OVER
       │                    ├── raises, takes too long ─────────────────────────────▶ OVER
       │                    ├── interrupted, "cancel" ──────────────────────────────▶ OVER
       │                    └── interrupted, "undo" ──────────────▶ TAKING_BACK ────▶ OVER
       └── interrupted ─────────────────────────────────────────────────────────────▶ OVER

A function with effects is called when it has passed the barrier: what the user wants is certain then. Its own time
limit begins there.

Whatever comes from outside (`interrupt`, `give_up`, `stop`) is synchronous: when it has returned, what is told is what
became of the call, however long the function takes to notice. What a function returns in any other phase than RUNNING
is told to nobody but its undo.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextvars import ContextVar
from enum import Enum, auto
from typing import Any

from ..conversation import Message, ToolCall
from ..events import EventManager
from ..tasks import OUTSIDE, Tasks, closing
from .confirmation import Confirmation
from .events import ToolEndedEvent, ToolEnding, ToolStartedEvent
from .tools import Tool, Tools, last_results, result_text

logger = logging.getLogger(__name__)

# In seconds. A function that has not returned by then is reported to the model as failed; an undo may take as long.
TOOL_TIMEOUT = 30.0

# What the model is told before there is a result.
RUNNING_STILL = "(still running, the result is not known yet)"

INTERRUPTED = "the user interrupted"
NOT_HEARD = "what was said before it was not heard"

# How the outputs of calls begin that nothing came of.
_NOTHING = ("(not called", "(cancelled before it was done", "(taken back")
_FAILED = "error: "

Show = Callable[[str], None]

_current: ContextVar[FunctionCall | None] = ContextVar("the call of a function", default=None)


def came_to_nothing(output: str) -> bool:
    """Return whether the output of a call says that it was not made, or not to its end, or was taken back."""
    return output.startswith(_NOTHING)


def stands(output: str) -> bool:
    """Return whether the output of a call says that it is in effect, or may be."""
    return not output.startswith((*_NOTHING, _FAILED))


def took_effect(messages: Sequence[Message], tools: Tools) -> bool:
    """Return whether messages end with results of functions, and one that has effects did what it was called for."""
    return any(tool is not None and tool.effects and stands(text) for tool, text in last_results(messages, tools))


def calling_function() -> FunctionCall | None:
    """Return the call of the function that this code is part of, in whatever task or thread of it; None if of none.

    What a function has left running is still part of it when it has returned.
    """
    return _current.get()


class Speaker:
    """The speaker of an answer, as its calls see it. This one speaks nothing."""

    def calling(self) -> None:
        """Take note that functions are called: what was written so far is said before, and stands before them."""

    async def heard(self) -> bool:
        """Wait until all that was said so far was heard. Returns False if it will not be."""
        return True

    def started(self, call: FunctionCall) -> None:
        """Take note that a function begins."""

    def ended(self, call: FunctionCall) -> None:
        """Take note that it has returned, or that nobody waits for it any more."""

    def found(self, call: FunctionCall) -> None:
        """Take note that it has returned, or failed, when nobody waited for it any more: that is to be told."""

    async def called(self) -> tuple[Message, ...]:
        """Wait until all that the functions say is on its way, and return it, oldest first."""
        return ()


class Phase(Enum):
    """The phase of a call."""

    WAITING = auto()
    RUNNING = auto()
    RETURNED = auto()
    TAKING_BACK = auto()
    OVER = auto()


class FunctionCall:
    """One call. `show` is told each new `output`, which is what the model should read of the call; `track`, that
    something begins to run for it; `speaker`, what the answer must know. `passed` waits at the barrier and tells
    whether it may be called.

    `free`: the answer that the call was made for need not wait for it any more. `settled`: the output is known for
    good, unless a call that returned is taken back.
    """

    def __init__(
        self,
        call: ToolCall,
        epoch: int,
        tools: Tools,
        events: EventManager,
        show: Show,
        track: Callable[[FunctionCall], None],
        passed: Callable[[], Awaitable[bool]],
        speaker: Speaker,
    ) -> None:
        self.call = call
        self.epoch = epoch
        self.output = RUNNING_STILL
        self.phase = Phase.WAITING
        self.free = asyncio.Event()
        self.settled = asyncio.Event()
        # What runs, possibly on after the end if it ignores that it was cancelled.
        self.tasks = Tasks()
        self._tools = tools
        self.tool = tools.find(call.name)
        self._speaker = speaker
        # Nobody waits for it any more, and what it finds is to be told all the same.
        self._left = False
        self._begun = False
        self._events = events
        self._show = show
        self._track = track
        self._passed = passed
        self._result: Any = None
        # Of the turn that its answer is to.
        self.confirmation = Confirmation()
        # What it says, each set when a realtime model was told of it; and whether some of it was not heard.
        self._words: list[asyncio.Event] = []
        self.cut_off = False

    @property
    def undoable(self) -> bool:
        """Return whether an interruption takes it back."""
        return self.tool is not None and self.tool.on_interrupt == "undo"

    @property
    def speaks(self) -> bool:
        """Return whether the function has the agent say something."""
        return bool(self._words)

    @property
    def delivers(self) -> bool:
        """Return whether what it finds is told by itself if nobody waits for it any more."""
        tool = self.tool
        return self.phase is Phase.RUNNING and tool is not None and tool.on_interrupt == "finish" and tool.deliver

    @property
    def stands(self) -> bool:
        """Return whether it is in effect, or may be, so that it is not to be made again."""
        return stands(self.output)

    # From outside.

    def wait_again(self) -> None:
        """Somebody waits for it again, who had been broken off."""
        self._left = False
        if self.phase is Phase.RUNNING and self.free.is_set():
            self.free.clear()
            self._speaker.started(self)

    def waits_for(self, words: asyncio.Event) -> None:
        """The function says something: its result comes after that, of which the model was told when `words` is set."""
        self._words.append(words)

    async def ended(self) -> None:
        """Wait until the output is known, and the model was told of all that the function says."""
        await self.settled.wait()
        for words in self._words:
            await words.wait()

    def begin(self) -> None:
        """Call the function, as soon as it may be called."""
        self._spawn(self._run(), f"function {self.call.name}")

    def interrupt(self) -> None:
        """The user interrupted the answer that it was made for. Harmless twice."""
        if self.phase is Phase.RETURNED and self.undoable:
            self._take_back()
        else:
            self.give_up(INTERRUPTED)

    def give_up(self, why: str) -> None:
        """Nobody waits for it any more, though nobody took back what it was made for. Harmless twice."""
        self._release()
        if self.phase is Phase.WAITING:
            self._end(f"(not called: {why})", None)
            self._cancel_tasks()
        elif self.phase is not Phase.RUNNING or self.tool is None:
            return
        elif self.tool.on_interrupt == "undo":
            self._take_back(why)
        elif self.tool.on_interrupt == "cancel":
            self._end(f"(cancelled before it was done: {why})", "cancelled")
            self._cancel_tasks()
        else:
            self._left = self.tool.deliver

    def leave(self) -> None:
        """Nobody waits for it any more, though everybody wants to know what it finds. Harmless twice."""
        self._release()
        self._left = self.phase is Phase.RUNNING

    def abandon(self, why: str) -> None:
        """The one it was made for has gone, and took nothing back: what runs goes on, unless that was only to look
        something up. Harmless twice."""
        if self.phase is Phase.RUNNING and self.undoable:
            self._release()
            self._left = self.tool is not None and self.tool.deliver
        else:
            self.give_up(why)

    def stop(self, why: str) -> None:
        """End it, whatever was agreed: there is no more time."""
        if self.phase is Phase.TAKING_BACK:
            self._could_not_take_back(why)
        elif self.phase is Phase.WAITING:
            self._end(f"(not called: {why})", None)
        elif self.phase is Phase.RUNNING:
            self._end(f"(cancelled before it was done: {why})", "cancelled")
        self._cancel_tasks()

    # The function.

    async def _run(self) -> None:
        call, task = self.call, asyncio.current_task()
        assert task is not None
        try:
            if not await self._may_begin():
                return
        except asyncio.CancelledError:
            self.stop("it was stopped")
            raise
        self.phase = Phase.RUNNING
        _current.set(self)
        self._begun = True
        self._speaker.started(self)
        timer = asyncio.get_running_loop().call_later(TOOL_TIMEOUT, self._timed_out, task)
        try:
            self._send_started()
            self._result = await self._tools.call(call)
            self._returned(result_text(self._result))
        except asyncio.CancelledError:
            if not task.cancelling():
                # Something that the function waited for was cancelled.
                self._raised(RuntimeError("it gave up: what it waited for was cancelled"))
                return
            if self.phase is Phase.RUNNING:
                self.stop("it was stopped")
            raise
        except OUTSIDE:
            raise
        except BaseException as error:  # `sys.exit()` too ends the function, not the calls of others
            if closing(error):
                raise
            self._raised(error)
        finally:
            timer.cancel()

    async def _may_begin(self) -> bool:
        """Wait until it may be called. Returns False if it is not to be."""
        if self.tool is not None and self.tool.after_speech and not await self._speaker.heard():
            self.give_up(NOT_HEARD)
        elif self.tool is not None and self.tool.effects and not await self._passed():
            self.give_up(INTERRUPTED)
        # From here to the call itself nothing is awaited: another word of the floor would come too late.
        return self.phase is Phase.WAITING

    def _returned(self, text: str) -> None:
        if self.phase is Phase.RUNNING:
            self.phase = Phase.RETURNED
            self._tell(text)
            self._send_ended("result", result=self._result)
            if self._left and self.confirmation.certain:
                self._speaker.found(self)

    def _raised(self, error: BaseException) -> None:
        if self.phase is Phase.RUNNING:
            logger.error("function %s failed; the model is told so", self.call.name, exc_info=error)
            self._end(f"{_FAILED}{type(error).__name__}: {error}", "error", str(error))
            if self._left and self.confirmation.certain:
                self._speaker.found(self)

    def _timed_out(self, task: asyncio.Task[None]) -> None:
        # It is cancelled but not waited for: it may ignore that.
        self._raised(TimeoutError(f"no result within {TOOL_TIMEOUT:g} s"))
        task.cancel()

    # Its undo.

    def _take_back(self, why: str = INTERRUPTED) -> None:
        assert self.tool is not None
        self.phase = Phase.TAKING_BACK
        self.settled.clear()
        self.output = f"(being taken back: {why})"
        self._show(self.output)
        running = set(self.tasks)
        if self.tool.stoppable:
            self._cancel_tasks()
        self._spawn(self._undo(self.tool, running, why), f"undo of function {self.call.name}")

    async def _undo(self, tool: Tool, running: set[asyncio.Task[None]], why: str) -> None:
        if running:
            # What is still being done cannot be taken back yet.
            await asyncio.wait(running, timeout=TOOL_TIMEOUT)
        timer = asyncio.get_running_loop().call_later(
            TOOL_TIMEOUT, self.stop, f"its undo was not done within {TOOL_TIMEOUT:g} s"
        )
        try:
            await tool.take_back(self.call, self._result)
        except asyncio.CancelledError:
            self._could_not_take_back("its undo was cancelled")
            raise
        except OUTSIDE:
            raise
        except BaseException as error:
            if closing(error):
                raise
            logger.exception("function %s could not be taken back; the model is told so", self.call.name)
            self._could_not_take_back(f"{type(error).__name__}: {error}")
        else:
            if self.phase is Phase.TAKING_BACK:
                self._end(f"(taken back: {why}, so nothing of it is in effect)", "undone")
        finally:
            timer.cancel()

    def _could_not_take_back(self, why: str) -> None:
        if self.phase is Phase.TAKING_BACK:
            self._end(
                f"(this was to be taken back and could not be, so it may be in effect: {why})",
                "error",
                f"it could not be taken back: {why}",
            )

    # What is told.

    def _tell(self, output: str) -> None:
        self.output = output
        self._show(output)
        self._release()
        self.settled.set()

    def _release(self) -> None:
        if not self.free.is_set():
            self.free.set()
            if self._begun:
                self._speaker.ended(self)

    def _end(self, output: str, ending: ToolEnding | None, error: str | None = None) -> None:
        self.phase = Phase.OVER
        self._tell(output)
        if ending is not None:
            self._send_ended(ending, error=error)

    def _send_started(self) -> None:
        call = self.call
        self._events.send(
            ToolStartedEvent(name=call.name, call_id=call.id, arguments=dict(call.arguments), epoch=self.epoch)
        )

    def _send_ended(self, ending: ToolEnding, result: Any = None, error: str | None = None) -> None:
        call = self.call
        self._events.send(
            ToolEndedEvent(name=call.name, call_id=call.id, ending=ending, result=result, error=error, epoch=self.epoch)
        )

    # Tasks.

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        self.tasks.spawn(work, name)
        self._track(self)

    def _cancel_tasks(self) -> None:
        # The one that asks for it too: a function may have interrupted its own call.
        for task in self.tasks:
            task.cancel()
