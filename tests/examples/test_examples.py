"""The guide's samples, as printed and as files: each converses, is interrupted, falls silent and answers."""

from __future__ import annotations

import logging
import textwrap
from importlib import import_module
from typing import Any

import pytest

from vision_agents.cli.agent_checks import CHECKS, models
from vision_agents.cli.agent_factory import make_agent
from vision_agents.cli.dry_run import dry_run
from vision_agents.cli.findings import Level
from vision_agents.core import Agent, Participant
from vision_agents.core.agents.factory import load_factory
from vision_agents.core.conversation import Role
from vision_agents.core.edge import EdgeTransport
from vision_agents.core.turn_detection import TurnStartedEvent
from vision_agents.plugins import smart_turn
from vision_agents.testing.parts import LoopEdge

from ..plugins.caller import ANNA
from . import page
from .conftest import ROOT
from .scene import FIRST, QUESTIONS, SAID, SECOND, Scene, Services, converse, script
from .test_own_examples import FILES

pytestmark = pytest.mark.virtual_time

# How late the agent may notice, in seconds, who speaks: the first words of ElevenLabs take a few tenths.
SAMPLES = {
    "realtime": (page.REALTIME, "openai", 0.1),
    "stt_with_turns": (page.STT_WITH_TURNS, "elevenlabs", 0.5),
    "turn_detection": (page.TURN_DETECTION, "deepgram", 0.6),
}


def as_printed(block: str, **names: Any) -> dict[str, Any]:
    """What the names are after the block was run."""
    exec(compile(block, "page.md", "exec"), names)
    return names


async def as_file(spec: str) -> Agent:
    """The agent that the commands would make of `examples.<spec>`."""
    return await make_agent(f"examples.{spec}", LoopEdge())


def check(agent: Agent, scene: Scene, within: float) -> None:
    assert [(e.participant, e.interrupted, e.epoch) for e in scene.started] == [(ANNA, False, 0), (ANNA, True, 1)]
    assert [event.participant for event in scene.ended] == [ANNA, ANNA]
    assert scene.interrupted - scene.onset <= within
    # From the interruption on nothing is heard until the answer to it: that is two words long, the rest is silence.
    after = scene.edge.audible[scene.silent_from :]
    assert not any(after[:20])
    assert sum(after) * 0.02 <= 0.8
    messages = [(message.role, message.interrupted) for message in agent.conversation]
    assert messages == [(Role.USER, False), (Role.ASSISTANT, True), (Role.USER, False), (Role.ASSISTANT, False)]
    question, cut, objection, answer = (message.text for message in agent.conversation)
    assert (question, objection, answer) == (*QUESTIONS, SECOND)
    assert 0 < len(cut) < len(FIRST)
    assert FIRST.startswith(cut)


@pytest.mark.parametrize("name", SAMPLES)
async def test_a_sample_as_printed_is_interrupted(name: str, services: Services) -> None:
    block, hears, within = SAMPLES[name]
    script(services, hears)
    agent = as_printed(block)["agent"]
    check(agent, await converse(agent), within)


@pytest.mark.parametrize("name", SAMPLES)
async def test_a_sample_as_a_file_is_interrupted(name: str, services: Services) -> None:
    _, hears, within = SAMPLES[name]
    script(services, hears)
    agent = await as_file(f"{name}:make_agent")
    check(agent, await converse(agent), within)


@pytest.mark.parametrize("name", SAMPLES)
async def test_a_file_alone_joins_calls_on_stream(name: str, services: Services) -> None:
    agent = await import_module(f"examples.{name}").make_agent()
    assert type(agent.edge) is import_module("vision_agents.plugins.getstream").Edge
    await agent.close()


@pytest.mark.parametrize("kind", ["printed", "file"])
async def test_handlers_count_what_happens(kind: str, services: Services, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "examples.custom_behavior")
    script(services, "openai")
    module = import_module("examples.custom_behavior")
    if kind == "printed":
        agent = as_printed(page.REALTIME)["agent"]
        as_printed(page.CUSTOM_BEHAVIOR, agent=agent, logger=module.logger, metrics=module.metrics)
    else:
        agent = await as_file("custom_behavior:make_agent")
    scene = await converse(agent)
    assert module.metrics.counts == {"user_interruptions": 2}
    durations = [f"User finished speaking (duration: {event.duration_ms}ms)" for event in scene.ended]
    told = [record.message for record in caplog.records if record.name == module.logger.name]
    assert [line for line in told if "finished" in line] == durations
    assert told.count("User anna interrupted the agent") == 2
    assert [event.duration_ms for event in scene.ended] == [pytest.approx(1000 * said, abs=300) for said in SAID]


# What the file's factory is called, the least sensitive last.
TUNING = {
    "more_sensitive": page.MORE_SENSITIVE,
    "recommended": page.RECOMMENDED,
    "less_sensitive": page.LESS_SENSITIVE,
}


async def test_the_more_deliberate_a_setting_the_more_speech_it_takes() -> None:
    delays = []
    for name in TUNING:
        agent = await as_file(f"tuning:{name}")
        scene = await converse(agent)
        delays.append(scene.interrupted - scene.onset)
        # To within a window of 32 ms and a frame of 20 ms.
        assert delays[-1] == pytest.approx(agent.policy.commit_speech, abs=0.052)
        check(agent, scene, agent.policy.commit_speech + 0.1)
    assert delays == sorted(delays)
    assert len(set(delays)) == len(TUNING)


@pytest.mark.parametrize("name", TUNING)
async def test_a_setting_in_a_file_is_the_printed_one(name: str) -> None:
    printed = as_printed(TUNING[name], smart_turn=smart_turn)["turn_detection"]
    agent = await as_file(f"tuning:{name}")
    (used,) = agent._parts.detectors
    for parameter in ("buffer_in_seconds", "confidence_threshold"):
        assert getattr(used, parameter) == getattr(printed, parameter)
    await agent.close()


@pytest.mark.parametrize(("name", "block"), [("concise", page.CONCISE), ("acknowledging", page.ACKNOWLEDGING)])
async def test_instructions_reach_the_model(name: str, block: str, services: Services) -> None:
    script(services, "openai")
    agent = await as_file(f"best_practices:{name}")
    check(agent, await converse(agent), 0.1)
    assert services.openai.session.config["instructions"] == as_printed(block)["instructions"]


async def test_the_agent_s_own_events_are_left_out(services: Services) -> None:
    script(services, "openai")
    agent = await as_file("best_practices:concise")
    told: list[str] = []

    @agent.events.subscribe
    async def note(event: TurnStartedEvent) -> None:
        assert event.participant is not None
        told.append(event.participant.user_id)

    agent.events.send(TurnStartedEvent(participant=Participant("agent")))
    await converse(agent)
    assert told == ["agent", "anna", "anna"]
    turns = import_module("examples.best_practices").turns
    assert [event.participant for event in turns] == [ANNA] * 4


@pytest.mark.parametrize(
    "spec", [f"{name}:make_agent" for name in (*SAMPLES, "custom_behavior")] + ["tuning:recommended"]
)
async def test_the_doctor_finds_nothing_amiss(spec: str, services: Services) -> None:
    name = f"examples.{spec}"
    setup = await dry_run(name, load_factory(name))
    checks = [check for check in CHECKS if check is not models]  # Here they are scripted.
    findings = [*setup.findings, *(finding for check in checks for finding in check(setup))]
    assert {finding.level for finding in findings} == {Level.FINE}


@pytest.mark.parametrize(("name", "block"), [(name, block) for name, blocks in page.FILES.items() for block in blocks])
def test_a_file_has_the_text_of_the_guide(name: str, block: str) -> None:
    text = (ROOT / "examples" / f"{name}.py").read_text()
    # Imports stand at the top of a file and the rest in its functions; the commands bring an edge of their own.
    text = text.replace("edge=edge or getstream.Edge()", "edge=getstream.Edge()")
    for paragraph in block.strip().split("\n\n"):
        assert any(textwrap.indent(paragraph, " " * depth) in text for depth in (0, 4, 8)), paragraph


def test_every_file_is_tested() -> None:
    assert {path.stem for path in (ROOT / "examples").glob("*.py")} == {*page.FILES, *FILES}


def test_the_edge_of_the_samples_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()  # The real one.
    getstream = pytest.importorskip(
        "vision_agents.plugins.getstream", reason="the getstream plugin is not installed", exc_type=ImportError
    )
    assert issubclass(getstream.Edge, EdgeTransport)
