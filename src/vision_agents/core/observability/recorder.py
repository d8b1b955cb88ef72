"""Keeps the trace of a call in a file, record by record, so that nothing is lost if the process is."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

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
