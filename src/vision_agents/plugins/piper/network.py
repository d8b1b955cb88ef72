"""The two networks of a Piper voice, and what its config says of them: what all sessions of a process share.

A voice (VITS: Kim, Kong and Son 2021, https://arxiv.org/abs/2106.06103) answers with a whole sentence at once, but only
its first half must see the whole sentence. The second half, the vocoder, is convolutional, so it is cut off and run on
windows of frames (`voice`). The cut also lays open how many frames each phoneme lasts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy.typing as npt
import onnxruntime
from piper import PiperConfig

from vision_agents.core.models.onnx import FATAL_ONLY, open_session
from vision_agents.core.models.onnx_graph import Graph

from .phonemizer import Phonemizer

BEGIN, END, BLANK = "^", "$", "_"
"""What the format puts around and between phonemes."""

_VOCODER, _DURATIONS = "/dec/conv_pre/Conv", "Ceil"

Feeds = Mapping[str, npt.NDArray[Any]]


class VoiceNetwork:
    """A Piper voice in memory: two ONNX sessions of one thread each, with no state. Loading blocks for about 1.5 s.

    `settings` is the voice's config, `phonemizer` knows its language, `latent` is the name of what goes from encoder to
    decoder. The methods may be called from any thread; `options` can end a run from another one
    (`options.terminate = True`), which then raises an error of onnxruntime.

    `files`: paths under "model" (`.onnx`) and "config" (`.onnx.json`).

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the files are not a voice that can be streamed.
    """

    def __init__(self, files: Mapping[str, Path]) -> None:
        self.settings = read_config(files["config"])
        self.phonemizer = Phonemizer(self.settings)
        encoder, decoder, self.latent = _halves(files["model"])
        try:
            # Fatal messages only: a terminated run is no error here, and real ones are raised.
            self._encoder = open_session(encoder, extra="piper", severity=FATAL_ONLY)
            self._decoder = open_session(decoder, extra="piper", severity=FATAL_ONLY)
        except RuntimeError as error:
            raise ValueError(f"{files['model']} is not a Piper voice: {error}") from error

    def encode(self, feeds: Feeds, options: onnxruntime.RunOptions) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        """The latent, float32 of shape (1, channels, frames), and the durations in frames, one for each phoneme id."""
        latent, durations = _run(self._encoder, feeds, options)
        return latent, durations.reshape(-1)

    def decode(self, feeds: Feeds, options: onnxruntime.RunOptions) -> npt.NDArray[Any]:
        """The samples of a latent, float32, nominally within ±1.0, shape (frames * hop,)."""
        (samples,) = _run(self._decoder, feeds, options)
        return samples.reshape(-1)


def _run(session: Any, feeds: Feeds, options: onnxruntime.RunOptions) -> list[npt.NDArray[Any]]:
    outputs: list[npt.NDArray[Any]] = session.run(
        None, {node.name: feeds[node.name] for node in session.get_inputs()}, options
    )
    return outputs


def read_config(path: Path) -> PiperConfig:
    """Read a voice's config. Raises FileNotFoundError, or ValueError for a file that is none."""
    try:
        config = PiperConfig.from_dict(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise FileNotFoundError(f"There is no voice config {path}; it belongs beside the .onnx file.") from None
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is not the config of a Piper voice: {error!r}") from error
    lacking = {BEGIN, END, BLANK} - config.phoneme_id_map.keys()
    if lacking:
        raise ValueError(f"{path} is not the config of a Piper voice: its phoneme_id_map lacks {sorted(lacking)}")
    return config


def _halves(path: Path) -> tuple[bytes, bytes, str]:
    """The model up to its vocoder (it gives the latent and the durations), the vocoder, and the latent's name."""
    try:
        graph = Graph(path.read_bytes())
    except FileNotFoundError:
        raise FileNotFoundError(f"There is no voice model {path}. Run: vision-agents models pull") from None
    except ValueError as error:
        raise ValueError(f"{path} is not a Piper voice: {error}") from error
    latent = next((node.inputs[0] for node in graph.nodes if node.name == _VOCODER), None)
    durations = next((node.outputs[0] for node in graph.nodes if node.op == _DURATIONS), None)
    if latent is None or durations is None:
        raise ValueError(
            f"{path} cannot be streamed: it has no {_VOCODER} or no {_DURATIONS} node. "
            "Take a voice that Piper's own exporter wrote."
        )
    return graph.cut([], [latent, durations]), graph.cut([latent], list(graph.outputs)), latent
