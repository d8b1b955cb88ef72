"""The real networks: a second part in the process loads nothing, and what is loaded is listed and let go."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vision_agents.core import warm_up
from vision_agents.core.models import InUseError, ModelStore, loaded_models, unload
from vision_agents.core.models import networks as networks_module
from vision_agents.core.models.networks import Networks
from vision_agents.plugins import moonshine, piper, resemblyzer, silero, smart_turn

onnxruntime = pytest.importorskip("onnxruntime")
pytestmark = pytest.mark.models

PARTS: dict[str, tuple[Callable[[], Any], set[str], int]] = {
    "silero": (silero.VAD, {"silero-vad"}, 1),
    "smart_turn": (smart_turn.TurnDetection, {"silero-vad", "smart-turn"}, 2),
    "moonshine": (moonshine.STT, {"silero-vad", "moonshine-tiny-en"}, 3),
    "piper": (piper.TTS, {"piper-en-us-joe"}, 2),
    "resemblyzer": (resemblyzer.Voiceprint, {"ge2e"}, 1),
}
"""Of each part: the models, and how many sessions of onnxruntime they are."""

HERE = {status.model.name for status in ModelStore().status() if status.present}
TESTED = [pytest.param(*part, id=name) for name, part in PARTS.items() if part[1] <= HERE]
each_part = pytest.mark.parametrize(("make", "models", "sessions"), TESTED)


@pytest.fixture(autouse=True)
def own_store(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(networks_module, "PROCESS", store := Networks())
    yield
    store.close()


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[threading.Thread]:
    """The threads in which sessions of onnxruntime were opened."""
    threads: list[threading.Thread] = []
    usual = onnxruntime.InferenceSession

    def counted(*args: Any, **kwargs: Any) -> Any:
        threads.append(threading.current_thread())
        return usual(*args, **kwargs)

    monkeypatch.setattr(onnxruntime, "InferenceSession", counted)
    return threads


@each_part
async def test_fifty_of_a_part_load_its_networks_once_off_the_loop(
    make: Callable[[], Any], models: set[str], sessions: int, opened: list[threading.Thread]
) -> None:
    parts = [make() for _ in range(50)]
    await asyncio.gather(*(part.start() for part in parts))
    assert len(opened) == sessions
    assert threading.current_thread() not in opened
    listed = {model.name: model for model in loaded_models()}
    assert set(listed) == models
    assert all(len(model.users) == 50 and model.size > 1_000_000 for model in listed.values())
    for part in parts:
        await part.close()
    assert {model.name for model in unload()} == models
    assert loaded_models() == []


@each_part
async def test_a_warm_part_starts_without_a_thread_and_weights_in_use_are_kept(
    make: Callable[[], Any], models: set[str], sessions: int, opened: list[threading.Thread]
) -> None:
    await warm_up(make())
    assert len(opened) == sessions
    part = make()
    await part.start()
    for name in models:
        with pytest.raises(InUseError, match=f"{name} is used by"):
            unload(name)
    await part.close()
    assert len(opened) == sessions
    assert {model.name for model in unload()} == models


@pytest.mark.real_time
@each_part
def test_loops_of_several_threads_share_them(
    make: Callable[[], Any], models: set[str], sessions: int, opened: list[threading.Thread]
) -> None:
    async def use() -> None:
        part = make()
        await part.start()
        await part.close()

    threads = [threading.Thread(target=asyncio.run, args=(use(),)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(opened) == sessions
    assert {model.name for model in loaded_models()} == models


async def test_a_half_downloaded_file_fails_for_all_and_the_whole_one_loads(tmp_path: Path) -> None:
    whole = ModelStore().files("silero-vad")["model"].read_bytes()
    file = tmp_path / "own.onnx"
    file.write_bytes(whole[: len(whole) // 2])
    parts = [silero.VAD(file) for _ in range(3)]
    outcomes = await asyncio.gather(*(part.start() for part in parts), return_exceptions=True)
    assert all(isinstance(error, RuntimeError) and "own.onnx" in str(error) for error in outcomes)
    assert loaded_models() == []
    file.write_bytes(whole)
    await asyncio.gather(*(part.start() for part in parts))
    assert [len(model.users) for model in loaded_models()] == [3]
    assert parts[0].stream().feed(np.zeros(512, dtype=np.int16))[0] < 0.5


async def test_streams_of_one_network_do_not_hear_each_other() -> None:
    one, other = silero.VAD(), silero.VAD()
    await asyncio.gather(one.start(), other.start())
    noise = np.random.default_rng(1).normal(0, 3000, 16_000).astype(np.int16)
    alone = one.stream().feed(noise)
    mixed, disturbing = one.stream(), other.stream()
    heard = []
    for start in range(0, len(noise), 512):
        heard += mixed.feed(noise[start : start + 512])
        disturbing.feed(noise[::-1][start : start + 512])
    assert heard == alone
