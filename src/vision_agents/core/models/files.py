"""Files in the store: hashed, written whole or not at all, one writer at a time."""

from __future__ import annotations

import errno
import hashlib
import logging
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from .catalogue import ModelFile
from .errors import DiskFullError, StoreError, WrongHashError

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

logger = logging.getLogger(__name__)

CHUNK = 1 << 20
"""Bytes moved at once: large enough to be fast, small enough for a lively progress bar."""

LOCK_POLL = 0.2
LOCK_DEADLINE = 1800.0
"""Seconds to wait for another process that pulls the same model. A dead process holds no lock."""

Tick = Callable[[int], None]
"""Called with the number of bytes done so far."""


def sha256_of(path: Path) -> str:
    """The file's SHA-256 in hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def is_right(path: Path, file: ModelFile) -> bool:
    """Return whether the pinned content is there. The size is compared first, since that costs nothing."""
    try:
        return path.stat().st_size == file.size and sha256_of(path) == file.sha256
    except OSError:
        return False


def install(chunks: Iterable[bytes], file: ModelFile, target: Path, tick: Tick, origin: str) -> None:
    """Write ``chunks`` to ``target``, hashing on the way; the file appears under its name only when it is right.

    ``chunks`` turns its own read errors into ``ModelError``, so that an ``OSError`` here is one of writing.

    Raises:
        WrongHashError: the content is not the pinned one; ``target`` is as it was before.
        DiskFullError, StoreError: it could not be written.
    """
    fresh = target.with_name(target.name + ".new")
    digest, done = hashlib.sha256(), 0
    try:
        with writing(target), fresh.open("wb") as sink:
            for chunk in chunks:
                done += len(chunk)
                if done > file.size:
                    raise WrongHashError(f"{origin} is larger than the pinned {file.size} bytes. {WRONG_NEXT}")
                digest.update(chunk)
                sink.write(chunk)
                tick(done)
        check_hash(digest.hexdigest(), file, origin)
        put_in_place(fresh, target)
    finally:
        with suppress(OSError):
            fresh.unlink(missing_ok=True)


WRONG_NEXT = (
    "It was removed. Pull again; if it stays wrong, the source is damaged or has changed: try another with --from."
)


def check_hash(actual: str, file: ModelFile, origin: str) -> None:
    """Raise ``WrongHashError`` unless ``actual`` is the pinned hash."""
    if actual != file.sha256:
        raise WrongHashError(
            f"{file.name} from {origin} has sha256 {actual}, but {file.sha256} is pinned. {WRONG_NEXT}"
        )


def put_in_place(fresh: Path, target: Path) -> None:
    """Rename a finished file to its name, atomically, and so that it outlives a power cut."""
    with writing(target):
        with fresh.open("rb+") as stream:
            os.fsync(stream.fileno())
        os.replace(fresh, target)
        if os.name != "nt":  # Windows cannot open a folder to sync it
            folder = os.open(target.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)


def make_folder(path: Path) -> Path:
    """Create the folder and its parents. Raises ``StoreError`` if that cannot be."""
    with writing(path):
        path.mkdir(parents=True, exist_ok=True)
    return path


def check_room(folder: Path, needed: int) -> None:
    """Raise ``DiskFullError`` unless ``needed`` bytes are free on the folder's disk."""
    with writing(folder):
        free = shutil.disk_usage(folder).free
    if free < needed:
        raise DiskFullError(
            f"{megabytes(needed)} are needed in {folder}, but only {megabytes(free)} are free. {FULL_NEXT}"
        )


FULL_NEXT = "Free some space, or set VISION_AGENTS_MODELS to a folder on another disk, and pull again."


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn an ``OSError`` of writing at ``path`` into an error that says what to do."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFullError(f"The disk became full while writing {path}. {FULL_NEXT}") from error
        raise StoreError(
            f"Cannot write {path}: {error.strerror or error}. "
            "Set VISION_AGENTS_MODELS to a folder that you can write to, or correct this one's permissions."
        ) from error


@contextmanager
def locked(path: Path, deadline: float = LOCK_DEADLINE, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold the lock file at ``path``; the system lets go of it when its process ends, however that ends.

    ``waiting`` is called again and again while another process holds it; what it raises ends the waiting.

    Raises:
        StoreError: another process held it for ``deadline`` seconds, or this file system has no locks.
    """
    with writing(path):
        handle = path.open("ab")
    with handle:
        give_up = time.monotonic() + deadline
        warned = False
        while not _try_lock(handle, path):
            if time.monotonic() > give_up:
                raise StoreError(f"Another process has held {path} for {deadline:.0f} s. End it, and pull again.")
            if not warned:
                logger.warning("another process is pulling %s: waiting for it", path.stem)
                warned = True
            waiting()
            time.sleep(LOCK_POLL)
        yield


def _try_lock(handle: BinaryIO, path: Path) -> bool:
    try:
        if sys.platform == "win32":
            msvcrt.locking(handle.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EAGAIN, errno.EACCES):
            return False
        raise StoreError(
            f"Cannot lock {path}: {error.strerror or error}. Set VISION_AGENTS_MODELS to a folder on a local disk."
        ) from error
    return True


def megabytes(size: int) -> str:
    """A size for people, in decimal megabytes."""
    return f"{size / 1e6:.1f} MB"
