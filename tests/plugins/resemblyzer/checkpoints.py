"""Checkpoints as PyTorch once wrote them, made without PyTorch, and an encoder with made-up weights."""

import io
import pickle
import struct
import sys
import types
from pathlib import Path

import numpy as np
import pytest

MAGIC = 0x1950A86A20F9469CFC6C
UNITS, BANDS, LAYERS = 256, 40, 3


class Storage:
    """What a tensor's numbers lie in, as the pickle names it."""

    def __init__(self, key, numbers, kind="FloatStorage"):
        self.key, self.numbers, self.kind = key, numbers, kind


class Tensor:
    def __init__(self, storage, offset, shape, stride):
        self.parts = (storage, offset, shape, stride)


def checkpoint(objects, storages, monkeypatch: pytest.MonkeyPatch, *, magic=MAGIC) -> bytes:
    """The file's bytes: `objects` is any structure of plain values and `Tensor`s."""
    torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
    exec("def _rebuild_tensor_v2(*parts): raise AssertionError", vars(utils))
    for kind in ("FloatStorage", "DoubleStorage"):
        setattr(torch, kind, type(kind, (), {"__module__": "torch"}))
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setitem(sys.modules, "torch._utils", utils)

    class Pickler(pickle.Pickler):
        def reducer_override(self, value):
            if isinstance(value, Tensor):
                return utils._rebuild_tensor_v2, (*value.parts, False, {})
            return NotImplemented

        def persistent_id(self, value):
            if isinstance(value, Storage):
                return ("storage", getattr(torch, value.kind), value.key, "cpu", len(value.numbers), None)
            return None

    file = io.BytesIO()
    for value in (magic, 1001, {"little_endian": True}, objects, sorted(storage.key for storage in storages)):
        Pickler(file, protocol=2).dump(value)
    for storage in sorted(storages, key=lambda storage: storage.key):
        file.write(struct.pack("<q", len(storage.numbers)) + np.asarray(storage.numbers, "<f4").tobytes())
    monkeypatch.delitem(sys.modules, "torch")
    monkeypatch.delitem(sys.modules, "torch._utils")
    return file.getvalue()


def rows(storage, offset, shape):
    stride = [int(np.prod(shape[axis + 1 :])) for axis in range(len(shape))]
    return Tensor(storage, offset, tuple(shape), tuple(stride))


def made_up_weights(seed=1):
    """Weights of the encoder, as small as trained ones."""
    random = np.random.default_rng(seed)
    shapes = {"linear.weight": (UNITS, UNITS), "linear.bias": (UNITS,)}
    for layer in range(LAYERS):
        shapes[f"lstm.weight_ih_l{layer}"] = (4 * UNITS, UNITS if layer else BANDS)
        shapes[f"lstm.weight_hh_l{layer}"] = (4 * UNITS, UNITS)
        shapes[f"lstm.bias_ih_l{layer}"] = shapes[f"lstm.bias_hh_l{layer}"] = (4 * UNITS,)
    return {name: random.normal(0, 0.08, shape).astype(np.float32) for name, shape in shapes.items()}


def encoder_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An encoder that works and knows nothing, as a checkpoint file."""
    weights = made_up_weights()
    storages = {name: Storage(name, array.ravel()) for name, array in weights.items()}
    tensors = {name: rows(storages[name], 0, array.shape) for name, array in weights.items()}
    path.write_bytes(checkpoint({"model_state": tensors}, storages.values(), monkeypatch))
    return path
