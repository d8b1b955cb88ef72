"""Fixtures for the model store's tests: no network, no settings of this machine."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from vision_agents.core.models import ModelStore

from .made_up_models import CATALOGUE, LoopbackServer, wheel_name, wheel_of


@pytest.fixture(autouse=True)
def own_surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither this machine's proxies nor its pip settings nor its models have a part in these tests."""
    for name in list(os.environ):
        if name.upper().startswith(("PIP_", "VISION_AGENTS_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("no_proxy", "*")


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    running = LoopbackServer()
    yield running
    running.close()


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "store", CATALOGUE)


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    """A folder with the wheels of all the made-up models."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    for model in CATALOGUE.values():
        (folder / wheel_name(model)).write_bytes(wheel_of(model))
    return folder


@pytest.fixture
def quiet_death(monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads may end by an exception, which pytest would otherwise warn of."""
    monkeypatch.setattr(threading, "excepthook", lambda error: None)
