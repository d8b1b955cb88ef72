"""The network that is rewritten computes what the file's does."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vision_agents.core.models.onnx import open_session
from vision_agents.core.models.onnx_format import model, node
from vision_agents.core.models.onnx_graph import Graph
from vision_agents.core.models.store import ModelStore
from vision_agents.plugins.smart_turn import model as smart_turn_model
from vision_agents.plugins.smart_turn.graph import rewritten
from vision_agents.plugins.smart_turn.model import SmartTurnModel
from vision_agents.testing.clips import speech_clips

STEP, FINE = 0.25, 1 / 255
SCORES = np.array([[0.1, 0.9, -1.4, 3.05]], dtype=np.float32)
LINE = ("n", 4)


def written(
    nodes: list[bytes],
    outputs: tuple[str, ...] = ("y",),
    *,
    root: float = 2**0.5,
    step: float = STEP,
    domain: bool = True,
) -> bytes:
    numbers = {"step": step, "fine": FINE, "root": root, "one": 1.0, "half": 0.5}
    constants = {name: np.array(number, dtype=np.float32) for name, number in numbers.items()}
    domains = ["com.microsoft"] if domain else []
    return model("made up", nodes, constants, {"x": LINE}, dict.fromkeys(outputs, LINE), domains)


def run(content: bytes) -> list[Any]:
    found: list[Any] = open_session(content, extra="smart_turn").run(None, {"x": SCORES})
    return found


def operations(content: bytes) -> list[str]:
    return [each.op for each in Graph(content).nodes]


ROUNDED = [
    node("QuantizeLinear", ["x", "step"], ["rounded"]),
    node("DequantizeLinear", ["rounded", "step"], ["back"]),
    node("Softmax", ["back"], ["shares"]),
    node("QuantizeLinear", ["shares", "fine"], ["rounded shares"]),
    node("DequantizeLinear", ["rounded shares", "fine"], ["y"]),
]

GELU = [
    node("Div", ["x", "root"], ["divided"]),
    node("Erf", ["divided"], ["erf"]),
    node("Add", ["erf", "one"], ["added"]),
    node("Mul", ["half", "added"], ["halved"]),
    node("Mul", ["x", "halved"], ["y"]),
]


@pytest.mark.parametrize("scale", [STEP, 0.01])
def test_a_softmax_of_rounded_numbers_is_the_usual_one_of_the_same_numbers(scale: float) -> None:
    anew = rewritten(written(ROUNDED, step=scale))
    assert operations(anew) == ["QuantizeLinear", "Cast", "Mul", "Softmax", "QuantizeLinear", "DequantizeLinear"]
    rounded = scale * np.clip(np.rint(SCORES / scale), 0, 255)
    softmax = np.exp(rounded) / np.exp(rounded).sum()
    np.testing.assert_allclose(run(anew)[0], np.rint(softmax / FINE) * FINE, atol=1e-6)


def test_rounded_numbers_that_somebody_else_reads_stay() -> None:
    twice = written([*ROUNDED, node("Neg", ["back"], ["z"])], ("y", "z"))
    assert operations(rewritten(twice)) == operations(twice)


def test_a_gelu_in_five_operations_becomes_one() -> None:
    anew = rewritten(written(GELU))
    assert operations(anew) == ["Gelu"]
    np.testing.assert_allclose(run(anew)[0], run(written(GELU))[0], atol=1e-6)


@pytest.mark.parametrize(
    "other",
    [
        written(GELU, root=1.5),
        written(GELU, domain=False),
        written([*GELU, node("Neg", ["erf"], ["z"])], ("y", "z")),
        written([*GELU[:-1], node("Mul", ["halved", "halved"], ["y"])]),
        written([node("Neg", ["x"], ["y"])]),
    ],
    ids=["another divisor", "no operations of onnxruntime", "read in between", "another factor", "nothing of it"],
)
def test_what_only_looks_like_it_is_computed_as_it_comes(other: bytes) -> None:
    assert operations(rewritten(other)) == operations(other)
    np.testing.assert_array_equal(run(rewritten(other))[0], run(other)[0])


def test_a_file_without_a_model_is_refused_with_its_name(tmp_path: Path) -> None:
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"nothing")
    with pytest.raises(RuntimeError, match=r"broken\.onnx"):
        SmartTurnModel({"model": broken})
    with pytest.raises(FileNotFoundError, match=r"absent\.onnx"):
        SmartTurnModel({"model": tmp_path / "absent.onnx"})


@pytest.mark.models
def test_all_softmaxes_and_gelus_of_smart_turn_are_rewritten() -> None:
    file = ModelStore().files("smart-turn")["model"]
    before, after = Counter(operations(file.read_bytes())), Counter(operations(rewritten(file.read_bytes())))
    assert after["Gelu"] == before["Erf"] == 8
    assert after["Cast"] == 4  # a softmax a layer; the pooling's is not of rounded numbers
    assert after["QuantizeLinear"] == before["QuantizeLinear"]


@pytest.mark.models
def test_it_says_what_the_file_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """As far as rounding lets it: onnxruntime itself is 0.04 from what the file says, operation by operation."""
    files = ModelStore().files("smart-turn")
    anew = SmartTurnModel(files)
    with monkeypatch.context() as patch:
        patch.setattr(smart_turn_model, "rewritten", lambda content: content)
        as_it_comes = SmartTurnModel(files)
    differences = []
    for name in ("en/quick_brown_fox", "es/pangrama", "ja/pangrama"):
        speech = speech_clips()[name].samples
        for share in (0.3, 0.5, 0.7, 1.0):
            heard = np.concatenate([speech[: int(share * len(speech))], np.zeros(3_200, dtype=np.int16)])
            differences.append(abs(anew.predict(heard) - as_it_comes.predict(heard)))
    assert np.mean(differences) < 0.1, differences
