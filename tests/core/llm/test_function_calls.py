"""Functions and interruptions: what becomes of a call, and what the history tells of it, each policy by itself."""

from __future__ import annotations

import asyncio
import threading

import pytest

from vision_agents.core.conversation import ToolCall
from vision_agents.core.epoch import Epoch
from vision_agents.core.events import EventManager
from vision_agents.core.llm import OnInterrupt
from vision_agents.core.llm.function_call import RUNNING_STILL, TOOL_TIMEOUT
from vision_agents.core.llm.function_calls import FunctionCalls
from vision_agents.core.llm.tools import Tools
from vision_agents.testing.virtual_time import VirtualTimeLoop

from .calling_kit import Desk, at, others

pytestmark = pytest.mark.virtual_time

CANCELLED = "(cancelled before it was done: the user interrupted)"
TAKING_BACK = "(being taken back: the user interrupted)"
TAKEN_BACK = "(taken back: the user interrupted, so nothing of it is in effect)"


class Panic(BaseException):
    """What compiled code raises."""


@pytest.fixture
def desk() -> Desk:
    desk = Desk()
    desk.offer("finish", "finish")
    desk.offer("cancel", "cancel")
    desk.offer("undo", "undo")
    return desk


class TestInterruptedWhileItRuns:
    async def test_finish_goes_on_and_its_result_lands_once_in_its_place(self, desk: Desk) -> None:
        answer = desk.answer(desk.turn(), "finish")
        await at(5.0)
        desk.epoch.advance()
        assert desk.outputs == {"finish 0": RUNNING_STILL}
        await at(6.0)
        assert answer.done(), "nobody waits for it"
        desk.history.user_said("wait")
        desk.epoch.advance()
        await at(11.0)
        assert desk.outputs == {"finish 0": "done finish 0"}
        assert [message.text for message in desk.history] == ["", "done finish 0", "wait"]
        assert desk.endings == [("finish 0", "result")]
        assert desk.log == [("begun", "finish 0"), ("done", "finish 0")]
        assert not others()

    async def test_cancel_is_told_in_the_same_instant(self, desk: Desk) -> None:
        answer = desk.answer(desk.turn(), "cancel")
        await at(5.0)
        desk.epoch.advance()
        assert desk.outputs == {"cancel 0": CANCELLED}
        await at(5.0)
        assert answer.done()
        assert desk.log == [("begun", "cancel 0"), ("cancelled", "cancel 0")]
        desk.epoch.advance()
        await at(20.0)
        assert desk.outputs == {"cancel 0": CANCELLED}
        assert desk.endings == [("cancel 0", "cancelled")]
        assert not others()

    async def test_undo_is_cancelled_and_then_taken_back(self, desk: Desk) -> None:
        desk.answer(desk.turn(), "undo")
        await at(5.0)
        desk.epoch.advance()
        assert desk.outputs == {"undo 0": TAKING_BACK}
        desk.epoch.advance()
        await at(7.0)
        assert desk.outputs == {"undo 0": TAKEN_BACK}
        assert [what for what, _ in desk.log] == ["begun", "cancelled", "undo begun", "undone None"]
        assert desk.endings == [("undo 0", "undone")]
        assert not others()

    @pytest.mark.parametrize("policy", ["cancel", "undo"])
    async def test_what_a_function_returns_that_ignores_its_cancellation_is_never_told(
        self, policy: OnInterrupt
    ) -> None:
        desk = Desk()
        desk.offer("book", policy, stubborn=True)
        desk.answer(desk.turn(), "book")
        await at(5.0)
        desk.epoch.advance()
        await at(20.0)
        assert desk.outputs == {"book 0": CANCELLED if policy == "cancel" else TAKEN_BACK}
        # It is taken back when it is really over, and with what it has returned.
        undone = ["undo begun", "undone done book 0"] if policy == "undo" else []
        assert [what for what, _ in desk.log] == ["begun", "cancelled", "done", *undone]
        assert len(desk.ended) == 1

    async def test_a_thread_cannot_be_stopped_but_its_result_is_dropped(self) -> None:
        desk, go_on = Desk(), threading.Event()
        desk.tools.register(lambda: go_on.wait(10.0) and "rain", "look", on_interrupt="cancel")
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualTimeLoop)
        turn = desk.turn()
        with desk.calls.answering(turn):
            making = asyncio.create_task(turn.make([ToolCall("1", "look")], desk.calls))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            desk.epoch.advance()
            await making
        go_on.set()
        await asyncio.sleep(1.0)
        assert desk.outputs == {"1": CANCELLED}

    async def test_a_thread_is_taken_back_when_it_is_done(self) -> None:
        desk, go_on = Desk(), threading.Event()
        order: list[object] = []

        def look() -> str:
            go_on.wait(10.0)
            order.append("looked")
            return "rain"

        def forget(result: str | None) -> None:
            order.append(result)

        desk.tools.register(look, on_interrupt="undo", undo=forget)
        turn = desk.turn()
        with desk.calls.answering(turn):
            making = asyncio.create_task(turn.make([ToolCall("1", "look")], desk.calls))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            desk.epoch.advance()
            await making
        assert desk.outputs == {"1": TAKING_BACK}
        go_on.set()
        await asyncio.sleep(1.0)
        assert order == ["looked", "rain"]
        assert desk.outputs == {"1": TAKEN_BACK}

    async def test_calls_that_have_not_begun_are_not_made(self, desk: Desk) -> None:
        desk.answer(desk.turn(), "finish", "undo", "cancel")
        await at(5.0)
        desk.epoch.advance()
        not_called = "(not called: the user interrupted)"
        assert desk.outputs == {"finish 0": RUNNING_STILL, "undo 0": not_called, "cancel 0": not_called}
        await at(20.0)
        assert desk.outputs == {"finish 0": "done finish 0", "undo 0": not_called, "cancel 0": not_called}
        assert desk.endings == [("finish 0", "result")], "what never began has no end"

    async def test_one_whose_task_has_not_run_yet_is_not_made_either(self, desk: Desk) -> None:
        desk.answer(desk.turn(), "finish")
        await asyncio.sleep(0)
        assert desk.outputs == {"finish 0": RUNNING_STILL}
        desk.epoch.advance()
        await at(20.0)
        assert desk.outputs == {"finish 0": "(not called: the user interrupted)"}
        assert desk.log == []

    async def test_a_turn_that_is_over_makes_no_calls_and_leaves_none(self, desk: Desk) -> None:
        turn = desk.turn()
        turn.give_up()
        await desk.answer(turn, "finish")
        assert len(desk.history) == 0
        assert desk.log == []


class TestInterruptedAfterIt:
    @pytest.mark.parametrize("policy", ["finish", "cancel"])
    async def test_a_result_stays(self, desk: Desk, policy: str) -> None:
        turn = desk.turn()
        await desk.answer(turn, policy)
        turn.interrupt()
        await at(20.0)
        assert desk.outputs == {f"{policy} 0": f"done {policy} 0"}
        assert desk.endings == [(f"{policy} 0", "result")]

    async def test_undo_takes_it_back_while_the_answer_is_spoken(self, desk: Desk) -> None:
        turn = desk.turn()
        await desk.answer(turn, "undo")
        assert desk.outputs == {"undo 0": "done undo 0"}
        turn.interrupt()
        assert desk.outputs == {"undo 0": TAKING_BACK}
        turn.interrupt()
        await at(20.0)
        assert desk.outputs == {"undo 0": TAKEN_BACK}
        assert desk.log[-1] == ("undone done undo 0", "undo 0")
        assert desk.endings == [("undo 0", "result"), ("undo 0", "undone")]

    @pytest.mark.parametrize("first", [True, False])
    async def test_in_the_very_same_tick(self, first: bool) -> None:
        """Whichever comes first, the history tells one thing, and the call is taken back once."""
        desk = Desk()
        desk.offer("undo", "undo", seconds=5.0)
        loop = asyncio.get_running_loop()
        if first:
            loop.call_at(5.0, desk.epoch.advance)
        turn = desk.turn()
        desk.answer(turn, "undo")
        if not first:
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            loop.call_at(5.0, desk.epoch.advance)
        await at(20.0)
        turn.interrupt()
        await at(30.0)
        assert desk.outputs == {"undo 0": TAKEN_BACK}
        assert [what for what, _ in desk.log].count("undo begun") == 1

    @pytest.mark.parametrize("error", [SystemExit("enough"), Panic("enough")], ids=lambda error: type(error).__name__)
    async def test_a_function_that_exits_has_failed_and_nothing_else_ends(self, error: BaseException) -> None:
        tools, epoch = Tools(), Epoch()

        async def leave() -> None:
            raise error

        def leave_in_a_thread() -> None:
            raise error

        tools.register(leave)
        tools.register(leave_in_a_thread)
        calls = FunctionCalls(tools, EventManager(), lambda: epoch, lambda call, output: None)
        told = f"error: {type(error).__name__}: enough"
        assert await calls.make(ToolCall("1", "leave", {}), 0) == told
        assert await calls.make(ToolCall("2", "leave_in_a_thread", {}), 0) == told

    async def test_what_raised_or_hung_is_not_taken_back(self) -> None:
        desk = Desk()
        desk.offer("raises", "undo", error=True)
        desk.offer("hangs", "undo", seconds=1000.0)
        turn = desk.turn()
        await desk.answer(turn, "raises", "hangs")
        assert asyncio.get_running_loop().time() == 10.0 + TOOL_TIMEOUT
        turn.interrupt()
        await at(100.0)
        assert desk.outputs == {
            "raises 0": "error: ValueError: failed raises 0",
            "hangs 0": "error: TimeoutError: no result within 30 s",
        }
        assert desk.endings == [("raises 0", "error"), ("hangs 0", "error")]
        assert not others()

    @pytest.mark.parametrize(("seconds", "why"), [(1.0, "OSError: no way back"), (1000.0, "its undo was not done")])
    async def test_what_cannot_be_taken_back_is_told_so(self, seconds: float, why: str) -> None:
        desk = Desk()
        desk.offer("book", "undo", undo_seconds=seconds, undo_error=True)
        turn = desk.turn()
        await desk.answer(turn, "book")
        turn.interrupt()
        await at(100.0)
        [output] = desk.outputs.values()
        assert output.startswith("(this was to be taken back and could not be, so it may be in effect: ")
        assert why in output
        assert desk.endings == [("book 0", "result"), ("book 0", "error")]
        assert not others()


class TestGivenUp:
    """Nobody interrupted, but the answer is not made any more: the voice broke, it took too long, the call ended."""

    async def test_what_runs_ends_by_its_policy(self, desk: Desk) -> None:
        answers = [desk.answer(desk.turn(), name) for name in ("finish", "cancel", "undo")]
        await at(5.0)
        for answer in answers:
            answer.cancel()
        await at(20.0)
        why = "the answer was given up"
        assert desk.outputs == {
            "finish 0": "done finish 0",
            "cancel 0": f"(cancelled before it was done: {why})",
            "undo 0": f"(taken back: {why}, so nothing of it is in effect)",
        }

    async def test_what_has_returned_stays(self, desk: Desk) -> None:
        turn = desk.turn()
        await desk.answer(turn, "undo")
        turn.give_up()
        await at(20.0)
        assert desk.outputs == {"undo 0": "done undo 0"}

    async def test_the_end_of_the_call_waits_a_while_for_what_is_to_finish(self) -> None:
        desk = Desk()
        desk.offer("short", "finish", seconds=4.0)
        desk.offer("long", "finish", seconds=20.0)
        desk.offer("cancel", "cancel")
        for name in ("short", "long", "cancel"):
            desk.answer(desk.turn(), name)
        await at(1.0)
        await desk.calls.close(5.0)
        assert asyncio.get_running_loop().time() == pytest.approx(6.0, abs=0.01)
        assert desk.outputs == {
            "short 0": "done short 0",
            "long 0": "(cancelled before it was done: the call ended)",
            "cancel 0": "(cancelled before it was done: the call ended)",
        }
        await desk.calls.close(5.0)
        await at(7.0)
        assert not others()

    async def test_the_end_of_the_call_waits_for_nothing_for_ever(self, caplog: pytest.LogCaptureFixture) -> None:
        desk = Desk()
        desk.offer("deaf", "finish", seconds=500.0, stubborn=True)
        desk.offer("sticky", "undo", undo_seconds=500.0)
        for name in ("deaf", "sticky"):
            desk.answer(desk.turn(), name)
        await at(1.0)
        await desk.calls.close(5.0)
        assert asyncio.get_running_loop().time() == pytest.approx(8.0, abs=0.01)
        assert desk.outputs == {
            "deaf 0": "(cancelled before it was done: the call ended)",
            "sticky 0": "(this was to be taken back and could not be, so it may be in effect: the call ended)",
        }
        assert "left behind: deaf" in caplog.text
        await at(600.0)
        assert desk.outputs["deaf 0"] == "(cancelled before it was done: the call ended)"


class TestRealtime:
    async def test_every_policy_has_one_output_for_the_provider(self, desk: Desk) -> None:
        making = [
            asyncio.create_task(desk.calls.make(ToolCall(name, name, {"key": name}), 0))
            for name in ("finish", "cancel", "undo")
        ]
        await at(5.0)
        desk.epoch.advance()
        await at(5.0)
        assert [task.done() for task in making] == [False, True, False]
        assert making[1].result() == CANCELLED
        await at(6.1)
        assert making[2].result() == TAKEN_BACK
        await at(10.1)
        assert making[0].result() == "done finish"
        assert desk.told_late == [], "its one output tells it"

    async def test_nothing_is_called_for_what_was_interrupted_or_after_the_end(self, desk: Desk) -> None:
        desk.epoch.advance()
        assert await desk.calls.make(ToolCall("1", "finish", {"key": "1"}), 0) == "(not called: the user interrupted)"
        await desk.calls.close(1.0)
        assert await desk.calls.make(ToolCall("1", "finish", {"key": "1"}), 1) == "(not called: the call ended)"
        assert desk.log == []

    async def test_a_call_that_the_provider_cancels_ends_by_its_policy(self, desk: Desk) -> None:
        making = [
            asyncio.create_task(desk.calls.make(ToolCall(name, name, {"key": name}), 0))
            for name in ("finish", "cancel", "undo")
        ]
        await at(5.0)
        for task in making:
            task.cancel()
        await at(20.0)
        assert all(task.cancelled() for task in making)
        assert desk.endings == [("cancel", "cancelled"), ("undo", "undone"), ("finish", "result")]
        taken_back = TAKEN_BACK.replace("the user interrupted", "nobody waited for it any more")
        assert desk.told_late == [("undo", taken_back), ("finish", "done finish")]

    async def test_a_result_that_comes_as_the_provider_cancels_is_not_lost(self) -> None:
        desk = Desk()
        making: list[asyncio.Task[str]] = []

        async def book() -> str:
            making[0].cancel()
            return "booked"

        desk.tools.register(book)
        making.append(asyncio.create_task(desk.calls.make(ToolCall("1", "book"), 0)))
        await asyncio.wait(making)
        assert making[0].cancelled()
        await at(1.0)
        assert desk.told_late == [("1", "booked")]

    @pytest.mark.parametrize("speech", ["before", "after", "none"])
    async def test_a_result_is_taken_back_if_what_it_was_for_is_cut_off(self, desk: Desk, speech: str) -> None:
        if speech == "before":
            desk.calls.response_began("let me see")
        assert await desk.calls.make(ToolCall("1", "undo", {"key": "1"}), 0) == "done 1"
        if speech == "after":
            desk.calls.response_began("it is booked")
        desk.epoch.advance()
        desk.calls.responses_cut({"before": ["let me see"], "after": ["it is booked"], "none": []}[speech])
        assert desk.told_late == [], "it is not done yet"
        await at(20.0)
        assert desk.told_late == [("1", TAKEN_BACK)]
        assert desk.endings == [("1", "result"), ("1", "undone")]
        desk.calls.responses_cut(["let me see", "it is booked"])
        assert len(desk.told_late) == 1

    async def test_a_result_whose_answer_was_heard_is_final(self, desk: Desk) -> None:
        await desk.calls.make(ToolCall("1", "undo", {"key": "1"}), 0)
        desk.calls.response_began("it is booked")
        desk.calls.response_began("something else")
        desk.epoch.advance()
        desk.calls.responses_cut(["something else"])
        await at(20.0)
        assert desk.endings == [("1", "result")]

    async def test_a_call_still_runs_while_something_else_was_said(self, desk: Desk) -> None:
        making = asyncio.create_task(desk.calls.make(ToolCall("1", "cancel", {"key": "1"}), 0))
        await at(1.0)
        desk.calls.response_began("one moment")
        desk.epoch.advance()
        assert await making == CANCELLED

    async def test_nothing_of_a_call_that_is_over_is_taken_back_or_told_in_the_next_one(self, desk: Desk) -> None:
        assert await desk.calls.make(ToolCall("1", "undo", {"key": "1"}), 0) == "done 1"
        desk.offer("deaf", seconds=100.0, stubborn=True)
        late = asyncio.create_task(desk.calls.make(ToolCall("2", "deaf", {"key": "2"}), 0))
        await at(11.0)
        late.cancel()
        await desk.calls.close(1.0)
        desk.epoch = Epoch()  # Another agent takes the model.
        assert await desk.calls.make(ToolCall("3", "finish", {"key": "3"}), 0) == "done 3"
        desk.epoch.advance()
        await at(200.0)
        assert [ending for ending in desk.endings if ending[0] == "1"] == [("1", "result")]
        assert desk.told_late == []
