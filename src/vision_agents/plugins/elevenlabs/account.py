"""The SDK's client, and what ElevenLabs' errors mean."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from websockets.exceptions import ConnectionClosed, InvalidStatus

from vision_agents.core.redaction import keep_secret, redacted
from vision_agents.core.remote import MissingKeyError

if TYPE_CHECKING:
    from elevenlabs.client import AsyncElevenLabs

KEY = "ELEVENLABS_API_KEY"

# What to do about an HTTP status with which ElevenLabs refuses a connection, where trying again is of no use.
_STATUS_ADVICE = {
    400: "a parameter is not valid: check the model, the voice and the options",
    401: f"the API key is not valid: check {KEY}",
    402: "the account has no credit left, or its plan does not include this",
    403: f"the API key has no right to do this: check the permissions of the key in {KEY}",
    404: "there is no such voice or model for this account",
    422: "a parameter is not valid: check the model, the voice and the options",
}

# The same for the errors that it reports over an open connection, by their names.
_ADVICE = {
    "auth_error": f"check {KEY}",
    "invalid_api_key": f"check {KEY}",
    "missing_permissions": f"check the permissions of the key in {KEY}",
    "quota_exceeded": "add credit to the account, or use another key",
    "unaccepted_terms": "accept the terms of use in the account",
    "unaccepted_terms_error": "accept the terms of use in the account",
    "invalid_request": "check the parameters",
    "input_error": "check the parameters",
    "voice_not_found": "check voice_id",
    "voice_id_does_not_exist": "check voice_id",
    "model_not_found": "check model_id",
    "output_format_not_allowed": "choose another output_format, or another plan",
}


class ElevenLabsError(Exception):
    """ElevenLabs says that something went wrong. `kind`: its own name for it."""

    def __init__(self, kind: str, message: str) -> None:
        self.kind = kind
        self.advice = _ADVICE.get(kind)
        super().__init__(redacted(f"ElevenLabs reports {kind}: {message}{f' - {self.advice}' if self.advice else ''}"))


def make_client(client: AsyncElevenLabs | None, api_key: str | None, base_url: str | None) -> AsyncElevenLabs:
    """`client` as it is, or a new one. Raises MissingKeyError if there is no key."""
    if client is not None:
        if api_key is not None or base_url is not None:
            raise ValueError("pass either a client or what to make one from (api_key, base_url), not both")
        return client
    key = api_key or os.environ.get(KEY)
    if not key:
        raise MissingKeyError("ElevenLabs", "api_key", KEY)
    keep_secret(key)
    from elevenlabs.client import AsyncElevenLabs  # deferred: 0.9 s

    return AsyncElevenLabs(api_key=key, base_url=base_url)


def refusal(error: BaseException) -> str | None:
    """Advise on an error in opening a connection that trying again cannot mend; None for others."""
    if isinstance(error, ElevenLabsError):
        return str(error) if error.advice else None
    status = error.response.status_code if isinstance(error, InvalidStatus) else 0
    advice = _STATUS_ADVICE.get(status)
    return f"ElevenLabs refused the connection (HTTP {status}): {advice}" if advice else None


def closed_for(error: BaseException | None) -> ElevenLabsError | None:
    """The error that ElevenLabs means by closing a connection with a code and a reason, if it means one."""
    said = error.rcvd if isinstance(error, ConnectionClosed) else None
    if said is None or said.code != 1008:
        return None
    return ElevenLabsError("policy_violation", said.reason or "no reason given")


def cut(websocket: Any) -> None:
    """Cut a websocket's line without a goodbye."""
    transport = getattr(websocket, "transport", None)
    if transport is not None:
        transport.abort()
