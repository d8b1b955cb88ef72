"""Nothing is sent to anybody: onnxruntime is told so before it is imported."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

WATCHED = """
import os, sys

class Watch:
    def find_spec(self, name, path=None, target=None):
        if name == "onnxruntime":
            print("imported with", os.environ.get("ORT_DISABLE_TELEMETRY"))

sys.meta_path.insert(0, Watch())
"""

OPENED = """
from vision_agents.core.models.onnx import open_session
try:
    open_session("nowhere.onnx", extra="silero")
except FileNotFoundError:
    pass
"""


@pytest.mark.parametrize("given", [None, "0"])
@pytest.mark.parametrize("code", ["import vision_agents.plugins.piper", OPENED], ids=["piper", "a session"])
def test_no_telemetry_unless_somebody_wants_it(code: str, given: str | None) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    if given is not None:
        environment["ORT_DISABLE_TELEMETRY"] = given
    run = subprocess.run([sys.executable, "-c", WATCHED + code], env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    # Asked for by `find_spec` as well, perhaps.
    assert set(run.stdout.splitlines()) == {f"imported with {given or 1}"}
