"""What tests of realtime models work with: who speaks, a model that is connected, a function that it may call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest_asyncio

from vision_agents.core.audio import PcmData
from vision_agents.core.conversation import Message, Role, ToolCall
from vision_agents.core.llm import OnInterrupt, PlayedResponse, Realtime
from vision_agents.core.participants import Participant
from vision_agents.testing.contract import Player, until
from vision_agents.testing.contract.harness import spoken

ANNA = Participant("anna")
BEN = Participant("ben")

TEXT = "One two three four five six seven eight nine ten."

HISTORY = (
    Message(Role.USER, "Count to three."),
    Message(Role.ASSISTANT, "One, two", interrupted=True),
    Message(Role.TOOL, "ignored", tool_call_id="1"),
)


@pytest_asyncio.fixture
async def player(model: Realtime) -> Player:
    return Player(model)


@pytest_asyncio.fixture
async def connected(model: Realtime, player: Player) -> AsyncIterator[Realtime]:
    await model.connect("Be brief.")
    yield model


async def speak(model: Realtime, seconds: float = 0.6) -> None:
    """Anna speaks, and is silent for a second."""
    for piece in spoken(seconds, 1.0, model.input_sample_rate):
        await model.send_audio(piece, ANNA)


async def answered(model: Realtime, player: Player, service: Any, text: str = "Yes, of course.") -> None:
    """Ask for something, and wait until `text` is the answer."""
    count = len(player.responses)
    service.will_say(text)
    model.conversation.user_said("Say something.")
    await model.send_text("Say something.")
    await until(lambda: len(player.responses) > count and player.last.done, "the answer")
    assert player.last.text == text


class Weather:
    """A function that the model may call, and that returns when it may `go_on`."""

    call = ToolCall("call_1", "weather", {"city": "Ulm"})

    def __init__(self, model: Realtime, on_interrupt: OnInterrupt = "finish") -> None:
        self.go_on, self.ended = asyncio.Event(), asyncio.Event()
        self._called = asyncio.Event()
        self._model = model

        @model.register_function(on_interrupt=on_interrupt)
        async def weather(city: str, days: int = 1) -> str:
            """The weather in a city."""
            self._called.set()
            try:
                await self.go_on.wait()
            finally:
                self.ended.set()
            return f"rain in {city}"

    async def asked(self, service: Any, *answers: str) -> None:
        """Connect the model and ask it, until it has called the function; `answers` are what it says after that."""
        await self._model.connect("")
        service.will_say(self.call, *answers)
        await self._model.send_text("How is the weather?")
        await until(self._called.is_set, "the call")


class Booking:
    """A function that the model may call, and that is taken back by an interruption."""

    call = ToolCall("call_1", "book", {})
    note = "Note about the call book({}): (taken back: the user interrupted, so nothing of it is in effect)"

    def __init__(self, model: Realtime) -> None:
        self.undone: list[str] = []
        self._model = model

        async def unbook(result: str) -> None:
            self.undone.append(result)

        @model.register_function(on_interrupt="undo", undo=unbook)
        async def book() -> str:
            """Book a table."""
            return "booked"

    async def confirmed(self, service: Any, player: Player) -> None:
        """Connect the model and ask it, until it says that it is done, and goes on talking."""
        await self._model.connect("")
        service.will_say(self.call, "It is booked for you and for all of your friends.")
        await service.stall(after=5)
        await self._model.send_text("Book it.")
        await until(lambda: player.responses and player.last.audio, "the answer")


class Reports(Realtime):
    """Only hears what a dialogue reports."""

    async def connect(self, instructions: str) -> None: ...

    async def send_audio(self, audio: PcmData, participant: Participant) -> None: ...

    async def send_text(self, text: str, request: int | None = None) -> None: ...

    async def stop_response(self, heard: tuple[PlayedResponse, ...]) -> None: ...

    async def close(self) -> None: ...
