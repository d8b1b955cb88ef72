"""The plugin says which extra it lacks, and imports no other provider's SDK."""

from __future__ import annotations

import subprocess
import sys

SDKS = {"deepgram", "elevenlabs", "openai", "google.genai", "aws_sdk_bedrock_runtime", "dashscope", "getstream"}


def run(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=180, check=True).stdout


def test_without_the_sdk_it_names_the_extra():
    code = """
import sys
sys.modules["elevenlabs"] = None
try:
    import vision_agents.plugins.elevenlabs
except ImportError as error:
    print(error)
"""
    assert 'pip install "interruptible-agents[elevenlabs]"' in run(code)


def test_it_imports_its_own_sdk_only_and_not_before_it_is_used():
    code = """
import sys
from vision_agents.plugins import elevenlabs
print(*sys.modules)
elevenlabs.TTS(api_key="x"), elevenlabs.STT(api_key="x")
print(*sys.modules)
"""
    before, after = (set(line.split()) for line in run(code).splitlines())
    assert not (SDKS - {"elevenlabs"}) & after
    assert "httpx" not in before, "the client is what takes its time to import"
    assert "httpx" in after
