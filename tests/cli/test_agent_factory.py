"""`--agent module:function`: found, checked, and refused in words that say what to write instead."""

from types import SimpleNamespace

import pytest

from vision_agents.cli.agent_factory import DEFAULT_AGENT, fetch_models, load_factory, make_agent
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


async def test_a_module_in_the_current_folder_is_found(tmp_path, monkeypatch):
    (tmp_path / "mine_alone.py").write_text("async def agent(edge): return None\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", [path for path in __import__("sys").path if path])
    assert load_factory("mine_alone:agent").__name__ == "agent"


def test_the_default_is_there():
    assert callable(load_factory(DEFAULT_AGENT))


@pytest.mark.parametrize(
    ("spec", "complaint"),
    [
        ("made_up_agents", "takes MODULE:FUNCTION"),
        (":counting", "takes MODULE:FUNCTION"),
        ("made_up_agents:", "takes MODULE:FUNCTION"),
        ("made_up_agents.py:counting", "write made_up_agents:counting"),
        ("./made_up_agents.py:counting", "write made_up_agents:counting"),
        ("no_such_module:counting", "there is no module 'no_such_module'"),
        ("no_such.package:counting", "there is no module 'no_such.package'"),
        ("made_up_agents:no_such", "has no 'no_such'"),
        ("made_up_agents:COUNT", "must be an async function"),
        ("made_up_agents:not_async", "must be an async function"),
        ("made_up_agents:without_edge", "must be callable with edge="),
    ],
)
def test_what_is_no_factory_is_refused(spec, complaint):
    with pytest.raises(CommandError, match=complaint) as raised:
        load_factory(spec)
    assert raised.value.status == 2


@pytest.mark.parametrize(
    ("name", "complaint"),
    [("something_else", "returned str; it must return an Agent"), ("with_another_edge", "another edge")],
)
async def test_what_a_factory_makes_is_checked(name, complaint):
    with pytest.raises(CommandError, match=complaint):
        await make_agent(f"made_up_agents:{name}", LoopEdge())


def test_a_module_that_misses_one_of_its_own_says_which(tmp_path, monkeypatch):
    (tmp_path / "needy.py").write_text("import a_package_nobody_has\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="a_package_nobody_has"):
        load_factory("needy:agent")


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
    fetch_models(DEFAULT_AGENT)
    assert Store.pulled == ["silero-vad"]
    fetch_models("made_up_agents:counting")
    assert Store.pulled == ["silero-vad"]


def test_models_that_cannot_be_fetched_say_what_to_do(monkeypatch):
    class NoNetwork(Store):
        def pull(self, names, progress=None):
            raise ModelError("no network: connect and run the command again")

    monkeypatch.setattr("vision_agents.core.models.ModelStore", NoNetwork)
    with pytest.raises(CommandError, match="no network: connect") as raised:
        fetch_models(DEFAULT_AGENT)
    assert raised.value.status == 2
