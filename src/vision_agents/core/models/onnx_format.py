"""The format of ONNX models, as far as networks are written and rewritten here.

The `onnx` package can do all of that, but it is 33 MB installed, brings protobuf with it and would be used for a few
calls. What is needed of the format is little and frozen: protobuf's wire encoding (varints and length-prefixed fields,
https://protobuf.dev/programming-guides/encoding/) and the field numbers of ModelProto, GraphProto, NodeProto,
TensorProto and ValueInfoProto (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

MODEL_IR_VERSION, MODEL_GRAPH, MODEL_OPSET = 1, 7, 8
GRAPH_NODE, GRAPH_NAME, GRAPH_INITIALIZER, GRAPH_INPUT, GRAPH_OUTPUT = 1, 2, 5, 11, 12
NODE_INPUT, NODE_OUTPUT, NODE_NAME, NODE_OP, NODE_ATTRIBUTE, NODE_DOMAIN = 1, 2, 3, 4, 5, 7
TENSOR_SHAPE, TENSOR_TYPE, TENSOR_NAME, TENSOR_RAW = 1, 2, 8, 9
VALUE_NAME, VALUE_TYPE = 1, 2
OPSET_DOMAIN, OPSET_VERSION = 1, 2
TYPE_TENSOR, TENSOR_ELEMENT, TENSOR_DIMENSIONS = 1, 1, 2
FLOAT32, INT64 = 1, 7

_IR_VERSION, _OPSET = 8, 17
_ATTRIBUTE_NAME, _ATTRIBUTE_KIND = 1, 20
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5

Shape = Sequence[str | int]


# Writing.


def model(
    name: str,
    nodes: Iterable[bytes],
    constants: Mapping[str, NDArray[Any]],
    inputs: Mapping[str, Shape],
    outputs: Mapping[str, Shape],
    domains: Iterable[str] = (),
) -> bytes:
    """A model of float32 inputs and outputs, whose sizes are numbers or names. `constants`: float32 or integers.

    `domains`: sets of operations that it uses besides ONNX's own.
    """
    graph = b"".join(field(GRAPH_NODE, each) for each in nodes) + field(GRAPH_NAME, name)
    graph += b"".join(field(GRAPH_INITIALIZER, _tensor(key, array)) for key, array in constants.items())
    graph += b"".join(field(GRAPH_INPUT, _value(key, shape)) for key, shape in inputs.items())
    graph += b"".join(field(GRAPH_OUTPUT, _value(key, shape)) for key, shape in outputs.items())
    opsets = field(MODEL_OPSET, field(OPSET_VERSION, _OPSET))
    opsets += b"".join(field(MODEL_OPSET, field(OPSET_DOMAIN, each) + field(OPSET_VERSION, 1)) for each in domains)
    return field(MODEL_IR_VERSION, _IR_VERSION) + field(MODEL_GRAPH, graph) + opsets


def node(
    operation: str, inputs: Iterable[str], outputs: Iterable[str], domain: str = "", **attributes: int | str | list[int]
) -> bytes:
    """One operation of a graph, of ONNX's own or of those of another `domain`."""
    encoded = b"".join(field(NODE_INPUT, each) for each in inputs)
    encoded += b"".join(field(NODE_OUTPUT, each) for each in outputs) + field(NODE_OP, operation)
    encoded += field(NODE_DOMAIN, domain) if domain else b""
    return encoded + b"".join(field(NODE_ATTRIBUTE, _attribute(*each)) for each in attributes.items())


def _attribute(name: str, value: int | str | list[int]) -> bytes:
    number, kind = (3, 2) if isinstance(value, int) else (4, 3) if isinstance(value, str) else (8, 7)
    values = value if isinstance(value, list) else [value]
    encoded = b"".join(field(number, each) for each in values)
    return field(_ATTRIBUTE_NAME, name) + encoded + field(_ATTRIBUTE_KIND, kind)


def _tensor(name: str, array: NDArray[Any]) -> bytes:
    integers = np.issubdtype(array.dtype, np.integer)
    raw = np.ascontiguousarray(array, dtype="<i8" if integers else "<f4").tobytes()
    shape = b"".join(field(TENSOR_SHAPE, size) for size in array.shape)
    kind = field(TENSOR_TYPE, INT64 if integers else FLOAT32)
    return shape + kind + field(TENSOR_NAME, name) + field(TENSOR_RAW, raw)


def _value(name: str, shape: Shape) -> bytes:
    sizes = b"".join(field(1, field(1 if isinstance(size, int) else 2, size)) for size in shape)
    tensor = field(TENSOR_ELEMENT, FLOAT32) + field(TENSOR_DIMENSIONS, sizes)
    return field(VALUE_NAME, name) + field(VALUE_TYPE, field(TYPE_TENSOR, tensor))


def field(number: int, value: bytes | str | int) -> bytes:
    """A field of a message: a varint for an integer, else length-prefixed."""
    if isinstance(value, int):
        return _encode_varint(number << 3 | _VARINT) + _encode_varint(value)
    payload = value.encode() if isinstance(value, str) else value
    return header(number, len(payload)) + payload


def header(number: int, length: int) -> bytes:
    """The beginning of a length-prefixed field, whose `length` bytes follow."""
    return _encode_varint(number << 3 | _BYTES) + _encode_varint(length)


def _encode_varint(value: int) -> bytes:
    encoded = bytearray()
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


# Reading.


def weights(content: bytes) -> dict[str, NDArray[np.float32]]:
    """The float32 tensors that stand in a model's own graph, by name; those of graphs nested in nodes are left out.

    Raises ValueError for what is no model.
    """
    found: dict[str, NDArray[np.float32]] = {}
    try:
        for number, graph, _ in fields(memoryview(content)):
            if number != MODEL_GRAPH or not isinstance(graph, memoryview):
                continue
            for part, tensor, _ in fields(graph):
                if part == GRAPH_INITIALIZER and isinstance(tensor, memoryview):
                    found.update(_floats(tensor))
    except (IndexError, UnicodeDecodeError, ValueError) as error:
        raise ValueError(f"not an ONNX model ({len(content)} bytes): {error}") from error
    return found


def _floats(tensor: memoryview) -> dict[str, NDArray[np.float32]]:
    shape, name, kind, raw = [], "", 0, memoryview(b"")
    for number, value, _ in fields(tensor):
        if isinstance(value, int):
            shape += [value] if number == TENSOR_SHAPE else []
            kind = value if number == TENSOR_TYPE else kind
        elif number == TENSOR_NAME:
            name = str(value, "utf-8")
        elif number == TENSOR_RAW:
            raw = value
    return {name: np.frombuffer(raw, dtype="<f4").reshape(shape)} if kind == FLOAT32 and raw else {}


def fields(message: memoryview) -> Iterator[tuple[int, memoryview | int, memoryview]]:
    """Number, value (an int for a varint, bytes otherwise) and encoded form of each field of a message.

    Raises ValueError or IndexError for what is no message.
    """
    position, end = 0, len(message)
    while position < end:
        start = position
        key, position = _varint(message, position)
        number, wire = key >> 3, key & 7
        value: memoryview | int
        if wire == _VARINT:
            value, position = _varint(message, position)
        else:
            if wire == _BYTES:
                length, position = _varint(message, position)
            elif wire in (_FIXED64, _FIXED32):
                length = 8 if wire == _FIXED64 else 4
            else:
                raise ValueError(f"wire type {wire} at byte {start}")
            value = message[position : position + length]
            position += length
        if position > end:
            raise ValueError(f"field {number} ends {position - end} bytes past its message")
        yield number, value, message[start:position]


def _varint(message: memoryview, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
