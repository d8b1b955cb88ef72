"""Models written here are what onnxruntime reads, and what is read of a model is what was written."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
import onnxruntime
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision_agents.core.models.onnx_format import model, node, weights

WEIGHTS = {"w": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.array([0.5, -0.5, 300.0], dtype=np.float32)}


@pytest.fixture(scope="module")
def written() -> bytes:
    nodes = [
        node("Pad", ["x", "sides"], ["padded"], mode="reflect"),
        node("MatMul", ["padded", "w"], ["product"]),
        node("Add", ["product", "b"], ["sum"]),
        node("Transpose", ["sum"], ["y"], perm=[1, 0]),
    ]
    return model("small", nodes, {**WEIGHTS, "sides": np.array([1, 0, 0, 0])}, {"x": ("n", 2)}, {"y": (3, "m")})


def test_a_written_model_computes(written: bytes) -> None:
    session = onnxruntime.InferenceSession(written, providers=["CPUExecutionProvider"])
    assert [(each.name, each.shape) for each in session.get_inputs()] == [("x", ["n", 2])]
    rows = np.array([[1.0, 2.0], [3.0, 4.0]], dtype=np.float32)
    (found,) = session.run(None, {"x": rows})
    np.testing.assert_array_equal(found, (np.concatenate([rows[1:], rows]) @ WEIGHTS["w"] + WEIGHTS["b"]).T)


def test_the_weights_are_read_and_the_integers_left_out(written: bytes) -> None:
    found = weights(written)
    assert found.keys() == WEIGHTS.keys()
    for name, array in WEIGHTS.items():
        np.testing.assert_array_equal(found[name], array)


@given(st.binary(max_size=40))
def test_what_is_no_model_has_no_weights(content: bytes) -> None:
    with suppress(ValueError):
        assert weights(content) == {}


def test_a_model_that_ends_too_soon_is_refused(written: bytes) -> None:
    for end in range(10, len(written) - 10, 7):
        with pytest.raises(ValueError, match="not an ONNX model"):
            weights(written[:end])
