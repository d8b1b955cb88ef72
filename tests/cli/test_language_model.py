"""`demo --llm`, `--gguf`, and a model server that is found on this machine."""

from __future__ import annotations

import argparse
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from vision_agents.cli import demo, language_model
from vision_agents.cli.agent_factory import DEFAULT_AGENT
from vision_agents.cli.default_agent import LANGUAGE_MODEL, MODELS
from vision_agents.cli.errors import UNUSABLE, CommandError
from vision_agents.cli.main import main
from vision_agents.core.models import ModelStore
from vision_agents.plugins import llama, openai


class Server:
    """A model server on loopback, which tells of its models."""

    def __init__(self, *models: str) -> None:
        self.answer: Any = {"data": [{"id": model} for model in models]}
        self.status = 200
        self.asked: list[tuple[str, str | None]] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.asked.append((self.path, self.headers["Authorization"]))
                body = json.dumps(server.answer).encode()
                self.send_response(server.status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: Any) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._http.server_port
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._http.serve_forever, args=(0.01,)).start()

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server("nomic-embed-text", "llama3.2:latest", "qwen3")
    yield made
    made.close()


@pytest.fixture(autouse=True)
def _nobody_else_s(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(language_model.KEY_VARIABLE, raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", "of OpenAI alone")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")


def arguments(**given: Any) -> argparse.Namespace:
    return argparse.Namespace(**{"agent": DEFAULT_AGENT, "llm": None, "gguf": None, "no_discovery": False} | given)


@pytest.mark.parametrize(("model", "used"), [("", "llama3.2:latest"), ("#qwen3", "qwen3"), ("#llama3.2", "llama3.2")])
def test_a_server_s_model_is_used(server: Server, model: str, used: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = language_model.chosen(arguments(llm=f"{server.url}{model}"))
    assert found is not None
    first, second = found.make(), found.make()
    assert isinstance(first, openai.ChatCompletionsLLM)
    assert first is not second
    assert (first.model, str(first._client.base_url)) == (used, f"{server.url}/v1/")
    assert f"The agent thinks with {used} at {server.url}/v1" in capsys.readouterr().err


def test_the_key_of_openai_goes_nowhere_else(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    found = language_model.of_server(server.url).make()
    assert isinstance(found, openai.ChatCompletionsLLM)
    assert found._client.api_key == "none"
    monkeypatch.setenv(language_model.KEY_VARIABLE, "mine")
    language_model.of_server(server.url)
    assert [key for _, key in server.asked] == ["Bearer none", "Bearer mine"]
    assert {path for path, _ in server.asked} == {"/v1/models"}


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("127.0.0.1:1", "http://127.0.0.1:1/v1"),
        ("http://here:1/", "http://here:1/v1"),
        ("https://api.example.com/openai/v1", "https://api.example.com/openai/v1"),
    ],
)
def test_an_address_may_be_short(url: str, base: str) -> None:
    assert language_model._base(url) == base


def test_a_server_that_does_not_answer_is_one_sentence() -> None:
    with pytest.raises(CommandError, match=r"no model server answers at http://127\.0\.0\.1:9/v1: .*Is it running\?"):
        language_model.of_server("http://127.0.0.1:9#llama3.2")


def test_a_model_that_the_server_has_not(server: Server) -> None:
    with pytest.raises(CommandError, match=r"has no model 'gpt'; it has nomic-embed-text, llama3\.2:latest, qwen3"):
        language_model.of_server(f"{server.url}#gpt")


def test_a_server_that_tells_of_no_models_may_have_them(server: Server) -> None:
    server.status = 404
    assert language_model.of_server(f"{server.url}#mine").label.startswith("mine at")
    with pytest.raises(CommandError, match=r"does not tell its models \(HTTP 404, .*#MODEL"):
        language_model.of_server(server.url)


@pytest.mark.parametrize("answer", [{"data": []}, {"data": None}, {"data": [{"id": "nomic-embed-text"}, 7]}])
def test_a_server_without_a_model_says_how_to_get_one(server: Server, answer: Any) -> None:
    server.answer = answer
    with pytest.raises(CommandError, match="has no model to talk to"):
        language_model.of_server(server.url)


@pytest.mark.parametrize("answer", [[], "welcome", {"data": "many"}, {}])
def test_something_else_at_the_address(server: Server, answer: Any) -> None:
    server.answer = answer
    complaint = "has no model to talk to" if answer == {} else "is no model server: give the address of one"
    with pytest.raises(CommandError, match=complaint):
        language_model.of_server(server.url)


def test_an_address_that_is_none() -> None:
    with pytest.raises(CommandError, match="--llm takes an address"):
        language_model.of_server("file:///etc")


def test_a_server_on_this_machine_is_found_and_said(
    server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(language_model, "WELL_KNOWN", {"nobody": 9, "Ollama": server.port})
    found = language_model.chosen(arguments())
    assert found is not None
    assert "llama3.2:latest" in found.label
    assert "found on this machine (--no-discovery: with the built-in one)" in capsys.readouterr().err
    assert language_model.chosen(arguments(no_discovery=True)) is None
    assert capsys.readouterr().err == ""


def test_a_server_that_is_found_and_cannot_be_used(
    server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(language_model, "WELL_KNOWN", {"Ollama": server.port})
    monkeypatch.setattr(language_model, "find_spec", lambda name: None)
    assert language_model.chosen(arguments()) is None
    assert 'pip install "interruptible-agents[openai]"' in capsys.readouterr().err


@pytest.mark.parametrize("answer", [{"data": []}, []])
def test_what_has_no_models_is_not_found(server: Server, monkeypatch: pytest.MonkeyPatch, answer: Any) -> None:
    server.answer = answer
    monkeypatch.setattr(language_model, "WELL_KNOWN", {"Ollama": server.port})
    assert language_model.discovered() is None


def test_a_file(tmp_path: Path) -> None:
    (tmp_path / "some.gguf").write_bytes(b"GGUF and more")
    found = language_model.chosen(arguments(gguf=tmp_path / "some.gguf"))
    assert found is not None
    made = found.make()
    assert isinstance(made, llama.LLM)
    assert made.model == tmp_path / "some.gguf"


@pytest.mark.parametrize(("content", "complaint"), [(None, "there is no model"), (b"ZIP", "is no GGUF file")])
def test_a_file_that_is_none(tmp_path: Path, content: bytes | None, complaint: str) -> None:
    if content is not None:
        (tmp_path / "some.gguf").write_bytes(content)
    with pytest.raises(CommandError, match=complaint):
        language_model.of_file(tmp_path / "some.gguf")


def test_another_agent_has_a_model_of_its_own() -> None:
    assert language_model.chosen(arguments(agent="mine:make_agent")) is None
    with pytest.raises(CommandError, match="are for the default agent"):
        language_model.chosen(arguments(agent="mine:make_agent", llm="http://127.0.0.1:9"))


def test_the_demo_fetches_no_model_that_it_does_not_use(
    server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("VISION_AGENTS_MODELS", str(tmp_path))
    monkeypatch.setenv("VISION_AGENTS_FETCH", "yes")
    pulled: list[str] = []
    made: list[Any] = []
    monkeypatch.setattr(ModelStore, "pull", lambda self, names, progress=None: pulled.extend(names))
    monkeypatch.setattr(demo, "_serve_until_interrupted", lambda *arguments: made.append(arguments[2]))
    assert main(["demo", "--no-open", "--port", "0", "--llm", server.url]) == 0
    assert set(pulled) == {*MODELS} - {LANGUAGE_MODEL}
    server.status = 500
    assert main(["demo", "--no-open", "--port", "0", "--llm", server.url]) == UNUSABLE
    assert "does not tell its models (HTTP 500" in capsys.readouterr().err


async def test_the_demo_s_agents_think_with_it(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    from vision_agents.cli.agent_factory import make_agent
    from vision_agents.testing.parts import LoopEdge

    agent = await make_agent(DEFAULT_AGENT, LoopEdge(), llm=language_model.of_server(server.url).make())
    assert isinstance(agent.llm, openai.ChatCompletionsLLM)
    await agent.close()
