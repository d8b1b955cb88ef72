"""Agent factories by name: found, and refused in words that say what to write instead."""

import re
import sys

import pytest

from vision_agents.core.agents.factory import AgentFactoryError, load_factory

AGENTS = """
COUNT = 3
async def make_agent(edge): ...
def not_async(edge): ...
async def without_edge(): ...
class Maker:
    def __init__(self, edge=None): ...
    async def __call__(self, edge): ...
maker = Maker()
"""


@pytest.fixture(autouse=True)
def _some_agents(tmp_path, monkeypatch):
    (tmp_path / "some_agents.py").write_text(AGENTS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop("some_agents", None)


async def test_a_module_in_the_current_folder_is_found(tmp_path, monkeypatch):
    (tmp_path / "mine_alone.py").write_text("async def agent(edge): return None\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", [path for path in sys.path if path])
    assert load_factory("mine_alone:agent").__name__ == "agent"


def test_an_object_that_is_called_is_one_too():
    assert callable(load_factory("some_agents:maker"))


def test_the_default_is_there():
    assert callable(load_factory("vision_agents.cli.default_agent:local_agent"))


@pytest.mark.parametrize(
    ("spec", "complaint"),
    [
        ("some_agents", "takes MODULE:FUNCTION"),
        (":counting", "takes MODULE:FUNCTION"),
        ("some_agents:", "takes MODULE:FUNCTION"),
        ("some_agents.py:counting", "write some_agents:counting"),
        ("./some_agents.py:counting", "write some_agents:counting"),
        ("no_such_module:counting", "there is no module 'no_such_module'"),
        ("no_such.package:counting", "there is no module 'no_such.package'"),
        ("some_agents:no_such", "has no 'no_such'"),
        ("some_agents:COUNT", "must be an async function"),
        ("some_agents:not_async", "must be an async function"),
        ("some_agents:Maker", "must be an async function"),
        ("some_agents:without_edge", "must be callable with edge="),
    ],
)
def test_what_is_no_factory_is_refused(spec, complaint):
    with pytest.raises(AgentFactoryError, match=complaint):
        load_factory(spec)


@pytest.mark.parametrize(
    ("spec", "hint"),
    [
        ("flowers:make_agnt", "did you mean make_agent?"),
        ("flower:make_agent", "did you mean flowers?"),
        ("garden.rosses:make_agent", "did you mean garden.roses?"),
        ("gardens.roses:make_agent", "did you mean garden.roses?"),
        ("flowers:zzz", "check --agent (it has make_agent)"),
    ],
)
def test_a_misspelt_name_is_told_with_the_one_that_was_meant(spec, hint, tmp_path, monkeypatch):
    (tmp_path / "flowers.py").write_text("from asyncio import sleep\nasync def make_agent(edge): ...\n")
    (tmp_path / "garden").mkdir()  # a package without `__init__.py`
    (tmp_path / "garden" / "roses.py").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(AgentFactoryError, match=re.escape(hint)):
        load_factory(spec)


def test_a_module_that_misses_one_of_its_own_says_which(tmp_path, monkeypatch):
    (tmp_path / "needy.py").write_text("import a_package_nobody_has\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="a_package_nobody_has"):
        load_factory("needy:agent")
