"""The model store: models taken from pinned, hashed sources and kept on this machine."""

from .catalogue import CATALOGUE, Archive, Model, ModelFile
from .errors import (
    DiskFullError,
    FetchError,
    MissingModelError,
    ModelError,
    StoreError,
    UnknownModelError,
    WrongHashError,
)
from .progress import ProgressBar
from .store import FileCheck, ModelStatus, ModelStore, default_root

__all__ = [
    "CATALOGUE",
    "Archive",
    "DiskFullError",
    "FetchError",
    "FileCheck",
    "MissingModelError",
    "Model",
    "ModelError",
    "ModelFile",
    "ModelStatus",
    "ModelStore",
    "ProgressBar",
    "StoreError",
    "UnknownModelError",
    "WrongHashError",
    "default_root",
]
