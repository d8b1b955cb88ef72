"""What a model says before it calls a function: when it is heard, and where it stands in the history."""

import asyncio

import pytest

from vision_agents.core.agents import AgentSpeechEndedEvent, AgentSpeechStartedEvent
from vision_agents.core.conversation import Role, ToolCall
from vision_agents.testing.parts import ScriptedLLM

from .call_kit import ANNA, Call

pytestmark = pytest.mark.virtual_time


def looks_up(rounds=1, preamble="Let me look up number {}.", seconds=2.0):
    """A model that looks something up, so many times, and says so each time."""

    def answer(request):
        done = sum(message.role is Role.TOOL for message in request.messages)
        if request.messages[-1].text == "and now":
            return ["ok."]
        if done < rounds:
            return [preamble.format(done), ToolCall(str(done), "look", {"n": done})]
        return ["It will rain."]

    llm = ScriptedLLM(answer)

    @llm.register_function()
    async def look(n: int) -> str:
        """Look."""
        await asyncio.sleep(seconds)
        return "rain"

    return llm


async def test_it_stands_before_the_call_in_every_request_and_in_the_history():
    async with Call(["the weather", "and now"], llm=looks_up()) as call:
        await call.detector.speak(ANNA, 1.0)
        await call.until(lambda: call.of(AgentSpeechEndedEvent))
        assert call.history == [
            ("user", "the weather"),
            ("assistant", "Let me look up number 0."),
            ("assistant", ""),
            ("tool", "rain"),
            ("assistant", "It will rain."),
        ]
        asked = [message.text for message in call.llm.requests[1].messages]
        assert asked == ["the weather", "Let me look up number 0.", "rain"]
        await call.detector.speak(ANNA, 1.0)
        await call.until(lambda: len(call.of(AgentSpeechEndedEvent)) == 2)
        assert [m.text for m in call.llm.requests[2].messages] == [text for _, text in call.history[:5]] + ["and now"]


async def test_it_is_heard_while_the_function_runs_though_no_space_follows_it():
    async with Call(["the weather"], llm=looks_up(seconds=5.0)) as call:
        await call.detector.speak(ANNA, 1.0)
        async with asyncio.timeout(2.0):
            await call.until(lambda: call.of(AgentSpeechStartedEvent))


async def test_each_round_has_its_own():
    async with Call(["the weather"], llm=looks_up(3)) as call:
        await call.detector.speak(ANNA, 1.0)
        await call.until(lambda: call.of(AgentSpeechEndedEvent))
        assert [text for role, text in call.history if role == "assistant" and text] == [
            "Let me look up number 0.",
            "Let me look up number 1.",
            "Let me look up number 2.",
            "It will rain.",
        ]
        assert [role for role, _ in call.history] == ["user"] + ["assistant", "assistant", "tool"] * 3 + ["assistant"]


async def test_of_one_that_was_cut_off_the_history_has_what_was_heard():
    async with Call(["the weather", "and now"], llm=looks_up(preamble="Let me see what there is for you.")) as call:
        await call.detector.speak(ANNA, 1.0)
        await call.until(lambda: call.of(AgentSpeechStartedEvent))
        await asyncio.sleep(0.7)
        await call.detector.speak(ANNA, 1.0)
        await call.until(lambda: len(call.of(AgentSpeechEndedEvent)) == 2)
        _, preamble, called, *_ = call.agent.conversation
        assert preamble.interrupted
        assert preamble.text
        assert preamble.unheard
        assert f"{preamble.text} {preamble.unheard}" == "Let me see what there is for you."
        assert [call.name for call in called.tool_calls] == ["look"]


async def test_instructions_and_functions_of_a_running_call_hold_for_what_is_answered_next():
    async with Call(["hello", "and now"], ["ok."]) as call:
        await call.detector.speak(ANNA, 1.0)
        await call.until(lambda: call.of(AgentSpeechEndedEvent))
        call.agent.instructions = "Be a pirate."

        @call.llm.register_function()
        async def look() -> str:
            """Look."""
            return "rain"

        await call.detector.speak(ANNA, 1.0)
        await call.until(lambda: len(call.of(AgentSpeechEndedEvent)) == 2)
        before, after = call.llm.requests
        assert (before.instructions, [tool.name for tool in before.tools]) == ("", [])
        assert (after.instructions, [tool.name for tool in after.tools]) == ("Be a pirate.", ["look"])


async def test_what_a_function_changes_holds_for_the_answer_that_waits_for_it():
    async with Call(["the weather"], llm=looks_up()) as call:

        @call.llm.register_function()
        async def look(n: int) -> str:
            call.agent.instructions = "Be a pirate."
            return "rain"

        await call.detector.speak(ANNA, 1.0)
        await call.until(lambda: call.of(AgentSpeechEndedEvent))
        assert [request.instructions for request in call.llm.requests] == ["", "Be a pirate."]
