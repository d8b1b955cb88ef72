"""OpenAI's realtime models against a server that others wrote: the realtime layer of `speech-to-speech`.

Only its models are stubs, see `speech_to_speech_host.py`: for them it would want torch. It also wants an older SDK of
OpenAI's than the plugin does, hence an environment of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from vision_agents.core.audio import PcmData
from vision_agents.core.conversation import Role
from vision_agents.core.participants import Participant
from vision_agents.plugins import openai
from vision_agents.testing.contract import Player, frames, lifetime, until
from vision_agents.testing.contract.provider import Provider
from vision_agents.testing.parts import tone

from .install import python_package, running

PACKAGE, VERSION = "speech-to-speech", "1.1.0"
NEEDS = (
    "openai==2.28.0",
    "fastapi==0.165.0",
    "uvicorn==0.54.0",
    "websockets==17.4",
    "numpy==2.4.6",
    "scipy==1.17.1",
    "httpx==0.28.1",
    "jsonschema==4.26.0",
    "pillow==13.0.0",
    "rich==15.0.0",
    "nltk==3.10.3",
)

ANNA = Participant("anna")
RATE = 24_000
# What the stub says to every question.
COUNTING = " ".join(str(number) for number in range(50))


@pytest_asyncio.fixture
async def url() -> AsyncIterator[str]:
    python = await python_package(PACKAGE, VERSION, *NEEDS)
    host = Path(__file__).with_name("speech_to_speech_host.py")
    async with running(str(python), str(host)) as url:
        yield url


@pytest_asyncio.fixture
async def model(url: str) -> AsyncIterator[openai.Realtime]:
    async with lifetime(openai.Realtime("gpt-realtime", api_key="none", base_url=f"{url}/v1"), Provider()) as model:
        yield model


@pytest.fixture
def player(model: openai.Realtime) -> Player:
    return Player(model)


async def speak(model: openai.Realtime, sound: float, silence: float) -> None:
    """In real time: the server counts what comes as it comes."""
    for piece in (
        *frames(PcmData.silence(0.5, RATE)),
        *frames(tone(sound, RATE)),
        *frames(PcmData.silence(silence, RATE)),
    ):
        await model.send_audio(piece, ANNA)
        await asyncio.sleep(piece.duration)


async def begun(player: Player, count: int) -> None:
    """Wait for the first audio of a response."""
    await until(lambda: len(player.responses) >= count and player.last.audio, f"response {count}")


async def test_a_turn_is_answered_and_who_speaks_interrupts_the_answer(model: openai.Realtime, player: Player) -> None:
    await model.connect("Be brief.")
    await speak(model, 0.8, 0.6)
    await begun(player, 1)
    await speak(model, 0.8, 0.6)
    await begun(player, 2)
    first, second = player.responses.values()
    assert (first.epoch, second.epoch) == (0, 1)
    assert player.interruptions == 1
    assert len(first.text.split()) < len(COUNTING.split())
    assert player.final_words(ANNA) == ["count for me"] * 2
    assert [fact[3] for fact in player.of("turn_ended")] == pytest.approx([0.8, 0.8], abs=0.1)
    # Of the first the service was told up to where it was heard, and it had nothing against that.
    roles = [(message.role, message.interrupted) for message in model.history[:2]]
    assert roles == [(Role.USER, False), (Role.ASSISTANT, True)]
    assert not player.failures
    assert not player.faults


async def test_an_answer_is_whole(model: openai.Realtime, player: Player) -> None:
    await model.connect("Be brief.")
    await model.send_text("Count.")
    await until(lambda: player.responses and player.last.done, "the whole answer")
    assert player.last.text == COUNTING
    assert player.last.seconds == pytest.approx(10.0, abs=0.1)
    assert not player.failures


async def test_what_is_asked_after_an_interruption_is_answered(model: openai.Realtime, player: Player) -> None:
    await model.connect("Be brief.")
    await model.send_text("Count.")
    await begun(player, 1)
    player.interrupt()
    await model.send_text("Again.")
    await begun(player, 2)
    assert [said.epoch for said in player.responses.values()] == [0, 1]
    assert not player.failures
    assert not player.faults


async def test_many_interruptions_leave_nothing_behind(model: openai.Realtime, player: Player) -> None:
    await model.connect("Be brief.")
    await model.send_text("Count.")
    await begun(player, 1)
    tasks = len(asyncio.all_tasks())
    for number in range(29):
        player.interrupt()
        known = len(player.responses)
        await model.send_text("Count.")
        if number % 3:
            await begun(player, known + 1)
    player.interrupt()
    await model.send_text("Count.")
    await until(lambda: player.responses and player.last.epoch == 30 and player.last.done, "the whole answer")
    assert player.last.text == COUNTING
    await until(lambda: len(asyncio.all_tasks()) <= tasks, "as few tasks as before")
    assert not player.failures
    assert not player.faults
