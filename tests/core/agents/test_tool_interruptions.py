"""A whole agent is interrupted while a function runs, or while its result is spoken: what the model is told next."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import pytest

from vision_agents.core.conversation import Role, ToolCall
from vision_agents.core.floor import FloorState
from vision_agents.core.llm import LLMRequest, OnInterrupt, ToolEndedEvent
from vision_agents.core.llm.function_call import RUNNING_STILL
from vision_agents.core.voice import CONTINUE_PROMPT
from vision_agents.testing.parts import Answer, ScriptedLLM
from vision_agents.testing.realtime import ScriptedRealtime

from .call_kit import ANNA, LONG, Call, others
from .test_realtime_calls import RealtimeCall

pytestmark = pytest.mark.virtual_time

BOOK = ToolCall("1", "book", {"seats": 2})
CANCELLED = "(cancelled before it was done: the user interrupted)"
TAKEN_BACK = "(taken back: the user interrupted, so nothing of it is in effect)"


def reply(request: LLMRequest) -> Iterable[str | ToolCall]:
    """Books when asked to, tells the result at length, and is brief with everything else."""
    last = request.messages[-1]
    if last.role is Role.TOOL:
        return [LONG]
    return [BOOK] if last.text == "book" else ["ok."]


class Restaurant(Call):
    """A call in which the agent books a table, which takes `seconds`."""

    def __init__(
        self, on_interrupt: OnInterrupt, seconds: float, words: Iterable[str] = ("book", "wait"), answer: Answer = reply
    ) -> None:
        super().__init__(words=words, llm=ScriptedLLM(answer))
        self.booked: list[int] = []
        self.begun = 0

        async def book(seats: int) -> str:
            self.begun += 1
            await asyncio.sleep(seconds)
            self.booked.append(seats)
            return "booked"

        async def unbook(seats: int, result: str | None) -> None:
            if result is not None:
                self.booked.remove(seats)

        undo = unbook if on_interrupt == "undo" else None
        self.llm.register_function(on_interrupt=on_interrupt, undo=undo, deliver=False)(book)

    def told(self, request: int = -1) -> list[tuple[str, str]]:
        """The history in a request to the model."""
        return [(message.role.value, message.text) for message in self.llm.requests[request].messages]

    async def say(self, seconds: float = 1.0) -> None:
        await self.detector.speak(ANNA, seconds)


@pytest.mark.parametrize(
    ("on_interrupt", "next_told", "later_told", "booked"),
    [
        ("finish", RUNNING_STILL, "booked", [2]),
        ("cancel", CANCELLED, CANCELLED, []),
        ("undo", TAKEN_BACK, TAKEN_BACK, []),
    ],
)
async def test_interrupted_while_the_function_runs(
    on_interrupt: OnInterrupt, next_told: str, later_told: str, booked: list[int]
) -> None:
    async with Restaurant(on_interrupt, 8.0, ["book", "wait", "and now"]) as call:
        await call.say()
        await call.until(lambda: call.begun)
        await asyncio.sleep(1.0)
        await call.say()
        await call.until(lambda: len(call.llm.requests) == 2)
        expected = [("user", "book"), ("assistant", ""), ("tool", next_told), ("user", "wait")]
        assert call.told() == expected
        assert call.llm.requests[-1].messages[1].tool_calls == (BOOK,)
        await asyncio.sleep(10.0)
        await call.say()
        await call.until(lambda: len(call.llm.requests) == 3)
        assert call.told()[:4] == [*expected[:2], ("tool", later_told), expected[3]]
        await call.until_state(FloorState.IDLE)
        assert [text for role, text in call.history if role == "tool"] == [later_told]
        assert call.tts.spoken == ["ok.", "ok."], "the interrupted answer goes on"
        assert (call.begun, call.booked) == (1, booked)
        ending = {"finish": "result", "cancel": "cancelled", "undo": "undone"}[on_interrupt]
        assert [event.ending for event in call.of(ToolEndedEvent)] == [ending]
    assert not others()


@pytest.mark.parametrize(
    ("on_interrupt", "told", "booked"), [("finish", "booked", [2]), ("cancel", "booked", [2]), ("undo", TAKEN_BACK, [])]
)
async def test_interrupted_while_the_result_is_spoken(on_interrupt: OnInterrupt, told: str, booked: list[int]) -> None:
    async with Restaurant(on_interrupt, 0.5) as call:
        await call.say()
        await call.until_state(FloorState.SPEAKING)
        await asyncio.sleep(0.5)
        assert call.booked == [2]
        await call.say()
        await call.until(lambda: len(call.llm.requests) == 3)
        assert call.told()[:3] == [("user", "book"), ("assistant", ""), ("tool", told)]
        assert call.booked == booked


async def test_what_was_undone_for_nothing_is_done_again() -> None:
    """A noise cut the agent off while the function ran: the model is told, and asked to go on."""

    def again(request: LLMRequest) -> Iterable[str | ToolCall]:
        last = request.messages[-1]
        if last.role is Role.TOOL:
            return ["it is booked."]
        return [BOOK] if last.text == CONTINUE_PROMPT else ["one two three four five six. ", BOOK]

    async with Restaurant("undo", 8.0, ["book", ""], again) as call:
        await call.say()
        await call.until(lambda: call.begun)
        await asyncio.sleep(0.5)
        await call.say()
        await call.until(lambda: call.booked)
        await call.until_state(FloorState.IDLE)
        spoken = [text for role, text in call.history if role == "assistant"]
        assert " ".join(filter(None, spoken)) == "one two three four five six. it is booked."
        assert call.told(1)[-1] == ("user", CONTINUE_PROMPT)
        assert ("tool", TAKEN_BACK) in call.told(1)
        assert [event.ending for event in call.of(ToolEndedEvent)] == ["undone", "result"]
    assert not others()


async def test_what_was_heard_to_its_end_is_not_taken_back_by_a_later_interruption() -> None:
    async with Restaurant("undo", 0.5) as call:
        await call.say()
        await call.until_state(FloorState.SPEAKING)
        await call.until_state(FloorState.IDLE)
        saying = asyncio.create_task(call.agent.say(LONG))
        await call.until_state(FloorState.SPEAKING)
        await call.say()
        assert await saying is False
        await call.until(lambda: len(call.llm.requests) == 3)
        assert ("tool", "booked") in call.told()
        assert call.booked == [2]


async def test_a_cough_takes_nothing_back() -> None:
    async with Restaurant("undo", 0.5) as call:
        await call.say()
        await call.until_state(FloorState.SPEAKING)
        await asyncio.sleep(0.5)
        await call.detector.speak(ANNA, 0.1, end=False)
        await call.until_state(FloorState.IDLE)
        assert call.history[1:3] == [("assistant", ""), ("tool", "booked")]
        assert call.booked == [2]


@pytest.mark.parametrize(
    ("on_interrupt", "told", "booked"),
    [
        ("finish", "booked", [2]),
        ("cancel", "(cancelled before it was done: the call ended)", []),
        ("undo", "booked", [2]),
    ],
)
async def test_the_call_ends_while_the_function_runs(on_interrupt: OnInterrupt, told: str, booked: list[int]) -> None:
    async with Restaurant(on_interrupt, 3.0) as call:
        await call.say()
        await call.until(lambda: call.begun)
    assert call.history == [("user", "book"), ("assistant", ""), ("tool", told)]
    assert call.booked == booked
    await asyncio.sleep(0)
    assert not others()


async def test_what_is_not_done_when_the_call_ends_is_taken_back() -> None:
    async with Restaurant("undo", 20.0) as call:
        await call.say()
        await call.until(lambda: call.begun)
    assert call.history[-1] == ("tool", "(taken back: the call ended, so nothing of it is in effect)")
    assert call.booked == []
    assert not others()


@pytest.mark.parametrize("seconds", [0.5, 3.0], ids=["it has returned", "it runs"])
@pytest.mark.parametrize("hangs_up", [True, False], ids=["the caller leaves", "the agent leaves"])
async def test_who_hangs_up_takes_nothing_back(seconds: float, hangs_up: bool) -> None:
    async with Restaurant("undo", seconds) as call:
        await call.say()
        await call.until(lambda: call.begun)
        await asyncio.sleep(1.5)
        if hangs_up:
            call.edge.sink.participant_left(ANNA)
            await asyncio.sleep(5.0)
    assert ("tool", "booked") in call.history
    assert call.booked == [2]


async def test_the_agent_is_told_that_everybody_has_left_before_a_function_was_called() -> None:
    async with Restaurant("cancel", 3.0) as call:
        await call.say()
        await call.until(lambda: call.begun)
        call.edge.sink.participant_left(ANNA)
        assert call.history[-1] == ("tool", "(cancelled before it was done: everybody has left)")


async def test_code_interrupts_twice_and_the_result_lands_once() -> None:
    async with Restaurant("finish", 3.0) as call:
        await call.say()
        await call.until(lambda: call.begun)
        call.agent.interrupt()
        call.agent.interrupt()
        await asyncio.sleep(10.0)
        assert call.history == [("user", "book"), ("assistant", ""), ("tool", "booked")]
        assert call.tts.spoken == []
        assert len(call.llm.requests) == 1


async def test_a_function_over_its_own_limit_is_told_to_the_model_which_answers() -> None:
    async with Restaurant("finish", 35.0, ["book"]) as call:
        await call.say()
        await call.until(lambda: call.begun)
        await call.until_state(FloorState.SPEAKING)
        assert "no result within 30 s" in call.llm.requests[-1].messages[-1].text
        await call.until_state(FloorState.IDLE)
        assert call.history[-1] == ("assistant", LONG)


class Told(ScriptedRealtime):
    """Notes what it is told of calls that ended late."""

    def __init__(self) -> None:
        super().__init__([BOOK, LONG, "ok."], ["book", "wait"])
        self.told: list[tuple[ToolCall, str]] = []

    def function_ended_late(self, call: ToolCall, output: str) -> None:
        self.told.append((call, output))


@pytest.mark.parametrize(
    ("on_interrupt", "told", "booked"), [("finish", [], [2]), ("cancel", [], [2]), ("undo", [(BOOK, TAKEN_BACK)], [])]
)
async def test_a_realtime_model_is_interrupted_while_the_result_is_spoken(
    on_interrupt: OnInterrupt, told: list[tuple[ToolCall, str]], booked: list[int]
) -> None:
    model = Told()
    tables: list[int] = []

    async def book(seats: int) -> str:
        tables.append(seats)
        return "booked"

    async def unbook(seats: int) -> None:
        tables.remove(seats)

    model.register_function(on_interrupt=on_interrupt, undo=unbook if on_interrupt == "undo" else None)(book)
    async with RealtimeCall(model=model) as call:
        await call.speak(1.0)
        await call.until_state(FloorState.SPEAKING)
        assert model.asked == ["book", "booked"]
        assert tables == [2]
        await call.speak(1.0)
        await call.until(lambda: model.asked[-1] == "wait")
        assert tables == booked
        assert model.told == told
    assert not others()


@pytest.mark.parametrize("seconds", [0.5, 3.0], ids=["it has returned", "it runs"])
@pytest.mark.parametrize("hangs_up", [True, False], ids=["the caller leaves", "the agent leaves"])
async def test_who_hangs_up_on_a_realtime_model_takes_nothing_back(seconds: float, hangs_up: bool) -> None:
    model = ScriptedRealtime([BOOK, LONG])
    booked: list[int] = []

    @model.register_function(on_interrupt="undo", undo=lambda seats: booked.remove(seats))
    async def book(seats: int) -> str:
        booked.append(seats)
        await asyncio.sleep(seconds)
        return "booked"

    async with RealtimeCall(model=model) as call:
        call.edge.sink.participant_joined(ANNA)
        asking = asyncio.create_task(call.agent.simple_response("A table for two."))
        await asyncio.sleep(1.5)
        assert call.agent.state is (FloorState.SPEAKING if seconds < 1.0 else FloorState.THINKING)
        if hangs_up:
            call.edge.sink.participant_left(ANNA)
            await asyncio.sleep(5.0)
    assert booked == [2]
    await asking
    assert not others()


async def test_a_realtime_model_is_interrupted_by_code_while_the_function_runs() -> None:
    model = Told()
    tables: list[int] = []

    @model.register_function(on_interrupt="finish")
    async def book(seats: int) -> str:
        await asyncio.sleep(3.0)
        tables.append(seats)
        return "booked"

    async with RealtimeCall(model=model) as call:
        await call.speak(1.0)
        call.agent.interrupt()
        await asyncio.sleep(5.0)
        assert tables == [2]
        # The scripted provider gives the call up; what became of it comes as a note, once.
        assert model.told == [(BOOK, "booked")]
        assert not any(call.edge.audible)


@pytest.mark.parametrize("said", [(), ("Let me check.",)])
async def test_a_function_slower_than_the_voices_deadlines_is_waited_for(said: tuple[str, ...]) -> None:
    def answer(request: LLMRequest) -> Iterable[str | ToolCall]:
        return ["It is booked."] if request.messages[-1].role is Role.TOOL else [*said, BOOK]

    async with Restaurant("finish", 25.0, ["book"], answer) as call:
        await call.say()
        await call.until(lambda: call.booked)
        await call.until(lambda: call.agent.state is FloorState.IDLE)
        assert call.history[-1] == ("assistant", "It is booked.")
