"""The graph of an ONNX model, of which a part can be cut out or operations be replaced, on the bytes of the file.

What need not be known is copied through unread: the weights, above all.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from . import onnx_format as onnx


@dataclass(frozen=True)
class Node:
    """One operation: what it is, the tensors it reads and writes, and its encoded message."""

    name: str
    op: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    encoded: memoryview | bytes = field(repr=False)


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
        # The sets of operations that it may use; ONNX's own is the empty name.
        self.domains: set[str] = set()
        self._initializers: dict[str, memoryview] = {}
        self._rest: list[bytes] = []
        try:
            for number, value, encoded in onnx.fields(memoryview(model)):
                if number == onnx.MODEL_GRAPH and isinstance(value, memoryview):
                    self._read_graph(value)
                else:
                    self._rest.append(bytes(encoded))
                    if number == onnx.MODEL_OPSET and isinstance(value, memoryview):
                        self.domains.add(_text(value, onnx.OPSET_DOMAIN))
        except (IndexError, UnicodeDecodeError, ValueError) as error:
            raise ValueError(f"not an ONNX model ({len(model)} bytes): {error}") from error
        if not self.nodes:
            raise ValueError(f"not an ONNX model ({len(model)} bytes): there is no graph in it")

    def _read_graph(self, graph: memoryview) -> None:
        for number, value, _ in onnx.fields(graph):
            if not isinstance(value, memoryview):
                continue
            if number == onnx.GRAPH_NODE:
                self.nodes.append(read_node(value))
            elif number == onnx.GRAPH_INITIALIZER:
                self._initializers[_text(value, onnx.TENSOR_NAME)] = value
            elif number == onnx.GRAPH_INPUT:
                self.inputs[_text(value, onnx.VALUE_NAME)] = value
            elif number == onnx.GRAPH_OUTPUT:
                self.outputs[_text(value, onnx.VALUE_NAME)] = value

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
        parts = self._body(kept, needed)
        parts += [(onnx.GRAPH_INPUT, value) for name, value in self.inputs.items() if name in needed]
        parts += [(onnx.GRAPH_INPUT, _float_value(name)) for name in sorted(cut)]
        parts += [(onnx.GRAPH_OUTPUT, self.outputs.get(name) or _untyped_value(name)) for name in wanted]
        return self._assemble(parts)

    def with_nodes(self, nodes: Iterable[Node]) -> bytes:
        """The model with other operations, in the order in which they are computed. Weights that none reads go."""
        kept = list(nodes)
        parts = self._body(kept, {name for node in kept for name in node.inputs})
        parts += [(onnx.GRAPH_INPUT, value) for value in self.inputs.values()]
        parts += [(onnx.GRAPH_OUTPUT, value) for value in self.outputs.values()]
        return self._assemble(parts)

    def _body(self, nodes: list[Node], needed: set[str]) -> list[tuple[int, bytes | memoryview]]:
        parts: list[tuple[int, bytes | memoryview]] = [(onnx.GRAPH_NODE, node.encoded) for node in nodes]
        parts.append((onnx.GRAPH_NAME, b"part"))
        parts += [(onnx.GRAPH_INITIALIZER, value) for name, value in self._initializers.items() if name in needed]
        return parts

    def _assemble(self, parts: list[tuple[int, bytes | memoryview]]) -> bytes:
        pieces: list[bytes | memoryview] = []  # joined once: the weights are tens of megabytes
        for number, payload in parts:
            pieces += (onnx.header(number, len(payload)), payload)
        graph = onnx.header(onnx.MODEL_GRAPH, sum(map(len, pieces)))
        return b"".join([*self._rest, graph, *pieces])


def read_node(message: memoryview | bytes) -> Node:
    """The operation of an encoded message. Raises ValueError or IndexError for what is no message."""
    names: dict[int, list[str]] = {onnx.NODE_INPUT: [], onnx.NODE_OUTPUT: [], onnx.NODE_NAME: [], onnx.NODE_OP: []}
    for number, value, _ in onnx.fields(memoryview(message)):
        if number in names and isinstance(value, memoryview):
            names[number].append(str(value, "utf-8"))
    return Node(
        "".join(names[onnx.NODE_NAME]),
        "".join(names[onnx.NODE_OP]),
        tuple(names[onnx.NODE_INPUT]),
        tuple(names[onnx.NODE_OUTPUT]),
        message,
    )


def _text(message: memoryview, wanted: int) -> str:
    for number, value, _ in onnx.fields(message):
        if number == wanted and isinstance(value, memoryview):
            return str(value, "utf-8")
    return ""


def _untyped_value(name: str) -> bytes:
    return onnx.field(onnx.VALUE_NAME, name)  # onnxruntime infers the type of an output


def _float_value(name: str) -> bytes:
    tensor = onnx.field(onnx.TENSOR_ELEMENT, onnx.FLOAT32)
    return _untyped_value(name) + onnx.field(onnx.VALUE_TYPE, onnx.field(onnx.TYPE_TENSOR, tensor))
