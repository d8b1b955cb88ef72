"""What the tests of function calls share: functions that take their time, and a history to look at."""

from __future__ import annotations

import asyncio
from typing import Any

from vision_agents.core.conversation import Conversation, Role, ToolCall
from vision_agents.core.epoch import Epoch
from vision_agents.core.events import EventManager
from vision_agents.core.llm import AnswerCalls, OnInterrupt, ToolEndedEvent, Tools
from vision_agents.core.llm.function_calls import FunctionCalls


class Desk:
    """Calls functions for answers, and notes what happens: `log` has (what, key) in order, `ended` the events."""

    def __init__(self) -> None:
        self.epoch = Epoch()
        self.tools = Tools()
        self.events = EventManager()
        self.told_late: list[tuple[str, str]] = []
        # Functions with effects wait for it, and then for the word on them.
        self.barrier = asyncio.Event()
        self.barrier.set()
        self.cleared = True
        self.calls = FunctionCalls(
            self.tools,
            self.events,
            lambda: self.epoch,
            lambda call, output: self.told_late.append((call.id, output)),
            lambda: self,
            lambda: self.history,
        )
        self.history = Conversation()
        self.log: list[tuple[str, str]] = []
        self.ended: list[ToolEndedEvent] = []
        self.events.subscribe(self._note)

    async def _note(self, event: ToolEndedEvent) -> None:
        self.ended.append(event)

    async def passed(self, epoch: int, reply: int | None = None) -> bool:
        await self.barrier.wait()
        return self.cleared

    def offer(
        self,
        name: str,
        on_interrupt: OnInterrupt = "finish",
        *,
        seconds: float = 10.0,
        error: bool = False,
        stubborn: bool = False,
        undo_seconds: float = 1.0,
        undo_error: bool = False,
        effects: bool = True,
    ) -> None:
        """Register a function that takes `seconds`, and returns "done <key>" or raises. `stubborn`: it ignores that it
        is cancelled."""

        async def function(key: str) -> str:
            self.log.append(("begun", key))
            end = asyncio.get_running_loop().time() + seconds
            while (left := end - asyncio.get_running_loop().time()) > 0:
                try:
                    await asyncio.sleep(left)
                except asyncio.CancelledError:
                    self.log.append(("cancelled", key))
                    if not stubborn:
                        raise
            if error:
                raise ValueError(f"failed {key}")
            self.log.append(("done", key))
            return f"done {key}"

        async def undo(key: str, result: Any) -> None:
            self.log.append(("undo begun", key))
            await asyncio.sleep(undo_seconds)
            if undo_error:
                raise OSError("no way back")
            self.log.append((f"undone {result}", key))

        back = undo if on_interrupt == "undo" else None
        self.tools.register(function, name, on_interrupt=on_interrupt, undo=back, effects=effects)

    def answer(self, turn: AnswerCalls, *names: str) -> asyncio.Task[None]:
        """Make an answer that calls these functions in one message; the ids are the names and the turn's epoch."""
        calls = [ToolCall(f"{name} {turn.epoch}", name, {"key": f"{name} {turn.epoch}"}) for name in names]

        async def make() -> None:
            with self.calls.answering(turn):
                await turn.make(calls, self.calls)

        return asyncio.get_running_loop().create_task(make(), name="answer")

    def turn(self) -> AnswerCalls:
        return AnswerCalls(self.epoch.value, self.history)

    @property
    def outputs(self) -> dict[str, str]:
        """What the history tells of each call. Fails unless it tells exactly one thing of each, right behind it."""
        found: dict[str, str] = {}
        expected: list[str] = []
        for message in self.history:
            if message.role is Role.TOOL:
                assert message.tool_call_id is not None
                assert expected, f"an output too many: {message}"
                assert message.tool_call_id == expected.pop(0)
                found[message.tool_call_id] = message.text
            else:
                assert not expected, f"no output of {expected}"
                expected = [call.id for call in message.tool_calls]
        assert not expected, f"no output of {expected}"
        return found

    @property
    def endings(self) -> list[tuple[str, str]]:
        return [(event.call_id, event.ending) for event in self.ended]


def others() -> set[asyncio.Task[Any]]:
    """The tasks that are alive, but for this one."""
    return asyncio.all_tasks() - {asyncio.current_task()}


async def at(seconds: float) -> None:
    """Wait until the loop's clock shows that; then for all that can happen at that time."""
    await asyncio.sleep(seconds - asyncio.get_running_loop().time())
    await asyncio.sleep(1e-6)
