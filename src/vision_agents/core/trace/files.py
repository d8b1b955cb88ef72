"""Reads trace files: one record a line."""

from __future__ import annotations

import json
from pathlib import Path

from .codec import Json, TraceError
from .older import upgraded
from .records import check_record


def read_trace(path: Path) -> list[Json]:
    """All records of a trace file, those of older versions as of today. A last line that was cut off (the process
    died) is left out.

    Raises TraceError, with the line's number, for anything else that is no record; OSError if the file cannot be read.
    """
    return read_lines(path.read_text(encoding="utf-8", errors="replace"), path.name)


def read_lines(text: str, name: str) -> list[Json]:
    """All records of the text of a trace file, see `read_trace`. `name`: what errors call it."""
    # Not `splitlines`: a transcript may contain what Unicode calls the end of a line.
    lines = text.split("\n")
    records: list[Json] = []
    for number, line in enumerate(lines, 1):
        try:
            records.append(_read_line(line))
        except TraceError as error:
            if number == len(lines) > 1:
                break
            raise TraceError(f"{name}, line {number}: {error}") from None
    return upgraded(records)


def _read_line(line: str) -> Json:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise TraceError(f"not JSON ({error})") from None
    check_record(record)
    return dict(record)
