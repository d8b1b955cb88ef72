"""The network that is written anew computes what the file's does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vision_agents.core.models.onnx_format import model, node
from vision_agents.core.models.store import ModelStore
from vision_agents.plugins.silero import model as silero_model
from vision_agents.plugins.silero.graph import INPUT
from vision_agents.plugins.silero.model import SileroModel, initial_state, load
from vision_agents.testing.clips import speech_clips


def as_it_comes(files: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> SileroModel:
    with monkeypatch.context() as patch:
        patch.setattr(silero_model, "is_silero", lambda found: False)
        return load(files)


@pytest.mark.models
def test_speech_is_as_probable_as_by_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    files = ModelStore().files("silero-vad")
    whole, anew = as_it_comes(files, monkeypatch), load(files)
    for name in ("en/quick_brown_fox", "ja/pangrama"):
        speech = speech_clips()[name].samples
        noisy = np.concatenate([speech, np.zeros(8_000, dtype=np.int16), speech // 8])
        expected, found = whole.stream().feed(noisy), anew.stream().feed(noisy)
        assert max(expected) > 0.9
        assert min(expected) < 0.1
        np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.models
def test_streams_side_by_side_are_what_each_is_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    files = ModelStore().files("silero-vad")
    whole, anew = as_it_comes(files, monkeypatch), load(files)
    random = np.random.default_rng(3)
    expected_state, state = initial_state(5), initial_state(5)
    for _ in range(20):
        windows = random.normal(0, [[0.0], [1e-4], [0.01], [0.1], [0.5]], (5, INPUT)).astype(np.float32)
        expected, expected_state = whole.run(windows, expected_state)
        found, state = anew.run(windows, state)
        assert found.shape == (5,)
        np.testing.assert_allclose(found, expected, atol=1e-4)
        np.testing.assert_allclose(state, expected_state, atol=1e-3)


def test_another_network_is_run_as_it_comes(tmp_path: Path) -> None:
    file = tmp_path / "other.onnx"
    nodes = [
        node("ReduceMax", ["input"], ["output"], axes=[1], keepdims=1),
        node("Add", ["state", "one"], ["stateN"]),
    ]
    state = (2, "n", 128)
    inputs, outputs = {"input": ("n", INPUT), "state": state}, {"output": ("n", 1), "stateN": state}
    file.write_bytes(model("peak", nodes, {"one": np.ones(1, dtype=np.float32)}, inputs, outputs))
    found, after = SileroModel({"model": file}).run(np.full((2, INPUT), 0.25, dtype=np.float32), initial_state(2))
    assert found.tolist() == [0.25, 0.25]
    assert (after == 1).all()
