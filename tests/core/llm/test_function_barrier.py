"""Functions with effects at the barrier: their time limit waits too, and whatever ends an answer ends the waiting."""

from __future__ import annotations

import asyncio

import pytest

from vision_agents.core.conversation import ToolCall
from vision_agents.core.llm.function_call import TOOL_TIMEOUT

from .calling_kit import Desk, at, others

pytestmark = pytest.mark.virtual_time


@pytest.fixture
def desk() -> Desk:
    """The barrier is shut; functions take a second less than they may."""
    desk = Desk()
    desk.barrier.clear()
    for policy in ("finish", "cancel", "undo"):
        desk.offer(policy, policy, seconds=TOOL_TIMEOUT - 1.0)  # type: ignore[arg-type]
    desk.offer("look", effects=False)
    return desk


async def test_its_own_time_limit_does_not_run_while_it_waits(desk: Desk) -> None:
    answer = desk.answer(desk.turn(), "finish")
    await at(TOOL_TIMEOUT + 5.0)
    assert desk.log == []
    desk.barrier.set()
    await answer
    assert desk.outputs == {"finish 0": "done finish 0"}
    assert desk.endings == [("finish 0", "result")]


async def test_what_has_no_effects_does_not_wait(desk: Desk) -> None:
    await desk.answer(desk.turn(), "look")
    assert desk.outputs == {"look 0": "done look 0"}


async def test_a_name_that_is_none_is_told_at_once(desk: Desk) -> None:
    await desk.answer(desk.turn(), "nothing")
    assert desk.outputs["nothing 0"].startswith("error: LookupError")


async def test_no_clearance(desk: Desk) -> None:
    answer = desk.answer(desk.turn(), "finish", "look")
    desk.cleared = False
    desk.barrier.set()
    await answer
    assert desk.outputs == {"finish 0": "(not called: the user interrupted)", "look 0": "done look 0"}
    assert desk.endings == [("look 0", "result")]


@pytest.mark.parametrize("name", ["finish", "cancel", "undo"])
@pytest.mark.parametrize("ending", ["interrupt", "give_up"])
async def test_the_answer_ends_while_it_waits(desk: Desk, name: str, ending: str) -> None:
    turn = desk.turn()
    answer = desk.answer(turn, name)
    await at(1.0)
    getattr(turn, ending)()
    why = {"interrupt": "the user interrupted", "give_up": "the answer was given up"}[ending]
    assert desk.outputs == {f"{name} 0": f"(not called: {why})"}
    await answer
    desk.barrier.set()
    await at(100.0)
    assert desk.log == []
    assert desk.endings == []
    assert not others()


async def test_the_call_ends_while_it_waits(desk: Desk) -> None:
    answer = desk.answer(desk.turn(), "finish")
    told = asyncio.create_task(desk.calls.make(ToolCall("1", "finish", {"key": "x"}), 0))
    await at(1.0)
    await desk.calls.close(5.0)
    await answer
    assert desk.outputs == {"finish 0": "(not called: the call ended)"}
    assert await told == "(not called: the call ended)"
    desk.barrier.set()
    await at(100.0)
    assert desk.log == []
    assert not others()


async def test_its_task_is_cancelled_while_it_waits(desk: Desk) -> None:
    """By whatever cancels all tasks: what is told is the truth all the same."""
    answer = desk.answer(desk.turn(), "finish")
    await at(1.0)
    for task in others() - {answer}:
        task.cancel()
    await answer
    assert desk.outputs == {"finish 0": "(not called: it was stopped)"}
    assert desk.endings == []


async def test_the_provider_takes_the_call_back_while_it_waits(desk: Desk) -> None:
    asking = asyncio.create_task(desk.calls.make(ToolCall("1", "finish", {"key": "x"}), 0))
    await at(1.0)
    asking.cancel()
    desk.barrier.set()
    await at(50.0)
    assert desk.log == []
