"""The examples that are not the guide's: a tool, a voice, a greeting, several callers, a telephone line."""

from __future__ import annotations

import asyncio
import os
import runpy
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from vision_agents import core
from vision_agents.cli.agent_factory import make_agent
from vision_agents.core import Agent, PcmData
from vision_agents.core.agents.factory import load_factory
from vision_agents.core.conversation import Role, ToolCall
from vision_agents.core.floor import FloorState
from vision_agents.core.llm import LLMRequest
from vision_agents.plugins import moonshine, openai
from vision_agents.testing.parts import LoopEdge, ScriptedLLM, ScriptedSTT, tone

from ..plugins.caller import ANNA, Caller
from .conftest import ROOT
from .scene import FIRST, QUESTIONS, SECOND, Services, converse

pytestmark = pytest.mark.virtual_time

# Those that are tested here, the guide's are in `page.FILES`.
FILES = {"own_tool", "own_voice", "greeting", "several_callers", "telephone"}


async def as_file(spec: str, **parts: Any) -> Agent:
    return await make_agent(f"examples.{spec}", LoopEdge(), **parts)


async def test_a_tool_is_called_and_its_answer_is_said() -> None:
    def answer(request: LLMRequest) -> list[str | ToolCall]:
        if request.messages[-1].role is Role.TOOL:
            return [request.messages[-1].text]
        return [ToolCall("1", "opening_hours", {"day": "Sunday"})]

    agent = await as_file("own_tool:make_agent", llm=ScriptedLLM(answer))
    async with agent.join():
        assert isinstance(agent.edge, LoopEdge)
        assert agent.edge.sink is not None
        agent.edge.sink.participant_joined(ANNA)
        async with Caller(agent.edge) as anna:
            await asyncio.sleep(0.5)
            await anna.say(1.0)
            await anna.until(
                lambda: agent.conversation.messages[-1:] and "open not" in agent.conversation.messages[-1].text
            )
            await anna.until(lambda: agent.state is FloorState.IDLE)
    assert agent.conversation.messages[-1].text == "On Sunday it is open not at all."


async def test_without_another_model_the_tool_is_openai_s(services: Services) -> None:
    agent = await as_file("own_tool:make_agent")
    assert isinstance(agent.llm, openai.LLM)
    assert [tool.name for tool in agent.llm.tools] == ["opening_hours"]
    await agent.close()


async def test_a_voice_of_one_s_own_is_interrupted_at_the_word() -> None:
    agent = await as_file("own_voice:make_agent")
    scene = await converse(agent)
    texts = [message.text for message in agent.conversation]
    assert (texts[0], texts[2], texts[3]) == (*QUESTIONS, SECOND)
    assert FIRST.startswith(texts[1])
    assert 0 < len(texts[1]) < len(FIRST)
    assert not any(scene.edge.audible[scene.silent_from :][:20])


async def test_who_comes_is_greeted_and_may_interrupt_the_greeting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moonshine, "STT", lambda: ScriptedSTT(["stop it now"]))
    agent = await as_file("greeting:make_agent")
    greeting = import_module("examples.greeting").GREETING
    async with agent.join():
        assert isinstance(agent.edge, LoopEdge)
        assert agent.edge.sink is not None
        await asyncio.sleep(0.5)
        assert not any(agent.edge.audible)  # nobody is there to be greeted
        async with Caller(agent.edge) as anna:
            agent.edge.sink.participant_joined(ANNA)
            await anna.until(lambda: agent.edge.audible[-1:] == [True])  # type: ignore[attr-defined]
            await asyncio.sleep(0.6)
            await anna.say(1.5)
            await anna.until(lambda: len(agent.conversation.messages) >= 3)
            await anna.until(lambda: agent.state is FloorState.IDLE)
            agent.edge.sink.participant_left(ANNA)
            agent.edge.sink.participant_joined(ANNA)
            before = len(agent.edge.audible)
            await asyncio.sleep(1.0)
            assert not any(agent.edge.audible[before:])  # who comes back is known already
    said, objection = agent.conversation.messages[:2]
    assert (said.role, said.interrupted, objection.text) == (Role.ASSISTANT, True, "stop it now")
    assert greeting.startswith(said.text)
    assert said.text


async def test_callers_at_the_same_time_have_their_own_conversations() -> None:
    agents = [await as_file("several_callers:make_agent") for _ in range(3)]
    await asyncio.gather(*(converse(agent) for agent in agents))
    for agent in agents:
        texts = [message.text for message in agent.conversation]
        assert (len(texts), texts[3]) == (4, SECOND)


@pytest.mark.parametrize(
    "name", [file.stem for file in (ROOT / "examples").glob("*.py") if "__main__" in file.read_text()]
)
def test_a_program_ends_quietly_by_ctrl_c(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def until_then(*_: Any, **__: Any) -> None:
        signal.raise_signal(signal.SIGINT)
        await asyncio.Event().wait()

    monkeypatch.setattr(core, "warm_up", until_then)
    try:
        runpy.run_module(f"examples.{name}", run_name="__main__")
    except KeyboardInterrupt:
        pytest.fail("it ends by a traceback")


class Line:
    """A telephone line: what was sent is kept, and the caller speaks on it."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.coming: asyncio.Queue[bytes | None] = asyncio.Queue()

    async def send(self, packet: bytes) -> None:
        self.sent.append(packet)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while (packet := await self.coming.get()) is not None:
            yield packet


async def test_a_telephone_line_carries_a_question_its_interruption_and_the_end() -> None:
    telephone, line = import_module("examples.telephone"), Line()
    agent = await telephone.make_agent(telephone.Telephone(line))

    async def say(seconds: float) -> None:
        samples = tone(seconds, telephone.RATE).samples
        for start in range(0, len(samples), 160):
            line.coming.put_nowait(telephone.encode(samples[start : start + 160]))
            await asyncio.sleep(0.02)

    async def quiet(seconds: float) -> None:
        for _ in range(round(seconds / 0.02)):
            line.coming.put_nowait(telephone.encode(np.zeros(160, np.int16)))
            await asyncio.sleep(0.02)

    async with agent.join():
        await quiet(0.5)
        await say(1.0)
        await quiet(3.0)
        spoken = telephone.decode(line.sent[-1])
        await say(1.5)
        held = [np.abs(telephone.decode(packet)).max() for packet in line.sent[-20:]]
        await quiet(4.0)
        line.coming.put_nowait(None)
        await agent.finish()
    # Packets of 20 ms in time; only the resampler's first is shorter.
    assert {len(packet) for packet in line.sent[5:]} == {160}
    assert np.abs(spoken).max() > 3_000
    assert max(held) < 50
    texts = [message.text for message in agent.conversation]
    assert (texts[0], texts[2], texts[3]) == (*QUESTIONS, SECOND)


def test_what_is_encoded_comes_back_as_it_was_to_within_a_step() -> None:
    telephone = import_module("examples.telephone")
    samples = np.arange(-32_768, 32_768, 7).astype(np.int16)
    back = telephone.decode(telephone.encode(samples)).astype(int)
    clipped = np.clip(samples.astype(int), -32_635, 32_635)
    assert (np.abs(back - clipped) <= np.maximum(8, np.abs(clipped) // 16)).all()
    assert telephone.encode(np.zeros(1, np.int16)) == b"\xff"  # silence, as G.711 has it
    assert PcmData(telephone.decode(b"\xff" * 160), telephone.RATE).duration == pytest.approx(0.02)


@pytest.mark.parametrize("name", ["realtime", "stt_with_turns", "turn_detection"])
async def test_those_with_a_key_need_no_stream_packages(
    name: str, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = "vision_agents.plugins.getstream"
    for module in [module for module in sys.modules if module.startswith(stream)]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.delattr("vision_agents.plugins.getstream", raising=False)
    with monkeypatch.context() as lacking:
        lacking.setattr("importlib.util.find_spec", lambda name: None)
        import_module(stream)
    agent = await as_file(f"{name}:make_agent")
    await agent.close()
    with pytest.raises(ImportError, match=r'pip install "interruptible-agents\[getstream\]"'):
        await import_module(f"examples.{name}").make_agent()
    for module in [module for module in sys.modules if module.startswith(stream)]:
        monkeypatch.delitem(sys.modules, module)


@pytest.mark.real_time
def test_a_service_that_cannot_be_reached_is_one_sentence(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "user.wav", tone(1.0, 16_000).samples, 16_000)
    command = [sys.executable, "-m", "vision_agents.cli", "call", tmp_path / "user.wav", "--out", tmp_path / "call"]
    environment = os.environ | {"OPENAI_API_KEY": "mine", "OPENAI_BASE_URL": "http://127.0.0.1:9/v1"}
    done = subprocess.run(
        [*map(str, command), "--agent", "examples.realtime:make_agent"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("vision-agents: error: OpenAI Realtime: the connection failed (")
    assert "Check the network, and the address" in line


@pytest.mark.parametrize("name", sorted(FILES))
def test_the_commands_can_make_it(name: str) -> None:
    load_factory(f"examples.{name}:make_agent")
