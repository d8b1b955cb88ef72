"""Files of models, pinned and kept on this machine, and the networks of this process that are loaded from them."""

from .catalogue import CATALOGUE, Archive, Model, ModelFile
from .errors import (
    DiskFullError,
    FetchError,
    InUseError,
    MissingModelError,
    ModelError,
    OverloadedError,
    StoreError,
    UnknownModelError,
    WorkerError,
    WrongHashError,
)
from .networks import LoadedModel, loaded_models, unload
from .progress import ProgressBar
from .store import FileCheck, ModelStatus, ModelStore, default_root, may_fetch
from .worker import WorkerStats

__all__ = [
    "CATALOGUE",
    "Archive",
    "DiskFullError",
    "FetchError",
    "FileCheck",
    "InUseError",
    "LoadedModel",
    "MissingModelError",
    "Model",
    "ModelError",
    "ModelFile",
    "ModelStatus",
    "ModelStore",
    "OverloadedError",
    "ProgressBar",
    "StoreError",
    "UnknownModelError",
    "WorkerError",
    "WorkerStats",
    "WrongHashError",
    "default_root",
    "loaded_models",
    "may_fetch",
    "unload",
]
