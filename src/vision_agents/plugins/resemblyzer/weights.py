"""Reads the tensors of a PyTorch checkpoint without PyTorch, and without running what is in the file.

The checkpoint is in PyTorch's first format: five pickles in a row (a magic number, the version of the format, the
machine that wrote it, the objects, the names of their storages), then each storage as its length and its raw numbers,
little-endian. Unpickling can call whatever the file names; here it can make plain values and descriptions of tensors,
and everything else is refused.
"""

from __future__ import annotations

import math
import os
import pickle
import struct
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

MAGIC = 0x1950A86A20F9469CFC6C
PROTOCOL = 1001

_FLOAT_BYTES = 4

Tensors = dict[str, NDArray[np.float32]]


class _Tensor(NamedTuple):
    """Locate a tensor: the numbers of `storage` from `offset` on. Has the arguments of PyTorch's own function."""

    storage: str
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]
    requires_grad: bool = False
    hooks: Any = None


class _Plain(dict[Any, Any]):
    """Stands for an ordered dictionary; the attributes that one may carry are left out."""

    def __setstate__(self, state: object) -> None:
        pass


class _Refused(pickle.UnpicklingError):
    """The file asks for something that no checkpoint of float tensors needs."""


_ALLOWED: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): _Plain,
    ("torch._utils", "_rebuild_tensor_v2"): _Tensor,
    ("torch", "FloatStorage"): "FloatStorage",
}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ALLOWED:
            raise _Refused(f"it names {module}.{name}")
        return _ALLOWED[module, name]

    def persistent_load(self, pid: Any) -> str:
        kind, number_type, key, _device, _length, view = pid
        if (kind, number_type, view) != ("storage", "FloatStorage", None):
            raise _Refused(f"it holds a {number_type}")
        return str(key)


def read_tensors(path: Path | str, within: str) -> Tensors:
    """The float32 tensors in the dictionary `within` of a checkpoint's top level, by name. Blocks.

    Raises FileNotFoundError, or ValueError if the file is anything else than a sound checkpoint of float tensors.
    """
    file = Path(path)
    try:
        with file.open("rb") as stream:
            return _read(stream, within)
    except FileNotFoundError:
        raise FileNotFoundError(f"There is no model file {file}. Run: vision-agents models pull ge2e") from None
    except Exception as error:  # a damaged pickle may raise anything
        raise ValueError(
            f"{file} is not a checkpoint of float tensors ({type(error).__name__}: {error}). "
            "Check it with: vision-agents models verify ge2e"
        ) from error


def _read(stream: BinaryIO, within: str) -> Tensors:
    magic, protocol, _machine, objects, keys = (_Unpickler(stream).load() for _ in range(5))
    if (magic, protocol) != (MAGIC, PROTOCOL):
        raise ValueError("it does not begin as one")
    tensors = {name: tensor for name, tensor in objects[within].items() if isinstance(tensor, _Tensor)}
    wanted = {tensor.storage for tensor in tensors.values()}
    storages = {key: numbers for key in keys if (numbers := _storage(stream, key in wanted)) is not None}
    return {name: _tensor(tensor, storages[tensor.storage]) for name, tensor in tensors.items()}


def _storage(stream: BinaryIO, wanted: bool) -> NDArray[np.float32] | None:
    """The next storage, or None if it is not wanted."""
    (count,) = struct.unpack("<q", stream.read(8))
    left = os.fstat(stream.fileno()).st_size - stream.tell()
    if not 0 <= count * _FLOAT_BYTES <= left:
        raise ValueError(f"a storage of {count} numbers in the last {left} bytes")
    if not wanted:
        stream.seek(count * _FLOAT_BYTES, os.SEEK_CUR)
        return None
    return np.frombuffer(stream.read(count * _FLOAT_BYTES), dtype="<f4").astype(np.float32, copy=False)


def _tensor(tensor: _Tensor, storage: NDArray[np.float32]) -> NDArray[np.float32]:
    count = math.prod(tensor.shape)
    in_rows = tuple(math.prod(tensor.shape[axis + 1 :]) for axis in range(len(tensor.shape)))
    fits = min(tensor.shape, default=1) > 0 and 0 <= tensor.offset <= len(storage) - count
    if tensor.stride != in_rows or not fits:
        raise ValueError(f"a tensor of shape {tensor.shape} does not lie row by row in its storage")
    return storage[tensor.offset : tensor.offset + count].reshape(tensor.shape)
