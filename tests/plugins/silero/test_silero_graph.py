"""The network that is written anew computes what the file's does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vision_agents.core.models.onnx_format import model, node
from vision_agents.core.models.store import ModelStore
from vision_agents.plugins.silero import model as silero_model
from vision_agents.plugins.silero.graph import INPUT
from vision_agents.plugins.silero.model import SileroModel, load
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
def test_streams_side_by_side_are_what_each_is_alone() -> None:
    network = load(ModelStore().files("silero-vad"))
    speech = speech_clips()["en/counting"].samples
    voices = [speech, speech[::-1].copy(), speech // 16]
    alone = [network.stream().feed(voice) for voice in voices]
    streams = [network.stream() for _ in voices]
    together: list[list[float]] = [[] for _ in voices]
    for start in range(0, len(speech), 320):
        for stream, voice, found in zip(streams, voices, together, strict=True):
            found += stream.feed(voice[start : start + 320])
    assert together == alone


@pytest.mark.models
def test_a_stream_that_was_reset_begins_anew() -> None:
    network = load(ModelStore().files("silero-vad"))
    speech, stream = speech_clips()["en/counting"].samples, network.stream()
    first = stream.feed(speech[:20_000])
    stream.reset()
    assert stream.feed(speech[:20_000]) == first
    stream.feed(speech[:512])  # by now the other one of the two states is next
    stream.reset()
    assert stream.feed(speech[:20_000]) == first


def test_another_network_is_run_as_it_comes(tmp_path: Path) -> None:
    file = tmp_path / "other.onnx"
    nodes = [
        node("ReduceMax", ["input"], ["peak"], axes=[1], keepdims=1),
        node("ReduceMax", ["state"], ["runs"], axes=[0, 2], keepdims=0),
        node("Add", ["peak", "runs"], ["output"]),
        node("Add", ["state", "one"], ["stateN"]),
    ]
    state = (2, "n", 128)
    inputs, outputs = {"input": ("n", INPUT), "state": state}, {"output": ("n", 1), "stateN": state}
    file.write_bytes(model("peak", nodes, {"one": np.ones(1, dtype=np.float32)}, inputs, outputs))
    runner = SileroModel({"model": file}).runner()
    runner.input[0, 100] = 0.25
    assert [runner.run() for _ in range(3)] == [0.25, 1.25, 2.25]
