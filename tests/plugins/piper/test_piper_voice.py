"""The real voice: its halves against the whole, and its word times against the sound."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime
import pytest
from piper import PiperVoice, SynthesisConfig

from vision_agents.core.tts import Word
from vision_agents.plugins.piper.network import VoiceNetwork
from vision_agents.plugins.piper.synthesizer import Synthesizer
from vision_agents.plugins.piper.voice import Prosody, Voice

SENTENCE = "I can book that table for you right now, sir."


def speak(voice: Voice, text: str) -> tuple[npt.NDArray[np.float64], list[Word]]:
    chunks = list(Synthesizer(voice).synthesize(text))
    words = [word for chunk in chunks for word in chunk.words]
    return np.concatenate([chunk.audio.samples for chunk in chunks]) / 32_768, words


def snr(signal: npt.NDArray[Any], other: npt.NDArray[Any]) -> float:
    """In dB."""
    assert signal.shape == other.shape
    return float(10 * np.log10(np.sum(signal**2) / np.sum((signal - other) ** 2)))


@pytest.mark.models
@pytest.mark.parametrize("text", [SENTENCE, "Yes.", "So? It costs $12.50, they said; too much!"])
def test_streamed_speech_is_what_piper_says_at_once(
    still_voice: Voice, voice_files: dict[str, Path], text: str
) -> None:
    piper = PiperVoice.load(voice_files["model"], voice_files["config"])
    still = SynthesisConfig(noise_scale=0.0, noise_w_scale=0.0, normalize_audio=False)
    whole = np.concatenate([chunk.audio_float_array for chunk in piper.synthesize(text, still)])
    assert snr(whole, speak(still_voice, text)[0]) > 60


@pytest.mark.models
def test_windows_equal_the_whole_for_one_random_draw(voice_files: dict[str, Path]) -> None:
    voice = Voice(VoiceNetwork(voice_files), Prosody())
    options = onnxruntime.RunOptions()
    frames = voice.encode(voice.phonemizer.phonemes(SENTENCE), options)
    whole = voice.decode(frames, 0, len(frames), options)
    cuts = [0, 1, 9, 25, 57, 121, len(frames)]
    windows = np.concatenate([voice.decode(frames, first, last, options) for first, last in pairwise(cuts)])
    assert snr(whole, windows) > 100


@pytest.mark.models
def test_phonemes_last_as_long_as_the_audio(still_voice: Voice) -> None:
    options = onnxruntime.RunOptions()
    phonemes = still_voice.phonemizer.phonemes(SENTENCE)
    frames = still_voice.encode(phonemes, options)
    assert len(frames.edges) == len(phonemes) + 1
    assert frames.edges[0] > 0
    assert np.all(np.diff(frames.edges) > 0)
    assert frames.edges[-1] <= len(frames)


@pytest.mark.models
def test_words_lie_where_the_sound_is(still_voice: Voice) -> None:
    """Words apart by commas: the silences in the audio, found by its energy alone, must be those between the words."""
    samples, words = speak(still_voice, "apple, banana, window, yellow, river, doctor, seven, lemon.")
    window = 110  # 5 ms
    energy = (samples[: len(samples) // window * window].reshape(-1, window) ** 2).mean(axis=1)
    level = 10 * np.log10(energy / np.percentile(energy, 95) + 1e-9)
    at = (np.arange(len(level)) + 0.5) * window / still_voice.sample_rate
    assert [word.text for word in words][::7] == ["apple,", "lemon."]
    for word, following in pairwise(words):
        pause = (at > word.end + 0.04) & (at < following.start - 0.04)
        assert pause.any()
        assert level[pause].max() < -25
    for word in words:
        assert level[(at > word.start) & (at < word.end)].max() > -10
        onset = at[(level > -30) & (at > word.start - 0.1)][0]
        assert onset == pytest.approx(word.start, abs=0.06)


@pytest.mark.models
def test_silence_is_all_that_lies_between_words(still_voice: Voice) -> None:
    samples, words = speak(still_voice, "The end of the day, and all of it was for a friend; that is it.")
    at = np.arange(len(samples)) / still_voice.sample_rate
    inside = np.zeros(len(samples), dtype=bool)
    for word in words:
        inside |= (at >= word.start) & (at < word.end)
    assert np.sum(samples[~inside] ** 2) < 0.002 * np.sum(samples**2)


@pytest.mark.models
def test_prosody_changes_what_it_says_it_does(still_voice: Voice, voice_files: dict[str, Path]) -> None:
    plain, _ = speak(still_voice, SENTENCE)
    again, _ = speak(still_voice, SENTENCE)
    assert np.array_equal(plain, again)
    slow_and_quiet = Prosody(length_scale=1.5, noise_scale=0.0, noise_w_scale=0.0, volume=0.25, speaker=0)
    slow, words = speak(Voice(VoiceNetwork(voice_files), slow_and_quiet), SENTENCE)
    assert 1.3 < len(slow) / len(plain) < 1.7
    assert np.sqrt(np.mean(slow**2)) < 0.4 * np.sqrt(np.mean(plain**2))
    assert words[-1].end <= len(slow) / still_voice.sample_rate


@pytest.mark.models
def test_a_run_under_way_can_be_terminated(still_voice: Voice) -> None:
    options = onnxruntime.RunOptions()
    options.terminate = True
    with pytest.raises(Exception, match="terminate"):
        still_voice.encode(still_voice.phonemizer.phonemes(SENTENCE), options)


@pytest.mark.models
@pytest.mark.parametrize("speaker", [1, -1, "joe"])
def test_a_speaker_the_voice_lacks_is_refused(voice_files: dict[str, Path], speaker: int | str) -> None:
    with pytest.raises(ValueError, match="has no speaker"):
        Voice(VoiceNetwork(voice_files), Prosody(speaker=speaker))


@pytest.mark.models
def test_speakers_have_numbers_and_names(voice_files: dict[str, Path], tmp_path: Path) -> None:
    config = json.loads(voice_files["config"].read_text(encoding="utf-8"))
    named = tmp_path / "voice.json"
    named.write_text(
        json.dumps({**config, "num_speakers": 2, "speaker_id_map": {"joe": 0, "ann": 1}}), encoding="utf-8"
    )
    network = VoiceNetwork({**voice_files, "config": named})
    for speaker in (1, "ann"):
        assert len(speak(Voice(network, Prosody(speaker=speaker)), "Yes.")[0]) > 0
    with pytest.raises(ValueError, match="no speaker 'bob'; it has joe, ann"):
        Voice(network, Prosody(speaker="bob"))


@pytest.mark.models
def test_a_config_of_another_hop_is_noticed(voice_files: dict[str, Path], tmp_path: Path) -> None:
    config = json.loads(voice_files["config"].read_text(encoding="utf-8"))
    other = tmp_path / "voice.json"
    other.write_text(json.dumps({**config, "hop_length": 512}), encoding="utf-8")
    with pytest.raises(ValueError, match="hop_length, 512, is wrong"):
        speak(Voice(VoiceNetwork({**voice_files, "config": other}), Prosody()), "Yes.")


@pytest.mark.parametrize(
    "wrong",
    [
        {"length_scale": 0.0},
        {"length_scale": float("nan")},
        {"noise_scale": -0.1},
        {"noise_w_scale": 2.1},
        {"volume": 0.0},
        {"volume": float("inf")},
    ],
)
def test_prosody_out_of_range_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(wrong))} is .*, not"):
        Prosody(**wrong)


def test_missing_files_are_named(tmp_path: Path, config_file: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no voice config .*voice\.onnx\.json"):
        VoiceNetwork({"model": tmp_path / "voice.onnx", "config": tmp_path / "voice.onnx.json"})
    with pytest.raises(FileNotFoundError, match=r"no voice model .*voice\.onnx"):
        VoiceNetwork({"model": tmp_path / "voice.onnx", "config": config_file})


@pytest.mark.parametrize("content", ["", "[]", "{}", "nonsense", '{"audio": 1}'])
def test_what_is_no_config_is_refused(tmp_path: Path, content: str) -> None:
    config = tmp_path / "voice.onnx.json"
    config.write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match="is not the config of a Piper voice"):
        VoiceNetwork({"model": tmp_path / "voice.onnx", "config": config})


def test_a_config_without_the_formats_own_phonemes_is_refused(tmp_path: Path, config_file: Path) -> None:
    config = json.loads(config_file.read_text(encoding="utf-8"))
    del config["phoneme_id_map"]["^"]
    config_file.write_text(json.dumps(config), encoding="utf-8")
    with pytest.raises(ValueError, match=r"lacks \['\^'\]"):
        VoiceNetwork({"model": tmp_path / "voice.onnx", "config": config_file})


@pytest.mark.parametrize("content", [b"", b"nonsense", bytes(100)])
def test_what_is_no_model_is_refused(tmp_path: Path, config_file: Path, content: bytes) -> None:
    model = tmp_path / "voice.onnx"
    model.write_bytes(content)
    with pytest.raises(ValueError, match="is not a Piper voice"):
        VoiceNetwork({"model": model, "config": config_file})


def test_a_model_without_a_vocoder_is_refused(
    tmp_path: Path, config_file: Path, onnx_model: Callable[[Any], bytes]
) -> None:
    model = tmp_path / "voice.onnx"
    model.write_bytes(onnx_model([("add", "Add", ["x", "z"], "y")]))
    with pytest.raises(ValueError, match="cannot be streamed"):
        VoiceNetwork({"model": model, "config": config_file})


def test_what_onnxruntime_refuses_is_reported(
    tmp_path: Path, config_file: Path, onnx_model: Callable[[Any], bytes]
) -> None:
    model = tmp_path / "voice.onnx"
    nodes = [("a", "Gibberish", ["x"], "a"), ("b", "Ceil", ["x"], "b"), ("/dec/conv_pre/Conv", "Conv", ["a", "z"], "y")]
    model.write_bytes(onnx_model(nodes))
    with pytest.raises(ValueError, match=r"onnxruntime cannot load .*Gibberish"):
        VoiceNetwork({"model": model, "config": config_file})
