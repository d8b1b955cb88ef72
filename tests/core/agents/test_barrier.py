"""Functions with effects begin only when what the user wants is certain: agents of both kinds, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from vision_agents.core import Participant
from vision_agents.core.conversation import Role, ToolCall
from vision_agents.core.floor import FloorState
from vision_agents.core.llm import LLMRequest, ToolEndedEvent, ToolStartedEvent
from vision_agents.testing.parts import Piece, ScriptedDetector, ScriptedLLM
from vision_agents.testing.realtime import ScriptedRealtime

from .call_kit import ANNA, Call, others
from .test_realtime_calls import RealtimeCall

pytestmark = pytest.mark.virtual_time

BOB = Participant("bob")
PAY, SEND, LOOK = (ToolCall(name, name, {}) for name in ("pay", "send", "look"))
PREAMBLE = "one two three four five six. "
NOT_CALLED = "(not called: the user interrupted)"


class Slow(ScriptedLLM):
    """Says a sentence, then calls `calls`, 0.9 s after it began; what it makes of the results is "done."."""

    def __init__(self, *calls: ToolCall, then: tuple[ToolCall, ...] = ()) -> None:
        super().__init__()
        self.calls = calls
        self.then = then

    async def stream(self, request: LLMRequest) -> AsyncIterator[Piece]:
        self.requests.append(request)
        last = request.messages[-1]
        if last.role is Role.TOOL:
            calls = self.then if last.tool_call_id == self.calls[-1].id else ()
            for call in calls:
                yield call
            yield "" if calls else "done."
        elif last.text == "pay":
            yield PREAMBLE
            await asyncio.sleep(0.9)
            for call in self.calls:
                yield call
        else:
            yield "all right."


class Bank(Call):
    """A call in which the agent pays. `done` has each function that was called, and what the floor was at then."""

    def __init__(self, *calls: ToolCall, then: tuple[ToolCall, ...] = (), **parts):
        super().__init__(words=["pay", "no wait do not pay"], llm=Slow(*(calls or (PAY,)), then=then), **parts)
        self.done: list[tuple[str, FloorState]] = []
        register(self, self.llm)

    @property
    def outputs(self) -> list[str]:
        return [text for role, text in self.history if role == "tool"]

    async def ask(self) -> None:
        """Anna asks the agent to pay; it says that it does, and is about to."""
        await self.detector.speak(ANNA, 1.0)
        await self.until_state(FloorState.SPEAKING)
        await asyncio.sleep(0.6)


def register(call, model) -> None:
    def note(name):
        call.done.append((name, call.agent.state))
        return "ok"

    @model.register_function()
    async def pay():
        return note("pay")

    @model.register_function()
    def send():
        return note("send")

    @model.register_function(effects=False)
    async def look():
        return note("look")


async def test_what_an_interruption_takes_back_before_it_was_done_is_not_done():
    async with Bank() as call:
        await call.ask()
        await call.detector.speak(ANNA, 1.2)
        await call.until_state(FloorState.IDLE)
        assert call.done == []
        assert call.outputs == [NOT_CALLED]
        told = call.llm.requests[-1].messages
        assert [message.role.value for message in told] == ["user", "assistant", "assistant", "tool", "user"]
        assert told[2].tool_calls == (PAY,)
        assert told[3].text == NOT_CALLED
        assert told[4].text == "no wait do not pay"
        assert call.of(ToolStartedEvent) == call.of(ToolEndedEvent) == []
    assert not others()


async def test_a_cough_lets_it_wait_and_no_longer():
    async with Bank() as call:
        await call.ask()
        speaking = asyncio.create_task(call.detector.speak(ANNA, 0.3, end=False))
        await asyncio.sleep(0.45)
        assert call.done == []
        assert call.outputs == ["(still running, the result is not known yet)"], "it is asked for, and held"
        await speaking
        await call.until(lambda: call.done)
        assert len([record for record in call.edge.records if record.get("effect") == "Resume"]) == 1
        await call.until_state(FloorState.IDLE)
        assert [name for name, _ in call.done] == ["pay"]
        assert call.done[0][1] is FloorState.SPEAKING
        assert call.outputs == ["ok"]


@pytest.mark.parametrize(
    ("calls", "then", "begun"),
    [
        ((LOOK,), (), ["look"]),
        ((LOOK, PAY), (), ["look"]),
        ((PAY, LOOK), (), []),
        ((PAY, SEND), (), []),
        ((LOOK,), (PAY,), ["look"]),
        ((SEND,), (), []),
    ],
)
async def test_what_has_no_effects_begins_early_and_everything_else_of_the_answer_waits(calls, then, begun):
    async with Bank(*calls, then=then) as call:
        await call.ask()
        await call.detector.speak(ANNA, 1.2)
        await call.until_state(FloorState.IDLE)
        assert [name for name, _ in call.done] == begun
        assert call.outputs == ["ok" if name in begun else NOT_CALLED for name in (c.id for c in calls + then)]


async def test_somebody_else_speaks():
    async with Bank() as call:
        call.edge.sink.participant_joined(BOB)
        await call.ask()
        await call.detector.speak(BOB, 1.2)
        await call.until_state(FloorState.IDLE)
        assert call.done == []


async def test_speech_over_an_answer_that_nobody_may_interrupt_keeps_nothing_waiting():
    async with Bank() as call:
        saying = asyncio.create_task(call.agent.simple_response("pay", interruptible=False))
        await call.until_state(FloorState.SPEAKING)
        await asyncio.sleep(0.6)
        speaking = asyncio.create_task(call.detector.speak(ANNA, 1.2))
        await asyncio.sleep(0.5)
        assert [name for name, _ in call.done] == ["pay"]
        await asyncio.gather(saying, speaking)


async def test_code_asks_the_model_and_anna_speaks():
    async with Bank() as call:
        saying = asyncio.create_task(call.agent.simple_response("pay"))
        await call.until_state(FloorState.SPEAKING)
        await asyncio.sleep(0.6)
        await call.detector.speak(ANNA, 1.2)
        assert await saying is False
        assert call.done == []
        assert call.outputs == [NOT_CALLED]


async def test_the_agent_leaves_while_it_waits():
    async with Bank() as call:
        await call.ask()
        speaking = asyncio.create_task(call.detector.speak(ANNA, 1.2))
        await asyncio.sleep(0.5)
        assert call.agent.state is FloorState.HELD
    speaking.cancel()
    await asyncio.sleep(60.0)
    assert call.done == []
    assert call.outputs == ["(not called: the call ended)"]
    assert not others()


@pytest.mark.parametrize("noticed", [False, True])
async def test_what_was_said_and_known_too_late_is_not_done_and_is_answered(noticed):
    """The recogniser knows the rest of what Anna said when the answer to the first half is heard already."""
    async with Bank() as call:
        await call.ask()
        call.stt.pending.clear()
        if noticed:
            # Words that the detector heard nothing of, all at once: how long they took is not known.
            call.stt.report_words(ANNA, "no wait do not pay", final=False)
            await asyncio.sleep(0.1)
        call.stt.report_words(ANNA, "no wait do not pay", final=True)
        await call.until(lambda: call.history[-1] == ("assistant", "all right."))
        assert call.done == []
        assert call.outputs == [NOT_CALLED]
        assert ("user", "no wait do not pay") in call.history


async def test_twice_in_a_row():
    async with Bank(PAY, SEND) as call:
        await call.ask()
        await call.detector.speak(ANNA, 0.1, end=False)
        await call.detector.speak(ANNA, 0.1, end=False)
        assert call.done == []
        await call.until_state(FloorState.IDLE)
        assert [name for name, _ in call.done] == ["pay", "send"]


async def test_a_hold_begins_when_the_function_was_about_to_be_called():
    """In every turn of the event loop around that moment: either it was called before, or it waits."""
    for steps in range(12):
        async with Bank() as call:
            await call.detector.speak(ANNA, 1.0)
            await call.until(lambda: call.llm.requests)
            loop = asyncio.get_running_loop()
            # The call comes 0.9 s later; so many steps of the loop after that, somebody speaks.
            due = loop.time() + 0.9
            while loop.time() < due - 1e-9:
                await asyncio.sleep(due - loop.time())
            for _ in range(steps):
                await asyncio.sleep(0)
            called = list(call.done)
            call.detector.report_speech_started(ANNA, 0.9, 0.03)
            assert call.agent.state is FloorState.HELD
            await asyncio.sleep(0.1)
            assert call.done == called
            call.detector.report_turn_started(ANNA, 0.9)
            await asyncio.sleep(1.0)
            assert call.done == called


# Realtime models.


class RealtimeBank(RealtimeCall):
    """The same with a model that hears and speaks; it calls the function `after` so many seconds."""

    def __init__(self, *answers, after: float = 0.0, **options):
        model = SlowRealtime([*answers, "all right."], ["pay", "no wait do not pay"], after=after)
        super().__init__(model=model, **options)
        self.done: list[tuple[str, FloorState]] = []
        register(self, model)


class SlowRealtime(ScriptedRealtime):
    def __init__(self, *args, after, **options):
        super().__init__(*args, **options)
        self.after = after
        self.outputs: list[str] = []

    async def call_function(self, call, epoch):
        await asyncio.sleep(self.after)
        output = await super().call_function(call, epoch)
        self.outputs.append(output)
        return output

    def _cancel(self, names):
        """It goes on, as a service does that has been told too late."""


@pytest.mark.parametrize(("seconds", "called"), [(0.1, True), (1.2, False)])
async def test_a_realtime_models_call_that_arrives_while_it_is_held(seconds, called):
    async with RealtimeBank((PREAMBLE, PAY), after=1.4) as call:
        await call.speak(1.0)
        await call.until_state(FloorState.SPEAKING)
        await asyncio.sleep(0.9)
        ear = ScriptedDetector()
        ear.attach(call.agent._joined().attachment)
        await ear.speak(ANNA, seconds, end=False)
        assert call.done == []
        await asyncio.sleep(3.0)
        assert [name for name, _ in call.done] == ["pay"] * called
        assert call.model.outputs == ["ok" if called else NOT_CALLED]


async def test_a_realtime_model_calls_before_it_says_anything_and_anna_goes_on():
    async with RealtimeBank(PAY, after=0.5) as call:
        await call.speak(1.0)
        speaking = asyncio.create_task(call.speak(1.0))
        await call.until(lambda: call.model.outputs)
        assert call.agent.state is FloorState.USER_SPEAKING
        assert call.model.outputs == [NOT_CALLED]
        await speaking
        await call.until(lambda: ("assistant", "all right.") in call.history)
        assert call.done == []
        assert [text for role, text in call.history if role == "user"] == ["pay", "no wait do not pay"]


async def test_the_call_ends_while_a_realtime_models_function_waits():
    async with RealtimeBank((PREAMBLE, PAY), after=1.4) as call:
        await call.speak(1.0)
        await call.until_state(FloorState.SPEAKING)
        await asyncio.sleep(0.9)
        call.model.report_speech_started(ANNA, 0.9)
        await asyncio.sleep(0.5)
    await asyncio.sleep(60.0)
    assert call.done == []
    assert [output.split(":")[0] for output in call.model.outputs] == ["(not called"]
    assert not others()
