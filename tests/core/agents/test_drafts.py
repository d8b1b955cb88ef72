"""Answers that are prepared before their turn is certain: nothing of them is heard, known or done before it is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from vision_agents.core import InterruptionPolicy, Participant
from vision_agents.core.agents import AgentSpeechStartedEvent, ErrorEvent
from vision_agents.core.conversation import Role, ToolCall
from vision_agents.core.floor import FloorState
from vision_agents.core.llm import (
    LLMRequest,
    LLMResponseChunkEvent,
    LLMResponseCompletedEvent,
    ToolEndedEvent,
    ToolStartedEvent,
)
from vision_agents.core.stt import STTTranscriptEvent
from vision_agents.core.tts import TTSAudioEvent
from vision_agents.core.turn_detection import TurnEndedEvent
from vision_agents.testing.parts import Piece, ScriptedLLM, ScriptedSTT

from .call_kit import ANNA, Call, others

pytestmark = pytest.mark.virtual_time

TWO, THREE = "book for two", "book for two no for three"
CLAIMS = (
    AgentSpeechStartedEvent,
    LLMResponseChunkEvent,
    LLMResponseCompletedEvent,
    STTTranscriptEvent,
    TTSAudioEvent,
    ToolStartedEvent,
    TurnEndedEvent,
)


class Expecting(ScriptedSTT):
    """A recogniser that knows turns, and when their end is likely."""

    turn_detection = True


class Diner(ScriptedLLM):
    """Looks something up, books, then says what is booked. "fail" fails."""

    async def stream(self, request: LLMRequest) -> AsyncIterator[Piece]:
        self.requests.append(request)
        last = request.messages[-1]
        if last.text == "fail":
            raise ConnectionError("no line")
        if last.role is Role.TOOL and last.tool_call_id == "b":
            yield f"It is {last.text}."
        elif last.role is Role.TOOL:
            yield "Good news. "
            yield ToolCall("b", "book", {"what": _asked(request)})
        elif _asked(request).startswith("book"):
            yield "Let me see. "
            yield ToolCall("a", "look", {"what": _asked(request)})
        else:
            yield "one two three."


def _asked(request: LLMRequest) -> str:
    return [message.text for message in request.messages if message.role is Role.USER][-1]


class Table(Call):
    """A call with such a recogniser. `booked` and `looked` have what the functions were asked for."""

    def __init__(self, **parts):
        super().__init__(stt=Expecting(), llm=Diner(), **parts)
        self.looked: list[str] = []
        self.booked: list[str] = []
        self.say_inside = False

        @self.llm.register_function(effects=False)
        async def look(what: str) -> str:
            self.looked.append(what)
            if self.say_inside:
                await self.agent.say("Just a second.")
            return "free"

        @self.llm.register_function()
        async def book(what: str) -> str:
            self.booked.append(what)
            return f"booked: {what}"

    def begin(self, text: str, who: Participant = ANNA) -> None:
        self.stt.report_turn_started(who)
        self.stt.report_words(who, text, final=False)

    def expect(self, text: str) -> None:
        self.stt.report_words(ANNA, text, final=False)
        self.stt.report_turn_end_expected(ANNA, 0.5)

    def end(self, text: str) -> None:
        self.stt.report_words(ANNA, text, final=True)
        self.stt.report_turn_ended(ANNA)

    def nothing_is_known(self) -> None:
        """Of anything that was not said for certain."""
        assert not any(self.edge.audible)
        assert list(self.agent.conversation) == []
        assert self.agent.conversation._items == [], "nothing has its place"
        assert self.booked == []
        # What has no effects may be called, and that is told as what it is.
        known = [event for event in self.events if isinstance(event, CLAIMS)]
        assert [getattr(event, "name", None) for event in known] == ["look"] * len(known)
        assert len(known) <= len(self.looked)


async def prepared(call: Table, text: str = TWO) -> None:
    """Somebody is expected to have said so; two seconds later the answer is as far as it may be."""
    call.begin(text)
    call.expect(text)
    await asyncio.sleep(2.0)
    assert len(call.llm.requests) >= 2
    assert call.tts.spoken
    call.nothing_is_known()
    assert call.agent.state is FloorState.USER_SPEAKING


EXPECTED = [
    ("user", TWO),
    ("assistant", "Let me see."),
    ("assistant", ""),
    ("tool", "free"),
    ("assistant", "Good news."),
    ("assistant", ""),
    ("tool", f"booked: {TWO}"),
    ("assistant", f"It is booked: {TWO}."),
]


async def test_it_is_heard_at_once_when_the_turn_is_over():
    async with Table() as call:
        await prepared(call)
        frames = len(call.edge.frames)
        call.end("Book for two.")
        await asyncio.sleep(0.06)
        assert any(call.edge.audible[frames:]), "it was ready"
        await call.until_state(FloorState.IDLE)
        assert call.history == [("user", "Book for two."), *EXPECTED[1:]]
        assert (call.looked, call.booked) == ([TWO], [TWO])
        # Each request once: the draft's.
        assert len(call.llm.requests) == 3
        assert "".join(event.delta for event in call.of(LLMResponseChunkEvent)).split() == (
            f"Let me see. Good news. It is booked: {TWO}.".split()
        )
        assert len(call.of(TTSAudioEvent)) == sum(len(text.split()) for text in call.tts.spoken)
        assert [event.name for event in call.of(ToolEndedEvent)] == ["look", "book"]
    assert not others()


async def test_they_go_on_and_it_is_as_if_it_had_never_been():
    async with Table() as call:
        await prepared(call)
        call.stt.report_turn_resumed(ANNA)
        await asyncio.sleep(1.0)
        call.nothing_is_known()
        call.end(THREE)
        await call.until_state(FloorState.IDLE)
        assert call.history == [(role, text.replace(TWO, THREE)) for role, text in EXPECTED]
        assert call.booked == [THREE]
        assert [event.delta for event in call.of(LLMResponseChunkEvent) if TWO + "." in event.delta] == []
    assert not others()


async def test_twice_in_a_row():
    async with Table() as call:
        await prepared(call)
        call.stt.report_turn_resumed(ANNA)
        call.expect(THREE)
        await asyncio.sleep(1.0)
        call.nothing_is_known()
        call.end(THREE)
        await call.until_state(FloorState.IDLE)
        assert call.booked == [THREE]
        assert call.looked == [TWO, THREE]


async def test_the_end_comes_with_other_words():
    async with Table() as call:
        await prepared(call)
        call.end(THREE)
        await call.until_state(FloorState.IDLE)
        assert call.booked == [THREE]
        assert call.history == [(role, text.replace(TWO, THREE)) for role, text in EXPECTED]


async def test_they_go_on_and_say_nothing_more():
    """The turn was none: it is discarded in the end."""
    async with Table() as call:
        await prepared(call)
        call.stt.report_turn_resumed(ANNA)
        call.stt.report_words(ANNA, "", final=True)
        call.stt.report_turn_ended(ANNA)
        await asyncio.sleep(10.0)
        assert call.history == []
        assert call.booked == []


async def test_the_history_changes_before_the_end():
    async with Table() as call:
        await prepared(call)
        call.agent.conversation.user_said("By the way.", "bob")
        call.end(TWO)
        await call.until_state(FloorState.IDLE)
        assert call.history == [("user", "By the way."), *EXPECTED]
        assert call.booked == [TWO]
        assert call.llm.requests[-1].messages[0].text == "By the way."


async def test_the_instructions_change_before_the_end():
    async with Table() as call:
        await prepared(call)
        call.agent.instructions = "Be rude."
        call.end(TWO)
        await call.until_state(FloorState.IDLE)
        assert call.llm.requests[-1].instructions == "Be rude."
        assert call.history == EXPECTED


@pytest.mark.parametrize("ending", ["resumed", "ended"])
async def test_a_function_of_it_says_something(ending):
    async with Table() as call:
        call.say_inside = True
        call.begin(TWO)
        call.expect(TWO)
        await asyncio.sleep(2.0)
        call.nothing_is_known()
        if ending == "resumed":
            call.stt.report_turn_resumed(ANNA)
            await asyncio.sleep(2.0)
            call.nothing_is_known()
        call.end(TWO)
        await call.until_state(FloorState.IDLE)
        assert call.booked == [TWO]
        spoken = [text for role, text in call.history if role == "assistant" and text]
        assert " ".join(spoken) == f"Let me see. Just a second. Good news. It is booked: {TWO}."
    assert not others()


async def test_a_function_of_what_was_thrown_away_says_something_to_nobody():
    async with Table() as call:
        said: list[bool] = []

        @call.llm.register_function(effects=False)
        async def look(what: str) -> str:
            call.looked.append(what)
            await asyncio.sleep(1.0)
            said.append(await call.agent.say("Just a second."))
            return "free"

        call.begin(TWO)
        call.expect(TWO)
        await asyncio.sleep(0.5)
        call.stt.report_turn_resumed(ANNA)
        call.stt.report_words(ANNA, "", final=True)
        call.stt.report_turn_ended(ANNA)
        await asyncio.sleep(10.0)
        assert said == [False]
        assert call.history == []
        assert not any(call.edge.audible)


async def test_code_interrupts_says_something_or_the_agent_leaves():
    for act in ("interrupt", "say", "close", "llm", "leave"):
        async with Table() as call:
            await prepared(call)
            if act == "interrupt":
                call.agent.interrupt()
            elif act == "say":
                saying = asyncio.create_task(call.agent.say("one two."))
            elif act == "llm":
                call.llm.interrupt()
            elif act == "leave":
                call.edge.sink.participant_left(ANNA)
            if act in ("interrupt", "say", "llm"):
                await asyncio.sleep(1.0)
                call.nothing_is_known()
                call.end(TWO)
                await call.until(lambda call=call: call.booked == [TWO])
                await call.until_state(FloorState.IDLE)
            if act == "say":
                assert await saying
        await asyncio.sleep(100.0)
        assert call.booked == ([] if act in ("close", "leave") else [TWO])
        assert not others()


async def test_it_fails_and_is_made_anew():
    async with Table() as call:
        call.begin("fail")
        call.expect("fail")
        await asyncio.sleep(1.0)
        assert len(call.of(ErrorEvent)) == 1
        assert len(call.llm.requests) == 1
        call.end("fail then")
        await call.until_state(FloorState.IDLE)
        assert call.history == [("user", "fail then"), ("assistant", "one two three.")]


async def test_somebody_else_speaks():
    bob = Participant("bob")
    async with Table() as call:
        call.edge.sink.participant_joined(bob)
        await prepared(call)
        call.begin("and for me", bob)
        await asyncio.sleep(1.0)
        call.nothing_is_known()
        call.end(TWO)
        await asyncio.sleep(1.0)
        assert call.booked == []
        call.stt.report_words(bob, "and for me", final=True)
        call.stt.report_turn_ended(bob)
        await call.until_state(FloorState.IDLE)
        assert [text for role, text in call.history if role == "user"] == [TWO, "and for me"]
        assert call.booked == []


async def test_it_is_interrupted_like_any_other_once_it_is_heard():
    async with Table() as call:
        await prepared(call)
        call.end(TWO)
        await call.until_state(FloorState.SPEAKING)
        call.stt.report_turn_started(ANNA)
        call.end("wait")
        await call.until_state(FloorState.IDLE)
        assert ("user", "wait") in call.history
        assert call.booked == [TWO], "that was done before"


async def test_at_each_pause_of_any_detector_if_that_is_wanted():
    async with Call(["count"], interruption=InterruptionPolicy(prepare=True)) as call:
        speaking = asyncio.create_task(call.detector.speak(ANNA, 1.0, end=False))
        await asyncio.sleep(0.5)
        call.stt.report_words(ANNA, "count", final=False)
        await speaking
        await asyncio.sleep(0.5)
        assert len(call.llm.requests) == 1
        assert call.history == []
        assert not any(call.edge.audible)
        call.detector.report_turn_ended(ANNA, 0.9, None, 0.7)
        await asyncio.sleep(0.06)
        assert any(call.edge.audible)
        await call.until_state(FloorState.IDLE)
        assert len(call.llm.requests) == 1
