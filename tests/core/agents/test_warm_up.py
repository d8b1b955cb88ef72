"""`warm_up`: everything is loaded before the first call, once, and nothing is left behind."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from vision_agents.core import Agent, User, warm_up
from vision_agents.core.models import networks as networks_module
from vision_agents.core.models import unload
from vision_agents.core.models.networks import NetworkLease, Networks, NetworkSpec
from vision_agents.testing.parts import LoopEdge, ScriptedDetector, ScriptedLLM, ScriptedSTT, ToneTTS

LOADED: list[str] = []


def load_ears(files: Mapping[str, Path]) -> str:
    LOADED.append("ears")
    return "ears"


def load_model(files: Mapping[str, Path]) -> str:
    LOADED.append("model")
    return "model"


def load_nothing(files: Mapping[str, Path]) -> str:
    raise ValueError("these are no weights")


class Detector(ScriptedDetector):
    def __init__(self, load: Any = load_ears) -> None:
        super().__init__()
        self.network = NetworkLease(NetworkSpec(load, "ears", files={}), "Detector")
        self.networks = (self.network.spec,)
        self.closed = 0

    async def start(self) -> None:
        await self.network.start()

    async def close(self) -> None:
        self.closed += 1
        self.network.close()


class LocalLLM(ScriptedLLM):
    def __init__(self) -> None:
        super().__init__()
        self.networks = (NetworkSpec(load_model, "model", files={}),)
        self.read: list[str] = []
        self.starts = 0

    async def start(self) -> None:
        self.starts += 1

    async def warm(self, instructions: str) -> None:
        self.read.append(instructions)


class Edge(LoopEdge):
    joined = False

    async def join(self, *args: Any) -> None:
        self.joined = True
        await super().join(*args)


@pytest.fixture(autouse=True)
def own_store(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    LOADED.clear()
    monkeypatch.setattr(networks_module, "PROCESS", store := Networks())
    yield
    store.close()


MADE: list[Agent] = []


def make(llm: ScriptedLLM | None = None, detector: Detector | None = None) -> Agent:
    agent = Agent(
        edge=Edge(),
        llm=llm or LocalLLM(),
        agent_user=User("agent"),
        instructions="Be brief.",
        stt=ScriptedSTT(),
        tts=ToneTTS(),
        turn_detection=detector or Detector(),
    )
    MADE.append(agent)
    return agent


async def make_later() -> Agent:
    await asyncio.sleep(1)
    return make()


@pytest.mark.virtual_time
@pytest.mark.parametrize("factory", [make, make_later])
async def test_an_agent_that_is_made_for_it_is_loaded_and_closed_and_joins_nothing(factory: Any) -> None:
    loaded = await warm_up(factory)
    assert sorted(LOADED) == ["ears", "model"]
    assert sorted(model.name for model in loaded) == ["ears", "model"]
    assert [model.users for model in loaded] == [(), ()]
    agent = MADE[-1]
    assert agent.llm.read == ["Be brief."]
    assert not agent.edge.joined
    with pytest.raises(RuntimeError, match="make a new Agent"):
        await agent.join()


@pytest.mark.virtual_time
async def test_the_call_after_it_loads_nothing() -> None:
    await warm_up(make)
    agent = make()
    async with agent.join():
        assert sorted(LOADED) == ["ears", "model"]
        assert [model.users for model in networks_module.loaded_models() if model.name == "ears"] == [("Detector",)]


@pytest.mark.virtual_time
async def test_an_agent_that_was_given_is_left_as_it_is_and_can_join() -> None:
    llm, detector = LocalLLM(), Detector()
    agent = make(llm, detector)
    await warm_up(agent)
    await warm_up(agent)
    assert sorted(LOADED) == ["ears", "model"]
    assert (llm.read, llm.starts, detector.closed) == ([], 0, 0)
    async with agent.join():
        pass


@pytest.mark.virtual_time
async def test_parts_are_loaded_and_not_started() -> None:
    detector = Detector()
    await warm_up(detector, Detector, ToneTTS())
    assert LOADED == ["ears"]
    assert not detector.network.started
    assert len(unload()) == 1


@pytest.mark.virtual_time
async def test_a_model_of_a_service_is_not_asked_for_anything() -> None:
    class Remote(LocalLLM):
        def __init__(self) -> None:
            super().__init__()
            self.networks = ()

    remote = Remote()
    await warm_up(lambda: make(remote))
    assert (remote.read, remote.starts) == ([], 0)


@pytest.mark.virtual_time
async def test_what_fails_is_raised_and_the_agent_is_closed_all_the_same() -> None:
    detector = Detector(load_nothing)
    with pytest.raises(ValueError, match="these are no weights"):
        await warm_up(lambda: make(detector=detector))
    assert detector.closed == 1  # Harmless for a part that was never started.
    assert MADE[-1]._closing is not None
    assert [model.users for model in networks_module.loaded_models()] in ([], [()])


@pytest.mark.virtual_time
async def test_a_given_network_is_already_there() -> None:
    class Part:
        networks = (networks_module.spec_of([1]),)

    assert await warm_up(Part()) == []


def test_what_lives_then_is_frozen() -> None:
    code = (
        "import asyncio, gc; from vision_agents.core import warm_up; asyncio.run(warm_up()); "
        "before = gc.get_freeze_count(); asyncio.run(warm_up(freeze=True)); print(before, gc.get_freeze_count())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=180)
    before, after = map(int, done.stdout.split())
    assert before == 0
    assert after > 10_000


def test_nothing_is_frozen_unasked() -> None:
    frozen = gc.get_freeze_count()
    asyncio.run(warm_up())
    assert gc.get_freeze_count() == frozen
