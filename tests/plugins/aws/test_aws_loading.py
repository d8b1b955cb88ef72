"""The SDK is imported in threads, while others talk."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from vision_agents.plugins.aws.client import load

SLOW = """
import time
begun = True
time.sleep(0.2)
complete = True
"""


async def test_who_comes_while_it_is_imported_gets_the_whole_module(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "slow_module_of_a_test.py").write_text(SLOW)
    monkeypatch.syspath_prepend(tmp_path)
    first = asyncio.create_task(load("slow_module_of_a_test"))
    await asyncio.sleep(0.1)
    second = await load("slow_module_of_a_test")
    assert second.complete
    assert await first is second
