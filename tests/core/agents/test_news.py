"""What a function found whose answer was interrupted: the agent tells it by itself, once, when it is free to."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import pytest

from vision_agents.core.agents import AgentSpeechEndedEvent
from vision_agents.core.conversation import Role, ToolCall
from vision_agents.core.floor import FloorState
from vision_agents.core.llm import LLMRequest
from vision_agents.core.voice import NEWS_PROMPT
from vision_agents.testing.parts import ScriptedLLM
from vision_agents.testing.realtime import ScriptedRealtime

from .call_kit import ANNA, LONG, Call, others
from .test_realtime_calls import RealtimeCall

pytestmark = pytest.mark.virtual_time

PAY = ToolCall("1", "pay", {})
TOLD = "Your payment has gone through."


class Payment(Call):
    """A call in which "pay" takes `seconds`, and other words get "ok."."""

    def __init__(self, seconds: float, words: Iterable[str] = ("pay", "hurry up please"), **settings):
        super().__init__(words=words, llm=ScriptedLLM(self.answer))
        self.paid = 0

        @self.llm.register_function(**settings)
        async def pay() -> str:
            await asyncio.sleep(seconds)
            self.paid += 1
            return "paid"

    @staticmethod
    def answer(request: LLMRequest) -> Iterable[str | ToolCall]:
        last = request.messages[-1]
        if last.role is Role.TOOL:
            return [TOLD if last.text == "paid" else "It did not work."]
        return [PAY] if last.text == "pay" else ["ok."]

    @property
    def said(self) -> list[str]:
        return [text for role, text in self.history if role == "assistant" and text]

    async def speak(self, seconds: float = 1.0) -> None:
        await self.detector.speak(ANNA, seconds)

    async def interrupted(self) -> None:
        await self.speak()
        await asyncio.sleep(0.5)
        await self.speak()

    async def rest(self) -> None:
        await asyncio.sleep(15.0)
        assert self.agent.state is FloorState.IDLE


async def test_it_is_told_by_itself_behind_the_answer_to_the_interruption() -> None:
    async with Payment(6.0) as call:
        await call.interrupted()
        await call.rest()
        assert call.said == ["ok.", TOLD]
        last = [(message.role.value, message.text) for message in call.llm.requests[-1].messages]
        assert last == [
            ("user", "pay"),
            ("user", "hurry up please"),
            ("assistant", "ok."),
            ("assistant", ""),
            ("tool", "paid"),
        ]
        # In the history the call stays where it was made.
        assert [role for role, _ in call.history] == ["user", "assistant", "tool", "user", "assistant", "assistant"]
    assert not others()


async def test_what_is_known_before_the_interruption_is_answered_is_told_with_that_answer() -> None:
    async with Payment(1.6) as call:
        await call.interrupted()
        await call.rest()
        assert call.said == [TOLD]
        assert len(call.llm.requests) == 2
        assert ("user", "hurry up please") in [(m.role.value, m.text) for m in call.llm.requests[-1].messages]


@pytest.mark.parametrize("settings", [{"deliver": False}, {"on_interrupt": "cancel"}])
async def test_not_unless_it_is_wanted(settings) -> None:
    async with Payment(6.0, **settings) as call:
        await call.interrupted()
        await call.rest()
        assert call.said == ["ok."]


async def test_that_it_failed_is_told_too() -> None:
    async with Payment(40.0) as call:
        await call.interrupted()
        await asyncio.sleep(40.0)
        assert call.said == ["ok.", "It did not work."]


async def test_code_that_wanted_silence_gets_it_and_the_next_answer_tells() -> None:
    async with Payment(3.0) as call:
        await call.speak()
        await asyncio.sleep(0.5)
        call.agent.interrupt()
        await call.rest()
        assert call.said == []
        await call.speak()
        await call.rest()
        assert call.said == [TOLD]


async def test_a_typed_text_wants_no_silence() -> None:
    async with Payment(6.0) as call:
        await call.speak()
        await asyncio.sleep(0.5)
        await call.agent.simple_response("Are you there?")
        await call.rest()
        assert call.said == ["ok.", TOLD]


async def test_it_waits_until_nobody_speaks() -> None:
    async with Payment(4.0, ["pay", "hurry up please", "and my address is"]) as call:
        await call.interrupted()
        await asyncio.sleep(1.0)
        speaking = asyncio.create_task(call.speak(4.0))
        await call.until(lambda: call.paid)
        assert not speaking.done()
        await speaking
        await call.rest()
        assert call.said == ["ok.", TOLD]
        assert len(call.llm.requests) == 3


async def test_interrupted_before_anything_of_it_was_heard_it_is_told_by_the_next_answer() -> None:
    async with Payment(4.0, ["pay", "hurry up please", "hello"]) as call:
        await call.interrupted()
        call.llm._delay = 1.0
        await call.until(lambda: len(call.llm.requests) == 3)
        await call.speak()
        await call.rest()
        assert call.said == ["ok.", TOLD]
        assert [m.text for m in call.llm.requests[-1].messages][-1] == "paid"


async def test_two_are_told_at_once() -> None:
    def answer(request: LLMRequest) -> Iterable[str | ToolCall]:
        last = request.messages[-1]
        if last.role is Role.TOOL:
            told = [message.text for message in request.messages if message.role is Role.TOOL]
            return [" and ".join(told) + "."]
        return [ToolCall(last.text, "fetch", {"what": last.text})] if last.text in ("milk", "bread") else ["ok."]

    llm = ScriptedLLM(answer)

    @llm.register_function()
    async def fetch(what: str) -> str:
        await asyncio.sleep(8.0)
        return what

    async with Call(["milk", "bread", "hello"], llm=llm) as call:
        for _ in range(3):
            await call.detector.speak(ANNA, 1.0)
            await asyncio.sleep(0.3)
        await call.agent.say(
            "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen."
        )
        await asyncio.sleep(10.0)
        assert call.history[-1] == ("assistant", "milk and bread.")
        assert call.agent.state is FloorState.IDLE


# Realtime models.


def pays_by(
    seconds: float, answers: list[str | ToolCall], words: list[str], kind: type[ScriptedRealtime] = ScriptedRealtime
) -> ScriptedRealtime:
    """A model that hears these words and answers so; "pay" takes `seconds`."""
    model = kind(answers, words)

    @model.register_function()
    async def pay() -> str:
        await asyncio.sleep(seconds)
        return "paid"

    return model


async def test_a_realtime_model_is_asked_to_tell_it() -> None:
    model = pays_by(6.0, [PAY, "ok.", TOLD], ["pay", "hurry up please"])
    async with RealtimeCall(model=model) as call:
        await call.speak(1.0)
        await call.speak(1.0)
        await asyncio.sleep(12.0)
        assert call.agent.state is FloorState.IDLE
        assert [text for role, text in call.history if role == "assistant"] == ["ok.", TOLD]
        asked = model.asked[-1]
        assert NEWS_PROMPT in asked
        assert "pay({}): paid" in asked
        assert ("user", asked) not in call.history
    assert not others()


async def test_a_realtime_model_that_knows_of_it_is_not_asked_to_tell_it_again() -> None:
    """It was told before Anna asked something else: its answer tells it, as a cascade's would."""
    model = pays_by(1.2, [PAY, TOLD, "ok."], ["pay", "hurry up please"])
    async with RealtimeCall(model=model) as call:
        await call.speak(1.0)
        await call.speak(2.0)
        await asyncio.sleep(12.0)
        assert call.agent.state is FloorState.IDLE
        assert [text for role, text in call.history if role == "assistant"] == [TOLD]
        assert not any(NEWS_PROMPT in text for text in model.asked)


async def test_what_code_asks_a_realtime_model_tells_it_too() -> None:
    model = pays_by(3.0, [PAY, TOLD, "ok."], ["pay"])
    async with RealtimeCall(model=model) as call:
        await call.speak(1.0)
        call.agent.interrupt()
        await asyncio.sleep(5.0)
        await call.agent.simple_response("And now?")
        await asyncio.sleep(12.0)
        assert [text for role, text in call.history if role == "assistant"] == [TOLD]


class Distant(ScriptedRealtime):
    """Takes texts late, as one does whose connection is lost for a while."""

    async def send_text(self, text: str, request: int | None = None) -> None:
        await asyncio.sleep(5.0)
        await super().send_text(text, request)


async def test_what_is_found_while_a_text_waits_for_a_connection_is_told_by_its_answer_alone() -> None:
    model = pays_by(6.0, [PAY, "ok.", TOLD, "Once more."], ["pay", "hurry up please"], Distant)
    async with RealtimeCall(model=model) as call:
        await call.speak(1.0)
        await call.speak(1.0)
        await asyncio.sleep(1.0)
        await call.agent.simple_response("And now?")
        await asyncio.sleep(12.0)
        assert [text for role, text in call.history if role == "assistant"] == ["ok.", TOLD]


async def test_of_what_code_asked_a_realtime_model_to_answer_nothing_is_left_to_tell() -> None:
    model = pays_by(3.0, [PAY, LONG, TOLD, "ok."], ["pay", "hurry up please", "thank you"])
    async with RealtimeCall(model=model) as call:
        await call.speak(1.0)
        await asyncio.sleep(0.5)
        await call.speak(1.0)
        await asyncio.sleep(1.5)
        assert await call.agent.simple_response("And now?", interrupt=False)
        await asyncio.sleep(5.0)
        await call.speak(1.0)
        await asyncio.sleep(5.0)
        assert [text for role, text in call.history if role == "assistant"] == [LONG, TOLD, "ok."]
    assert [record["told"] for record in call.edge.records if record.get("event") == "ReplyFailed"] == [True]
    assert not any(record.get("effect") == "TellNews" for record in call.edge.records)


async def test_a_realtime_model_that_code_silenced_tells_nothing() -> None:
    model = pays_by(3.0, [PAY, TOLD], ["pay"])
    async with RealtimeCall(model=model) as call:
        await call.speak(1.0)
        call.agent.interrupt()
        await asyncio.sleep(12.0)
        assert not any(call.edge.audible)
        assert call.agent.state is FloorState.IDLE


class TakesBack(ScriptedRealtime):
    """Takes back the call of a function when it has something else to say, as Gemini does."""

    speaks_during_calls = False

    def respond(self, text: str, request: int | None = None) -> None:
        for task, _ in self._tasks.values():
            task.cancel()
        super().respond(text, request)


@pytest.mark.parametrize("settings", [{}, {"deliver": False}, {"on_interrupt": "cancel"}])
async def test_a_model_that_cannot_speak_meanwhile_says_it_all_the_same_and_is_told_the_result(settings) -> None:
    model = TakesBack([PAY, "One moment please.", TOLD], ["pay"])
    async with RealtimeCall(model=model) as call:

        @model.register_function(**settings)
        async def pay() -> str:
            assert await call.agent.say("One moment please.")
            return "paid"

        await call.speak(1.0)
        await asyncio.sleep(8.0)
        assert [text for role, text in call.history if role == "assistant"] == ["One moment please.", TOLD]


async def test_so_is_one_that_code_asks() -> None:
    model = TakesBack([PAY, "One moment please.", TOLD])
    async with RealtimeCall(model=model) as call:

        @model.register_function()
        async def pay() -> str:
            assert await call.agent.say("One moment please.")
            return "paid"

        asking = asyncio.create_task(call.agent.simple_response("Pay it."))
        await asyncio.sleep(8.0)
        assert [text for role, text in call.history if role == "assistant"] == ["One moment please.", TOLD]
        assert await asking is False, "what it asked for was given up, and told by itself"
        assert call.agent.state is FloorState.IDLE
        ended = call.of(AgentSpeechEndedEvent)
        assert [(event.heard, event.failed, event.interrupted) for event in ended] == [
            ("", False, True),
            ("One moment please.", False, False),
            (TOLD, False, False),
        ]
