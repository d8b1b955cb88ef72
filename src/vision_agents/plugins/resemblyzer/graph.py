"""The encoder as an ONNX model, written from its weights.

onnxruntime runs it three times as fast as numpy can, on one thread, and leaves the interpreter to the event loop
meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vision_agents.core.models.onnx_format import model, node

BANDS = 40
UNITS = 256
LAYERS = 3

Weights = Mapping[str, NDArray[np.float32]]


def encoder(weights: Weights) -> bytes:
    """An ONNX model from `mel`, float32 (frames, batch, 40), to `voice`, float32 (batch, 256), rows of length one.

    Three layers of LSTM; the last one's last output through a linear layer, ReLU and L2 normalisation: the encoder of
    Wan et al., "Generalized end-to-end loss for speaker verification" (2018), as Resemblyzer builds it.
    Raises ValueError if the weights are not those of this network.
    """
    _check(weights)
    nodes: list[bytes] = []
    constants: dict[str, NDArray[Any]] = {"directions": np.array([1]), "direction": np.array([0])}
    below = "mel"
    for layer in range(LAYERS):
        constants |= _lstm_weights(weights, layer)
        inputs = [below, f"W{layer}", f"R{layer}", f"B{layer}"]
        nodes.append(node("LSTM", inputs, [f"all{layer}", f"last{layer}"], hidden_size=UNITS))
        below = f"y{layer}"
        nodes.append(node("Squeeze", [f"all{layer}", "directions"], [below]))
    constants |= {"weight": weights["linear.weight"], "bias": weights["linear.bias"]}
    nodes += [
        node("Squeeze", [f"last{LAYERS - 1}", "direction"], ["last"]),
        node("Gemm", ["last", "weight", "bias"], ["linear"], transB=1),
        node("Relu", ["linear"], ["positive"]),
        node("LpNormalization", ["positive"], ["voice"], axis=1, p=2),
    ]
    return model("ge2e", nodes, constants, {"mel": ("frames", "batch", BANDS)}, {"voice": ("batch", UNITS)})


def _check(weights: Weights) -> None:
    shapes = {"linear.weight": (UNITS, UNITS), "linear.bias": (UNITS,)}
    for layer in range(LAYERS):
        shapes[f"lstm.weight_ih_l{layer}"] = (4 * UNITS, UNITS if layer else BANDS)
        shapes[f"lstm.weight_hh_l{layer}"] = (4 * UNITS, UNITS)
        shapes[f"lstm.bias_ih_l{layer}"] = shapes[f"lstm.bias_hh_l{layer}"] = (4 * UNITS,)
    for name, shape in shapes.items():
        found = weights[name].shape if name in weights else "nothing"
        if found != shape:
            raise ValueError(f"The encoder's {name} has shape {shape}, but the file has {found}.")


def _lstm_weights(weights: Weights, layer: int) -> dict[str, NDArray[np.float32]]:
    biases = [_gates(weights[f"lstm.bias_{kind}_l{layer}"]) for kind in ("ih", "hh")]
    return {
        f"W{layer}": _gates(weights[f"lstm.weight_ih_l{layer}"])[np.newaxis],
        f"R{layer}": _gates(weights[f"lstm.weight_hh_l{layer}"])[np.newaxis],
        f"B{layer}": np.concatenate(biases)[np.newaxis],
    }


def _gates(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """From PyTorch's order (input, forget, cell, output) to that of ONNX (input, output, forget, cell)."""
    into, forget, cell, out = np.split(rows, 4)
    return np.concatenate([into, out, forget, cell])
