"""Where the samples meet their services: loopback servers in the places of the providers, and a call with itself."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import ModuleType

import pytest
import pytest_asyncio
from deepgram import DeepgramClientEnvironment
from elevenlabs import client as elevenlabs_client

from vision_agents import plugins
from vision_agents.core.models.networks import spec_of
from vision_agents.plugins import llama, moonshine, piper, silero
from vision_agents.plugins.smart_turn import turn_detection
from vision_agents.testing.parts import LoopEdge, ScriptedLLM, ScriptedSTT, ToneTTS

from ..plugins.hearing_kit import LevelVAD
from ..standins.deepgram import server as deepgram_server
from ..standins.elevenlabs import server as elevenlabs_server
from ..standins.openai import server as openai_server
from .scene import FIRST, QUESTIONS, SECOND, Services

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _files(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Run where the commands are run, and import the files anew: they keep what `getstream` was at their import."""
    monkeypatch.chdir(ROOT)
    monkeypatch.syspath_prepend(ROOT)
    _forget_files()
    yield
    _forget_files()


def _forget_files() -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "examples"]:
        del sys.modules[name]


@pytest.fixture(autouse=True)
def _stream(monkeypatch: pytest.MonkeyPatch) -> None:
    """The call: one with itself in place of one on Stream."""
    module = ModuleType("vision_agents.plugins.getstream")
    module.Edge = LoopEdge  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(plugins, "getstream", module, raising=False)


class _Finished:
    """Smart Turn's network: whoever pauses is done."""

    def predict(self, samples: object) -> float:
        return 0.9


@pytest.fixture(autouse=True)
def _local(monkeypatch: pytest.MonkeyPatch) -> None:
    """Scripted parts in place of the models on this machine; the turn detector is the real one."""
    monkeypatch.setattr(silero, "VAD", LevelVAD)
    monkeypatch.setattr(turn_detection, "NetworkSpec", lambda load, model: spec_of(_Finished()))
    monkeypatch.setattr(llama, "LLM", lambda: ScriptedLLM([FIRST, SECOND]))
    monkeypatch.setattr(moonshine, "STT", lambda: ScriptedSTT(QUESTIONS))
    monkeypatch.setattr(piper, "TTS", ToneTTS)


@pytest_asyncio.fixture
async def services(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Services]:
    """The providers on loopback, where each SDK by itself looks for its service."""
    async with (
        openai_server.StandIn(word_seconds=0.3) as openai,
        elevenlabs_server.ElevenLabsServer() as elevenlabs,
        deepgram_server.DeepgramServer() as deepgram,
    ):
        monkeypatch.setenv("OPENAI_API_KEY", openai_server.KEY)
        monkeypatch.setenv("OPENAI_BASE_URL", openai.url)
        monkeypatch.setenv("ELEVENLABS_API_KEY", elevenlabs_server.KEY)
        monkeypatch.setenv("DEEPGRAM_API_KEY", deepgram_server.KEY)
        # These two know no variable for the address.
        client = elevenlabs_client.AsyncElevenLabs

        def here(api_key: str, base_url: str | None) -> elevenlabs_client.AsyncElevenLabs:
            return client(api_key=api_key, base_url=base_url or elevenlabs.url)

        monkeypatch.setattr(elevenlabs_client, "AsyncElevenLabs", here)
        monkeypatch.setattr(DeepgramClientEnvironment, "PRODUCTION", deepgram.environment)
        yield Services(openai, elevenlabs, deepgram)
