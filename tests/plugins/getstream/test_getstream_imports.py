"""The plugin says which extra, and which variable, it lacks, and imports no other provider's SDK."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest.importorskip("getstream_rtc", reason="needs the extra getstream")

from vision_agents.plugins import getstream

SDKS = {"deepgram", "elevenlabs", "openai", "google.genai", "aws_sdk_bedrock_runtime", "dashscope"}


def run(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=180, check=True).stdout


@pytest.mark.parametrize("package", ["getstream", "getstream_rtc"])
def test_without_the_sdk_an_edge_names_the_extra(package: str):
    code = f"""
import sys
sys.modules["{package}"] = None
from vision_agents.plugins import getstream
try:
    getstream.Edge(api_key="x", api_secret="y")
except ImportError as error:
    print(error)
"""
    assert 'pip install "interruptible-agents[getstream]"' in run(code)


def test_it_imports_its_own_sdk_only_and_no_second_webrtc():
    code = """
import sys
from vision_agents.plugins import getstream
getstream.Edge(api_key="x", api_secret="y")
print(*sys.modules)
"""
    modules = set(run(code).split())
    assert "getstream_rtc" in modules
    # The part of the SDK that needs aiortc wants another version of it than the local edge.
    assert not (SDKS | {"aiortc", "getstream.models"}) & modules


@pytest.mark.parametrize("missing", ["STREAM_API_KEY", "STREAM_API_SECRET"])
def test_a_missing_key_is_named(missing: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("STREAM_API_KEY", "key")
    monkeypatch.setenv("STREAM_API_SECRET", "secret")
    getstream.Edge()
    monkeypatch.delenv(missing)
    with pytest.raises(ValueError, match=missing):
        getstream.Edge()


def test_a_token_stands_for_the_secret_and_not_beside_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("STREAM_API_KEY", "key")
    monkeypatch.delenv("STREAM_API_SECRET", raising=False)
    getstream.Edge(token="a.b.c")
    with pytest.raises(ValueError, match="not both"):
        getstream.Edge(api_secret="secret", token="a.b.c")


def test_an_address_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("STREAM_BASE_URL", "stream.example")
    with pytest.raises(ValueError, match="STREAM_BASE_URL"):
        getstream.Edge("key", "secret")


def test_a_connection_may_not_be_lost_for_no_time_at_all():
    with pytest.raises(ValueError, match="disconnection_timeout"):
        getstream.Edge("key", "secret", disconnection_timeout=0.0)
