"""Cutting and rewriting ONNX graphs, on a small model that onnxruntime runs."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import onnxruntime
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision_agents.core.models.onnx_format import model, node
from vision_agents.core.models.onnx_graph import Graph, read_node


@pytest.fixture(scope="module")
def small_model() -> bytes:
    """y = (x + one) * two + z, and a branch that leads nowhere."""
    nodes = [
        node("Add", ["x", "one"], ["a"]),
        node("Mul", ["a", "two"], ["b"]),
        node("Neg", ["b"], ["unused"]),
        node("Add", ["b", "z"], ["y"]),
    ]
    constants = {"one": np.ones(1, dtype=np.float32), "two": np.full(1, 2.0, dtype=np.float32)}
    return model("whole", nodes, constants, {"x": ("n",), "z": ("n",)}, {"y": ("n",)}, domains=["com.microsoft"])


def run(model: bytes, **feeds: list[float]) -> list[npt.NDArray[np.float32]]:
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    assert {node.name for node in session.get_inputs()} == set(feeds)
    outputs: list[npt.NDArray[np.float32]] = session.run(
        None, {name: np.array(values, np.float32) for name, values in feeds.items()}
    )
    return outputs


def test_the_parts_compute_what_the_whole_does(small_model: bytes) -> None:
    graph = Graph(small_model)
    (whole,) = run(small_model, x=[1.0, 2.0], z=[0.5, 0.5])
    inner, first = run(graph.cut([], ["b", "a"]), x=[1.0, 2.0])
    (second,) = run(graph.cut(["b"], ["y"]), b=inner.tolist(), z=[0.5, 0.5])
    assert first.tolist() == [2.0, 3.0]
    assert second.tolist() == whole.tolist() == [4.5, 6.5]


def test_only_what_is_needed_is_kept(small_model: bytes) -> None:
    parts = Graph(Graph(small_model).cut(["b"], ["y"]))
    assert [(each.op, each.inputs) for each in parts.nodes] == [("Add", ("b", "z"))]
    assert set(parts.inputs) == {"b", "z"}
    assert b"one" not in Graph(small_model).cut(["b"], ["y"])


def test_a_tensor_that_is_not_there_is_named(small_model: bytes) -> None:
    with pytest.raises(ValueError, match="'nowhere'"):
        Graph(small_model).cut([], ["nowhere"])


def test_an_operation_is_replaced_and_the_rest_stays(small_model: bytes) -> None:
    graph = Graph(small_model)
    add, multiply, *_ = graph.nodes
    anew = graph.with_nodes([add, multiply, read_node(node("Sub", ["b", "z"], ["y"]))])
    (found,) = run(anew, x=[1.0, 2.0], z=[0.5, 0.5])
    assert found.tolist() == [3.5, 5.5]
    # A weight that nothing reads any more goes.
    assert b"one" not in graph.with_nodes([read_node(node("Sub", ["x", "z"], ["y"]))])


def test_the_sets_of_operations_are_known(small_model: bytes) -> None:
    assert Graph(small_model).domains == {"", "com.microsoft"}


@given(st.binary(max_size=200))
def test_what_is_no_model_is_refused(junk: bytes) -> None:
    with pytest.raises(ValueError, match="not an ONNX model"):
        Graph(junk)


@given(st.data())
def test_a_truncated_model_is_refused_or_still_a_graph(small_model: bytes, data: st.DataObject) -> None:
    length = data.draw(st.integers(0, len(small_model) - 1))
    try:
        graph = Graph(small_model[:length])
    except ValueError:
        return  # any other error would be a defect
    assert graph.nodes
