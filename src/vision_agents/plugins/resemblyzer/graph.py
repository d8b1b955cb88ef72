"""The encoder as an ONNX model, written from its weights.

onnxruntime runs it three times as fast as numpy can, on one thread, and leaves the interpreter to the event loop
meanwhile. What is needed of the format is little and frozen: protobuf's wire encoding (varints and length-prefixed
fields, https://protobuf.dev/programming-guides/encoding/) and the field numbers of ModelProto, GraphProto, NodeProto,
TensorProto and ValueInfoProto (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

BANDS = 40
UNITS = 256
LAYERS = 3

_IR_VERSION, _OPSET = 8, 17
_FLOAT32, _INT64 = 1, 7
_INTEGER_ATTRIBUTE = 2

Weights = Mapping[str, NDArray[np.float32]]


def encoder(weights: Weights) -> bytes:
    """An ONNX model from `mel`, float32 (frames, batch, 40), to `voice`, float32 (batch, 256), rows of length one.

    Three layers of LSTM; the last one's last output through a linear layer, ReLU and L2 normalisation: the encoder of
    Wan et al., "Generalized end-to-end loss for speaker verification" (2018), as Resemblyzer builds it.
    Raises ValueError if the weights are not those of this network.
    """
    _check(weights)
    nodes: list[bytes] = []
    constants = [_constant("directions", np.array([1])), _constant("direction", np.array([0]))]
    below = "mel"
    for layer in range(LAYERS):
        for name, tensor in _lstm_weights(weights, layer).items():
            constants.append(_constant(name, tensor))
        inputs = [below, f"W{layer}", f"R{layer}", f"B{layer}"]
        nodes.append(_node("LSTM", inputs, [f"all{layer}", f"last{layer}"], hidden_size=UNITS))
        below = f"y{layer}"
        nodes.append(_node("Squeeze", [f"all{layer}", "directions"], [below]))
    constants += [_constant("weight", weights["linear.weight"]), _constant("bias", weights["linear.bias"])]
    nodes += [
        _node("Squeeze", [f"last{LAYERS - 1}", "direction"], ["last"]),
        _node("Gemm", ["last", "weight", "bias"], ["linear"], transB=1),
        _node("Relu", ["linear"], ["positive"]),
        _node("LpNormalization", ["positive"], ["voice"], axis=1, p=2),
    ]
    graph = _join(1, nodes) + _field(2, "ge2e") + _join(5, constants)
    graph += _field(11, _value("mel", ["frames", "batch", BANDS])) + _field(12, _value("voice", ["batch", UNITS]))
    return _field(1, _IR_VERSION) + _field(7, graph) + _field(8, _field(2, _OPSET))


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


def _node(operation: str, inputs: list[str], outputs: list[str], **attributes: int) -> bytes:
    encoded = _join(1, inputs) + _join(2, outputs) + _field(4, operation)
    for name, value in attributes.items():
        encoded += _field(5, _field(1, name) + _field(3, value) + _field(20, _INTEGER_ATTRIBUTE))
    return encoded


def _constant(name: str, array: NDArray[Any]) -> bytes:
    integers = np.issubdtype(array.dtype, np.integer)
    raw = np.ascontiguousarray(array, dtype="<i8" if integers else "<f4").tobytes()
    return _join(1, list(array.shape)) + _field(2, _INT64 if integers else _FLOAT32) + _field(8, name) + _field(9, raw)


def _value(name: str, shape: list[str | int]) -> bytes:
    sizes = [_field(1, size) if isinstance(size, int) else _field(2, size) for size in shape]
    tensor = _field(1, _FLOAT32) + _field(2, _join(1, sizes))
    return _field(1, name) + _field(2, _field(1, tensor))


def _join(number: int, values: list[bytes] | list[str] | list[int]) -> bytes:
    return b"".join(_field(number, value) for value in values)


def _field(number: int, value: bytes | str | int) -> bytes:
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    payload = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | 2) + _varint(len(payload)) + payload


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
