"""Programs that were written for the public API, unchanged, against the providers' stand-ins."""

from __future__ import annotations

import asyncio
import runpy
import sys
import textwrap
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest

from vision_agents import plugins
from vision_agents.core.conversation import Role
from vision_agents.plugins import gemini
from vision_agents.plugins.gemini import llm as gemini_llm
from vision_agents.serving import CallHost
from vision_agents.testing.parts import LoopEdge

from ..examples.conftest import services  # noqa: F401
from ..examples.scene import Services
from ..plugins.caller import ANNA, Caller
from ..standins.gemini.server import KEY
from ..standins.gemini.text import TextStandIn
from .kit import ROOMY, until

pytestmark = pytest.mark.virtual_time

# As the public guides have them: made for each call, joined by type and id, greeting whoever is there.
QUICKSTART = """
from vision_agents.core import Agent, AgentLauncher, Runner, User
from vision_agents.plugins import deepgram, elevenlabs, gemini, getstream


async def create_agent(**kwargs) -> Agent:
    return Agent(
        edge=getstream.Edge(),
        agent_user=User(name="Assistant", id="agent"),
        instructions="You're a helpful voice assistant.",
        processors=[],
        llm=gemini.LLM(),
        tts=elevenlabs.TTS(),
        stt=deepgram.STT(eager_turn_detection=True),
    )


async def join_call(agent: Agent, call_type: str, call_id: str, **kwargs) -> None:
    call = await agent.create_call(call_type, call_id)
    async with agent.join(call):
        await agent.simple_response("tell me something interesting in a short sentence")
        await agent.finish()


if __name__ == "__main__":
    Runner(AgentLauncher(create_agent=create_agent, join_call=join_call)).cli()
"""

LIMITS = """
from vision_agents.core import Agent, AgentLauncher, Runner, ServeOptions, User
from vision_agents.core.edge.types import Participant
from vision_agents.plugins import deepgram, elevenlabs, getstream, openai, smart_turn


def create_agent() -> Agent:
    return Agent(
        edge=getstream.Edge(),
        agent_user=User(name="Assistant", id="agent"),
        llm=openai.LLM(model="gpt-5.4"),
        tts=elevenlabs.TTS(),
        stt=deepgram.STT(),
        turn_detection=smart_turn.TurnDetection(
            sample_rate=16000, silence_duration_ms=2000, speech_probability_threshold=0.5
        ),
    )


async def join_call(agent: Agent, call_type: str, call_id: str, **kwargs) -> None:
    @agent.turn_detection.events.subscribe
    async def on_turn(event: smart_turn.TurnStartedEvent):
        assert isinstance(event.participant, Participant)

    call = await agent.create_call(call_type, call_id)
    async with agent.join(call, participant_wait_timeout=0):
        await agent.finish()


def allow() -> None:
    pass


runner = Runner(
    AgentLauncher(
        create_agent=create_agent,
        join_call=join_call,
        agent_idle_timeout=60.0,
        max_concurrent_sessions=10,
        max_sessions_per_call=1,
        max_session_duration_seconds=3600,
    ),
    serve_options=ServeOptions(
        can_start_session=allow, can_close_session=allow, can_view_session=allow, can_view_metrics=allow
    ),
)

if __name__ == "__main__":
    runner.cli()
"""


@pytest.fixture(autouse=True)
def _stream(monkeypatch: pytest.MonkeyPatch) -> None:
    """The call: one with itself in place of one on Stream."""
    module = ModuleType("vision_agents.plugins.getstream")
    module.Edge = LoopEdge  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(plugins, "getstream", module, raising=False)


def program(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "agent.py"
    path.write_text(textwrap.dedent(text))
    return path


def loaded(path: Path) -> dict[str, Any]:
    """The names of a program that was imported."""
    return runpy.run_path(str(path), run_name="agent")


async def test_a_quickstart_greets_whoever_comes_and_answers(
    tmp_path: Path,
    services: Services,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with TextStandIn() as model:
        make = gemini_llm.make_client
        monkeypatch.setattr(gemini_llm, "make_client", lambda key, options: make(KEY, model.http_options))
        names = loaded(program(tmp_path, QUICKSTART))
        from vision_agents.core import AgentLauncher, Runner

        runner = Runner(AgentLauncher(create_agent=names["create_agent"], join_call=names["join_call"]))
        model.will_say("Honey never spoils.", "It is very dry.")
        services.deepgram.will_hear("why is that")
        transport = httpx.ASGITransport(runner.fast_api)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
            await runner.host.start()
            answer = await http.post("/calls/table/sessions", json={"call_type": "default"})
            assert answer.status_code == 201, answer.text
            session = runner.host.sessions[answer.json()["session_id"]]
            agent = session.agent
            assert agent is not None
            assert isinstance(agent.llm, gemini.LLM)
            edge = agent.edge
            assert isinstance(edge, LoopEdge)
            # Nobody is greeted before they are there.
            await asyncio.sleep(5)
            assert model.requests == 0
            assert edge.sink is not None
            edge.sink.participant_joined(ANNA)
            async with Caller(edge) as anna:
                await until(lambda: "Honey never spoils." in [message.text for message in agent.conversation])
                await anna.until(lambda: str(agent.state) == "idle")
                await anna.say(1.0)
                await until(lambda: agent.conversation.messages[-1].text == "It is very dry.")
            said = [(message.role, message.text) for message in agent.conversation][-2:]
            assert said == [(Role.USER, "why is that"), (Role.ASSISTANT, "It is very dry.")]
            assert (await http.delete(f"/calls/table/sessions/{session.id}")).status_code == 204
            await session.wait()
        await runner.host.close()


async def test_limits_and_permissions_by_their_public_names(
    tmp_path: Path,
    services: Services,  # noqa: F811
) -> None:
    runner = loaded(program(tmp_path, LIMITS))["runner"]
    host: CallHost = runner.host
    assert host.admission.limits.sessions == 10
    # The processor's time is not that of the loop, which jumps.
    host.admission.limits = replace(ROOMY, sessions=10)
    app = runner.fast_api
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://10.0.0.5") as http:
        host.started = True  # The detector's network is for the model tests.
        host.meter.start()
        answer = await http.post("/calls/table/sessions")
        assert answer.status_code == 201, answer.text
        again = await http.post("/calls/table/sessions")
        assert again.status_code == 409, again.text
        one = f"/calls/table/sessions/{answer.json()['session_id']}"
        assert (await http.get(f"{one}/metrics")).status_code == 200
        assert (await http.post(f"{one}/close")).status_code == 200
        await host.close()


def test_the_command_line_has_both_commands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = program(tmp_path, QUICKSTART)
    for arguments, says in (
        (["--help"], "serve"),
        (["run", "--help"], "--call-id"),
        (["serve", "--help"], "--http-log-level"),
    ):
        monkeypatch.setattr(sys, "argv", [str(path), *arguments])
        with pytest.raises(SystemExit) as ended:
            runpy.run_path(str(path), run_name="__main__")
        assert ended.value.code == 0
        assert says in capsys.readouterr().out


def test_what_is_wrong_is_said_in_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GEMINI_API_KEY", "GOOGLE_API_KEY", "VISION_AGENTS_SECRET"):
        monkeypatch.delenv(name, raising=False)
    path = program(tmp_path, QUICKSTART)
    for arguments, says in (
        (["serve", "--port", "0"], "GEMINI_API_KEY"),
        (["serve", "--host", "0.0.0.0"], "VISION_AGENTS_SECRET"),
        (["run", "--call-id", "x"], "GEMINI_API_KEY"),
    ):
        monkeypatch.setattr(sys, "argv", [str(path), *arguments])
        with pytest.raises(SystemExit, match=says):
            runpy.run_path(str(path), run_name="__main__")


@pytest.mark.parametrize("page", ["default", "five"])
async def test_run_holds_one_call_until_it_is_over(page: str, capsys: pytest.CaptureFixture[str]) -> None:
    from vision_agents.core import AgentLauncher, Runner

    from .kit import scripted

    made: list[Any] = []

    async def create_agent() -> Any:
        made.append(scripted())
        return made[-1]

    runner = Runner(AgentLauncher(create_agent))
    running = asyncio.create_task(runner._run(page, "table"))
    await until(lambda: len(made) == 2 and made[-1].entered.is_set())
    assert f"in the call {page}:table" in capsys.readouterr().out
    made[-1].edge.sink.ended()
    await running
