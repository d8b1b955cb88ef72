"""`silero.VAD`: loading, what is missing, and the real network on real sounds."""

import asyncio
import importlib.util
from pathlib import Path

import numpy as np
import pytest

from vision_agents.core.audio import Samples
from vision_agents.plugins import silero
from vision_agents.plugins.silero import session
from vision_agents.plugins.silero.model import WINDOW, SileroStream

from ..hearing_kit import Speak


async def stream() -> SileroStream:
    vad = silero.VAD()
    await vad.start()
    return vad.stream()


def test_without_onnxruntime_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(session, "find_spec", lambda name: None if name == "onnxruntime" else found(name))
    with pytest.raises(ImportError, match=r'pip install "vision-agents\[silero\]"'):
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


async def test_parts_that_share_a_detector_load_it_once(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = []

    class Network:
        def __init__(self, path: str) -> None:
            loaded.append(path)

    monkeypatch.setattr("vision_agents.plugins.silero.vad.SileroModel", Network)
    vad = silero.VAD("given.onnx")
    await asyncio.gather(vad.start(), vad.start(), vad.start())
    assert loaded == ["given.onnx"]


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
