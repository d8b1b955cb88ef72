"""Credentials, endpoints and error mapping."""

from __future__ import annotations

import os
import re
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import getstream_rtc

from vision_agents.core.redaction import keep_secret, redacted
from vision_agents.core.remote import MissingKeyError

if TYPE_CHECKING:
    from getstream import AsyncStream

KEY = "STREAM_API_KEY"
SECRET = "STREAM_API_SECRET"
BASE_URL = "STREAM_BASE_URL"

# Production, where the websocket has a host of its own, which the SDK knows.
DEFAULT_BASE_URL = "https://chat.stream-io-api.com/"
DEFAULT_CALL_TYPE = "default"

_NAME = re.compile(r"[\w-]{1,64}", re.ASCII)

# What to do about an error of Stream's API, by its number (https://getstream.io/chat/docs/python/api_errors_response/).
_ADVICE = {
    2: f"check {KEY}",
    5: f"check {SECRET}: it must belong to the key in {KEY}",
    9: "too many requests: wait, or ask Stream for a higher limit",
    16: "there is no such call, or no such call type: check what is given to agent.join",
    17: "the agent's user has no right to do this: check the roles and grants of the call type",
    40: "the token has expired: make a new one",
    43: f"check {SECRET}: it must belong to the key in {KEY}",
    60: "the call type lets nobody join now: see its settings",
}


class StreamError(Exception):
    """Stream refuses something, or cannot be reached, or the connection broke. The message says what to do."""

    def __init__(self, message: str) -> None:
        super().__init__(redacted(message))


@dataclass(frozen=True, slots=True)
class Account:
    """Credentials for Stream: either `api_secret`, which stands for the whole application, or a user's `token`."""

    api_key: str
    api_secret: str | None = field(repr=False)
    token: str | None = field(repr=False)
    base_url: str

    def client(self) -> AsyncStream:
        """The SDK's client for the HTTP API. Close it with `aclose`."""
        from getstream import AsyncStream  # deferred: 1 s

        return AsyncStream(
            api_key=self.api_key, api_secret=self.api_secret, token=self.token, base_url=self.base_url.rstrip("/")
        )

    def call(self, call_type: str, call_id: str) -> getstream_rtc.Call:
        """The SDK's handle of a call, not joined."""
        client = getstream_rtc.Client(
            self.api_key,
            self.api_secret,
            token=self.token,
            base_url=self.base_url,
            ws_url=_websocket_url(self.base_url),
        )
        return client.call(call_type, call_id)


def make_account(api_key: str | None, api_secret: str | None, token: str | None, base_url: str | None) -> Account:
    """An account from what was given, and for the rest the environment. Raises ValueError if something is missing."""
    if api_secret and token:
        raise ValueError("pass either api_secret or token, not both")
    key = api_key or os.environ.get(KEY)
    if not key:
        raise MissingKeyError("Stream", "api_key", KEY)
    secret = None if token else api_secret or os.environ.get(SECRET)
    if not secret and not token:
        raise MissingKeyError("Stream", "api_secret", SECRET)
    url = base_url or os.environ.get(BASE_URL) or DEFAULT_BASE_URL
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
        raise ValueError(f"{url!r} is no http address: check {BASE_URL} or base_url")
    keep_secret(secret, token)
    return Account(key, secret, token, url)


def name_of(call: Any) -> tuple[str, str]:
    """The type and the id of what was given to `agent.join`: see `Edge.join`."""
    if call is None:
        return DEFAULT_CALL_TYPE, str(uuid.uuid4())
    call_type, call_id = getattr(call, "call_type", None), getattr(call, "id", None)
    if isinstance(call, str):
        call_type, call_id = call.split(":", 1) if ":" in call else (DEFAULT_CALL_TYPE, call)
    if not isinstance(call_type, str) or not isinstance(call_id, str):
        raise TypeError(f'a call is a call of the Stream SDK, "type:id", "id" or None, not {type(call).__name__}')
    if not _NAME.fullmatch(call_type) or not _NAME.fullmatch(call_id):
        raise ValueError(f'"{call_type}:{call_id}" names no call: both are up to 64 letters, digits, - and _')
    return call_type, call_id


def explained(error: BaseException, doing: str) -> StreamError:
    """Explain `error`, met while `doing` something."""
    if isinstance(error, StreamError):
        return error
    code = getattr(error, "code", None)
    message = getattr(error, "message", None) or str(error) or type(error).__name__
    if isinstance(error, getstream_rtc.PermissionDeniedError):
        advice = f"the agent's user needs the capability {error.capability}: check the grants of the call type"
    elif isinstance(error, TimeoutError):
        message, advice = "no answer in time", f"check the network and, if it is set, {BASE_URL}"
    elif isinstance(error, getstream_rtc.CoordinatorError):
        advice = f"check {KEY} and {SECRET}"
    elif isinstance(code, int):
        advice = _ADVICE.get(code, "see https://getstream.io/chat/docs/python/api_errors_response/")
        message = f"{message} (code {code})"
    else:
        advice = f"check the network and, if it is set, {BASE_URL}"
    return StreamError(f"{doing}: {message} - {advice}")


def _websocket_url(base_url: str) -> str | None:
    """The websocket address of `base_url`; None for production. The SDK would go to production by default."""
    parts = urlsplit(base_url)
    if parts.netloc == urlsplit(DEFAULT_BASE_URL).netloc:
        return None
    return f"{'wss' if parts.scheme == 'https' else 'ws'}://{parts.netloc}/api/v2/connect"
