"""A whole agent with the plugin in it is interrupted, and falls silent. In real time: the SDK has its own threads."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from vision_agents.core import Agent, InterruptionPolicy, Participant, User
from vision_agents.core.agents import AgentSpeechEndedEvent
from vision_agents.core.audio import PcmData
from vision_agents.core.conversation import Role, ToolCall
from vision_agents.core.edge import FRAME_SECONDS
from vision_agents.core.remote import sound
from vision_agents.core.turn_detection import TurnEndedEvent, TurnStartedEvent
from vision_agents.plugins import aws
from vision_agents.testing.contract import frames
from vision_agents.testing.parts import LoopEdge, tone

if TYPE_CHECKING:
    from ...standins.aws.server import StandIn

ANNA = Participant("anna")
LONG = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen."
# Seconds: nothing says when a noise without words is over, so that its turn lasts 3 s and the model is asked then. The
# rest is for a busy machine.
SILENT_AFTER_NOISE = 8.0
Event = TurnStartedEvent | TurnEndedEvent | AgentSpeechEndedEvent


async def test_the_agent_of_the_page_is_interrupted_and_falls_silent(provider: StandIn) -> None:
    provider.word_seconds = 0.3
    provider.will_say(LONG, "ok then.")
    provider.will_hear("count for me", "stop it")
    edge, events = LoopEdge(), []
    agent = Agent(
        edge=edge,
        agent_user=User(name="Assistant", id="agent"),
        instructions="You're a helpful voice assistant.",
        llm=aws.Realtime(),  # Built-in interruption handling
    )

    @agent.events.subscribe
    async def note(event: TurnStartedEvent | TurnEndedEvent | AgentSpeechEndedEvent) -> None:
        events.append(event)

    def ended() -> list[AgentSpeechEndedEvent]:
        return [event for event in events if isinstance(event, AgentSpeechEndedEvent)]

    async with joined(agent, edge) as microphone:
        await microphone.speak(0.5)
        await eventually(lambda: any(edge.audible))
        await asyncio.sleep(0.9)
        await microphone.speak(0.4)
        await eventually(ended)
        silent_from = len(edge.audible)
        await eventually(lambda: len(ended()) == 2)
        cut, answer = ended()
        # What was heard before the interruption, and nothing of it after.
        assert cut.interrupted
        assert cut.heard.split() == LONG.split()[: len(cut.heard.split())]
        assert 0 < len(cut.heard.split()) < len(LONG.split())
        assert (answer.heard, answer.interrupted, answer.epoch) == ("ok then.", False, 1)
        heard = sum(edge.audible[silent_from:]) * FRAME_SECONDS
        assert heard <= 2 * provider.word_seconds + 2 * FRAME_SECONDS
        assert [(m.role, m.text, m.interrupted) for m in agent.conversation] == [
            (Role.USER, "count for me", False),
            (Role.ASSISTANT, cut.heard, True),
            (Role.USER, "stop it", False),
            (Role.ASSISTANT, "ok then.", False),
        ]
        started = [event for event in events if isinstance(event, TurnStartedEvent)]
        assert [(e.participant, e.interrupted) for e in started] == [(ANNA, False), (ANNA, True)]
        turns = [event for event in events if isinstance(event, TurnEndedEvent)]
        assert [event.duration_ms for event in turns] == pytest.approx([500, 400], abs=150)
        assert len(provider.sessions) == 1
    assert not provider.refused


async def test_a_service_that_knows_nothing_of_the_interruption_is_not_heard_either(provider: StandIn) -> None:
    provider.word_seconds = 0.3
    provider.pace = 0.3
    provider.will_say(LONG, "ok then.")
    edge = LoopEdge()
    agent = Agent(edge=edge, agent_user=User(name="Assistant", id="agent"), llm=aws.Realtime())
    await agent.join()
    try:
        saying = asyncio.create_task(agent.say("Count."))
        await eventually(lambda: sum(edge.audible) > 20)
        assert provider.active
        agent.interrupt()
        frames_until_then = len(edge.frames)
        assert await saying is False
        # It goes on sending; then another stream takes over.
        await eventually(lambda: len(provider.sessions) == 2)
        assert not any(edge.audible[frames_until_then + 1 :])
        (message,) = agent.conversation
        told = ("ASSISTANT", message.text)
        await eventually(lambda: provider.session.history[-1:] == [told])
        assert LONG.startswith(message.text)
        assert 0 < len(message.text) < len(LONG)
        assert await agent.simple_response("And now?") is True
        assert list(agent.conversation)[-1].text == "ok then."
    finally:
        await agent.close()
    assert not provider.refused


@pytest.mark.parametrize("preamble", ["", "let me see."])
@pytest.mark.parametrize("waits", [True, False])
async def test_what_a_function_says_is_heard_before_its_result(provider: StandIn, preamble: str, waits: bool) -> None:
    provider.says_before_calls = preamble
    provider.will_say(ToolCall("call_1", "balance", {}), "one moment please.", "you have ten pounds.")
    edge, said = LoopEdge(), list[bool]()
    agent = Agent(edge=edge, agent_user=User(name="Assistant", id="agent"), llm=aws.Realtime())

    @agent.llm.register_function()
    async def balance() -> str:
        """The balance."""
        saying = asyncio.create_task(agent.say("one moment please."))
        if waits:
            said.append(await saying)
        else:
            saying.add_done_callback(lambda done: said.append(done.result()))
            await asyncio.sleep(0.0)
        return "ten pounds"

    await agent.join()
    microphone = Microphone(edge)
    try:
        async with asyncio.timeout(20.0):
            assert await agent.simple_response("How much have I?") is True
        assert said == [True]
        heard = [m.text for m in agent.conversation if m.role is Role.ASSISTANT]
        assert heard == [*([preamble] if preamble else []), "one moment please.", "you have ten pounds."]
        assert len(provider.sessions) == 1
    finally:
        microphone.close()
        await agent.close()
    assert not provider.refused


@pytest.mark.parametrize("preamble", ["", "let me see."])
@pytest.mark.parametrize("result", ["ten pounds", None])
async def test_silence_after_a_result_is_asked_about_at_once_unless_there_is_nothing_to_tell(
    provider: StandIn, preamble: str, result: str | None
) -> None:
    provider.says_before_calls = preamble
    provider.will_say(ToolCall("call_1", "balance", {}), "", *["you have ten pounds."] * 2)
    provider.will_hear("my balance")
    edge, returned = LoopEdge(), asyncio.Event()
    agent = Agent(edge=edge, agent_user=User(name="Assistant", id="agent"), llm=aws.Realtime())

    @agent.llm.register_function()
    async def balance() -> str | None:
        """The balance."""
        returned.set()
        return result

    async with joined(agent, edge) as microphone:
        await microphone.speak(0.5)
        await eventually(returned.is_set)
        await asyncio.sleep(6.0)
        heard = [m.text for m in agent.conversation if m.role is Role.ASSISTANT and m.text]
        assert heard == [*([preamble] if preamble else []), *(["you have ten pounds."] if result else [])]


@pytest.mark.parametrize(
    ("moment", "loss"),
    [
        *(("asked", "broken"), ("asked", "flapping"), ("thinking", "broken"), ("answer", "broken")),
        *(("answer", "too old"), ("preamble", "broken"), ("function", "broken"), ("function", "too old")),
        ("returned", "broken"),
    ],
)
async def test_who_called_is_answered_though_a_stream_is_lost_and_nothing_is_done_twice(
    provider: StandIn, moment: str, loss: str
) -> None:
    answer = "it is done and all of it is well."
    provider.word_seconds = provider.pace = 0.2
    provider.will_hear(*["pay it"] * 8)
    calls = moment in ("preamble", "function", "returned")
    provider.says_before_calls = "let me see what I can do about it." if moment == "preamble" else ""
    # While it thinks there is nothing yet that could be lost.
    first: list[str | ToolCall] = [ToolCall("call_1", "pay", {})] if calls else [LONG] if moment != "thinking" else []
    provider.will_say(*first, *[answer] * 8)
    provider.thinks = 3.0 if moment in ("asked", "thinking") else 0.0
    if loss == "too old":
        provider.lifetime = 3.5
    edge, made = LoopEdge(), list[bool]()
    agent = Agent(edge=edge, agent_user=User(name="Assistant", id="agent"), llm=aws.Realtime())

    @agent.llm.register_function()
    async def pay() -> str:
        """Pay."""
        made.append(True)
        await asyncio.sleep(0.0 if moment == "returned" else 3.0)
        return "paid"

    def said() -> list[str]:
        return [m.text for m in agent.conversation if m.role is Role.ASSISTANT and m.text]

    async with joined(agent, edge) as microphone:
        if moment == "asked":
            asking = asyncio.create_task(agent.simple_response("pay it"))
            await eventually(lambda: provider.active)
        else:
            await microphone.speak(0.5)
            reached = {"thinking": lambda: heard(agent), "function": lambda: made, "returned": lambda: made}
            await eventually(reached.get(moment, lambda: any(edge.audible)))
        provider.lifetime = 480.0
        for number in range({"broken": 1, "too old": 0, "flapping": 4}[loss]):
            await asyncio.sleep(0.7)
            await provider.disconnect()
            await eventually(lambda before=number + 1: len(provider.sessions) > before)
        provider.thinks = 0.0
        await eventually(lambda: said()[-1:] == [answer])
        await asyncio.sleep(4.0)
        assert said().count(answer) == 1
        # The text of its sentence had come before it, and of most of it no audio.
        assert moment != "answer" or (LONG.startswith(said()[0]) and len(said()[0]) < len(LONG) / 2)
        # Before the end of what is said before it is called it is lost with that.
        assert len(made) == (moment in ("function", "returned"))
        assert [m.text for m in agent.conversation if m.role is Role.USER] == ["pay it"]
        assert len(provider.sessions) == (5 if loss == "flapping" else 2)
        assert moment != "asked" or await asking


async def test_a_model_that_is_interrupted_by_nothing_is_asked_to_go_on_for_so_often_only(
    provider: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sound, "LATELY", 1.0)
    provider.word_seconds = provider.pace = 0.2
    provider.will_say(*[LONG] * 12)
    edge = LoopEdge()
    agent = Agent(edge=edge, agent_user=User(name="Assistant", id="agent"), llm=aws.Realtime(), apology="Sorry.")
    agent.policy = InterruptionPolicy(continuations=2)
    async with joined(agent, edge):
        asked, asking = 0, asyncio.create_task(agent.simple_response("Count."))
        await asyncio.sleep(1.5)
        while not any("Sorry." in text for text in provider.session.asked):
            if edge.frames[-1].any() and provider.session.interrupt():
                asked += 1
                assert asked <= 4
            await asyncio.sleep(0.3)
        # The first one may have been somebody.
        assert asked == 4
        assert not await asking


@pytest.mark.parametrize("moment", ["thinking", "about to answer", "answer", "preamble", "function", "returned"])
async def test_after_a_noise_without_words_it_goes_on_at_whatever_moment(provider: StandIn, moment: str) -> None:
    provider.word_seconds = provider.pace = 0.2
    provider.thinks = 2.0 if moment == "thinking" else 0.0
    provider.pace = 2.0 if moment == "about to answer" else provider.pace
    provider.will_hear("how is the weather", *[""] * 3)
    calls = moment in ("preamble", "function", "returned")
    provider.says_before_calls = "let me see what I can find out." if moment == "preamble" else ""
    rain = "It will rain for a very long time in all of the country today."
    provider.will_say(*([ToolCall("call_1", "weather", {})] if calls else []), *[rain] * 4)
    edge, called = LoopEdge(), list[bool]()
    agent = Agent(edge=edge, agent_user=User(name="Assistant", id="agent"), llm=aws.Realtime())

    @agent.llm.register_function()
    async def weather() -> str:
        """The weather."""
        called.append(True)
        await asyncio.sleep(0.0 if moment == "returned" else 2.0)
        return "rain"

    async with joined(agent, edge) as microphone:
        await microphone.speak(0.6)
        reached = {"function": lambda: called, "returned": lambda: called}
        reached |= dict.fromkeys(("thinking", "about to answer"), lambda: heard(agent))
        await eventually(reached.get(moment, lambda: any(edge.audible)))
        await asyncio.sleep(0.1 if moment == "returned" else 0.6)
        await microphone.speak(0.3)
        await asyncio.sleep(0.5)
        provider.thinks, provider.pace = 0.0, 0.2
        begun = len(edge.audible)
        await eventually(lambda: any(edge.audible[begun:]))
        assert edge.audible[begun:].index(True) * FRAME_SECONDS <= SILENT_AFTER_NOISE
        await eventually(lambda: [m.text for m in agent.conversation if m.role is Role.ASSISTANT][-1:] == [rain])
        assert len(called) == calls
        assert heard(agent) == ["how is the weather"]


@asynccontextmanager
async def joined(agent: Agent, edge: LoopEdge) -> AsyncIterator[Microphone]:
    """Have the agent in a call with Anna; gives her microphone."""
    await agent.join()
    assert edge.sink is not None
    edge.sink.participant_joined(ANNA)
    microphone = Microphone(edge)
    try:
        yield microphone
    finally:
        microphone.close()
        await agent.close()


class Microphone:
    """Anna's, which is always on."""

    def __init__(self, edge: LoopEdge) -> None:
        self._edge = edge
        self._speaking = 0.0
        self._task = asyncio.create_task(self._listen())

    async def speak(self, seconds: float) -> None:
        """Speak for so long."""
        self._speaking = seconds
        await asyncio.sleep(seconds)

    def close(self) -> None:
        """Switch it off."""
        self._task.cancel()

    async def _listen(self) -> None:
        sound, silence = (next(frames(piece)) for piece in (tone(1.0, 48_000), PcmData.silence(1.0, 48_000)))
        while self._edge.sink is not None:
            self._edge.sink.audio(sound if self._speaking > 0 else silence, ANNA)
            self._speaking -= FRAME_SECONDS
            await asyncio.sleep(FRAME_SECONDS)


def heard(agent: Agent) -> list[str]:
    """What the service has understood."""
    return [message.text for message in agent.conversation if message.role is Role.USER]


async def eventually(condition: Callable[[], object]) -> None:
    """Wait for it."""
    async with asyncio.timeout(60.0):
        while not condition():
            await asyncio.sleep(FRAME_SECONDS)
