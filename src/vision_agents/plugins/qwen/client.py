"""The key, and the service's errors in words that say what to do."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import dashscope
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from vision_agents.core.redaction import keep_secret, redact
from vision_agents.core.remote import MissingKeyError, RemoteError, unreached

KEY = "DASHSCOPE_API_KEY"

# What connecting and talking may raise beside QwenError.
ERRORS = (WebSocketException, OSError, EOFError, ValueError, TimeoutError)

# What the service says when it refuses something -> what it is, and what to do. The first that fits counts.
_REASONS = (
    (("ratequota", "rate limit", "too many requests"), "rate_limit", "Slow down, or ask for a higher limit."),
    (("apikey", "api key", "api-key", "unauthorized"), "invalid_api_key", f"Check {KEY}: keys differ by region."),
    (("arrearage", "quota", "good standing", "billing"), "quota", "Check the account's balance and quota."),
    (("modelnotfound", "model not found", "model does not exist"), "model", "Check the model's name and the region."),
    (("accessdenied", "access denied"), "permission", "Check what the key's workspace is allowed to use."),
)
_STATUSES = {401: "invalid_api_key", 403: "permission", 404: "model", 429: "rate_limit"}
_ADVICE = {code: advice for _, code, advice in _REASONS}

# Trying again cannot help.
_HOPELESS = frozenset({"invalid_api_key", "quota", "model", "permission"})


class QwenError(RemoteError):
    """The service refused something, or a connection to it broke. The message says why, and what to do next.

    `code`: "invalid_api_key", "quota", "model", "permission", "rate_limit", or the service's own, or None.
    """

    final = _HOPELESS


def find_key(api_key: str | None) -> str:
    """The key: as given, or from the environment, or as the SDK was told. Raises MissingKeyError if there is none."""
    key = api_key or os.environ.get(KEY) or dashscope.api_key
    if not key:
        raise MissingKeyError("Qwen", "api_key", KEY)
    keep_secret(str(key))
    return str(key)


def explained(error: BaseException, where: str) -> QwenError:
    """`error`, one of `ERRORS`, as one that says what happened at `where`, and what to do."""
    if isinstance(error, QwenError):
        return error
    status = error.response.status_code if isinstance(error, InvalidStatus) else None
    said = _error(_text(error), where, _STATUSES.get(status or 0))
    said.__cause__ = redact(error)
    return said


def refused(error: Mapping[str, Any], where: str) -> QwenError:
    """The body of an `error` event, or of a response that failed, likewise."""
    code = str(error.get("code") or error.get("type") or "")
    text = str(error.get("message") or "no reason given")
    return _error(f"{text} ({code})" if code else text, where, code or None)


def _error(text: str, where: str, code: str | None) -> QwenError:
    small = text.lower()
    known = next((name for needles, name, _ in _REASONS if any(needle in small for needle in needles)), code)
    parts = (f"{where}: {text}", _ADVICE.get(known or "", ""))
    return QwenError(" ".join(part for part in parts if part), known)


def _text(error: BaseException) -> str:
    if isinstance(error, InvalidStatus):
        body = (error.response.body or b"").decode(errors="replace")[:300]
        return f"the connection was refused with HTTP {error.response.status_code}. {body}".strip()
    if isinstance(error, ConnectionClosed):
        if error.rcvd is None:
            return "the connection broke without a word."
        return f"the connection was closed ({error.rcvd.code}): {error.rcvd.reason or 'without a word'}."
    if isinstance(error, TimeoutError):
        return "no answer in time."
    if isinstance(error, OSError):
        return unreached(error)
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
