"""What a function has the agent say: inside the answer that waits for it, in its place, and never in its way."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable

import pytest

from vision_agents.core import Agent
from vision_agents.core.agents import AgentSpeechEndedEvent
from vision_agents.core.conversation import Role, ToolCall
from vision_agents.core.floor import FloorState
from vision_agents.core.llm import LLMRequest
from vision_agents.testing.parts import ScriptedLLM, ToneTTS
from vision_agents.testing.realtime import ScriptedRealtime

from .call_kit import ANNA, Call, others
from .test_realtime_calls import RealtimeCall

pytestmark = pytest.mark.virtual_time

PAY = ToolCall("1", "pay", {})
Body = Callable[[Agent], Awaitable[str]]


class Payment(Call):
    """A call in which "pay" has the function called that is the `body`; its result is told."""

    def __init__(
        self, body: Body, words: Iterable[str] = ("pay",), preamble: str = "", answer: str = "It is paid.", **parts
    ):
        def reply(request: LLMRequest) -> Iterable[str | ToolCall]:
            last = request.messages[-1]
            if last.role is Role.TOOL:
                return [answer]
            return [preamble, PAY] if last.text == "pay" else ["ok."]

        super().__init__(words=words, llm=ScriptedLLM(reply), **parts)
        self.results: list[object] = []

        @self.llm.register_function()
        async def pay() -> str:
            return await body(self.agent)

    @property
    def said(self) -> list[str]:
        return [text for role, text in self.history if role == "assistant" and text]

    def told(self, request: int = -1) -> list[tuple[str, str]]:
        return [(message.role.value, message.text) for message in self.llm.requests[request].messages]

    async def ask(self) -> None:
        await self.detector.speak(ANNA, 1.0)

    async def rest(self) -> None:
        await self.until_state(FloorState.IDLE)


async def waits_for_it(agent: Agent) -> str:
    assert await agent.say("One moment please.")
    return "paid"


async def goes_on(agent: Agent) -> str:
    saying = asyncio.create_task(agent.say("One moment please."))
    await asyncio.sleep(0.01)
    assert not saying.done()
    return "paid"


async def begins_and_returns(agent: Agent) -> str:
    task = asyncio.ensure_future(agent.say("One moment please."))
    task.add_done_callback(lambda over: over.result())
    return "paid"


@pytest.mark.parametrize("body", [waits_for_it, goes_on, begins_and_returns])
@pytest.mark.parametrize("preamble", ["", "Let me see."])
async def test_it_is_said_before_the_result_and_stands_before_the_call(body: Body, preamble: str) -> None:
    async with Payment(body, preamble=preamble) as call:
        await call.ask()
        await call.rest()
        before = [("assistant", preamble)] if preamble else []
        assert call.history == [
            ("user", "pay"),
            *before,
            ("assistant", "One moment please."),
            ("assistant", ""),
            ("tool", "paid"),
            ("assistant", "It is paid."),
        ]
        # The model that is asked with the result knows of it; and that comes last.
        assert call.told() == [
            ("user", "pay"),
            ("assistant", f"{preamble} One moment please.".strip()),
            ("tool", "paid"),
        ]
        await call.until(lambda: call.of(AgentSpeechEndedEvent))
        [ended] = call.of(AgentSpeechEndedEvent)
        assert ended.heard == " ".join(filter(None, [preamble, "One moment please.", "It is paid."]))
    assert not others()


async def test_a_function_in_a_thread_says_it_there_too() -> None:
    async with Payment(waits_for_it) as call:
        loop = asyncio.get_running_loop()

        def pay() -> str:
            return asyncio.run_coroutine_threadsafe(waits_for_it(call.agent), loop).result(1.0) and "paid"

        # Virtual time does not run on while a thread does: what is said there is only begun.
        def begin() -> str:
            asyncio.run_coroutine_threadsafe(call.agent.say("One moment please."), loop)
            return "paid"

        call.llm.register_function("pay")(begin)
        await call.ask()
        await call.rest()
        assert call.said == ["One moment please.", "It is paid."]


async def test_twice_in_a_row_and_two_at_once_keep_their_order() -> None:
    async def body(agent: Agent) -> str:
        assert await agent.say("First.")
        assert await asyncio.gather(agent.say("Second."), agent.say("Third.")) == [True, True]
        return "paid"

    async with Payment(body) as call:
        await call.ask()
        await call.rest()
        assert call.said == ["First.", "Second.", "Third.", "It is paid."]


async def test_an_interruption_ends_it_and_the_function_is_told() -> None:
    heard: list[bool] = []

    async def body(agent: Agent) -> str:
        heard.append(await agent.say("one two three four five six seven eight nine ten."))
        return "paid"

    async with Payment(body, words=("pay", "wait")) as call:
        await call.ask()
        await call.until_state(FloorState.SPEAKING)
        await asyncio.sleep(0.5)
        await call.ask()
        await call.until(lambda: heard)
        assert heard == [False]
        [cut] = [message for message in call.agent.conversation if message.interrupted]
        assert cut.text
        assert cut.unheard
        await call.rest()
        # It has finished all the same: the answer to what was said meanwhile tells that too.
        assert call.told()[-2:] == [("assistant", ""), ("tool", "paid")]
        assert ("user", "wait") in call.told()
        assert call.said[-1] == "It is paid."


async def test_what_may_not_be_interrupted_is_not() -> None:
    heard: list[bool] = []

    async def body(agent: Agent) -> str:
        heard.append(await agent.say("one two three four five six seven eight.", interruptible=False))
        return "paid"

    async with Payment(body, words=("pay", "wait")) as call:
        await call.ask()
        await call.until_state(FloorState.SPEAKING)
        await call.ask()
        await call.rest()
        assert heard == [True]
        assert call.said == ["one two three four five six seven eight.", "It is paid.", "ok."]


async def test_what_is_said_once_nobody_waits_for_the_function_has_its_turn_as_anything_else() -> None:
    heard: list[bool] = []

    async def body(agent: Agent) -> str:
        await asyncio.sleep(4.0)
        heard.append(await agent.say("By the way."))
        return "paid"

    async with Payment(body, words=("pay", "wait")) as call:
        await call.ask()
        await asyncio.sleep(0.5)
        await call.ask()
        await call.until(lambda: heard)
        await call.rest()
        assert heard == [True]
        assert call.said.index("ok.") < call.said.index("By the way.")


async def test_what_a_function_leaves_behind_speaks_after_the_answer() -> None:
    async def body(agent: Agent) -> str:
        async def later() -> None:
            await asyncio.sleep(0.3)
            assert await agent.say("And a receipt.")

        left.append(asyncio.create_task(later()))
        return "paid"

    left: list[asyncio.Task[None]] = []
    async with Payment(body) as call:
        await call.ask()
        await call.until(lambda: left and left[0].done())
        left[0].result()
        assert call.said == ["It is paid.", "And a receipt."]


@pytest.mark.parametrize("interrupt", [True, False])
async def test_a_question_to_the_model_is_answered_inside_and_interrupts_nothing(interrupt: bool) -> None:
    async def body(agent: Agent) -> str:
        assert await agent.simple_response("Tell me to be patient.", interrupt)
        return "paid"

    async with Payment(body, preamble="Let me see.") as call:
        await call.ask()
        await call.rest()
        assert call.agent.epoch == 0
        expected = [
            ("user", "pay"),
            ("assistant", "Let me see."),
            ("user", "Tell me to be patient."),
            ("assistant", "ok."),
            ("assistant", ""),
            ("tool", "paid"),
        ]
        assert call.history == [*expected, ("assistant", "It is paid.")]
        inner, last = call.llm.requests[1:]
        assert [message.text for message in inner.messages][-1] == "Tell me to be patient."
        assert [message.text for message in inner.messages].count("Tell me to be patient.") == 1
        assert inner.tools == (), "it could call itself for ever"
        assert [(m.role.value, m.text) for m in last.messages] == [*expected[:3], ("assistant", "ok."), expected[5]]


async def test_a_question_that_cannot_be_answered_fails_alone() -> None:
    heard: list[bool] = []

    async def body(agent: Agent) -> str:
        heard.append(await agent.simple_response("Fail."))
        return "paid"

    class Failing(ScriptedLLM):
        async def stream(self, request: LLMRequest):
            if request.messages[-1].text == "Fail.":
                raise ValueError("the model is out")
            async for piece in super().stream(request):
                yield piece

    def reply(request: LLMRequest) -> Iterable[str | ToolCall]:
        return ["It is paid."] if request.messages[-1].role is Role.TOOL else [PAY]

    llm = Failing(reply)
    async with Call(["pay"], llm=llm) as call:

        @llm.register_function()
        async def pay() -> str:
            return await body(call.agent)

        await call.detector.speak(ANNA, 1.0)
        await call.until_state(FloorState.IDLE)
        assert heard == [False]
        assert call.history[-1] == ("assistant", "It is paid.")


async def test_a_synthesis_that_fails_is_told_to_the_function() -> None:
    heard: list[bool] = []

    class Mute(ToneTTS):
        async def stream_audio(self, text: str):
            if text.startswith("One"):
                raise ValueError("no voice")
            async for chunk in super().stream_audio(text):
                yield chunk

    async def body(agent: Agent) -> str:
        heard.append(await agent.say("One moment please."))
        return "paid"

    async with Payment(body, tts=Mute()) as call:
        await call.ask()
        await call.until(lambda: heard)
        assert heard == [False]
        await call.rest()
    assert not others()


async def test_a_function_that_hangs_up_says_goodbye_and_is_not_waited_for() -> None:
    async def body(agent: Agent) -> str:
        heard.append(await agent.say("Goodbye, and have a nice day."))
        begun.append(asyncio.get_running_loop().time())
        await agent.close()
        begun.append(asyncio.get_running_loop().time())
        return "done"

    heard: list[bool] = []
    begun: list[float] = []
    async with Payment(body) as call:
        await call.ask()
        await call.until(lambda: len(begun) == 2)
        assert heard == [True]
        assert begun[1] - begun[0] < 1.0
    assert not others()


# Realtime models.


@pytest.mark.parametrize("preamble", [(), ("Let me see.",)])
@pytest.mark.parametrize("body", [waits_for_it, goes_on, begins_and_returns])
async def test_a_realtime_model_says_it_before_the_result(body: Body, preamble: tuple[str, ...]) -> None:
    first = (*preamble, PAY) if preamble else PAY
    model = ScriptedRealtime([first, "One moment please.", "It is paid."], ["pay"])
    async with RealtimeCall(model=model) as call:

        @model.register_function()
        async def pay() -> str:
            return await body(call.agent)

        await call.speak(1.0)
        await call.until(lambda: ("assistant", "It is paid.") in call.history)
        await call.until_state(FloorState.IDLE)
        said = [text for role, text in call.history if role == "assistant"]
        assert said == [*preamble, "One moment please.", "It is paid."]
        assert model.asked[-1] == "paid"
    assert not others()


@pytest.mark.parametrize("preamble", [(), ("Let me see.",)])
@pytest.mark.parametrize("body", [waits_for_it, goes_on, begins_and_returns])
async def test_a_realtime_model_that_code_asks_does_not_wait_for_itself(body: Body, preamble: tuple[str, ...]) -> None:
    first = (*preamble, PAY) if preamble else PAY
    model = ScriptedRealtime([first, "One moment please.", "It is paid."])
    async with RealtimeCall(model=model) as call:

        @model.register_function()
        async def pay() -> str:
            return await body(call.agent)

        assert await call.agent.simple_response("Pay it.") is True
        said = [text for role, text in call.history if role == "assistant"]
        assert said == [*preamble, "One moment please.", "It is paid."]
        assert call.edge.audible.index(True) * 0.02 < 0.5
        assert len(call.edge.frames) * 0.02 < 8.0
    assert not others()
