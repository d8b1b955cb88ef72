"""Silero VAD (v6, 16 kHz) without PyTorch: how likely each 32 ms window of audio is to hold speech.

The network reads 576 samples at a time: the 512 new ones and the last 64 of the window before. Without that
context it raises nothing and never fires. The network is stateless and shared by all sessions of the process; each
speaker has a stream with its own recurrent state, because state mixed between two voices makes both invisible.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vision_agents.core.models.onnx import open_session, to_float
from vision_agents.core.models.onnx_format import weights
from vision_agents.core.vad import SAMPLE_RATE, VADStream

from .graph import is_silero, rewritten

WINDOW = 512
"""New samples a window (32 ms)."""
CONTEXT = 64
"""Samples of the window before that the network also wants to see."""

# A microphone's constant offset costs the network up to 0.7 of probability at an onset. The offset is followed
# slowly (about ten windows), so that it cannot swallow the low end of a voice.
_DC_FOLLOW = 0.1

# The network takes a voice that is 12 dB down for less of a voice, though a caller who leans back says as much. What is
# fainter than this peak (-9 dB of full scale) is raised to it, by no more than that: a noise gains too.
_PEAK_DB = -9.0
_MOST_GAIN_DB = 12.0

# What stays fainter than -46 dB is not raised: a canceller leaves that much of the agent's own voice. From -40 dB on
# the whole gain is allowed. What counts is the loudest of the last half second or so: raised by what each allows by
# itself, the windows of one voice would be farther apart than they are.
_RESIDUE_DB, _VOICE_DB = -46.0, -40.0
_LOUDEST_FALL = math.exp(-WINDOW / SAMPLE_RATE / 0.5)


class SileroModel:
    """The network, with no state of its own. Loading blocks (about 50 ms): use a thread.

    `files`: its path under "model". Raises ImportError without onnxruntime, FileNotFoundError or RuntimeError for a
    missing or broken file.
    """

    def __init__(self, files: Mapping[str, Path]) -> None:
        self._session = open_session(_written(files["model"]), extra="silero")
        # The network as it comes wants to be told the rate.
        wanted = {given.name for given in self._session.get_inputs()}
        self._rate = {"sr": np.array(SAMPLE_RATE, dtype=np.int64)} if "sr" in wanted else {}

    def runner(self) -> SileroRunner:
        """A new stream's place in the network: fresh state, nothing shared but the weights."""
        return SileroRunner(self._session, self._rate)

    def stream(self) -> SileroStream:
        """A new speaker: fresh state, nothing shared but the weights."""
        return SileroStream(self)


def load(files: Mapping[str, Path]) -> SileroModel:
    """The network, after a first run."""
    model = SileroModel(files)
    model.runner().run()
    return model


def _written(file: Path) -> Path | bytes:
    """The network of the file written anew, if it is one that can be; else the file."""
    if not file.is_file():
        return file
    try:
        found = weights(file.read_bytes())
    except ValueError:
        return file  # onnxruntime says what is wrong with it
    return rewritten(found) if is_silero(found) else file


class SileroRunner:
    """The arrays of one stream, bound to the network: nothing is allocated or converted for a window.

    `input`: float32, shape (1, 576), the 64 samples of context first; written by whoever runs it.
    """

    def __init__(self, session: Any, constants: Mapping[str, NDArray[Any]]) -> None:
        self._session = session
        self.input = np.zeros((1, CONTEXT + WINDOW), dtype=np.float32)
        self._probability = np.zeros((1, 1), dtype=np.float32)
        # The network reads the one and writes the other, in turns.
        self._states = np.zeros((2, 2, 1, 128), dtype=np.float32)
        self._bindings = [self._bind(before, 1 - before, constants) for before in (0, 1)]

    def run(self) -> float:
        """The probability (0..1) that the window holds speech. About 0.05 ms on one core. Blocks."""
        self._session.run_with_iobinding(self._bindings[0])
        self._bindings.reverse()
        return float(self._probability[0, 0])

    def reset(self) -> None:
        """Forget everything heard."""
        self.input.fill(0)
        self._states.fill(0)

    def _bind(self, before: int, after: int, constants: Mapping[str, NDArray[Any]]) -> Any:
        from onnxruntime import OrtValue

        binding = self._session.io_binding()
        given = {"input": self.input, "state": self._states[before], **constants}
        for name, array in given.items():
            binding.bind_ortvalue_input(name, OrtValue.ortvalue_from_numpy(array))
        for name, array in {"output": self._probability, "stateN": self._states[after]}.items():
            binding.bind_ortvalue_output(name, OrtValue.ortvalue_from_numpy(array))
        return binding


class SileroStream(VADStream):
    """One speaker's audio in, one probability a window out. Not for use from two threads at once."""

    def __init__(self, model: SileroModel) -> None:
        self._runner = model.runner()
        self._context = self._runner.input[0, :CONTEXT]
        self._window = self._runner.input[0, CONTEXT:]
        self._next_context = np.zeros(CONTEXT, dtype=np.float32)
        self._filled = 0
        self._offset: float | None = None
        # The highest peak of late, in 0..1.
        self._loudest = 0.0

    @property
    def pending(self) -> int:
        """Samples that wait for their window to be complete (0 to 511)."""
        return self._filled

    def feed(self, samples: NDArray[np.int16] | NDArray[np.floating[Any]]) -> list[float]:
        """Take mono samples at 16 kHz, int16 or float in -1..1, any number of them.

        Returns the speech probability (0..1) of each window completed by them. NaN counts as silence, values out of
        range as clipped. Raises TypeError for other sample types, ValueError for more than one channel.
        """
        clean = to_float(samples)
        probabilities: list[float] = []
        at = 0
        while at < clean.size:
            take = min(WINDOW - self._filled, clean.size - at)
            self._window[self._filled : self._filled + take] = clean[at : at + take]
            self._filled += take
            at += take
            if self._filled == WINDOW:
                probabilities.append(self._run())
        return probabilities

    def reset(self) -> None:
        """Forget everything heard: the next sample begins a new recording."""
        self._runner.reset()
        self._filled = 0
        self._offset = None
        self._loudest = 0.0

    def _run(self) -> float:
        self._remove_offset()
        self._next_context[:] = self._window[-CONTEXT:]
        self._raise_faint()
        probability = self._runner.run()
        self._context[:] = self._next_context
        self._filled = 0
        return probability

    def _remove_offset(self) -> None:
        # What `mean` does, without its checks, which take three times as long.
        mean = float(np.add.reduce(self._window)) / WINDOW
        self._offset = mean if self._offset is None else self._offset + _DC_FOLLOW * (mean - self._offset)
        np.subtract(self._window, np.float32(self._offset), out=self._window)

    def _raise_faint(self) -> None:
        # The window with its context, so that neither begins by a step.
        heard = self._runner.input
        peak = max(float(np.maximum.reduce(heard, axis=None)), -float(np.minimum.reduce(heard, axis=None)))
        self._loudest = max(peak, self._loudest * _LOUDEST_FALL)
        if peak > 0 and (gain := min(_PEAK_DB - _decibels(peak), _allowed_gain(self._loudest))) > 0:
            np.multiply(heard, np.float32(10 ** (gain / 20)), out=heard)


def _allowed_gain(loudest: float) -> float:
    """In dB, where that was the highest peak of late."""
    share = (_decibels(loudest) - _RESIDUE_DB) / (_VOICE_DB - _RESIDUE_DB)
    return _MOST_GAIN_DB * min(max(share, 0.0), 1.0)


def _decibels(peak: float) -> float:
    return 20 * math.log10(peak)
