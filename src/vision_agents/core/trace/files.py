"""Traces in files: one record a line, each written before the call goes on."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from .codec import Json, TraceError
from .records import check_record

logger = logging.getLogger(__name__)


class TraceWriter:
    """An observer of a trace: each record becomes a line of JSON and is with the system before the call returns.

    It never raises: a disk that fails costs the rest of the trace and not the call; `error` then says why.
    Raises OSError when made, if the file cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.error: Exception | None = None
        # Half a character of a model's text (a lone surrogate) is written as a question mark, and ends nothing.
        self._file = path.open("w", encoding="utf-8", errors="replace", buffering=1)

    def __call__(self, record: Mapping[str, Any]) -> None:
        """Write one record. What JSON does not know is written as its text."""
        if self.error is not None or self._file.closed:
            return
        try:
            self._file.write(json.dumps(record, ensure_ascii=False, default=str) + "\n")
        except (OSError, ValueError, TypeError) as error:
            self._fail(error)

    def close(self) -> None:
        """Close the file. May be called again; later records are ignored."""
        try:
            self._file.close()
        except OSError as error:
            self._fail(error)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _fail(self, error: Exception) -> None:
        if self.error is None:
            self.error = error
            logger.error("the trace is no longer written to %s: %s", self.path, error)


def read_trace(path: Path) -> list[Json]:
    """All records of a trace file. A last line that was cut off (the process died) is left out.

    Raises TraceError, with the line's number, for anything else that is no record; OSError if the file cannot be read.
    """
    # Not `splitlines`: a transcript may contain what Unicode calls the end of a line.
    lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    records: list[Json] = []
    for number, line in enumerate(lines, 1):
        try:
            records.append(_read_line(line))
        except TraceError as error:
            if number == len(lines) > 1:
                break
            raise TraceError(f"{path.name}, line {number}: {error}") from None
    return records


def _read_line(line: str) -> Json:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise TraceError(f"not JSON ({error})") from None
    check_record(record)
    return dict(record)
