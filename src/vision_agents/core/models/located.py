"""The files of a network: where they are found, and by what their content is known."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from .store import ModelStore


@dataclass(frozen=True, slots=True)
class Located:
    """The files of a network, and the identity of their content."""

    name: str
    revision: str
    find: Callable[[Callable[[], bool]], Mapping[str, Path]]
    """Called in the thread that loads, with what tells whether to stop; may block and raise, since it may fetch."""
    identity: Hashable
    size: int


def locate(model: str, files: Mapping[str, Path] | None) -> Located:
    """Tell which files those are: the given ones, or those of a model in the store. Raises UnknownModelError."""
    if files is None:
        store = ModelStore()
        pinned = store.model(model)
        identity = tuple(file.sha256 for file in pinned.files)
        return Located(pinned.name, pinned.archive.version, partial(store.ready, pinned.name), identity, pinned.size)
    stamps = {key: _stamp(path) for key, path in files.items()}
    name = next(iter(stamps.values()))[0] if stamps else model
    changed = max((changed for _, _, changed in stamps.values()), default=0)
    size = sum(size for _, size, _ in stamps.values())
    return Located(name, f"{changed:x}", lambda _: files, tuple(stamps.values()), size)


def _stamp(path: Path) -> tuple[str, int, int]:
    """Path, bytes and time of change of a file; zeros if there is none, of which loading will complain."""
    try:
        status = path.stat()
    except OSError:
        return str(path.absolute()), 0, 0
    return str(path.resolve()), status.st_size, status.st_mtime_ns
