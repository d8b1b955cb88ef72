"""The agent that `--agent` names, and the models that the default one needs."""

from types import SimpleNamespace

import pytest

from vision_agents.cli.agent_factory import DEFAULT_AGENT, fetch_models, make_agent
from vision_agents.cli.errors import CommandError
from vision_agents.core import Agent
from vision_agents.core.models import ModelError
from vision_agents.testing.parts import LoopEdge


@pytest.fixture(autouse=True)
def _here(monkeypatch, request):
    monkeypatch.chdir(request.path.parent)


@pytest.mark.parametrize("name", ["counting", "as_object"])
async def test_a_factory_makes_an_agent_with_the_edge_it_is_given(name):
    edge = LoopEdge()
    agent = await make_agent(f"made_up_agents:{name}", edge)
    assert isinstance(agent, Agent)
    assert agent.edge is edge


@pytest.mark.parametrize(
    ("name", "complaint"),
    [("something_else", "returned str; it must return an Agent"), ("with_another_edge", "another edge")],
)
async def test_what_a_factory_makes_is_checked(name, complaint):
    with pytest.raises(CommandError, match=complaint):
        await make_agent(f"made_up_agents:{name}", LoopEdge())


class Store:
    """A model store without a disk or a network."""

    pulled: list[str]

    def __init__(self):
        Store.pulled = []

    def status(self):
        return [
            SimpleNamespace(model=SimpleNamespace(name="silero-vad"), present=False),
            SimpleNamespace(model=SimpleNamespace(name="smart-turn"), present=True),
            SimpleNamespace(model=SimpleNamespace(name="somebody-else-s"), present=False),
        ]

    def pull(self, names, progress=None):
        Store.pulled = names


def test_what_the_default_agent_misses_is_fetched_and_nothing_else(monkeypatch):
    monkeypatch.setattr("vision_agents.core.models.ModelStore", Store)
    monkeypatch.delenv("VISION_AGENTS_FETCH", raising=False)
    fetch_models(DEFAULT_AGENT)
    assert Store.pulled == ["silero-vad"]
    fetch_models("made_up_agents:counting")
    assert Store.pulled == ["silero-vad"]


def test_what_must_not_be_fetched_is_not_and_is_named(monkeypatch):
    monkeypatch.setattr("vision_agents.core.models.ModelStore", Store)
    monkeypatch.setenv("VISION_AGENTS_FETCH", "no")
    with pytest.raises(
        CommandError, match=r"VISION_AGENTS_FETCH forbids .* Run: vision-agents models pull silero-vad$"
    ):
        fetch_models(DEFAULT_AGENT)
    assert Store.pulled == []


def test_models_that_cannot_be_fetched_say_what_to_do(monkeypatch):
    class NoNetwork(Store):
        def pull(self, names, progress=None):
            raise ModelError("no network: connect and run the command again")

    monkeypatch.setattr("vision_agents.core.models.ModelStore", NoNetwork)
    monkeypatch.delenv("VISION_AGENTS_FETCH", raising=False)
    with pytest.raises(CommandError, match="no network: connect") as raised:
        fetch_models(DEFAULT_AGENT)
    assert raised.value.status == 2
