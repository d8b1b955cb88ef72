"""Tensors out of a checkpoint, and nothing else, whatever the file says."""

import collections
import os
import pickle

import numpy as np
import pytest

from vision_agents.plugins.resemblyzer.weights import read_tensors

from .checkpoints import MAGIC, Storage, Tensor, checkpoint, rows

FLAT = Storage("b", np.arange(10, dtype=np.float32))
OTHER = Storage("a", np.full(1000, 7, dtype=np.float32))


@pytest.fixture
def write(tmp_path, monkeypatch):
    def write(objects, storages=(FLAT, OTHER), **options):
        path = tmp_path / "model.pt"
        path.write_bytes(checkpoint(objects, storages, monkeypatch, **options))
        return path

    return write


def test_tensors_that_share_a_storage_are_read_from_their_places(write):
    state = collections.OrderedDict(matrix=rows(FLAT, 2, (2, 3)), vector=rows(FLAT, 8, (2,)), scalar=rows(FLAT, 9, ()))
    state._metadata = {"version": 1}
    tensors = read_tensors(write({"state": state, "step": 3, "unused": rows(OTHER, 0, (1000,))}), within="state")
    np.testing.assert_array_equal(tensors["matrix"], [[2, 3, 4], [5, 6, 7]])
    np.testing.assert_array_equal(tensors["vector"], [8, 9])
    assert tensors["scalar"] == 9
    assert {array.dtype for array in tensors.values()} == {np.dtype(np.float32)}


class Evil:
    """Pickled as a call."""

    def __init__(self, *call):
        self.call = call

    def __reduce__(self):
        return self.call[0], self.call[1:]


@pytest.mark.parametrize(
    ("evil", "name"),
    [
        (lambda mark: Evil(os.mkdir, mark), "mkdir"),
        (lambda mark: Evil(eval, f"__import__('os').mkdir({mark!r})"), "eval"),
        (lambda mark: Evil(exec, f"import os; os.mkdir({mark!r})"), "exec"),
        (lambda mark: getattr, "getattr"),
    ],
    ids=["a function", "an expression", "a statement", "a name alone"],
)
def test_a_file_that_wants_code_run_is_refused(write, tmp_path, evil, name):
    mark = str(tmp_path / "it ran")
    path = write({"state": {"x": evil(mark)}})
    with pytest.raises(ValueError, match=rf"names \w+\.{name}\b"):
        read_tensors(path, within="state")
    assert not os.path.exists(mark)


def test_the_tensors_place_is_not_believed(write):
    for wrong in (
        Tensor(FLAT, 0, (2, 3), (1, 2)),
        Tensor(FLAT, 5, (2, 3), (3, 1)),
        Tensor(FLAT, -1, (3,), (1,)),
        Tensor(FLAT, 0, (-2,), (1,)),
    ):
        with pytest.raises(ValueError, match="row by row"):
            read_tensors(write({"state": {"x": wrong}}), within="state")


def test_other_numbers_than_float32_are_refused(write):
    doubles = Storage("c", np.zeros(4), kind="DoubleStorage")
    path = write({"state": {"x": rows(doubles, 0, (4,))}}, [doubles])
    with pytest.raises(ValueError, match="DoubleStorage"):
        read_tensors(path, within="state")


def test_a_damaged_file_is_told_apart_and_what_to_do(write, tmp_path):
    whole = write({"state": {"x": rows(FLAT, 0, (10,))}}, [FLAT]).read_bytes()
    cut = tmp_path / "cut.pt"
    for length in range(len(whole)):
        cut.write_bytes(whole[:length])
        with pytest.raises(ValueError, match=r"cut\.pt is not a checkpoint .* models verify ge2e"):
            read_tensors(cut, within="state")


def test_other_files_are_no_checkpoints(write, tmp_path):
    for path, within in (
        (write({"state": {}}, magic=MAGIC + 1), "state"),
        (write({"state": {}}), "other"),
        (write([1, 2]), "state"),
    ):
        with pytest.raises(ValueError, match="not a checkpoint"):
            read_tensors(path, within=within)
    junk = tmp_path / "junk"
    junk.write_bytes(pickle.dumps("junk") * 5)
    with pytest.raises(ValueError, match="not a checkpoint"):
        read_tensors(junk, within="state")


def test_a_missing_file_says_what_to_run(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.pt.*models pull ge2e"):
        read_tensors(tmp_path / "nowhere.pt", within="state")
