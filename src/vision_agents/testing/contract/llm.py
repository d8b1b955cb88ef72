"""The contract of text models."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import pytest
import pytest_asyncio

from vision_agents.core.conversation import Message, Role, ToolCall
from vision_agents.core.llm import LLM, LLMRequest, LLMResponseChunkEvent, LLMResponseCompletedEvent
from vision_agents.core.part import Attachment

from .harness import FAILURES, Consumer, Contract, close, in_call, lifetime, until
from .provider import Failure, Provider


class LLMContract(Contract):
    """Subclass it, override the fixture `provider` and `make`."""

    text = "One two three four five six seven eight nine ten."
    other = "Something else is said now."

    # Whether the model can call functions; if not, why.
    no_functions: str | None = None

    def make(self, provider: Any) -> LLM:
        """A model that talks to `provider`."""
        raise NotImplementedError

    @pytest_asyncio.fixture
    async def llm(self, provider: Provider) -> AsyncIterator[LLM]:
        async with lifetime(self.make(provider), provider) as llm:
            await llm.start()
            yield llm

    def ask(self, llm: LLM, *messages: Message, epoch: int | None = None, pause: float = 0.0) -> Consumer[str]:
        history = messages or (Message(Role.USER, "Say something."),)
        return Consumer(llm.respond(LLMRequest("Be brief.", history), epoch), pause)

    async def answers(self, llm: LLM, provider: Provider) -> None:
        """The model is well: it answers `other`, and nothing else."""
        provider.will_say(self.other)
        assert "".join(await self.ask(llm).end()) == self.other

    # Streaming.

    async def test_text_streams(self, llm: LLM, provider: Provider) -> None:
        provider.require("stall")
        provider.will_say(self.text)
        await provider.stall(after=1)
        asking = self.ask(llm)
        assert self.text.startswith("".join(await asking.some()))
        assert "".join(asking.pieces) != self.text, "it waited for all of the text"
        await provider.release()
        assert "".join(await asking.end()) == self.text

    async def test_events_carry_the_epoch_of_their_request(self, llm: LLM, provider: Provider) -> None:
        events: list[LLMResponseChunkEvent | LLMResponseCompletedEvent] = []

        @llm.events.subscribe
        async def note(event: LLMResponseChunkEvent | LLMResponseCompletedEvent) -> None:
            events.append(event)

        await self.answers(llm, provider)
        llm.interrupt()
        await self.answers(llm, provider)
        await llm.events.drain()
        ended = [event for event in events if isinstance(event, LLMResponseCompletedEvent)]
        assert [(event.text, event.epoch) for event in ended] == [(self.other, 0), (self.other, 1)]
        assert {event.epoch for event in events[: events.index(ended[0])]} == {0}

    async def test_a_history_of_every_kind_is_understood(self, llm: LLM, provider: Provider) -> None:
        provider.will_say(self.text)
        call = ToolCall("call_1", "weather", {"city": "Ulm"})
        asking = self.ask(
            llm,
            Message(Role.USER, "Hello.", participant="anna"),
            Message(Role.USER, "Hello from me too.", participant="bert"),
            Message(Role.ASSISTANT, "Good morning, how", interrupted=True, unheard="are you?", reply=1),
            Message(Role.USER, "How is the weather?", participant="anna"),
            Message(Role.ASSISTANT, "", tool_calls=(call,)),
            Message(Role.TOOL, "rain", tool_call_id="call_1"),
            Message(Role.ASSISTANT, "It rains.", reply=2),
            Message(Role.USER, "Thanks!", participant="anna"),
        )
        assert "".join(await asking.end()) == self.text

    async def test_a_slow_consumer_loses_nothing(self, llm: LLM, provider: Provider) -> None:
        provider.will_say(self.text)
        assert "".join(await self.ask(llm, pause=0.02).end()) == self.text

    # Functions.

    async def test_functions_are_called_and_their_results_answered(self, llm: LLM, provider: Provider) -> None:
        if self.no_functions:
            pytest.skip(self.no_functions)
        cities: list[str] = []

        @llm.register_function()
        async def weather(city: str) -> str:
            """The weather in a city."""
            cities.append(city)
            return "rain"

        provider.will_say(ToolCall("call_1", "weather", {"city": "Ulm"}), self.text)
        requests = provider.requests
        assert "".join(await self.ask(llm).end()) == self.text
        assert cities == ["Ulm"]
        assert provider.requests == requests + 2

    # Interruption.

    async def test_interrupted_before_the_first_byte(self, llm: LLM, provider: Provider) -> None:
        provider.require("stall")
        provider.will_say(self.text)
        await provider.stall()
        requests = provider.requests
        asking = self.ask(llm)
        await until(lambda: provider.requests > requests, "the request")
        llm.interrupt()
        await provider.release()
        assert await asking.end() == []
        await self.answers(llm, provider)

    async def test_interrupted_in_midstream(self, llm: LLM, provider: Provider) -> None:
        provider.require("stall")
        provider.will_say(self.text)
        await provider.stall(after=1)
        asking = self.ask(llm)
        written = len(await asking.some())
        llm.interrupt()
        await provider.release()
        assert len(await asking.end()) == written
        await self.answers(llm, provider)

    async def test_interrupted_while_the_provider_stalls(self, llm: LLM, provider: Provider) -> None:
        provider.require("stall")
        provider.will_say(self.text)
        await provider.stall(after=1)
        asking = self.ask(llm)
        await asking.some()
        llm.interrupt()
        await asking.leave()
        if provider.can("cancel"):
            await until(lambda: not provider.active, "the end of the work at the provider")
        await provider.release()
        await self.answers(llm, provider)

    async def test_interrupted_after_the_end_and_twice(self, llm: LLM, provider: Provider) -> None:
        await self.answers(llm, provider)
        llm.interrupt()
        llm.interrupt()
        assert llm.epoch == 2
        await self.answers(llm, provider)

    async def test_a_request_that_follows_an_interruption_at_once_is_answered(
        self, llm: LLM, provider: Provider
    ) -> None:
        provider.require("stall")
        provider.will_say(self.text, self.other)
        await provider.stall(after=1)
        asking = self.ask(llm)
        await asking.some()
        llm.interrupt()
        following = self.ask(llm)  # The cancellation comes after it, and must not hit it.
        await following.some()
        await asyncio.sleep(0.01)
        await provider.release()
        assert "".join(await following.end()) == self.other
        await asking.end()

    async def test_many_interruptions_leave_nothing_behind(self, llm: LLM, provider: Provider) -> None:
        await self.answers(llm, provider)
        connections = max(1, provider.open_connections)
        for number in range(self.rapid):
            provider.will_say(self.text)
            requests = provider.requests
            asking = self.ask(llm)
            if number % 3:
                await asking.some()
            else:
                await until(partial(_more, provider, requests), "the request")
            llm.interrupt()
            await asking.leave()
        assert llm.epoch == self.rapid
        await until(lambda: not provider.active, "the end of the work at the provider")
        await until(lambda: provider.open_connections <= connections, f"at most {connections} connections")
        await self.answers(llm, provider)

    async def test_late_text_is_never_taken(self, llm: LLM, provider: Provider) -> None:
        provider.require("stall", "send_late")
        provider.will_say(self.text, self.other)
        await provider.stall(after=1)
        asking = self.ask(llm)
        written = len(await asking.some())
        llm.interrupt()
        following = self.ask(llm)
        await provider.send_late()
        await provider.release()
        await provider.send_late()
        assert "".join(await following.end()) == self.other
        assert len(await asking.end()) == written

    # Trouble.

    @pytest.mark.parametrize("kind", FAILURES)
    async def test_a_failure_is_raised_and_the_next_request_answered(
        self, llm: LLM, provider: Provider, kind: Failure
    ) -> None:
        provider.require(kind)
        await provider.fail(kind)
        failed = await self.ask(llm).failed()
        assert failed or kind == "malformed", "an unreadable message may be passed over, a failure may not"
        await self.answers(llm, provider)

    async def test_a_broken_connection_is_raised_and_replaced(self, llm: LLM, provider: Provider) -> None:
        provider.require("stall", "disconnect")
        provider.will_say(self.text)
        await provider.stall(after=1)
        asking = self.ask(llm)
        await asking.some()
        await provider.disconnect()
        assert await asking.failed(), "a text that was cut off must not look like all of it"
        await provider.release()
        await self.answers(llm, provider)

    async def test_closed_while_busy_and_twice(self, llm: LLM, provider: Provider) -> None:
        provider.require("stall")
        provider.will_say(self.text)
        await provider.stall(after=1)
        asking = self.ask(llm)
        await asking.some()
        await close(llm)
        await asking.failed()  # An end or an error, but no hang.
        await close(llm)

    async def test_it_serves_one_call_and_after_it_the_next(self, provider: Provider) -> None:
        async with lifetime(self.make(provider), provider) as llm:
            for _ in range(2):
                async with in_call(llm, Attachment()):
                    await llm.start()
                    await self.answers(llm, provider)

    async def test_closed_before_it_was_started(self, provider: Provider) -> None:
        async with lifetime(self.make(provider), provider):
            pass


def _more(provider: Provider, requests: int) -> bool:
    return provider.requests > requests
