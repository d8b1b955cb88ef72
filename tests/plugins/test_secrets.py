"""No key of any provider is in a log record of any level, in an error, or in a part's repr."""

from __future__ import annotations

import json
import ssl
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from google.genai import types

from vision_agents.core.agents.events import ErrorEvent
from vision_agents.core.observability.page import report_page
from vision_agents.core.observability.reader import read_story
from vision_agents.core.observability.recorder import TraceWriter
from vision_agents.core.observability.report import make_report, report_json
from vision_agents.core.redaction import HIDDEN
from vision_agents.core.remote import connection, realtime_link
from vision_agents.plugins import deepgram, elevenlabs, gemini, openai, qwen
from vision_agents.testing.contract import until

from ..core.agents.call_kit import ANNA, Call
from ..standins.deepgram import server as deepgram_server
from ..standins.elevenlabs import server as elevenlabs_server
from ..standins.gemini import server as gemini_server
from ..standins.openai import server as openai_server
from ..standins.qwen import server as qwen_server
from .secrecy import WRONG, Part, attempt, everything_logged, mute_server

Make = Callable[[str, str], Part]
"""Makes a part with a key, that talks to a port."""


def _gemini(key: str, port: str) -> gemini.Realtime:
    context = ssl.create_default_context()
    gemini_server.authority().configure_trust(context)
    options = types.HttpOptions(base_url=f"https://localhost:{port}", async_client_args={"ssl": context})
    return gemini.Realtime(api_key=key, http_options=options)


def _qwen(key: str, port: str) -> qwen.Realtime:
    return qwen.Realtime(api_key=key, url=f"ws://127.0.0.1:{port}/api-ws/v1/realtime")


def _openai(kind: Any, **options: Any) -> Make:
    return lambda key, port: kind(api_key=key, base_url=f"http://127.0.0.1:{port}/v1", **options)


def _deepgram(kind: Any, **options: Any) -> Make:
    def make(key: str, port: str) -> Part:
        from deepgram import DeepgramClientEnvironment

        web, ws = f"http://127.0.0.1:{port}", f"ws://127.0.0.1:{port}"
        place = DeepgramClientEnvironment(base=web, production=ws, agent=ws, agent_rest=web)
        part: Part = kind(api_key=key, environment=place, **options)
        return part

    return make


def _elevenlabs(kind: Any) -> Make:
    return lambda key, port: kind(api_key=key, base_url=f"http://127.0.0.1:{port}")


TEXT = {"timeout": 2.0, "max_retries": 0}
CASES: dict[str, tuple[Make, Any]] = {
    "openai.LLM": (_openai(openai.LLM, **TEXT), openai_server),
    "openai.ChatCompletionsLLM": (_openai(openai.ChatCompletionsLLM, model="gpt-5.4", **TEXT), openai_server),
    "openai.Realtime": (_openai(openai.Realtime), openai_server),
    "gemini.Realtime": (_gemini, gemini_server),
    "qwen.Realtime": (_qwen, qwen_server),
    "deepgram.STT nova": (_deepgram(deepgram.STT), deepgram_server),
    "deepgram.STT flux": (_deepgram(deepgram.STT, model="flux-general-en"), deepgram_server),
    "deepgram.TTS": (_deepgram(deepgram.TTS), deepgram_server),
    "elevenlabs.STT": (_elevenlabs(elevenlabs.STT), elevenlabs_server),
    "elevenlabs.TTS": (_elevenlabs(elevenlabs.TTS), elevenlabs_server),
}


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "RETRY_DELAYS", (0.0, 0.0))
    monkeypatch.setattr(connection, "IMPATIENT_DELAYS", (0.0,))
    for name in ("OPENAI_BASE_URL", "OPENAI_API_KEY", "GEMINI_API_KEY", "GOOGLE_API_KEY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
async def service(request: pytest.FixtureRequest) -> AsyncIterator[Any]:
    module = request.param
    kind = next(
        getattr(module, name) for name in ("StandIn", "DeepgramServer", "ElevenLabsServer") if hasattr(module, name)
    )
    async with kind() as running:
        yield running


def port_of(service: Any) -> str:
    address: str = getattr(service, "address", None) or service.url.removesuffix("/v1")
    return address.rpartition(":")[2]


@pytest.mark.parametrize(("make", "service"), CASES.values(), ids=CASES, indirect=["service"])
async def test_a_key_is_nowhere(
    make: Make, service: Any, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = CASES[request.node.callspec.id][1].KEY
    with everything_logged() as journal:
        assert await attempt(lambda: make(key, port_of(service)), journal, service.disconnect)
        assert not await attempt(lambda: make(WRONG, port_of(service)), journal)
        assert not await attempt(lambda: make(key, "9"), journal)
        monkeypatch.setattr(connection, "OPEN_TIMEOUT", 0.5)
        monkeypatch.setattr(realtime_link, "CONNECT_TIMEOUT", 0.5)
        async with mute_server() as port:
            assert not await attempt(lambda: make(key, str(port)), journal)
    text = journal.text.getvalue()
    assert text.count("DEBUG") > 20
    for secret in (key, WRONG):
        places = [line for line in text.splitlines() if secret in line]
        assert not places, places[:5]


async def test_a_key_is_in_no_trace_report_or_event(tmp_path: Path) -> None:
    async with openai_server.StandIn() as service:
        llm = openai.LLM(api_key=WRONG, base_url=service.url)
        call = Call(["how are you"], llm=llm)
        with TraceWriter(tmp_path / "trace.jsonl") as writer:
            call.agent.observe(writer)
            async with call.agent.join():
                call.edge.sink.participant_joined(ANNA)
                await call.detector.speak(ANNA, 0.6)
                await until(lambda: call.of(ErrorEvent), "the error")
    [event, *_] = call.of(ErrorEvent)
    assert HIDDEN in event.error, "the service repeats the key that it refuses"
    trace = writer.path.read_text()
    assert "Incorrect API key provided" in trace
    story = read_story(map(json.loads, trace.splitlines()))
    report = make_report(story)
    for text in (trace, report_json(report), report_page(report, story, None), *map(repr, call.events)):
        assert WRONG not in text
