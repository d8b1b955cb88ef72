"""A Piper voice: text to phonemes, phonemes to frames, frames to samples.

A voice (VITS: Kim, Kong and Son 2021, https://arxiv.org/abs/2106.06103) answers with a whole sentence at once, but only
its first half must see the whole sentence. The second half, the vocoder, is convolutional, so it is cut off and run on
windows of frames: a window with `PADDING` more frames on both sides gives the very samples that the whole would
(118 dB; 8 frames give 65 dB, 6 give 50 dB). The cut also lays open how many frames each phoneme lasts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime
from piper import PiperConfig

from .graph import Graph
from .phonemizer import Phonemizer

PADDING = 10
"""Frames of context that the vocoder needs on each side of a window."""

_BEGIN, _END, _BLANK = "^", "$", "_"  # what the format puts around and between phonemes
_VOCODER, _DURATIONS = "/dec/conv_pre/Conv", "Ceil"


@dataclass(frozen=True, slots=True)
class Prosody:
    """How to speak; None is the voice's own setting.

    `speaker`: number or name, for voices of several speakers. `length_scale`: duration, above 1.0 is slower.
    `noise_scale`: how much the sound varies. `noise_w_scale`: how much the durations vary. With both at 0.0 the same
    text always gives the same samples. `volume`: factor on the samples, louder than 1.0 may clip.

    Raises ValueError for a number out of range.
    """

    speaker: int | str | None = None
    length_scale: float | None = None
    noise_scale: float | None = None
    noise_w_scale: float | None = None
    volume: float = 1.0

    def __post_init__(self) -> None:
        if self.length_scale is not None and not 0.1 <= self.length_scale <= 10.0:
            raise ValueError(f"length_scale is between 0.1 and 10.0, not {self.length_scale}")
        for name, value in (("noise_scale", self.noise_scale), ("noise_w_scale", self.noise_w_scale)):
            if value is not None and not 0.0 <= value <= 2.0:
                raise ValueError(f"{name} is between 0.0 and 2.0, not {value}")
        if not 0.0 < self.volume <= 10.0:
            raise ValueError(f"volume is above 0.0 and at most 10.0, not {self.volume}")


@dataclass(frozen=True, slots=True)
class Frames:
    """A sentence before the vocoder.

    `latent`: float32 of shape (1, channels, frames). `edges`: int of shape (phonemes + 1,), the frame at which each
    phoneme begins and, last, the one at which the last phoneme is over.
    """

    latent: npt.NDArray[np.float32]
    edges: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return int(self.latent.shape[2])


class Voice:
    """A voice in memory: two ONNX sessions of one thread each. Loading blocks for about 1.5 s.

    `sample_rate` is in Hz, `hop` in samples a frame. The methods may be called from any thread; `options` can end a run
    from another one (`options.terminate = True`), which then raises an error of onnxruntime.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the files are not a voice that can be streamed, or it has no such speaker.
    """

    def __init__(self, model: Path, config: Path, prosody: Prosody) -> None:
        settings = _read_config(config)
        self.phonemizer = Phonemizer(settings)
        encoder, decoder, self._latent = _halves(model)
        self.sample_rate = settings.sample_rate
        self.hop = settings.hop_length
        self._phoneme_ids = settings.phoneme_id_map
        self._feeds = _constant_feeds(settings, prosody)
        self._volume = prosody.volume
        try:
            self._encoder, self._decoder = _session(encoder), _session(decoder)
        except Exception as error:  # onnxruntime's exceptions share no public base class
            raise ValueError(f"onnxruntime cannot load {model}: {error}") from error

    def encode(self, phonemes: Sequence[str], options: onnxruntime.RunOptions) -> Frames:
        """The frames of one sentence, and which of them are whose. `phonemes` as the phonemizer gives them."""
        blank = self._phoneme_ids[_BLANK]
        ids = [*self._phoneme_ids[_BEGIN], *blank]
        begins = [len(ids)]
        for phoneme in phonemes:
            ids += [*self._phoneme_ids[phoneme], *blank]
            begins.append(len(ids))
        ids += self._phoneme_ids[_END]
        feeds = {"input": np.array([ids], np.int64), "input_lengths": np.array([len(ids)], np.int64)}
        latent, durations = self._run(self._encoder, feeds, options)
        passed = np.concatenate(([0], np.cumsum(durations.reshape(-1)))).astype(np.int64)
        return Frames(latent, passed[begins])

    def decode(self, frames: Frames, first: int, last: int, options: onnxruntime.RunOptions) -> npt.NDArray[np.float32]:
        """The samples of frames `first` to `last` (exclusive), nominally within ±1.0, shape ((last - first) * hop,)."""
        begin, end = max(0, first - PADDING), min(len(frames), last + PADDING)
        (samples,) = self._run(self._decoder, {self._latent: frames.latent[:, :, begin:end]}, options)
        if samples.size != (end - begin) * self.hop:
            raise ValueError(
                f"{end - begin} frames of this voice are {samples.size} samples; its config's hop_length, "
                f"{self.hop}, is wrong"
            )
        window = samples.reshape(-1)[(first - begin) * self.hop : (last - begin) * self.hop]
        return window if self._volume == 1.0 else window * np.float32(self._volume)

    def _run(
        self, session: Any, feeds: Mapping[str, npt.NDArray[Any]], options: onnxruntime.RunOptions
    ) -> list[npt.NDArray[Any]]:
        given = {**self._feeds, **feeds}
        outputs: list[npt.NDArray[Any]] = session.run(
            None, {node.name: given[node.name] for node in session.get_inputs()}, options
        )
        return outputs


def _read_config(path: Path) -> PiperConfig:
    try:
        config = PiperConfig.from_dict(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise FileNotFoundError(f"There is no voice config {path}; it belongs beside the .onnx file.") from None
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is not the config of a Piper voice: {error!r}") from error
    lacking = {_BEGIN, _END, _BLANK} - config.phoneme_id_map.keys()
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


def _session(model: bytes) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 4  # fatal: a terminated run is no error here, and real ones are raised
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _constant_feeds(config: PiperConfig, prosody: Prosody) -> dict[str, npt.NDArray[Any]]:
    def chosen(value: float | None, default: float) -> float:
        return default if value is None else value

    scales = [
        chosen(prosody.noise_scale, config.noise_scale),
        chosen(prosody.length_scale, config.length_scale),
        chosen(prosody.noise_w_scale, config.noise_w_scale),
    ]
    speaker = np.array([_speaker_id(config, prosody.speaker)], dtype=np.int64)
    return {"scales": np.array(scales, dtype=np.float32), "sid": speaker}


def _speaker_id(config: PiperConfig, speaker: int | str | None) -> int:
    if speaker is None:
        return config.default_speaker_id
    if isinstance(speaker, str):
        if speaker not in config.speaker_id_map:
            names = ", ".join(config.speaker_id_map) or "none by name"
            raise ValueError(f"the voice has no speaker {speaker!r}; it has {names}")
        return config.speaker_id_map[speaker]
    if not 0 <= speaker < max(1, config.num_speakers):
        raise ValueError(
            f"the voice has no speaker {speaker}; they are numbered 0 to {max(1, config.num_speakers) - 1}"
        )
    return speaker
