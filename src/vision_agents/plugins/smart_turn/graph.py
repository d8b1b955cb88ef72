"""Smart Turn's graph, rewritten for what onnxruntime is fast at.

The file holds a network whose activations were rounded to 8 bits after the training. For a softmax of such numbers
onnxruntime has a kernel that divides integers one by one, which takes a fifth of the network's time, and rounds more
than the file asks for. Where the numbers are brought back by other operations, the softmax is the usual one, and eight
times as fast. And the GELUs come as five operations each, in an order that onnxruntime does not know as one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from vision_agents.core.models.onnx_format import FLOAT32, node, weights
from vision_agents.core.models.onnx_graph import Graph, Node, read_node

_OF_ONNXRUNTIME = "com.microsoft"

# The output of an operation, and what takes that operation's place.
Replaced = dict[str, tuple[Node, ...]]


def rewritten(content: bytes) -> bytes:
    """The network with the usual softmaxes, and each GELU as one operation.

    A network that has none of these is computed as it comes. Raises ValueError for what is no model.
    """
    graph = Graph(content)
    rewriting = _Rewriting(graph, weights(content))
    replaced: Replaced = {}
    for each in graph.nodes:
        if each.op == "Softmax":
            replaced |= rewriting.with_usual_softmax(each)
        elif each.op == "Erf" and _OF_ONNXRUNTIME in graph.domains:
            replaced |= rewriting.as_gelu(each)
    return graph.with_nodes(anew for each in graph.nodes for anew in replaced.get(each.outputs[0], (each,)))


class _Rewriting:
    def __init__(self, graph: Graph, constants: dict[str, NDArray[Any]]) -> None:
        self._constants = constants
        self._made_by = {name: each for each in graph.nodes for name in each.outputs}
        self._read_by: dict[str, list[Node]] = {}
        for each in graph.nodes:
            for name in each.inputs:
                self._read_by.setdefault(name, []).append(each)

    def with_usual_softmax(self, softmax: Node) -> Replaced:
        """The rounded numbers times their scale: where their zero is makes no difference to a softmax."""
        back = self._before(softmax, "DequantizeLinear")
        if back is None:
            return {}
        (rounded, scale, *_), (number,) = back.inputs, back.outputs
        whole = f"{number}_whole"
        cast = read_node(node("Cast", [rounded], [whole], to=FLOAT32))
        return {number: (cast, read_node(node("Mul", [whole, scale], [number])))}

    def as_gelu(self, erf: Node) -> Replaced:
        """`x * (0.5 * (erf(x / √2) + 1))` as one operation."""
        divided = self._before(erf, "Div")
        added = self._after(erf, "Add")
        halved = added and self._after(added, "Mul")
        whole = halved and self._after(halved, "Mul")
        if divided is None or added is None or halved is None or whole is None:
            return {}
        constants = (self._constant(each) for each in (divided, added, halved))
        if not np.allclose(list(constants), (np.sqrt(2.0), 1.0, 0.5)) or divided.inputs[0] not in whole.inputs:
            return {}
        gelu = read_node(node("Gelu", divided.inputs[:1], whole.outputs, domain=_OF_ONNXRUNTIME))
        gone: Replaced = {each.outputs[0]: () for each in (divided, erf, added, halved)}
        return gone | {whole.outputs[0]: (gelu,)}

    def _before(self, each: Node, op: str) -> Node | None:
        """The operation of which this one reads the first input, and nobody else does."""
        found = self._made_by.get(each.inputs[0])
        return found if found is not None and found.op == op and len(self._read_by[each.inputs[0]]) == 1 else None

    def _after(self, each: Node, op: str) -> Node | None:
        """The only operation that reads this one's output."""
        found = self._read_by.get(each.outputs[0], [])
        return found[0] if len(found) == 1 and found[0].op == op else None

    def _constant(self, each: Node) -> float:
        """The number among what an operation reads; NaN if there is none, or more than one number."""
        sizes = [self._constants[name] for name in each.inputs if name in self._constants]
        return float(sizes[0].item()) if len(sizes) == 1 and sizes[0].size == 1 else float("nan")
