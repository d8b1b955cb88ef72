"""The traces of a run that were kept: one file for each case, beside lab.json."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

from vision_agents.core.trace import TraceError, read_records, read_trace, recorded_policy
from vision_agents.core.trace.records import Record, encode_record

from .scenario import LabError

FOLDER = "traces"

# Characters of a file's name, of the 255 that there may be.
_LONGEST = 200


def keep(folder: Path, case: str, records: Iterable[Record]) -> None:
    """Write the trace of a case into `folder`, so that `vision-agents replay` reads it, too. Raises LabError."""
    lines = (
        json.dumps(encode_record(record.t, record.fact, record.state), ensure_ascii=False) + "\n"
        for record in records
        if record.fact is not None
    )
    path = _path(folder, case)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Half a surrogate pair, which a recogniser may write, becomes an escape of JSON.
        path.write_text("".join(lines), encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise LabError(
            f"the trace of {case} cannot be written to {path.parent}: {error.strerror or error}; make room there, "
            "choose another --out, or leave --keep out"
        ) from None


def kept(folder: Path, case: str) -> tuple[Record, ...]:
    """The trace of a case. Raises LabError for one that was not kept or cannot be read."""
    path = _path(folder, case)
    try:
        records = read_trace(path)
        recorded_policy(records)  # complains of a trace that does not say under which policy it was made
        return tuple(read_records(records))
    except FileNotFoundError:
        raise LabError(f"there is no {path}: run the lab with --keep") from None
    except (OSError, TraceError) as error:
        raise LabError(f"{path} cannot be read: {error}") from None


def forget(folder: Path, cases: Iterable[str]) -> None:
    """Remove the traces of these cases from `folder`, and nothing else. Raises LabError."""
    for case in cases:
        path = _path(folder, case)
        try:
            with suppress(FileNotFoundError, NotADirectoryError):
                path.unlink()
        except OSError as error:
            raise LabError(f"{path}, of an earlier run, cannot be removed: {error.strerror or error}") from None
    with suppress(OSError):
        (folder / FOLDER).rmdir()  # Unless there is something in it still.


def _path(folder: Path, case: str) -> Path:
    # The ids of a manifest are anything, and of any length.
    name = quote(case, safe="+@~ ", errors="surrogatepass")
    if len(name) > _LONGEST:
        name = f"{name[: _LONGEST - 65]}-{sha256(name.encode()).hexdigest()}"
    return folder / FOLDER / f"{name}.jsonl"
