"""The SDK's client, and its errors in words that say what to do."""

from __future__ import annotations

import os
from typing import Any

from google import genai
from google.genai import errors, types
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from vision_agents.core.redaction import keep_secret, redact
from vision_agents.core.remote import MissingKeyError, RemoteError, unreached

KEYS = ("GEMINI_API_KEY", "GOOGLE_API_KEY")

# With one of these the SDK talks to Google Cloud, with the machine's own credentials instead of a key.
_CLOUD = ("GOOGLE_GENAI_USE_ENTERPRISE", "GOOGLE_GENAI_USE_VERTEXAI")

# What connecting and talking may raise beside GeminiError: the SDK's own errors, the network's, unreadable messages.
ERRORS = (errors.APIError, WebSocketException, OSError, EOFError, ValueError, TimeoutError)

# The service answers pings late, up to half a minute, and closing must not wait for a server that has gone away.
_WEBSOCKET = {"ping_timeout": 60.0, "close_timeout": 1.0}

# What the service says when it refuses something -> what it is, and what to do. The first that fits counts: the close
# codes alone do not tell (a wrong key is a 1007, a used-up quota a 1011).
_REASONS = (
    (("api key", "api_key", "unauthenticated"), "invalid_api_key", f"Check the key in {' or '.join(KEYS)}."),
    (("quota", "billing", "resource_exhausted"), "quota", "Check the plan and billing of the project of your key."),
    (
        ("is not found for api version", "not supported for bidi"),
        "model",
        "Check the model's name: is it a Live model?",
    ),
    (("permission",), "permission", "Check what the key's project is allowed to use."),
)
_STATUSES = {401: "invalid_api_key", 403: "permission", 404: "model", 429: "quota"}
_ADVICE = {code: advice for _, code, advice in _REASONS}

# Trying again cannot help.
_HOPELESS = frozenset({"invalid_api_key", "quota", "model", "permission"})

# Something that was sent, or that the session was made of, is invalid: it must not be sent again.
INVALID = "invalid"
_INVALID_CLOSE = 1007


class GeminiError(RemoteError):
    """The Live API refused something, or a connection to it broke. The message says why, and what to do next.

    `code`: "invalid_api_key", "quota", "model", "permission", "invalid" or None. The SDK's error is the `__cause__`.
    """

    final = _HOPELESS


def make_client(api_key: str | None, http_options: types.HttpOptionsOrDict | None) -> genai.Client:
    """The SDK's client. Raises MissingKeyError if there is neither a key nor a wish to use Google Cloud."""
    if not (api_key or any(os.environ.get(name) for name in (*KEYS, *_CLOUD))):
        raise MissingKeyError("Gemini", "api_key", *KEYS)
    keep_secret(api_key, *(os.environ.get(name) for name in KEYS))
    options = types.HttpOptions.model_validate(http_options or {})
    arguments = {**_WEBSOCKET, **(options.async_client_args or {})}
    return genai.Client(api_key=api_key, http_options=options.model_copy(update={"async_client_args": arguments}))


def explained(error: BaseException, where: str) -> GeminiError:
    """`error`, one of `ERRORS`, as one that says what happened at `where`, and what to do."""
    if isinstance(error, GeminiError):
        return error
    text = _text(error)
    code = _code(error, text.lower())
    said = GeminiError(" ".join(part for part in (f"{where}: {text}", _ADVICE.get(code or "", "")) if part), code)
    said.__cause__ = redact(error)
    return said


def is_closed(error: BaseException) -> bool:
    """Return whether the SDK says by this error that the connection is closed, and not that a message is bad."""
    if isinstance(error, errors.APIError):
        return isinstance(error.code, int) and 1000 <= error.code < 5000
    return isinstance(error, ConnectionClosed | OSError | EOFError)


def _code(error: BaseException, text: str) -> str | None:
    for needles, code, _ in _REASONS:
        if any(needle in text for needle in needles):
            return code
    status: Any = None
    if isinstance(error, errors.APIError):
        status = error.code
    elif isinstance(error, InvalidStatus):
        status = error.response.status_code
    elif isinstance(error, ConnectionClosed) and error.rcvd is not None:
        status = error.rcvd.code
    return INVALID if status == _INVALID_CLOSE else _STATUSES.get(status)


def _text(error: BaseException) -> str:
    if isinstance(error, InvalidStatus):
        body = (error.response.body or b"").decode(errors="replace")[:300]
        return f"the connection was refused with HTTP {error.response.status_code}. {body}".strip()
    if isinstance(error, errors.APIError):
        if is_closed(error):
            return f"the connection was closed ({error.code}): {error.details or 'without a word'}."
        return f"{error.message or error.details}"
    if isinstance(error, ConnectionClosed) and error.rcvd is not None:
        return f"the connection was closed ({error.rcvd.code}): {error.rcvd.reason or 'without a word'}."
    if isinstance(error, TimeoutError):
        return "no answer in time."
    if isinstance(error, OSError):
        return unreached(error)
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
