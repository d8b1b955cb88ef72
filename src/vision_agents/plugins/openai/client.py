"""The official client, and its errors in words that say what to do."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

import openai
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from vision_agents.core.redaction import keep_secret, redact
from vision_agents.core.remote import UNREACHED, MissingKeyError, RemoteError, unreached
from vision_agents.core.settings import check_number

# What a request to OpenAI may raise beside the SDK's own errors: the network's, and unreadable answers.
ERRORS = (openai.OpenAIError, WebSocketException, OSError, EOFError, ValueError, TimeoutError)

# Seconds without a sign of life from the service. The SDK's own ten minutes are no conversation.
TIMEOUT = 30.0

_WHAT_TO_DO = {
    "invalid_api_key": "Check the key in OPENAI_API_KEY.",
    "insufficient_quota": "The account has no credit left: check its plan and billing.",
    "rate_limit_exceeded": "Too many requests: slow down, or ask for a higher limit.",
    "model_not_found": "Check the model's name, and whether the account may use it.",
    "context_length_exceeded": "The conversation has become too long for the model.",
}
_CODES = {401: "invalid_api_key", 403: "invalid_api_key", 404: "model_not_found", 429: "rate_limit_exceeded"}


class OpenAIError(RemoteError):
    """A request to OpenAI, or to a server like it, failed. The message says why, and what to do next.

    `code` is the service's own ("insufficient_quota", …), None where it gave none. The SDK's error is the `__cause__`.
    """

    final = frozenset({"invalid_api_key", "model_not_found", "insufficient_quota"})


def make_client(
    api_key: str | None,
    base_url: str | None,
    organization: str | None,
    project: str | None,
    timeout: float,
    max_retries: int,
) -> openai.AsyncOpenAI:
    """The SDK's client. What is None is taken from OPENAI_API_KEY, OPENAI_BASE_URL, OPENAI_ORG_ID, OPENAI_PROJECT_ID.

    Without a `base_url` there must be a key. Raises MissingKeyError if there is none, ValueError or
    TypeError for numbers that cannot be.
    """
    check_number("timeout", timeout, above=0.0)
    check_number("max_retries", max_retries, 0, whole=True)
    key = api_key or os.environ.get("OPENAI_API_KEY")
    if not key:
        if not (base_url or os.environ.get("OPENAI_BASE_URL")):
            raise MissingKeyError("OpenAI", "api_key", "OPENAI_API_KEY")
        key = "none"  # A server of one's own usually wants none, but the SDK does.
    keep_secret(key)
    return openai.AsyncOpenAI(
        api_key=key,
        base_url=base_url,
        organization=organization,
        project=project,
        timeout=openai.Timeout(timeout, connect=min(5.0, timeout)),
        max_retries=max_retries,
    )


def explained(error: BaseException, where: str) -> OpenAIError:
    """`error`, one of `ERRORS`, as one that says what happened at `where`, and what to do."""
    if isinstance(error, OpenAIError):
        return error
    said = failure(where, _text(error), _code(error))
    said.__cause__ = redact(error)
    return said


def failure(where: str, text: str, code: str | None) -> OpenAIError:
    """Explain an error at `where`, with what to do about it where that is known."""
    advice = _WHAT_TO_DO.get(code or "", "")
    return OpenAIError(" ".join(part for part in (f"{where}: {text}", advice) if part), code)


def refused(error: Any, where: str) -> OpenAIError:
    """Returns an `error` that the service sends in an event, which may be None, as one that says what to do."""
    if error is None:
        return OpenAIError(f"{where}, and the service does not say why.")
    code = error.code or error.type
    return failure(where, str(error.message or code), code)


def _code(error: BaseException) -> str | None:
    if isinstance(error, openai.APIError) and error.code:
        return str(error.code)
    status = getattr(error, "status_code", None)
    if isinstance(error, InvalidStatus):
        status = error.response.status_code
    return _CODES.get(status) if status else None


def _text(error: BaseException) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"an answer cannot be read ({error})."
    if isinstance(error, InvalidStatus):
        page = (error.response.body or b"").decode(errors="replace")[:300]
        return f"the connection was refused with HTTP {error.response.status_code}. {page}".strip()
    if isinstance(error, ConnectionClosed):
        reason = f": {error.rcvd.reason or error.rcvd.code}" if error.rcvd else " without a word"
        return f"the connection was closed{reason}."
    if isinstance(error, openai.APITimeoutError | TimeoutError):
        return "no answer in time."
    cause = error.__cause__ if isinstance(error, openai.APIConnectionError) else None
    if cause is not None:
        return f"the connection failed ({type(cause).__name__}: {cause}). {UNREACHED}"
    if isinstance(error, OSError):
        return unreached(error)
    body = error.body if isinstance(error, openai.APIError) else None
    told = body.get("message") if isinstance(body, Mapping) else None
    return str(told or error) or type(error).__name__
