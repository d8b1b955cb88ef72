"""Cuts a sub-graph out of an ONNX model, on the bytes of the file.

A Piper voice is one graph that answers with a whole sentence. To play its beginning before its end is computed, the
graph is cut in two (`synthesizer`), which onnxruntime cannot do. The `onnx` package can, but it is 33 MB installed,
brings protobuf with it and would be used for this one call. What is needed of the format is little and frozen:
protobuf's wire encoding (varints and length-prefixed fields, https://protobuf.dev/programming-guides/encoding/) and the
field numbers of ModelProto, GraphProto, NodeProto, TensorProto and ValueInfoProto
(https://github.com/onnx/onnx/blob/main/onnx/onnx.proto). Everything else is copied through unread.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

_MODEL_GRAPH = 7
_GRAPH_NODE, _GRAPH_NAME, _GRAPH_INITIALIZER, _GRAPH_INPUT, _GRAPH_OUTPUT = 1, 2, 5, 11, 12
_NODE_INPUT, _NODE_OUTPUT, _NODE_NAME, _NODE_OP = 1, 2, 3, 4
_TENSOR_NAME = 8
_VALUE_NAME, _VALUE_TYPE = 1, 2
_TYPE_TENSOR, _TENSOR_ELEMENT, _FLOAT32 = 1, 1, 1

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


@dataclass(frozen=True)
class Node:
    """One operation: what it is, the tensors it reads and writes, and its encoded message."""

    name: str
    op: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    encoded: memoryview = field(repr=False)


class Graph:
    """An ONNX model held as encoded messages.

    Args:
        model: the content of an `.onnx` file.

    Raises:
        ValueError: the bytes are not an ONNX model.
    """

    def __init__(self, model: bytes) -> None:
        self.nodes: list[Node] = []
        self.inputs: dict[str, memoryview] = {}
        self.outputs: dict[str, memoryview] = {}
        self._initializers: dict[str, memoryview] = {}
        self._rest: list[bytes] = []
        try:
            for number, value, encoded in _fields(memoryview(model)):
                if number == _MODEL_GRAPH and isinstance(value, memoryview):
                    self._read_graph(value)
                else:
                    self._rest.append(bytes(encoded))
        except (IndexError, UnicodeDecodeError, ValueError) as error:
            raise ValueError(f"not an ONNX model ({len(model)} bytes): {error}") from error
        if not self.nodes:
            raise ValueError(f"not an ONNX model ({len(model)} bytes): there is no graph in it")

    def _read_graph(self, graph: memoryview) -> None:
        for number, value, _ in _fields(graph):
            if not isinstance(value, memoryview):
                continue
            if number == _GRAPH_NODE:
                self.nodes.append(_node(value))
            elif number == _GRAPH_INITIALIZER:
                self._initializers[_text(value, _TENSOR_NAME)] = value
            elif number == _GRAPH_INPUT:
                self.inputs[_text(value, _VALUE_NAME)] = value
            elif number == _GRAPH_OUTPUT:
                self.outputs[_text(value, _VALUE_NAME)] = value

    def cut(self, inputs: Iterable[str], outputs: Iterable[str]) -> bytes:
        """The model that computes `outputs` from `inputs` and from those inputs of the whole that are still needed.

        Args:
            inputs: inner tensors (float32) that are fed from outside from now on.
            outputs: tensors to compute, inner ones too.

        Returns:
            The encoded model, for `onnxruntime.InferenceSession`. Graphs nested in nodes (If, Loop) are copied
            through; should one of them read a tensor that was cut away, onnxruntime refuses the model.

        Raises:
            ValueError: a tensor of that name is neither computed nor given.
        """
        cut, wanted = set(inputs), list(outputs)
        producers = {name: node for node in self.nodes for name in node.outputs}
        needed: set[str] = set()
        open_names = list(wanted)
        while open_names:
            name = open_names.pop()
            if not name or name in needed:  # An empty name is an optional input left out.
                continue
            needed.add(name)
            if name in cut or name in self.inputs or name in self._initializers:
                continue
            if name not in producers:
                raise ValueError(f"the graph has no tensor {name!r}")
            open_names.extend(producers[name].inputs)
        kept = [node for node in self.nodes if not cut.issuperset(node.outputs) and needed & set(node.outputs)]
        parts: list[tuple[int, bytes | memoryview]] = [(_GRAPH_NODE, node.encoded) for node in kept]
        parts.append((_GRAPH_NAME, b"part"))
        parts += [(_GRAPH_INITIALIZER, value) for name, value in self._initializers.items() if name in needed]
        parts += [(_GRAPH_INPUT, value) for name, value in self.inputs.items() if name in needed]
        parts += [(_GRAPH_INPUT, _float_value(name)) for name in sorted(cut)]
        parts += [(_GRAPH_OUTPUT, self.outputs.get(name) or _untyped_value(name)) for name in wanted]
        return self._assemble(parts)

    def _assemble(self, parts: list[tuple[int, bytes | memoryview]]) -> bytes:
        pieces: list[bytes | memoryview] = []  # joined once: the weights are tens of megabytes
        for number, payload in parts:
            pieces += (_header(number, len(payload)), payload)
        graph = _header(_MODEL_GRAPH, sum(map(len, pieces)))
        return b"".join([*self._rest, graph, *pieces])


def _node(message: memoryview) -> Node:
    names: dict[int, list[str]] = {_NODE_INPUT: [], _NODE_OUTPUT: [], _NODE_NAME: [], _NODE_OP: []}
    for number, value, _ in _fields(message):
        if number in names and isinstance(value, memoryview):
            names[number].append(str(value, "utf-8"))
    return Node(
        "".join(names[_NODE_NAME]),
        "".join(names[_NODE_OP]),
        tuple(names[_NODE_INPUT]),
        tuple(names[_NODE_OUTPUT]),
        message,
    )


def _text(message: memoryview, wanted: int) -> str:
    for number, value, _ in _fields(message):
        if number == wanted and isinstance(value, memoryview):
            return str(value, "utf-8")
    return ""


def _untyped_value(name: str) -> bytes:
    return _encode(_VALUE_NAME, name.encode())  # onnxruntime infers the type of an output


def _float_value(name: str) -> bytes:
    tensor = bytes([_TENSOR_ELEMENT << 3 | _VARINT, _FLOAT32])
    return _untyped_value(name) + _encode(_VALUE_TYPE, _encode(_TYPE_TENSOR, tensor))


def _fields(message: memoryview) -> Iterator[tuple[int, memoryview | int, memoryview]]:
    """Field number, value (an int for a varint, bytes otherwise) and encoded form of each field of a message."""
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


def _encode(number: int, payload: bytes) -> bytes:
    """A length-prefixed field."""
    return _header(number, len(payload)) + payload


def _header(number: int, length: int) -> bytes:
    return _encode_varint(number << 3 | _BYTES) + _encode_varint(length)


def _encode_varint(value: int) -> bytes:
    encoded = bytearray()
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
