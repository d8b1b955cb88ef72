"""A voice without a model, and the real one."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from piper import PhonemeType, PiperConfig
from piper.phoneme_ids import DEFAULT_PHONEME_ID_MAP

from vision_agents.core.models import ModelStore
from vision_agents.plugins.piper.network import VoiceNetwork
from vision_agents.plugins.piper.phonemizer import Phonemizer
from vision_agents.plugins.piper.voice import Frames, Prosody, Voice


def english() -> PiperConfig:
    return PiperConfig(
        num_symbols=256,
        num_speakers=1,
        sample_rate=22_050,
        espeak_voice="en-us",
        phoneme_id_map=DEFAULT_PHONEME_ID_MAP,
        phoneme_type=PhonemeType.ESPEAK,
    )


class RampVoice:
    """Every phoneme lasts three frames, and every sample is the number of its frame since the voice was made."""

    sample_rate, hop = 22_050, 256
    lead, tail, each = 2, 1, 3

    def __init__(self) -> None:
        self.phonemizer = Phonemizer(english())
        self.encoded: list[list[str]] = []
        self.decoded: list[tuple[int, int]] = []
        self.frames = 0

    def encode(self, phonemes: Sequence[str], options: onnxruntime.RunOptions) -> Frames:
        self.encoded.append(list(phonemes))
        edges = self.lead + self.each * np.arange(len(phonemes) + 1)
        latent = self.frames + np.arange(edges[-1] + self.tail, dtype=np.float32)
        self.frames += len(latent)
        return Frames(latent[None, None], edges.astype(np.int64))

    def decode(self, frames: Frames, first: int, last: int, options: onnxruntime.RunOptions) -> Any:
        if options.terminate:
            raise RuntimeError("terminated")
        self.decoded.append((first, last))
        return np.repeat(frames.latent[0, 0, first:last], self.hop) / 32_768


@pytest.fixture(scope="session")
def ramp_voice() -> type[RampVoice]:
    return RampVoice


@pytest.fixture(scope="session")
def english_config() -> PiperConfig:
    return english()


@pytest.fixture(scope="session")
def phonemizer() -> Phonemizer:
    return Phonemizer(english())


@pytest.fixture
def config_file(tmp_path: Path) -> Path:
    path = tmp_path / "other.onnx.json"
    path.write_text(json.dumps(english().to_dict()), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def voice_files() -> dict[str, Path]:
    return ModelStore().files("piper-en-us-joe")


@pytest.fixture(scope="session")
def still_voice(voice_files: dict[str, Path]) -> Voice:
    """The real voice, saying the same text the same way every time."""
    return Voice(VoiceNetwork(voice_files), Prosody(noise_scale=0.0, noise_w_scale=0.0))


@pytest.fixture(scope="session")
def onnx_model() -> Callable[[Sequence[tuple[str, str, list[str], str]]], bytes]:
    """Encodes an ONNX model, from (name, operation, inputs, output) of its nodes: x and z go in, y comes out."""

    def encode(nodes: Sequence[tuple[str, str, list[str], str]]) -> bytes:
        graph = b"".join(
            [
                *(_block(1, _node(*node)) for node in nodes),
                _block(2, "whole"),
                _block(5, _constant("one", 1.0)),
                _block(5, _constant("two", 2.0)),
                _block(11, _value_info("x")),
                _block(11, _value_info("z")),
                _block(12, _value_info("y")),
            ]
        )
        return _number(1, 8) + _block(7, graph) + _block(8, _number(2, 15))

    return encode


def _varint(value: int) -> bytes:
    return bytes([value]) if value < 128 else bytes([value & 127 | 128]) + _varint(value >> 7)


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _block(field: int, payload: bytes | str) -> bytes:
    data = payload.encode() if isinstance(payload, str) else payload
    return _varint(field << 3 | 2) + _varint(len(data)) + data


def _value_info(name: str) -> bytes:
    shape = _block(2, _block(1, _block(2, "n")))
    return _block(1, name) + _block(2, _block(1, _number(1, 1) + shape))


def _constant(name: str, value: float) -> bytes:
    return _number(1, 1) + _number(2, 1) + _block(8, name) + _block(9, struct.pack("<f", value))


def _node(name: str, op: str, inputs: list[str], output: str) -> bytes:
    return b"".join(_block(1, i) for i in inputs) + _block(2, output) + _block(3, name) + _block(4, op)
