"""A way to speak with a Piper voice: phonemes to frames, frames to samples.

The vocoder is run on windows of frames: a window with `PADDING` more frames on both sides gives the very samples that
the whole would (118 dB; 8 frames give 65 dB, 6 give 50 dB).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime
from piper import PiperConfig

from vision_agents.core.settings import check_number

from .network import BEGIN, BLANK, END, VoiceNetwork

PADDING = 10
"""Frames of context that the vocoder needs on each side of a window."""
LENGTH_SCALES = (0.1, 10.0)
"""The shortest and the longest duration of speech, as a factor."""


@dataclass(frozen=True, slots=True)
class Prosody:
    """Settings of speech; None is the voice's own.

    `speaker`: number or name, for voices of several speakers. `length_scale`: duration, above 1.0 is slower.
    `noise_scale`: how much the sound varies. `noise_w_scale`: how much the durations vary. With both at 0.0 the same
    text always gives the same samples. `volume`: factor on the samples, louder than 1.0 may clip.

    Raises ValueError for a number out of range, TypeError for what is none.
    """

    speaker: int | str | None = None
    length_scale: float | None = None
    noise_scale: float | None = None
    noise_w_scale: float | None = None
    volume: float = 1.0

    def __post_init__(self) -> None:
        if not isinstance(self.speaker, str):
            check_number("speaker", self.speaker, whole=True, optional=True)
        check_number("length_scale", self.length_scale, *LENGTH_SCALES, optional=True)
        check_number("noise_scale", self.noise_scale, 0.0, 2.0, optional=True)
        check_number("noise_w_scale", self.noise_w_scale, 0.0, 2.0, optional=True)
        check_number("volume", self.volume, above=0.0, high=10.0)


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
    """A voice network with a prosody. Light: the weights are the network's, which others speak with too.

    `sample_rate` is in Hz, `hop` in samples a frame. The methods may be called from any thread; `options` can end a run
    from another one (`options.terminate = True`), which then raises an error of onnxruntime.

    Raises ValueError if the network has no such speaker.
    """

    def __init__(self, network: VoiceNetwork, prosody: Prosody) -> None:
        settings = network.settings
        self.phonemizer = network.phonemizer
        self.sample_rate = settings.sample_rate
        self.hop = settings.hop_length
        self._network = network
        self._phoneme_ids = settings.phoneme_id_map
        self._feeds = _constant_feeds(settings, prosody)
        self._volume = prosody.volume

    def encode(self, phonemes: Sequence[str], options: onnxruntime.RunOptions) -> Frames:
        """The frames of one sentence, and which of them are whose. `phonemes` as the phonemizer gives them."""
        blank = self._phoneme_ids[BLANK]
        ids = [*self._phoneme_ids[BEGIN], *blank]
        begins = [len(ids)]
        for phoneme in phonemes:
            ids += [*self._phoneme_ids[phoneme], *blank]
            begins.append(len(ids))
        ids += self._phoneme_ids[END]
        feeds = {"input": np.array([ids], np.int64), "input_lengths": np.array([len(ids)], np.int64)}
        latent, durations = self._network.encode(self._feeds | feeds, options)
        passed = np.concatenate(([0], np.cumsum(durations))).astype(np.int64)
        return Frames(latent, passed[begins])

    def decode(self, frames: Frames, first: int, last: int, options: onnxruntime.RunOptions) -> npt.NDArray[np.float32]:
        """The samples of frames `first` to `last` (exclusive), nominally within ±1.0, shape ((last - first) * hop,)."""
        begin, end = max(0, first - PADDING), min(len(frames), last + PADDING)
        feeds = {self._network.latent: frames.latent[:, :, begin:end]}
        samples = self._network.decode(self._feeds | feeds, options)
        if samples.size != (end - begin) * self.hop:
            raise ValueError(
                f"{end - begin} frames of this voice are {samples.size} samples; its config's hop_length, "
                f"{self.hop}, is wrong"
            )
        window: npt.NDArray[np.float32] = samples[(first - begin) * self.hop : (last - begin) * self.hop]
        return window if self._volume == 1.0 else window * np.float32(self._volume)


def load(files: Mapping[str, Path]) -> VoiceNetwork:
    """A voice network after a first run, which costs 40 ms more than all others. Raises like `VoiceNetwork`."""
    network = VoiceNetwork(files)
    voice, options = Voice(network, Prosody()), onnxruntime.RunOptions()
    frames = voice.encode(network.phonemizer.phonemes("Ready."), options)
    voice.decode(frames, 0, len(frames), options)
    return network


def _constant_feeds(config: PiperConfig, prosody: Prosody) -> dict[str, npt.NDArray[Any]]:
    def chosen(value: float | None, default: float) -> float:
        return default if value is None else value

    scales = [
        chosen(prosody.noise_scale, config.noise_scale),
        chosen(prosody.length_scale, config.length_scale),
        chosen(prosody.noise_w_scale, config.noise_w_scale),
    ]
    speaker = np.array([speaker_id(config, prosody.speaker)], dtype=np.int64)
    return {"scales": np.array(scales, dtype=np.float32), "sid": speaker}


def speaker_id(config: PiperConfig, speaker: int | str | None) -> int:
    """The number of a voice's speaker. Raises ValueError if it has none such."""
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
