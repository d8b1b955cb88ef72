"""`silero.VAD`: loading, what is missing, and the real network on real sounds."""

import asyncio
import importlib.util
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from vision_agents.core.audio import Samples
from vision_agents.core.models import onnx
from vision_agents.plugins import silero
from vision_agents.plugins.silero import vad as vad_module
from vision_agents.plugins.silero.model import CONTEXT, WINDOW, SileroModel, SileroStream

from ..hearing_kit import Speak


async def stream() -> SileroStream:
    vad = silero.VAD()
    await vad.start()
    return vad.stream()


def test_without_onnxruntime_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(onnx, "find_spec", lambda name: None if name == "onnxruntime" else found(name))
    with pytest.raises(ImportError, match=r'pip install "interruptible-agents\[silero\]"'):
        silero.VAD()


def test_a_stream_before_start_says_what_to_do() -> None:
    with pytest.raises(RuntimeError, match="await start"):
        silero.VAD().stream()


async def test_a_file_that_is_missing_or_no_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"gone\.onnx.*models pull"):
        await silero.VAD(tmp_path / "gone.onnx").start()
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"no model at all")
    with pytest.raises(RuntimeError, match=r"broken\.onnx"):
        await silero.VAD(broken).start()


class Bare(SileroModel):
    """A network that is not there, and the arrays of its streams."""

    def __init__(self, files: Mapping[str, Path]) -> None:
        self.inputs: list[np.ndarray] = []

    def runner(self) -> Any:
        self.inputs.append(np.zeros((1, CONTEXT + WINDOW), dtype=np.float32))
        return SimpleNamespace(input=self.inputs[-1])


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> dict[Path, Bare]:
    """The files that networks were loaded from, and these."""
    loaded: dict[Path, Bare] = {}

    def load(files: Mapping[str, Path]) -> SileroModel:
        assert files["model"] not in loaded
        return loaded.setdefault(files["model"], Bare(files))

    monkeypatch.setattr(vad_module, "load", load)
    return loaded


async def test_all_detectors_of_the_process_share_one_network(loads: dict[Path, Bare]) -> None:
    detectors = [silero.VAD("given.onnx") for _ in range(3)]
    await asyncio.gather(*(vad.start() for vad in detectors), detectors[0].start())
    streams = [vad.stream() for vad in detectors]
    assert list(loads) == [Path("given.onnx")]
    inputs = loads[Path("given.onnx")].inputs
    assert [stream._window.base is array for stream, array in zip(streams, inputs, strict=True)] == [True] * 3


async def test_a_detector_of_several_parts_is_in_use_until_the_last_has_closed_it(loads: dict[Path, Bare]) -> None:
    vad = silero.VAD("given.onnx")
    await asyncio.gather(vad.start(), vad.start())
    await vad.close()
    assert vad.stream()
    await vad.close()
    await vad.close()
    with pytest.raises(RuntimeError, match="await start"):
        vad.stream()
    await vad.start()
    assert vad.stream()
    assert list(loads) == [Path("given.onnx")]


@pytest.mark.models
async def test_speech_is_heard_and_its_end_too(speak: Speak) -> None:
    speech: Samples = speak("I would like to book a table for two people.")
    gap = np.zeros(16_000, dtype=np.int16)
    heard = np.array((await stream()).feed(np.concatenate([gap, speech, gap])))
    first, last = 16_000 // WINDOW, (16_000 + len(speech)) // WINDOW
    assert heard[: first - 1].max() < 0.3
    assert (heard[first:last] > 0.5).mean() > 0.8
    assert heard[last + 10 :].max() < 0.3


@pytest.mark.models
@pytest.mark.parametrize("dirt", ["offset", "clipped", "quiet", "not a number"])
async def test_speech_is_heard_through_dirt(speak: Speak, dirt: str) -> None:
    speech = speak("I would like to book a table for two people.").astype(np.float32) / 32_768
    dirty = {
        "offset": np.clip(speech * 0.5 + 0.4, -1, 1),
        "clipped": np.clip(speech * 8, -1, 1),
        "quiet": speech * 0.05,
        "not a number": np.where(np.arange(len(speech)) % 4000 < 20, np.nan, speech),
    }[dirt]
    heard = np.array((await stream()).feed(dirty.astype(np.float32)))
    assert np.isfinite(heard).all()
    assert (heard > 0.5).mean() > 0.6


@pytest.mark.models
@pytest.mark.parametrize("level", [0.0, 1e-4, 0.01, 0.3])
async def test_noise_is_no_speech(level: float) -> None:
    noise = np.random.default_rng(7).normal(0, level, 5 * 16_000).astype(np.float32)
    assert max((await stream()).feed(noise)) < 0.5
    assert max((await stream()).feed(np.full(16_000, level, dtype=np.float32))) < 0.5
