"""The SDK's client, and what its errors mean."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from vision_agents.core.redaction import keep_secret
from vision_agents.core.remote import MissingKeyError

if TYPE_CHECKING:
    from deepgram import AsyncDeepgramClient, DeepgramClientEnvironment

KEY = "DEEPGRAM_API_KEY"

# What to do about an HTTP status with which Deepgram refuses a connection, where trying again is of no use.
_ADVICE = {
    400: "a parameter is not valid: check the model, the language and the options",
    401: f"the API key is not valid: check {KEY}",
    402: "the account has no credit left: add some, or use another key",
    403: f"the API key has no right to use this model: check the key in {KEY} and the project that it belongs to",
    404: "there is no such model for this account: check the model's name",
}


def make_client(
    client: AsyncDeepgramClient | None, api_key: str | None, environment: DeepgramClientEnvironment | None
) -> AsyncDeepgramClient:
    """`client` as it is, or a new one. Raises MissingKeyError if there is no key."""
    if client is not None:
        if api_key is not None or environment is not None:
            raise ValueError("pass either a client or what to make one from (api_key, environment), not both")
        return client
    key = api_key or os.environ.get(KEY)
    if not key:
        raise MissingKeyError("Deepgram", "api_key", KEY)
    keep_secret(key)
    from deepgram import AsyncDeepgramClient, DeepgramClientEnvironment  # deferred: 0.3 s

    return AsyncDeepgramClient(api_key=key, environment=environment or DeepgramClientEnvironment.PRODUCTION)


def refusal(error: BaseException) -> str | None:
    """Advise on an error in opening a connection that trying again cannot mend; None for others."""
    advice = _ADVICE.get(getattr(error, "status_code", None) or 0)
    if advice is None:
        return None
    return f"Deepgram refused the connection (HTTP {getattr(error, 'status_code', None)}): {advice}"


def cut(session: Any) -> None:
    """Cut the line of an SDK session without a goodbye. The SDK has no way to, so its websocket is asked."""
    transport = getattr(getattr(session, "_websocket", None), "transport", None)
    if transport is not None:
        transport.abort()


def query(**parameters: Any) -> dict[str, Any]:
    """Parameters as the SDK puts them into an address: those that are not None, truth as Deepgram spells it."""
    spelled = {True: "true", False: "false"}
    return {
        name: spelled[value] if isinstance(value, bool) else value
        for name, value in parameters.items()
        if value is not None
    }
