"""Callers who wait for functions: what is said meanwhile, and functions that wait until what was said was heard."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import pytest

from vision_agents.core.agents import AgentSpeechEndedEvent
from vision_agents.core.conversation import Role, ToolCall
from vision_agents.core.floor import FloorState
from vision_agents.core.llm import Filler, LLMRequest
from vision_agents.testing.parts import ScriptedLLM, ToneTTS
from vision_agents.testing.realtime import ScriptedRealtime

from .call_kit import ANNA, Call, others
from .test_realtime_calls import RealtimeCall

pytestmark = pytest.mark.virtual_time

LOOK = ToolCall("1", "look", {})
WAIT = "One moment."


class Search(Call):
    """A call in which "look" takes `seconds` in each of so many `rounds`, after a `preamble`; other words get "ok."."""

    def __init__(
        self,
        seconds: float,
        *,
        rounds: int = 1,
        preamble: str = "",
        words: Iterable[str] = ("look", "never mind"),
        tool_filler: str | Filler | None = None,
        **parts,
    ):
        def answer(request: LLMRequest) -> Iterable[str | ToolCall]:
            last, done = request.messages[-1], sum(m.role is Role.TOOL for m in request.messages)
            if last.text not in ("look", "found"):
                return ["ok."]
            return [preamble, LOOK] if done < rounds else ["It will rain."]

        super().__init__(words=words, llm=ScriptedLLM(answer), **parts)
        self.begun_at: float | None = None

        @self.llm.register_function(filler=tool_filler)
        async def look() -> str:
            self.begun_at = self.begun_at or asyncio.get_running_loop().time()
            await asyncio.sleep(seconds)
            return "found"

    @property
    def said(self) -> list[str]:
        return [text for role, text in self.history if role == "assistant" and text]

    async def asked(self) -> None:
        await self.detector.speak(ANNA, 1.0)
        await self.until(lambda: self.begun_at is not None)

    async def rest(self) -> None:
        await self.until_state(FloorState.IDLE)
        await asyncio.sleep(0.1)

    def sounds_after(self) -> float:
        """Seconds from the function's beginning to the first sound."""
        assert self.begun_at is not None
        return next(n for n, sound in enumerate(self.edge.audible) if sound) * 0.02 - self.begun_at


async def test_a_filler_is_said_once_when_a_function_is_slow() -> None:
    async with Search(5.0, filler=WAIT) as call:
        await call.asked()
        await call.rest()
        assert call.said == [WAIT, "It will rain."]
        assert call.sounds_after() == pytest.approx(2.0, abs=0.1)
        assert [role for role, _ in call.history] == ["user", "assistant", "assistant", "tool", "assistant"]
        [ended] = call.of(AgentSpeechEndedEvent)
        assert ended.heard == f"{WAIT} It will rain."
        assert [m.text for m in call.llm.requests[-1].messages] == ["look", WAIT, "found"]
    assert not others()


@pytest.mark.parametrize(
    "settings", [{"filler": Filler(WAIT, after=0.5)}, {"tool_filler": Filler(WAIT, after=0.5), "filler": "Not this."}]
)
async def test_the_agent_or_the_function_says_which_and_after_how_long(settings) -> None:
    async with Search(3.0, **settings) as call:
        await call.asked()
        await call.rest()
        assert call.said == [WAIT, "It will rain."]
        assert call.sounds_after() == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize(
    ("seconds", "settings"),
    [
        (1.5, {"filler": WAIT}),
        (5.0, {}),
        (5.0, {"filler": WAIT, "tool_filler": ""}),
        (9.0, {"filler": WAIT, "preamble": "Let me see."}),
    ],
    ids=["quick", "none", "none for this one", "after a preamble"],
)
async def test_none_is_said_where_none_is_wanted(seconds: float, settings) -> None:
    async with Search(seconds, **settings) as call:
        await call.asked()
        await call.rest()
        assert WAIT not in call.said


async def test_it_is_said_once_for_a_wait_of_several_functions() -> None:
    async with Search(3.0, rounds=3, filler=WAIT) as call:
        await call.asked()
        await call.rest()
        assert call.said == [WAIT, "It will rain."]


async def test_quick_functions_in_a_row_are_a_long_wait() -> None:
    async with Search(1.5, rounds=3, filler=WAIT) as call:
        await call.asked()
        await call.rest()
        assert call.said == [WAIT, "It will rain."]
        assert call.sounds_after() == pytest.approx(2.0, abs=0.1)


async def test_none_is_said_where_the_function_has_said_something() -> None:
    async with Search(0.0, filler=WAIT) as call:

        @call.llm.register_function()
        async def look() -> str:
            call.begun_at = asyncio.get_running_loop().time()
            await call.agent.say("I am looking.")
            await asyncio.sleep(5.0)
            return "found"

        await call.asked()
        await call.rest()
        assert call.said == ["I am looking.", "It will rain."]


async def test_it_can_be_interrupted() -> None:
    async with Search(6.0, filler="one two three four five six seven eight nine ten.") as call:
        await call.asked()
        await call.until_state(FloorState.SPEAKING)
        await asyncio.sleep(0.6)
        await call.detector.speak(ANNA, 1.0)
        await call.until(lambda: "ok." in call.said)
        [cut] = [message for message in call.agent.conversation if message.interrupted]
        assert cut.text
        assert cut.unheard


async def test_it_is_not_said_over_a_caller_who_speaks() -> None:
    async with Search(6.0, filler=WAIT) as call:
        await call.asked()
        await asyncio.sleep(1.5)
        await call.detector.speak(ANNA, 1.0)
        await call.rest()
        assert WAIT not in call.said


async def test_it_waits_while_the_voice_is_held() -> None:
    async with Search(6.0, filler=WAIT) as call:
        await call.asked()
        await asyncio.sleep(1.8)
        await call.detector.speak(ANNA, 0.3, end=False)
        await call.rest()
        assert call.said == [WAIT, "It will rain."]
        assert call.sounds_after() > 2.3


async def test_a_second_question_has_a_wait_of_its_own() -> None:
    async with Search(3.0, words=["look", "look"], rounds=1, filler=WAIT) as call:
        call.llm._answers = lambda r: ["It will rain."] if r.messages[-1].role is Role.TOOL else [LOOK]
        for _ in range(2):
            await call.asked()
            await asyncio.sleep(0.5)
            await call.rest()
        assert call.said == [WAIT, "It will rain."] * 2


@pytest.mark.parametrize("seconds", [1.0, 5.0])
async def test_a_realtime_model_says_it_too(seconds: float) -> None:
    answers = [LOOK, WAIT, "It will rain."] if seconds > 2.0 else [LOOK, "It will rain."]
    model = ScriptedRealtime(answers, ["look"])

    @model.register_function()
    async def look() -> str:
        await asyncio.sleep(seconds)
        return "found"

    async with RealtimeCall(model=model, filler=WAIT) as call:
        await call.speak(1.0)
        await asyncio.sleep(10.0)
        said = [text for role, text in call.history if role == "assistant"]
        assert said == ([WAIT] if seconds > 2.0 else []) + ["It will rain."]
        assert call.agent.state is FloorState.IDLE


@pytest.mark.parametrize("seconds", [5.0, 25.0])
async def test_so_does_one_that_code_asks(seconds: float) -> None:
    model = ScriptedRealtime([LOOK, WAIT, "It will rain."])

    @model.register_function()
    async def look() -> str:
        await asyncio.sleep(seconds)
        return "found"

    async with RealtimeCall(model=model, filler=WAIT) as call:
        assert await call.agent.simple_response("How is the weather?") is True
        said = [text for role, text in call.history if role == "assistant"]
        assert said == [WAIT, "It will rain."]
        assert call.edge.audible.index(True) * 0.02 == pytest.approx(2.0, abs=0.1)
        assert call.agent.state is FloorState.IDLE


@pytest.mark.parametrize("speaks", [True, False])
async def test_a_realtime_model_says_none_after_a_preamble_or_where_it_cannot(speaks: bool) -> None:
    first = ("Let me see.", LOOK) if speaks else LOOK
    model = ScriptedRealtime([first, "It will rain."], ["look"])
    model.speaks_during_calls = speaks

    @model.register_function()
    async def look() -> str:
        await asyncio.sleep(6.0)
        return "found"

    async with RealtimeCall(model=model, filler=WAIT) as call:
        await call.speak(1.0)
        await asyncio.sleep(10.0)
        said = [text for role, text in call.history if role == "assistant"]
        assert said == (["Let me see."] if speaks else []) + ["It will rain."]


def test_what_is_no_filler_is_refused() -> None:
    with pytest.raises(ValueError, match="after is a number from 0 on"):
        Filler(WAIT, after=-1.0)
    with pytest.raises(TypeError, match="int"):
        Filler.of(3)  # type: ignore[arg-type]


# Functions that wait until what was said before was heard.

GOODBYE = "Goodbye, and have a nice day."


class HangUp(Call):
    """A call in which "bye" has the agent say goodbye, and hang up."""

    def __init__(self, words: Iterable[str] = ("bye", "wait"), **parts):
        def answer(request: LLMRequest) -> Iterable[str | ToolCall]:
            last = request.messages[-1]
            if last.role is Role.TOOL:
                return []
            return [GOODBYE, ToolCall("1", "hang_up", {})] if last.text == "bye" else ["ok."]

        super().__init__(words=words, llm=ScriptedLLM(answer), **parts)
        self.hung_up: list[float] = []

        @self.llm.register_function(after_speech=True)
        async def hang_up() -> str:
            self.hung_up.append(asyncio.get_running_loop().time())
            return "done"

    def last_sound(self) -> float:
        return max(n for n, sound in enumerate(self.edge.audible) if sound) * 0.02


async def test_it_begins_when_the_last_word_was_heard() -> None:
    async with HangUp() as call:
        await call.detector.speak(ANNA, 1.0)
        await call.until(lambda: call.hung_up)
        assert call.hung_up[0] == pytest.approx(call.last_sound(), abs=0.05)
        assert ("assistant", GOODBYE) in call.history


async def test_it_begins_at_once_where_nothing_was_said() -> None:
    async with HangUp() as call:
        call.llm._answers = lambda r: [] if r.messages[-1].role is Role.TOOL else [ToolCall("1", "hang_up", {})]
        await call.detector.speak(ANNA, 1.0)
        await call.until(lambda: call.hung_up, 2.0)


async def test_interrupted_before_it_is_not_made_and_the_model_is_told() -> None:
    async with HangUp() as call:
        await call.detector.speak(ANNA, 1.0)
        await call.until_state(FloorState.SPEAKING)
        await asyncio.sleep(0.4)
        await call.detector.speak(ANNA, 1.0)
        await call.until(lambda: ("assistant", "ok.") in call.history)
        assert call.hung_up == []
        told = [message.text for message in call.llm.requests[-1].messages if message.role is Role.TOOL]
        assert told == ["(not called: the user interrupted)"]
    assert not others()


async def test_a_cough_only_delays_it() -> None:
    async with HangUp() as call:
        await call.detector.speak(ANNA, 1.0)
        await call.until_state(FloorState.SPEAKING)
        await asyncio.sleep(0.4)
        await call.detector.speak(ANNA, 0.1, end=False)
        await call.until(lambda: call.hung_up)
        assert call.hung_up[0] == pytest.approx(call.last_sound(), abs=0.05)


async def test_a_voice_that_fails_is_no_reason_to_hang_up() -> None:
    class Mute(ToneTTS):
        async def stream_audio(self, text: str):
            raise ValueError("no voice")
            yield

    async with HangUp(tts=Mute()) as call:
        await call.detector.speak(ANNA, 1.0)
        await asyncio.sleep(5.0)
        assert call.hung_up == []
        assert call.agent.state is FloorState.IDLE


async def test_a_voice_that_hangs_is_given_up_in_time_and_nothing_is_made() -> None:
    class Stuck(ToneTTS):
        async def stream_audio(self, text: str):
            await asyncio.Event().wait()
            yield

    async with HangUp(tts=Stuck()) as call:
        await call.detector.speak(ANNA, 1.0)
        await asyncio.sleep(50.0)
        assert call.hung_up == []
        assert call.agent.state is FloorState.IDLE


@pytest.mark.parametrize("interrupted", [False, True])
async def test_a_realtime_model_waits_too(interrupted: bool) -> None:
    model = ScriptedRealtime([(GOODBYE, ToolCall("1", "hang_up", {})), "ok."], ["bye", "wait"])
    hung_up: list[float] = []

    @model.register_function(after_speech=True)
    async def hang_up() -> str:
        hung_up.append(asyncio.get_running_loop().time())
        return "done"

    async with RealtimeCall(model=model) as call:
        await call.speak(1.0)
        await call.until_state(FloorState.SPEAKING)
        await asyncio.sleep(0.3)
        if interrupted:
            await call.speak(1.0)
            await asyncio.sleep(2.0)
            assert hung_up == []
        else:
            await call.until(lambda: hung_up)
            last = max(n for n, sound in enumerate(call.edge.audible) if sound) * 0.02
            assert hung_up[0] == pytest.approx(last, abs=0.05)
    assert not others()
