"""Silero's network, written anew from the weights of its file.

The file's graph decides by conditions, at each window, what never changes: its rate, the rank of its tensors. And its
convolutions have one to four places in time, along which onnxruntime's usual kernels compute side by side; with a
second dimension, and bands in whole blocks, it has kernels that go along the channels instead. Written so, a window
takes less than half of the time, and its probability is another one by some 1e-5 at most.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vision_agents.core.models.onnx_format import model, node

INPUT = 576
"""Samples of a window, those of its context included."""
UNITS = 128

_MIRRORED = 64  # samples behind the window, for the last transform
_TAPS, _HOP = 256, 128
_BANDS = 129
_BLOCKS = 144  # bands in whole blocks of 16 channels; those that are added are zero
_STRIDES = (1, 2, 2, 1)

Weights = Mapping[str, NDArray[np.float32]]

_SHAPES = {
    "model.stft.forward_basis_buffer": (2 * _BANDS, 1, _TAPS),
    "model.encoder.0.reparam_conv.weight": (128, _BANDS, 3),
    "model.encoder.0.reparam_conv.bias": (128,),
    "model.encoder.1.reparam_conv.weight": (64, 128, 3),
    "model.encoder.1.reparam_conv.bias": (64,),
    "model.encoder.2.reparam_conv.weight": (64, 64, 3),
    "model.encoder.2.reparam_conv.bias": (64,),
    "model.encoder.3.reparam_conv.weight": (UNITS, 64, 3),
    "model.encoder.3.reparam_conv.bias": (UNITS,),
    "model.decoder.rnn.weight_ih": (4 * UNITS, UNITS),
    "model.decoder.rnn.weight_hh": (4 * UNITS, UNITS),
    "model.decoder.rnn.bias_ih": (4 * UNITS,),
    "model.decoder.rnn.bias_hh": (4 * UNITS,),
    "model.decoder.decoder.2.weight": (1, UNITS, 1),
    "model.decoder.decoder.2.bias": (1,),
}


def is_silero(weights: Weights) -> bool:
    """Return whether these are the weights of the network that `rewritten` writes: v5 and v6 at 16 kHz alone are."""
    return {name: weights[name].shape for name in _SHAPES if name in weights} == _SHAPES


def rewritten(weights: Weights) -> bytes:
    """An ONNX model from `input` (n, 576) and `state` (2, n, 128) to `output` (n, 1) and `stateN`, all float32.

    A short-time Fourier transform by convolution, its magnitudes, four convolutions, an LSTM and a linear layer.
    """
    constants: dict[str, NDArray[Any]] = {
        "mirrored": np.array([0, 0, 0, _MIRRORED]),
        "row": np.array([-1, 1, 1, INPUT + _MIRRORED]),
        "basis": _basis(weights["model.stft.forward_basis_buffer"]),
        "sequence": np.array([1, -1, UNITS]),
        "flat": np.array([-1, UNITS]),
        "W": _gates(weights["model.decoder.rnn.weight_ih"])[np.newaxis],
        "R": _gates(weights["model.decoder.rnn.weight_hh"])[np.newaxis],
        "B": np.concatenate([_gates(weights[f"model.decoder.rnn.bias_{kind}"]) for kind in ("ih", "hh")])[np.newaxis],
        "linear": weights["model.decoder.decoder.2.weight"].reshape(UNITS, 1),
        "bias": weights["model.decoder.decoder.2.bias"],
    }
    nodes = [
        node("Pad", ["input", "mirrored"], ["padded"], mode="reflect"),
        node("Reshape", ["padded", "row"], ["samples"]),
        node("Conv", ["samples", "basis"], ["transform"], kernel_shape=[1, _TAPS], strides=[1, _HOP]),
        node("Split", ["transform"], ["real", "imaginary"], axis=1),
        node("Mul", ["real", "real"], ["real²"]),
        node("Mul", ["imaginary", "imaginary"], ["imaginary²"]),
        node("Add", ["real²", "imaginary²"], ["power"]),
        node("Sqrt", ["power"], ["0"]),
    ]
    for layer, stride in enumerate(_STRIDES):
        name = f"model.encoder.{layer}.reparam_conv"
        constants |= {f"w{layer}": _filters(weights[f"{name}.weight"]), f"b{layer}": weights[f"{name}.bias"]}
        sizes: dict[str, Any] = {"kernel_shape": [1, 3], "strides": [1, stride], "pads": [0, 1, 0, 1]}
        nodes.append(node("Conv", [f"{layer}", f"w{layer}", f"b{layer}"], [f"conv{layer}"], **sizes))
        nodes.append(node("Relu", [f"conv{layer}"], [f"{layer + 1}"]))
    nodes += [
        node("Reshape", [f"{len(_STRIDES)}", "sequence"], ["features"]),
        node("Split", ["state"], ["hidden", "cell"], axis=0),
        node("LSTM", ["features", "W", "R", "B", "", "hidden", "cell"], ["", "hiddenN", "cellN"], hidden_size=UNITS),
        node("Concat", ["hiddenN", "cellN"], ["stateN"], axis=0),
        node("Relu", ["hiddenN"], ["positive"]),
        node("Reshape", ["positive", "flat"], ["rows"]),
        node("Gemm", ["rows", "linear", "bias"], ["logit"]),
        node("Sigmoid", ["logit"], ["output"]),
    ]
    state = (2, "n", UNITS)
    inputs, outputs = {"input": ("n", INPUT), "state": state}, {"output": ("n", 1), "stateN": state}
    return model("silero", nodes, constants, inputs, outputs)


def _basis(basis: NDArray[np.float32]) -> NDArray[np.float32]:
    """The transform's filters: those of the real parts, then those of the imaginary ones, each in whole blocks."""
    padded = np.zeros((2, _BLOCKS, 1, 1, _TAPS), dtype=np.float32)
    padded[:, :_BANDS, 0, 0] = basis.reshape(2, _BANDS, _TAPS)
    return padded.reshape(2 * _BLOCKS, 1, 1, _TAPS)


def _filters(weight: NDArray[np.float32]) -> NDArray[np.float32]:
    """With a second dimension of one, and as many channels as come in."""
    if weight.shape[1] == _BANDS:
        weight = np.pad(weight, ((0, 0), (0, _BLOCKS - _BANDS), (0, 0)))
    return weight[:, :, np.newaxis]


def _gates(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """From PyTorch's order (input, forget, cell, output) to that of ONNX (input, output, forget, cell)."""
    into, forget, cell, out = np.split(rows, 4)
    return np.concatenate([into, out, forget, cell])
