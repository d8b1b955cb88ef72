"""The single checks of `vision-agents doctor`: the models on this machine, and the machine itself."""

from __future__ import annotations

import shutil
import socket
import sys
from hashlib import sha256
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

import pytest

from vision_agents.cli import agent_checks, dry_run, machine_checks
from vision_agents.cli.findings import Level
from vision_agents.cli.pace import Pace, measure
from vision_agents.core.models import CATALOGUE, ModelStore
from vision_agents.core.models.catalogue import Model
from vision_agents.core.models.networks import NetworkSpec
from vision_agents.plugins import openai

# Models.


class Judge:
    """A part that uses a model of the store, unless it has one of its own."""

    def __init__(self, model: object = None) -> None:
        self.networks = (NetworkSpec(dict, "smart-turn"),) if model is None else ()


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A store with one model in it, of four bytes. Returns its file."""
    pinned = CATALOGUE["smart-turn"]
    file = pinned.files[0]
    content = b"1234"
    (tmp_path / file.name).write_bytes(content)
    small = type(file)(file.key, file.member, len(content), sha256(content).hexdigest())
    model = Model(pinned.name, pinned.purpose, pinned.licence, pinned.archive, (small,))
    made = ModelStore(tmp_path / "store", {"smart-turn": model})
    folder = made.status()[0].folder
    folder.mkdir(parents=True)
    shutil.move(tmp_path / file.name, folder / file.name)
    monkeypatch.setattr(agent_checks, "ModelStore", lambda: made)
    return folder / file.name


def model_finding(spec: str = "made:up", **parts: object) -> list[tuple[Level, str]]:
    setup = dry_run.Setup(spec, parts or {"turn_detection": Judge()})
    return [(finding.level, finding.next) for finding in agent_checks.models(setup)]


PULL = "run: vision-agents models pull smart-turn"


def test_a_model_that_is_here(store):
    assert model_finding() == [(Level.FINE, "")]


def test_a_model_with_another_hash(store):
    store.write_bytes(b"4321")
    assert model_finding() == [(Level.PROBLEM, PULL)]


def test_a_model_that_is_missing_is_fetched_by_the_first_call(store, monkeypatch):
    monkeypatch.delenv("VISION_AGENTS_FETCH", raising=False)
    store.unlink()
    ((level, next),) = model_finding()
    assert level is Level.ADVICE
    assert PULL in next


def test_a_model_that_is_missing_and_must_not_be_fetched(store, monkeypatch):
    monkeypatch.setenv("VISION_AGENTS_FETCH", "no")
    store.unlink()
    assert model_finding() == [(Level.PROBLEM, PULL)]


def test_a_model_that_is_missing_where_nothing_can_be_written(store, monkeypatch):
    store.unlink()
    monkeypatch.setattr("os.access", lambda path, mode: False)
    ((level, next),) = model_finding()
    assert level is Level.PROBLEM
    assert "VISION_AGENTS_MODELS" in next


def test_a_folder_that_is_to_be_made(tmp_path):
    assert agent_checks.writable(tmp_path / "new" / "models")
    (tmp_path / "file").touch()
    assert not agent_checks.writable(tmp_path / "file" / "models")


def test_models_that_are_not_used_are_not_missed(store, monkeypatch):
    store.unlink()
    assert model_finding(turn_detection=Judge(model="my own")) == []
    monkeypatch.setenv("OPENAI_API_KEY", "mine")
    realtime = import_module("vision_agents.plugins.openai").Realtime()
    assert model_finding(llm=realtime, turn_detection=Judge()) == []


# The machine.


@pytest.mark.parametrize(
    ("pace", "complaint"),
    [
        (Pace(0.0, 0.004, 0.007), ""),
        (Pace(0.2, 0.13, 0.007), "20% of the frames late, the latest by 130 ms; 8 s of speech take 7 ms: callers hear"),
        (Pace(0.0, 0.004, 0.3), "8 s of speech take 300 ms: too slow for local models"),
    ],
)
def test_the_pace_of_this_machine(pace, complaint, monkeypatch):
    monkeypatch.setattr(machine_checks, "measure", lambda: pace)
    (finding,) = machine_checks.pace()
    assert finding.level is (Level.ADVICE if complaint else Level.FINE)
    assert complaint in finding.what


def test_what_is_measured_comes_out_of_frames_and_work():
    found = measure(seconds=0.1)
    assert 0.0 <= found.late <= 1.0
    assert found.worst > 0.0
    assert found.spectra > 0.0


class Brings:
    """An installed distribution, as `importlib.metadata` tells of it."""

    version = "9.9"

    def __init__(self, name: str, *files: str) -> None:
        self.metadata = {"Name": name}
        self.files = [Path(file) for file in files] or None


def test_another_distribution_of_the_same_packages(monkeypatch):
    installed = [
        Brings("interruptible-agents", "vision_agents/core/__init__.py"),
        Brings("vision-agents"),
        Brings("a-fork", "vision_agents/core/__init__.py"),
        Brings("a-plugin", "vision_agents/plugins/acme/__init__.py"),
        Brings("numpy", "numpy/core/__init__.py"),
    ]
    monkeypatch.setattr(metadata, "distributions", lambda: installed)
    found = [(finding.level, finding.where) for finding in machine_checks.namesakes()]
    assert found == [(Level.PROBLEM, "distribution vision-agents"), (Level.PROBLEM, "distribution a-fork")]


def test_a_page_that_cannot_be_served():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        (finding,) = machine_checks.loopback(taken.getsockname())
    assert finding.level is Level.ADVICE
    assert "is in use" in finding.what
    assert "--port" in finding.what


def test_a_page_that_can_be_served():
    (finding,) = machine_checks.loopback(("127.0.0.1", 0))
    assert finding.level is Level.FINE


def test_the_gate_of_this_machine_is_fine():
    (finding,) = machine_checks.gate()
    assert finding.level is Level.FINE


def test_a_resampler_that_loses_audio(monkeypatch):
    monkeypatch.setattr(machine_checks.Resampler, "flush", lambda self: [])
    (finding,) = machine_checks.gate()
    assert finding.level is Level.PROBLEM


@pytest.mark.parametrize(("check", "package"), [("browser_edge", "aiortc"), ("file_edge", "soundfile")])
def test_a_way_into_a_call_that_is_not_installed(check, package, monkeypatch):
    monkeypatch.setattr(machine_checks, "find_spec", lambda name: None if name == package else object())
    monkeypatch.setitem(sys.modules, package, None)
    (finding,) = getattr(machine_checks, check)()
    assert finding.level is Level.ADVICE
    assert finding.extra == "local"


def test_versions_that_must_be_one(monkeypatch):
    version = metadata.version
    monkeypatch.setattr(metadata, "version", lambda name: "0.9" if name == "aiortc" else version(name))
    problems = [finding for finding in machine_checks.extras() if finding.level is Level.PROBLEM]
    assert [finding.what for finding in problems] == ["aiortc 0.9 is installed, and 1.16.0 is needed"]
    assert problems[0].where == "extra local"


def test_extras_by_their_packages(monkeypatch):
    found = machine_checks.requirements()
    assert found["openai"] == [("openai", None)]
    assert ("piper-tts", "1.8.0") in found["piper"]
    assert "smart_turn" in found
    assert "test" not in found

    def version(name: str) -> str:
        if name == "dashscope":
            raise metadata.PackageNotFoundError(name)
        return dict(found["local"]).get(name) or "1"

    monkeypatch.setattr(metadata, "version", version)
    told = {finding.what.partition(":")[0]: finding.what for finding in machine_checks.extras()}
    assert "qwen" in told["not installed"]
    assert "qwen" not in told["installed"]


def test_an_old_python(monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 10, 1))
    (finding,) = machine_checks.python()
    assert finding.level is Level.PROBLEM
    assert "3.11" in finding.next


SERVED = (openai.ChatCompletionsLLM, openai.LLM, openai.Realtime)


def server_findings(url: str, kind: Any = openai.ChatCompletionsLLM) -> list[tuple[Level, str]]:
    llm = kind("mine", base_url=url, api_key="none")
    setup = dry_run.Setup("made:up", {"llm": llm})
    return [(finding.level, finding.what) for finding in agent_checks.model_server(setup)]


@pytest.mark.parametrize("kind", SERVED)
def test_a_model_server_on_this_machine_that_is_not_there_is_told(kind: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/v1"
        assert server_findings(url, kind) == []
    ((level, what),) = server_findings(url, kind)
    assert level is Level.PROBLEM
    assert what.startswith(f"no model server answers at {url}/: ")
    assert server_findings("https://models.example/v1", kind) == [], "others are not asked"


@pytest.mark.parametrize(
    ("url", "port"),
    [("http://localhost/v1", 80), ("https://localhost/v1", 443), ("https://localhost:8443/v1", 8443)],
)
def test_it_is_asked_at_the_port_of_its_address(url: str, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, int]] = []

    def refuse(address: tuple[str, int], timeout: float) -> None:
        asked.append(address)
        raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr(socket, "create_connection", refuse)
    assert len(server_findings(url)) == 1
    assert asked == [("localhost", port)]
