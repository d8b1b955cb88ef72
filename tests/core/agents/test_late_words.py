"""An agent whose recogniser is late: every word that was said is in the history, and the last answer knows it."""

import asyncio

import pytest

from vision_agents.core.conversation import Role
from vision_agents.core.trace import replay
from vision_agents.testing.parts import ScriptedLLM, ScriptedSTT

from .call_kit import ANNA, Call

pytestmark = pytest.mark.virtual_time


class LateSTT(ScriptedSTT):
    """Its final words come when `finish_turn` has taken `seconds`."""

    def __init__(self, seconds, text):
        super().__init__()
        self.seconds = seconds
        self.text = text

    async def finish_turn(self, participant):
        await asyncio.sleep(self.seconds)
        self.report_words(participant, self.text, final=True)


class SilentSTT(ScriptedSTT):
    """Ends a turn at once, and reports words when the test has it do so."""

    async def finish_turn(self, participant):
        pass


def replayed(call):
    return list(replay(call.edge.records))


def said(messages):
    return " ".join(message.text for message in messages if message.role is Role.USER)


@pytest.mark.parametrize("seconds", [0.5, 2.9, 3.5, 6.0, 20.0])
async def test_final_words_that_take_long_are_answered(seconds):
    async with Call(stt=LateSTT(seconds, "what time is it"), answers=["Nine."]) as call:
        await call.detector.speak(ANNA, 1.0)
        await call.until(lambda: ("assistant", "Nine.") in call.history)
        assert ("user", "what time is it") in call.history
        assert replayed(call) == []


@pytest.mark.parametrize("length", [0.3, 1.0])
@pytest.mark.parametrize("late", [0.5, 2.0, 6.0])
async def test_so_are_words_that_nobody_waits_for(late, length):
    async with Call(stt=SilentSTT(), answers=["Nine."]) as call:
        await call.detector.speak(ANNA, length)
        await asyncio.sleep(late)
        call.stt.report_words(ANNA, "what time is it", final=True)
        await call.until(lambda: ("assistant", "Nine.") in call.history)
        assert ("user", "what time is it") in call.history
        assert replayed(call) == []


@pytest.mark.parametrize("late", [0.1, 0.5, 1.0, 3.0])
async def test_the_last_answer_knows_both_halves(late):
    async with Call(stt=SilentSTT(), llm=ScriptedLLM(["Yes."] * 3, delay=0.2)) as call:
        speech = asyncio.create_task(call.detector.speak(ANNA, 2.0))
        await asyncio.sleep(1.0)
        call.stt.report_words(ANNA, "my number is", final=True)
        await speech
        await asyncio.sleep(late)
        call.stt.report_words(ANNA, "five five five", final=True)
        await asyncio.sleep(5.0)
        assert said(call.agent.conversation) == "my number is five five five"
        assert said(call.llm.requests[-1].messages) == "my number is five five five"
        assert replayed(call) == []


async def test_the_recogniser_is_not_told_to_forget_what_it_owes():
    discarded = []

    class Noting(SilentSTT):
        def discard_turn(self, participant):
            discarded.append(participant)

    async with Call(stt=Noting()) as call:
        await call.detector.speak(ANNA, 1.0)
        await asyncio.sleep(5.0)
        assert discarded == []
        call.stt.report_words(ANNA, "", final=True)
        await call.detector.speak(ANNA, 1.0)
        call.stt.report_words(ANNA, "", final=True)
        await asyncio.sleep(5.0)
        assert discarded == [ANNA]
