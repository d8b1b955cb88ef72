"""The spectrogram against a reference worked out from the definition, and the real network."""

from pathlib import Path

import numpy as np
import pytest

from vision_agents.core.models import ModelStore
from vision_agents.plugins.smart_turn.model import (
    BANDS,
    FRAMES,
    WINDOW,
    SmartTurnModel,
    last_window,
    log_mel,
)

from ..hearing_kit import Speak


def hertz_of(mel: float) -> float:
    """Slaney: 3 mel to 200 Hz up to 1 kHz, from there 27 mel to a factor of 6.4."""
    return mel * 200 / 3 if mel < 15 else float(1000 * 6.4 ** ((mel - 15) / 27))


def reference(window: np.ndarray) -> np.ndarray:
    """Whisper's log-mel from its definition, slowly, in float64: no FFT, filters point by point.

    Only the waveform is scaled in float32, as Whisper's extractor does: its rounding is what fills empty bands.
    """
    x = ((window - window.mean()) / np.sqrt(window.var() + np.float32(1e-7))).astype(np.float64)
    x = np.concatenate([x[200:0:-1], x, x[-2:-202:-1]])
    n = np.arange(400)
    hann = np.sin(np.pi * n / 400) ** 2
    waves = np.exp(-2j * np.pi * np.outer(n, np.arange(201)) / 400)
    power = np.stack([np.abs((x[160 * k : 160 * k + 400] * hann) @ waves) ** 2 for k in range(800)])
    top = 15 + 27 * np.log(8) / np.log(6.4)  # 8 kHz
    edges = [hertz_of(top * k / 81) for k in range(82)]
    mel = np.zeros((800, 80))
    for band in range(80):
        low, centre, high = edges[band : band + 3]
        for k in range(201):
            f = 40.0 * k
            if low < f < high:
                slope = (f - low) / (centre - low) if f <= centre else (high - f) / (high - centre)
                mel[:, band] += slope * 2 / (high - low) * power[:, k]
    log = np.log10(np.maximum(mel, 1e-10))
    return np.asarray((np.maximum(log, log.max() - 8) + 4) / 4).T


def sweep(seconds: float) -> np.ndarray:
    t = np.arange(round(seconds * 16_000)) / 16_000
    return (0.4 * np.sin(2 * np.pi * (100 + 400 * t) * t)).astype(np.float32)


@pytest.mark.parametrize(
    "sound",
    [
        sweep(8.0),
        sweep(1.7),
        np.random.default_rng(1).normal(0, 0.05, WINDOW).astype(np.float32),
        np.full(20_000, 0.3, dtype=np.float32),
        np.zeros(0, dtype=np.float32),
    ],
    ids=["sweep", "short sweep", "noise", "offset", "nothing"],
)
def test_the_spectrogram_is_whispers(sound: np.ndarray) -> None:
    window = last_window(sound)
    features = log_mel(window)
    assert features.shape == (BANDS, FRAMES)
    assert features.dtype == np.float32
    np.testing.assert_allclose(features, reference(window), atol=4e-6)


def test_the_end_of_the_sound_is_the_end_of_the_window() -> None:
    long = np.arange(WINDOW + 500, dtype=np.float32)
    assert last_window(long)[-1] == long[-1]
    assert last_window(long)[0] == 500
    short = last_window(np.ones(10, dtype=np.float32))
    assert len(short) == WINDOW
    assert short.sum() == short[-10:].sum() == 10


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: Path) -> bytes:
        raise PermissionError("not yours")

    file = tmp_path / "model.onnx"
    file.write_bytes(b"")
    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(RuntimeError, match=f"cannot load {file}"):
        SmartTurnModel({"model": file})


@pytest.fixture(scope="module")
def network() -> SmartTurnModel:
    return SmartTurnModel(ModelStore().files("smart-turn"))


@pytest.mark.models
def test_a_finished_sentence_is_more_complete_than_a_broken_off_one(network: SmartTurnModel, speak: Speak) -> None:
    pause = np.zeros(3_200, dtype=np.int16)

    def score(text: str) -> float:
        speech = speak(text)
        loud = np.flatnonzero(np.abs(speech) > 300)
        return network.predict(np.concatenate([speech[: loud[-1]], pause]))

    whole = score("I would like to book a table for two people tonight.")
    broken = score("I would like to book a table for two people, and")
    assert whole > 0.5 > broken


@pytest.mark.models
@pytest.mark.parametrize("samples", [0, 1, 399, 16_000, 200_000])
def test_any_length_and_any_dirt_gives_a_probability(network: SmartTurnModel, samples: int) -> None:
    dirty = np.random.default_rng(2).normal(0, 3, samples)
    dirty[::7] = np.nan
    for sound in (dirty, np.zeros(samples, dtype=np.int16)):
        assert 0.0 <= network.predict(sound) <= 1.0
