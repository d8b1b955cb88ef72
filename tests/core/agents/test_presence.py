"""What an agent tells of silence: who is away and back, who was not understood, and each change of its state."""

import asyncio

import pytest

from vision_agents.core.agents import AgentStateEvent, NoWordsEvent, UserAwayEvent, UserBackEvent
from vision_agents.core.floor import FloorState
from vision_agents.core.trace import replay

from .call_kit import ANNA, Call

pytestmark = pytest.mark.virtual_time


async def test_a_caller_who_is_silent_is_away_and_back_with_the_first_words():
    async with Call(["hello"], ["Hi."]) as call:
        began = asyncio.get_running_loop().time()
        await call.until(lambda: call.of(UserAwayEvent))
        assert asyncio.get_running_loop().time() - began == pytest.approx(15.0, abs=0.05)
        assert call.of(UserAwayEvent)[0].silence == pytest.approx(15.0, abs=0.01)
        await call.detector.speak(ANNA, 1.0)
        await call.until(lambda: call.of(UserBackEvent))
        assert call.of(UserBackEvent)[0].participant == ANNA
        assert list(replay(call.edge.records)) == []


async def test_who_was_not_understood_can_be_asked_again():
    async with Call(answers=["Sorry?"]) as call:

        @call.agent.events.subscribe
        async def ask(event: NoWordsEvent):
            await call.agent.say("Say that again?")

        await call.detector.speak(ANNA, 1.0)
        await call.until(lambda: call.history)
        assert call.of(NoWordsEvent)[0].participant == ANNA
        await call.until(lambda: call.history == [("assistant", "Say that again?")])
        assert list(replay(call.edge.records)) == []


async def test_each_change_of_the_state_is_told():
    async with Call(["hello"], ["Hi."]) as call:
        await call.detector.speak(ANNA, 1.0)
        await call.until_state(FloorState.SPEAKING)
        await call.until_state(FloorState.IDLE)
        await asyncio.sleep(0.1)
        changes = call.of(AgentStateEvent)
        assert [event.state for event in changes] == [
            FloorState.USER_SPEAKING,
            FloorState.THINKING,
            FloorState.SPEAKING,
            FloorState.IDLE,
        ]
        assert [event.previous for event in changes[1:]] == [event.state for event in changes[:-1]]
