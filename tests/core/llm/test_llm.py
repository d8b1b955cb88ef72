"""Language models: streaming, function calls, cancellation, and never a word of an older epoch."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import replace

import pytest

from vision_agents.core.conversation import Conversation, Message, Role, ToolCall
from vision_agents.core.epoch import Epoch
from vision_agents.core.events import Event
from vision_agents.core.llm import (
    LLM,
    AnswerCalls,
    LLMRequest,
    LLMResponseChunkEvent,
    LLMResponseCompletedEvent,
    ToolEndedEvent,
    ToolStartedEvent,
)
from vision_agents.core.llm.function_call import RUNNING_STILL
from vision_agents.core.llm.llm import LIMIT_PROMPT, TOOL_ROUNDS
from vision_agents.core.part import Attachment

pytestmark = pytest.mark.virtual_time

ASK = LLMRequest("Be brief.", (Message(Role.USER, "hello"),))

Piece = str | ToolCall


class Model(LLM):
    """Streams what `script` makes of each request, a piece a second, and tells how each stream ended."""

    def __init__(self, script: Callable[[LLMRequest], list[Piece]]) -> None:
        super().__init__()
        self.script = script
        self.requests: list[LLMRequest] = []
        self.ends: list[str] = []

    async def stream(self, request: LLMRequest) -> AsyncIterator[Piece]:
        self.requests.append(request)
        try:
            for piece in self.script(request):
                await asyncio.sleep(1.0)
                yield piece
        except BaseException as error:
            self.ends.append(type(error).__name__)
            raise
        else:
            self.ends.append("done")


def says(*pieces: Piece) -> Model:
    """A model that says this first, and "so" once it has the result of a function."""
    return Model(lambda request: ["so"] if request.messages[-1].role is Role.TOOL else list(pieces))


def listen(model: LLM, *kinds: type[Event]) -> list[Event]:
    """What is sent of these kinds."""
    seen: list[Event] = []

    async def note(event: Event) -> None:
        if isinstance(event, kinds):
            seen.append(event)

    model.events.subscribe(note)
    return seen


class TestStreaming:
    async def test_text_as_it_comes(self) -> None:
        model = says("good ", "", "morning")
        seen = listen(model, LLMResponseChunkEvent, LLMResponseCompletedEvent)
        assert [piece async for piece in model.respond(ASK)] == ["good ", "morning"]
        await model.events.drain()
        deltas = [event.delta for event in seen if isinstance(event, LLMResponseChunkEvent)]
        assert deltas == ["good ", "morning"]
        [completed] = [event for event in seen if isinstance(event, LLMResponseCompletedEvent)]
        assert (completed.text, completed.epoch) == ("good morning", 0)

    async def test_a_character_in_two_pieces(self) -> None:
        assert [piece async for piece in says("good \ud83d", "\ude00", "").respond(ASK)] == ["good ", "😀"]

    async def test_one_text_without_a_conversation(self) -> None:
        model = says("good ", "morning")
        assert await model.simple_response("hello", "Be brief.") == "good morning"
        assert model.requests == [ASK]

    async def test_what_the_provider_raises(self) -> None:
        class Broken(LLM):
            async def stream(self, request: LLMRequest) -> AsyncIterator[Piece]:
                yield "good "
                raise ConnectionError("quota exceeded")

        pieces = Broken().respond(ASK)
        assert await anext(pieces) == "good "
        with pytest.raises(ConnectionError, match="quota exceeded"):
            await anext(pieces)

    async def test_any_async_iterator_will_do(self) -> None:
        class Bare(LLM):
            def stream(self, request: LLMRequest) -> AsyncIterator[Piece]:
                class Once:
                    def __init__(self) -> None:
                        self.left = ["good ", "morning"]

                    def __aiter__(self) -> AsyncIterator[str]:
                        return self

                    async def __anext__(self) -> str:
                        if not self.left:
                            raise StopAsyncIteration
                        return self.left.pop(0)

                return Once()

        assert [piece async for piece in Bare().respond(ASK)] == ["good ", "morning"]


class TestInterruption:
    async def test_nothing_is_asked_in_an_epoch_that_is_over(self) -> None:
        model = says("old")
        _ = model.interrupt()
        assert [piece async for piece in model.respond(ASK, epoch=0)] == []
        assert model.requests == []

    async def test_not_a_word_after_an_interruption_and_the_stream_is_closed(self) -> None:
        model = says("one ", "two ", "three")
        seen = listen(model, LLMResponseCompletedEvent)
        heard = []
        async for piece in model.respond(ASK):
            heard.append(piece)
            _ = model.interrupt()
        assert heard == ["one "]
        assert model.ends == ["GeneratorExit"]
        await model.events.drain()
        assert seen == []

    async def test_an_interruption_by_another_part_of_the_agent(self) -> None:
        model, shared = says("one ", "two "), Epoch()
        model.attach(Attachment(shared))
        heard = []
        async for piece in model.respond(ASK):
            heard.append(piece)
            shared.advance()
        assert heard == ["one "]

    async def test_leaving_early_closes_the_stream(self) -> None:
        model = says("one ", "two ")
        async with aclosing(model.respond(ASK)) as pieces:
            async for _ in pieces:
                break
        assert model.ends == ["GeneratorExit"]

    async def test_cancelling_whoever_reads_ends_the_stream_at_once(self) -> None:
        model = says("one ", "two ")

        async def read() -> None:
            async with aclosing(model.respond(ASK)) as pieces:
                async for _ in pieces:
                    pass

        task = asyncio.create_task(read())
        await asyncio.sleep(1.5)
        task.cancel()
        await asyncio.wait([task])
        assert model.ends == ["CancelledError"]
        assert asyncio.get_running_loop().time() == 1.5

    async def test_a_function_is_not_called_for_an_answer_nobody_wants(self) -> None:
        model = says("hm ", ToolCall("1", "look"))
        called = []
        model.register_function("look")(lambda: called.append(1))
        async for _ in model.respond(ASK):
            asyncio.get_running_loop().call_later(1.0, model.interrupt)
        assert called == []

    async def test_the_result_of_a_function_is_remembered_but_not_answered(self) -> None:
        model = says(ToolCall("1", "look"))
        history = Conversation()

        @model.register_function()
        async def look() -> str:
            _ = model.interrupt()
            return "rain"

        assert [piece async for piece in model.respond(ASK, calls=AnswerCalls(0, history))] == []
        await asyncio.sleep(1.0)
        assert [(message.role, message.text) for message in history] == [(Role.ASSISTANT, ""), (Role.TOOL, "rain")]
        assert len(model.requests) == 1

    async def test_whoever_reads_is_cancelled_in_a_function_and_the_function_finishes(self) -> None:
        model = says(ToolCall("1", "look"))
        history = Conversation()

        @model.register_function()
        async def look() -> str:
            await asyncio.sleep(10.0)
            return "rain"

        async def read() -> None:
            async with aclosing(model.respond(ASK, calls=AnswerCalls(0, history))) as pieces:
                async for _ in pieces:
                    pass

        task = asyncio.create_task(read())
        await asyncio.sleep(5.0)
        task.cancel()
        await asyncio.wait([task])
        assert asyncio.get_running_loop().time() == 5.0
        assert [message.text for message in history] == ["", RUNNING_STILL]
        await asyncio.sleep(10.0)
        assert [message.text for message in history] == ["", "rain"]
        assert len(model.requests) == 1


class TestFunctions:
    async def test_half_a_character_at_the_end_of_a_round_is_replaced(self) -> None:
        model = Model(lambda request: ["\ude00!"] if request.messages[-1].role is Role.TOOL else list(halves))
        halves: list[Piece] = ["so \ud83d", ToolCall("1", "look")]
        model.register_function("look")(lambda: "rain")
        assert [piece async for piece in model.respond(ASK)] == ["so ", "\ufffd", "\n", "\ufffd!"]
        halves[1:] = ["\ude00", "\ud83d"]
        assert "".join([piece async for piece in model.respond(ASK)]) == "so 😀\ufffd"

    async def test_the_model_gets_the_result_and_goes_on(self) -> None:
        model = says("let me see ", ToolCall("1", "weather", {"city": "Oslo"}))
        seen = listen(model, ToolStartedEvent, ToolEndedEvent)
        history = Conversation()

        @model.register_function(description="The weather.")
        async def weather(city: str) -> dict[str, str]:
            return {city: "råin"}

        pieces = [piece async for piece in model.respond(ASK, calls=AnswerCalls(0, history))]
        assert pieces == ["let me see ", "\n", "so"]
        call, result = history
        assert call == Message(Role.ASSISTANT, "", tool_calls=(ToolCall("1", "weather", {"city": "Oslo"}),))
        assert result == Message(Role.TOOL, '{"Oslo": "råin"}', tool_call_id="1")
        # The request says what the model wrote before; in the history that stands as it is heard.
        assert model.requests[1].messages == (*ASK.messages, replace(call, text="let me see "), result)
        assert [tool.name for tool in model.requests[0].tools] == ["weather"]
        await model.events.drain()
        started, ended = seen
        assert isinstance(started, ToolStartedEvent)
        assert (started.name, started.arguments, started.epoch) == ("weather", {"city": "Oslo"}, 0)
        assert isinstance(ended, ToolEndedEvent)
        assert (ended.name, ended.ending, ended.result, ended.error) == ("weather", "result", {"Oslo": "råin"}, None)
        assert started.call_id == ended.call_id == "1"

    async def test_several_at_once_keep_their_order(self) -> None:
        model = says(ToolCall("1", "first"), ToolCall("2", "second"))
        model.register_function("first")(lambda: "one")
        model.register_function("second")(lambda: "two")
        history = Conversation()
        async for _ in model.respond(ASK, calls=AnswerCalls(0, history)):
            pass
        assert [(message.text, message.tool_call_id) for message in history.messages[1:]] == [
            ("one", "1"),
            ("two", "2"),
        ]
        assert model.requests[1].messages[1:] == history.messages

    @pytest.mark.parametrize("name", ["raises", "hangs", "ignores", "gives_up", "unreadable", "missing"])
    async def test_what_goes_wrong_is_told_to_the_model(self, name: str, caplog: pytest.LogCaptureFixture) -> None:
        model = says(ToolCall("1", name))
        seen = listen(model, ToolEndedEvent)
        history = Conversation()

        @model.register_function()
        async def raises() -> None:
            raise ValueError("no such city")

        @model.register_function()
        async def hangs() -> None:
            await asyncio.sleep(1000.0)

        @model.register_function()
        async def ignores() -> str:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(1000.0)
            return "too late"

        @model.register_function()
        async def gives_up() -> None:
            raise asyncio.CancelledError

        @model.register_function()
        async def unreadable() -> object:
            class Unreadable:
                def __str__(self) -> str:
                    raise OSError("gone")

            return Unreadable()

        assert [piece async for piece in model.respond(ASK, calls=AnswerCalls(0, history))] == ["so"]
        known = ["gives_up", "hangs", "ignores", "raises", "unreadable"]
        expected = {
            "raises": "error: ValueError: no such city",
            "hangs": "error: TimeoutError: no result within 30 s",
            "ignores": "error: TimeoutError: no result within 30 s",
            "gives_up": "error: RuntimeError: it gave up: what it waited for was cancelled",
            "unreadable": "error: OSError: gone",
            "missing": f"error: LookupError: there is no function 'missing'; known are {known}",
        }[name]
        assert [message.text for message in history] == ["", expected]
        assert f"function {name} failed" in caplog.text
        await model.events.drain()
        [ended] = seen
        assert isinstance(ended, ToolEndedEvent)
        assert (ended.ending, bool(ended.error)) == ("error", True)

    async def test_what_it_was_not_offered_is_not_called(self) -> None:
        model = Model(lambda request: ["No", ToolCall("1", "weather"), ", thanks."])
        called: list[str] = []
        model.register_function("weather")(lambda: called.append("weather"))
        assert [piece async for piece in model.respond(ASK, functions=False)] == ["No", ", thanks."]
        assert (called, len(model.requests)) == ([], 1)

    async def test_its_result_is_answered_by_the_instructions_and_functions_of_then(self) -> None:
        model = says(ToolCall("1", "transfer"))
        told = ["Be a clerk."]

        @model.register_function()
        async def transfer() -> None:
            told.append("Be a cashier.")
            model.register_function("pay")(lambda: "paid")

        assert [piece async for piece in model.respond(ASK, instructions=lambda: told[-1])] == ["so"]
        assert [(request.instructions, [tool.name for tool in request.tools]) for request in model.requests] == [
            ("Be a clerk.", ["transfer"]),
            ("Be a cashier.", ["transfer", "pay"]),
        ]

    @pytest.mark.parametrize("stubborn", [False, True])
    async def test_a_model_that_only_ever_calls_has_to_answer_in_the_end(
        self, caplog: pytest.LogCaptureFixture, stubborn: bool
    ) -> None:
        model = Model(
            lambda request: [
                ToolCall(str(len(request.messages)), "again") if request.tools or stubborn else "I could not."
            ]
        )
        made: list[bool] = []
        model.register_function("again")(lambda: made.append(True))
        with caplog.at_level(logging.WARNING):
            assert [piece async for piece in model.respond(ASK)] == ([] if stubborn else ["I could not."])
        assert len(made) == TOOL_ROUNDS
        assert model.requests[-1].messages[-1].text == LIMIT_PROMPT
        assert all(LIMIT_PROMPT not in message.text for message in model.requests[-2].messages)
        assert f"called functions {TOOL_ROUNDS} times in a row" in caplog.text
