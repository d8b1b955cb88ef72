"""Keeps keys out of logs, errors and traces.

SDKs, and the websockets and HTTP clients below them, log requests with their headers and addresses, and errors repeat
what a service answered. No level of any logger can be trusted with that. So a part says what its secrets are, and from
then on every log record of the process is made without them, whoever logs it and whoever handles it, its traceback
included.
"""

from __future__ import annotations

import io
import logging
import re
import traceback
from collections import OrderedDict
from collections.abc import Iterable
from contextlib import suppress
from threading import Lock
from typing import Any, TypeVar
from urllib.parse import quote

E = TypeVar("E", bound=BaseException)

HIDDEN = "[hidden]"

# Secrets that are kept in mind; with more the oldest is forgotten. A process has a few, or one for each caller.
LIMIT = 1000

# What is shorter is no secret, such as the "none" that a server of one's own gets for a key.
LEAST = 6

# Tokens that are made of a secret, for one user or one call, have these forms wherever they come from: JSON Web Tokens,
# and those of `serving.tokens`.
_TOKEN = r"eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}|v1\.eyJ[\w-]{8,}\.[\w-]{8,}"

_secrets: OrderedDict[str, None] = OrderedDict()
_pattern = re.compile(_TOKEN)
_lock = Lock()


def keep_secret(*secrets: str | None) -> None:
    """Keep these out of everything that is logged or reported by this process. What is None is none.

    A key that was read from a file may come with the end of its line, which errors spell in their own way: each line
    counts by itself.
    """
    global _pattern
    with _lock:
        for secret in (line.strip() for given in secrets if given is not None for line in given.splitlines()):
            if len(secret) >= LEAST:
                _secrets[secret] = None
                _secrets.move_to_end(secret)
        while len(_secrets) > LIMIT:
            _secrets.popitem(last=False)
        _pattern = re.compile("|".join([*map(re.escape, _spellings(_secrets)), _TOKEN]))
        _install()


def redacted(text: str) -> str:
    """Returns `text` without secrets."""
    return _pattern.sub(HIDDEN, text)


def redact(error: E) -> E:
    """Take secrets out of an error of somebody else, and of those that caused it: what a service answered may be in
    its arguments and attributes. Returns it."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        waiting += [one.__cause__, one.__context__, *getattr(one, "exceptions", ())]
        one.args = tuple(_clean(value) for value in one.args)
        for name, value in list(vars(one).items()):
            if (clean := _clean(value)) != value:
                with suppress(Exception):
                    setattr(one, name, clean)
    return error


def _clean(value: Any, depth: int = 4) -> Any:
    """A text, or what is made of texts, without secrets; anything else as it is."""
    if isinstance(value, str):
        return redacted(value)
    if depth and type(value) in (list, tuple):
        return type(value)(_clean(each, depth - 1) for each in value)
    if depth and type(value) is dict:
        return {key: _clean(each, depth - 1) for key, each in value.items()}
    return value


def _spellings(secrets: Iterable[str]) -> list[str]:
    """The secrets as they may stand in a text, longest first: as they are, and as a part of an address."""
    spelled = {each for secret in secrets for each in (secret, quote(secret, safe=""))}
    return sorted(spelled, key=len, reverse=True)


class _CleanRecords:
    """Makes the log records of the process as before, without secrets."""

    def __init__(self, before: Any) -> None:
        self._before = before

    def __call__(self, *args: Any, **kwargs: Any) -> logging.LogRecord:
        record: logging.LogRecord = self._before(*args, **kwargs)
        try:
            text = record.getMessage()
        except Exception:
            return record  # Its handler says what is wrong with it.
        if (clean := redacted(text)) != text:
            record.msg, record.args = clean, ()
        if record.exc_info and record.exc_info[1] is not None:
            text = _traceback(record.exc_info[1])
            if (clean := redacted(text)) != text:
                # The exception itself would be written once more.
                record.exc_info, record.exc_text = None, clean
        return record


def _traceback(error: BaseException) -> str:
    written = io.StringIO()
    traceback.print_exception(error, file=written)
    return written.getvalue().rstrip("\n")


def _install() -> None:
    made_by = logging.getLogRecordFactory()
    if not isinstance(made_by, _CleanRecords):
        logging.setLogRecordFactory(_CleanRecords(made_by))
