"""The SDK's client, and its errors in words that say what to do.

The SDK takes a second to import, and exists for Python 3.12 and newer only: it is imported when a session is opened.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import re
import sys
from dataclasses import dataclass, field
from typing import Any

from vision_agents.core.redaction import keep_secret, redact
from vision_agents.core.remote import RemoteError

SERVICE_NAME = "Bedrock"

# Seconds that finding credentials may take: beyond the environment and the files there are services to ask.
CREDENTIALS_TIMEOUT = 10.0

KEYS = "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"

_ADVICE = {
    "credentials": f"Check {KEYS} (and AWS_SESSION_TOKEN, which expires).",
    "access": "Check that the account may use the model: its IAM policy, and model access in the Bedrock console.",
    "quota": "Check the quotas of Bedrock in the account's Service Quotas.",
    "throttled": "Too many requests or streams at once: slow down, or ask for a higher quota.",
    "model": "Check the model's name, and whether the region has it.",
}

# What the service says -> what it is. The first that fits counts.
_REASONS = (
    ("unrecognizedclient", "credentials"),
    ("security token", "credentials"),
    ("expiredtoken", "credentials"),
    ("invalidsignature", "credentials"),
    ("missingauthentication", "credentials"),
    ("signature", "credentials"),
    ("accessdenied", "access"),
    ("servicequotaexceeded", "quota"),
    ("throttling", "throttled"),
    ("resourcenotfound", "model"),
    ("model identifier", "model"),
    ("validationexception", "invalid"),
    ("modeltimeout", "timeout"),
)

# How the SDK speaks of errors that it does not know; it keeps nothing else of them.
_UNMODELLED = re.compile(r"status: (\d+) - id: [\w.]*#(\w+)")

# Trying again cannot help until somebody does something about it.
_HOPELESS = frozenset({"credentials", "access", "quota", "model"})


# How the transport's names begin of what befalls a connection.
_BROKE = ("AWS_IO_", "AWS_ERROR_HTTP_")


class AWSError(RemoteError):
    """Bedrock refused something, or a connection to it broke. The message says why, and what to do next.

    `code`: "credentials", "access", "quota", "throttled", "model", "invalid", "timeout" or None. The SDK's error is the
    `__cause__`.
    """

    final = _HOPELESS

    @property
    def is_loss(self) -> bool:
        # What befell a connection the SDK's transport names, what was refused the service.
        return super().is_loss or (self.code is None and any(name in str(self) for name in _BROKE))


def require_python() -> None:
    """Raises RuntimeError where there is no SDK for this Python."""
    if sys.version_info < (3, 12):
        found = ".".join(map(str, sys.version_info[:3]))
        raise RuntimeError(f"aws.Realtime needs Python 3.12 or newer, as its SDK does; this is Python {found}")


@dataclass(frozen=True, slots=True)
class Account:
    """Credentials and region. What is None the SDK finds: in the environment, the AWS files, the machine's role."""

    region: str | None = None
    aws_access_key_id: str | None = None
    aws_secret_access_key: str | None = field(default=None, repr=False)
    aws_session_token: str | None = field(default=None, repr=False)
    profile: str | None = None
    endpoint_uri: str | None = None

    async def resolve(self) -> Any:
        """The SDK's configuration, for `make_client`. Raises AWSError if the region or the credentials are missing."""
        secrets = ("aws_secret_access_key", "aws_session_token")
        keep_secret(*(getattr(self, name) or os.environ.get(name.upper()) for name in secrets))
        config = await load("aws_sdk_bedrock_runtime.config")
        crt = await load("smithy_http.aio.crt")
        names = ("region", "aws_access_key_id", "aws_secret_access_key", "aws_session_token", "endpoint_uri")
        given = {name: value for name in names if (value := getattr(self, name)) is not None}
        try:
            resolved = await config.AsyncBedrockRuntimeConfig.resolve(
                profile=self.profile,
                # Trying again is the link's affair: it knows what the conversation has become.
                max_attempts=1,
                # The only transport of the SDK that sends while it receives.
                transport=crt.AWSCRTHTTPClient(),
                **given,
            )
        except Exception as error:
            if "'region'" in str(error):
                raise AWSError(
                    f"{SERVICE_NAME}: there is no region. Set the variable AWS_REGION, or pass region=…"
                ) from error
            raise explained(error, f"{SERVICE_NAME}, in the configuration") from error
        if resolved.aws_credentials_identity_resolver is None:
            await self._check_credentials(resolved)
        return resolved

    async def _check_credentials(self, resolved: Any) -> None:
        # Without any the SDK never comes back from opening a stream.
        chain = await load("smithy_aws_core.identity.chain")
        components = await load("smithy_aws_core.identity.components")
        try:
            async with asyncio.timeout(CREDENTIALS_TIMEOUT):
                found = await chain.IdentityChain.create(
                    components.AWSCredentialsIdentity,
                    profile_name=self.profile,
                    region_override=resolved.region,
                    http_client=resolved.transport,
                )
                identity = await found.get_identity(properties={})
                keep_secret(identity.secret_access_key, identity.session_token)
        except Exception as error:
            raise AWSError(
                f"{SERVICE_NAME}: there are no AWS credentials. Set the variables {KEYS}, or AWS_PROFILE, "
                "or pass aws_access_key_id=… and aws_secret_access_key=…",
                "credentials",
            ) from error


# Whole modules only: in `sys.modules` one stands as soon as another thread begins to import it.
_loaded: dict[str, Any] = {}


async def load(name: str) -> Any:
    """A module of the SDK. Importing it takes long, and must not hold up the conversation of others."""
    if name not in _loaded:
        _loaded[name] = await asyncio.to_thread(importlib.import_module, name)
    return _loaded[name]


def explained(error: BaseException, where: str) -> AWSError:
    """`error` as one that says what happened at `where`, and what to do."""
    if isinstance(error, AWSError):
        return error
    name = type(error).__name__
    text = "no answer in time" if isinstance(error, TimeoutError) else str(getattr(error, "message", "") or error)
    unmodelled = _UNMODELLED.search(text)
    if unmodelled is not None:
        text = f"HTTP {unmodelled[1]}, {unmodelled[2]}"
    clue = f"{name} {text}".lower()
    code = next((code for needle, code in _REASONS if needle in clue), None)
    plain = unmodelled is not None or name in text or name in ("SmithyError", "TimeoutError", "CallError")
    said = f"{where}: {text.strip() or name}" if plain else f"{where}: {name}: {text.strip()}".rstrip(": ")
    explanation = AWSError(
        " ".join(part for part in (f"{said.rstrip('.')}.", _ADVICE.get(code or "", "")) if part), code
    )
    explanation.__cause__ = redact(error)
    return explanation
