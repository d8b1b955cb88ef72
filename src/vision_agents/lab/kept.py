"""The traces of a run that were kept: one file for each case, beside lab.json."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote

from vision_agents.core.trace import TraceError, read_records, read_trace
from vision_agents.core.trace.records import Record, encode_record

from .scenario import LabError

FOLDER = "traces"


def keep(folder: Path, case: str, records: Iterable[Record]) -> None:
    """Write the trace of a case into `folder`, so that `vision-agents replay` reads it, too. Raises OSError."""
    lines = (
        json.dumps(encode_record(record.t, record.fact, record.state), ensure_ascii=False) + "\n"
        for record in records
        if record.fact is not None
    )
    path = _path(folder, case)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(lines), encoding="utf-8")


def kept(folder: Path, case: str) -> tuple[Record, ...]:
    """The trace of a case. Raises LabError for one that was not kept or cannot be read."""
    path = _path(folder, case)
    try:
        return tuple(read_records(read_trace(path)))
    except FileNotFoundError:
        raise LabError(f"there is no {path}: run the lab with --keep") from None
    except (OSError, TraceError) as error:
        raise LabError(f"{path} cannot be read: {error}") from None


def _path(folder: Path, case: str) -> Path:
    # The ids of a manifest are anything.
    return folder / FOLDER / f"{quote(case, safe='+@~ ')}.jsonl"
