"""The GE2E speaker encoder that comes with Resemblyzer, without PyTorch: speech to a vector of its speaker."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vision_agents.core.audio import Samples
from vision_agents.core.models.onnx import open_session, to_float
from vision_agents.core.voiceprint import SAMPLE_RATE, SHORTEST

from .centre import centred
from .graph import encoder
from .mel import mel_power
from .weights import read_tensors

PIECE = 160
"""Frames (1.6 s) that the encoder reads at once: it was trained on about as many."""
STEP = 77
"""Frames between two such pieces, at most: Resemblyzer's 1.3 pieces a second."""
LEVEL = 10 ** (-20 / 20)
"""Root mean square to which speech is brought: the spectrogram has no logarithm, and how loud somebody is is not whose
voice it is. -20 dBFS is a usual level of the recordings that the encoder was trained on."""


class GE2EModel:
    """The encoder. Loading blocks (about 30 ms), and so does `embed` (about 10 ms for 2 s): use a thread.

    `files`: its checkpoint under "model". Raises ImportError without onnxruntime, FileNotFoundError or ValueError for a
    missing or broken file.
    """

    def __init__(self, files: Mapping[str, Path]) -> None:
        weights = read_tensors(files["model"], within="model_state")
        self._session = open_session(encoder(weights), extra="resemblyzer")

    def embed(self, samples: Samples) -> NDArray[np.float32]:
        """A vector of length one, shape (256,), as seen from the centre of voices. See `encode`."""
        return centred(self.encode(samples))

    def encode(self, samples: Samples) -> NDArray[np.float32]:
        """The encoder's vector of length one, shape (256,), for 0.4 s or more of int16 speech at 16 kHz.

        Up to 1.6 s are read in one piece; of more, the mean of overlapping pieces is taken. Raises ValueError for less
        than 0.4 s, or silence.
        """
        frames = mel_power(_levelled(samples))
        last = max(0, len(frames) - PIECE)
        starts = np.linspace(0, last, 1 + math.ceil(last / STEP)).round().astype(int)
        pieces = np.stack([frames[start : start + PIECE] for start in starts], axis=1)
        (voices,) = self._session.run(None, {"mel": pieces})
        mean = voices.mean(axis=0)
        return np.asarray(mean / np.linalg.norm(mean), dtype=np.float32)


def load(files: Mapping[str, Path]) -> GE2EModel:
    """The network, after a first run."""
    model = GE2EModel(files)
    model.embed(np.random.default_rng(1).integers(-1000, 1000, 2 * SAMPLE_RATE).astype(np.int16))
    return model


def _levelled(samples: Samples) -> NDArray[np.float32]:
    if len(samples) < SHORTEST * SAMPLE_RATE:
        raise ValueError(f"{len(samples) / SAMPLE_RATE:.2f} s of audio are too short for a voice; give {SHORTEST} s.")
    sound = to_float(samples)
    sound -= sound.mean()
    level = float(np.sqrt(np.mean(np.square(sound, dtype=np.float64))))
    if not level:
        raise ValueError(f"There is no sound in these {len(samples) / SAMPLE_RATE:.2f} s, so there is no voice.")
    sound *= np.float32(LEVEL / level)
    return sound
