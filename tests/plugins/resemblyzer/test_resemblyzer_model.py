"""The spectrogram and the network against references worked out from their definitions, and the real voices."""

import numpy as np
import pytest

from vision_agents.core.models import ModelStore
from vision_agents.core.models.onnx import open_session
from vision_agents.core.voiceprint import similarity
from vision_agents.plugins.resemblyzer.centre import CENTRE
from vision_agents.plugins.resemblyzer.graph import encoder
from vision_agents.plugins.resemblyzer.mel import mel_power
from vision_agents.plugins.resemblyzer.model import GE2EModel
from vision_agents.testing.clips import speech_clips

from ..hearing_kit import Speak
from .checkpoints import LAYERS, UNITS, encoder_file, made_up_weights

pytest.importorskip("onnxruntime")
RATE = 16_000

# Of the original's 256 numbers for `voice_like(1.59)` at -20 dBFS, the largest (PyTorch 2.14, librosa 0.11).
ORIGINAL = {
    10: 0.172727,
    11: 0.148516,
    82: 0.148261,
    91: 0.177754,
    120: 0.164631,
    127: 0.148927,
    146: 0.15083,
    151: 0.203668,
    165: 0.150987,
    175: 0.181365,
    189: 0.169734,
    198: 0.170645,
}


def hertz_of(mel: float) -> float:
    """Slaney: 3 mel to 200 Hz up to 1 kHz, from there 27 mel to a factor of 6.4."""
    return mel * 200 / 3 if mel < 15 else float(1000 * 6.4 ** ((mel - 15) / 27))


def slow_mel(samples: np.ndarray) -> np.ndarray:
    """The spectrogram from its definition: no FFT, filters point by point."""
    x = np.concatenate([np.zeros(200), samples.astype(np.float64), np.zeros(200)])
    n = np.arange(400)
    waves = np.exp(-2j * np.pi * np.outer(n, np.arange(201)) / 400) * np.sin(np.pi * n / 400)[:, None] ** 2
    power = np.stack([np.abs(x[at : at + 400] @ waves) ** 2 for at in range(0, len(samples) + 1, 160)])
    top = 15 + 27 * np.log(8) / np.log(6.4)  # 8 kHz
    edges = [hertz_of(top * k / 41) for k in range(42)]
    mel = np.zeros((len(power), 40))
    for band, (low, centre, high) in enumerate(zip(edges, edges[1:], edges[2:], strict=False)):
        for k in range(201):
            if low < 40.0 * k < high:
                slope = (40 * k - low) / (centre - low) if 40 * k <= centre else (high - 40 * k) / (high - centre)
                mel[:, band] += slope * 2 / (high - low) * power[:, k]
    return mel


def slow_encoder(weights: dict[str, np.ndarray], mel: np.ndarray) -> np.ndarray:
    """The network step by step, as PyTorch defines its LSTM; `mel` of shape (frames, 40)."""
    x = mel.astype(np.float64)
    for layer in range(LAYERS):
        into, again = (weights[f"lstm.weight_{kind}_l{layer}"].astype(np.float64) for kind in ("ih", "hh"))
        bias = weights[f"lstm.bias_ih_l{layer}"] + weights[f"lstm.bias_hh_l{layer}"]
        hidden, cell, outputs = np.zeros(UNITS), np.zeros(UNITS), []
        for frame in x:
            i, f, g, o = np.split(into @ frame + again @ hidden + bias, 4)
            cell = cell / (1 + np.exp(-f)) + np.tanh(g) / (1 + np.exp(-i))
            hidden = np.tanh(cell) / (1 + np.exp(-o))
            outputs.append(hidden)
        x = np.stack(outputs)
    voice = np.maximum(weights["linear.weight"] @ x[-1] + weights["linear.bias"], 0)
    return np.asarray(voice / np.linalg.norm(voice))


def voice_like(seconds: float, pitch: float = 140.0, level: int = 3000) -> np.ndarray:
    """Harmonics of a wavering pitch, int16: the same samples everywhere."""
    t = np.arange(round(seconds * RATE)) / RATE
    phase = 2 * np.pi * pitch * (t + 0.01 * np.sin(2 * np.pi * 3 * t))
    sound = sum(np.sin(k * phase) / k * (1 + 0.5 * np.sin(2 * np.pi * (1 + k / 5) * t)) for k in range(1, 20))
    return np.rint(level * sound).astype(np.int16)


@pytest.mark.parametrize("seconds", [0.4, 1.234, 2.0])
def test_the_spectrogram_is_the_defined_one(seconds):
    samples = (voice_like(seconds) / 32768).astype(np.float32)
    features, reference = mel_power(samples), slow_mel(samples)
    assert features.dtype == np.float32
    np.testing.assert_allclose(features, reference, rtol=1e-4, atol=1e-6 * reference.max())


def test_the_graph_computes_the_defined_network():
    weights = made_up_weights()
    mel = np.random.default_rng(2).random((3, 70, 40)).astype(np.float32)
    (voices,) = open_session(encoder(weights), extra="resemblyzer").run(
        None, {"mel": np.ascontiguousarray(mel.transpose(1, 0, 2))}
    )
    np.testing.assert_allclose(voices, [slow_encoder(weights, each) for each in mel], atol=1e-5)


def test_weights_of_another_network_are_refused():
    weights = made_up_weights()
    with pytest.raises(ValueError, match=r"linear\.bias has shape \(256,\), but the file has \(255,\)"):
        encoder(weights | {"linear.bias": np.zeros(255, np.float32)})
    del weights["lstm.weight_hh_l2"]
    with pytest.raises(ValueError, match=r"weight_hh_l2 .* the file has nothing"):
        encoder(weights)


class TestModel:
    @pytest.fixture
    def model(self, tmp_path, monkeypatch):
        return GE2EModel({"model": encoder_file(tmp_path / "made-up.pt", monkeypatch)})

    @pytest.mark.parametrize("seconds", [0.4, 1.6, 1.61, 6.0])
    def test_a_voice_has_length_one_however_long_the_speech(self, model, seconds):
        voice = model.embed(voice_like(seconds))
        assert (voice.shape, voice.dtype) == ((256,), np.float32)
        assert np.linalg.norm(voice) == pytest.approx(1, abs=1e-6)

    def test_a_voice_is_seen_from_the_centre_of_voices(self, model):
        encoded, voice = model.encode(voice_like(2.0)), model.embed(voice_like(2.0))
        away = encoded - CENTRE
        assert similarity(voice, away) == pytest.approx(1, abs=1e-6)
        assert CENTRE.shape == (256,)
        # It is nearer to any voice than the origin is.
        assert 0.6 < np.linalg.norm(CENTRE) < 0.8

    @pytest.mark.parametrize("seconds", [0.4, 1.58, 1.7, 3.0, 6.0])
    def test_all_of_the_speech_is_read_in_pieces_of_1_6_s(self, model, monkeypatch, seconds):
        read = []

        class Session:
            def run(self, _, inputs):
                read.extend(inputs["mel"].transpose(1, 0, 2))
                return [np.ones((len(read), 256), np.float32)]

        monkeypatch.setattr(model, "_session", Session())
        model.embed(np.random.default_rng(3).integers(-900, 900, round(seconds * RATE)).astype(np.int16))
        frames = {frame.tobytes() for piece in read for frame in piece}
        assert len(frames) == 1 + round(seconds * 100)
        assert {len(piece) for piece in read} == {min(160, len(frames))}

    def test_too_little_and_nothing_are_no_voice(self, model):
        with pytest.raises(ValueError, match=r"0\.39 s .* too short"):
            model.embed(voice_like(0.39))
        for silence in (np.zeros(RATE, np.int16), np.full(RATE, 77, np.int16)):
            with pytest.raises(ValueError, match="no sound"):
                model.embed(silence)

    def test_the_level_is_not_the_voice(self, model):
        loud, quiet = model.embed(voice_like(1.0, level=8000)), model.embed(voice_like(1.0, level=500))
        assert similarity(loud, quiet) == pytest.approx(1, abs=1e-3)


@pytest.fixture(scope="module")
def real():
    store = ModelStore()
    store.pull(["ge2e"])
    return GE2EModel(store.files("ge2e"))


@pytest.mark.models
class TestVoices:
    def test_the_numbers_are_those_of_the_original(self, real):
        voice = real.encode(voice_like(1.59))
        assert voice[list(ORIGINAL)] == pytest.approx(list(ORIGINAL.values()), abs=1e-5)

    def test_one_voice_is_more_like_itself_than_like_any_other(self, real, speak: Speak):
        sentences = (
            "Could you tell me what the weather is going to be like tomorrow?",
            "No, wait, that is not the order that I have placed with you.",
        )
        mine = [real.embed(speak(text)) for text in sentences]
        others = [real.embed(clip.samples) for clip in speech_clips(RATE).values() if clip.duration > 2]
        alike = similarity(*mine)
        strangers = [similarity(a, b) for a in mine for b in others]
        assert abs(np.mean(strangers)) < 0.1
        assert alike > 0.6
        assert len(others) > 10
        assert max(similarity(voice, other) for voice in mine for other in others) < alike
