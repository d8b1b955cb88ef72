"""Tokens: who may start, see and end the sessions of a call, and until when.

A token is `v1.<facts>.<signature>`: the facts are JSON in base64url, the signature is an HMAC-SHA256 over the rest by a
secret that only servers and those who make tokens have. Nothing is stored; what is signed is what counts.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass

SECRET = "VISION_AGENTS_SECRET"
"""The environment variable that has the secret."""

SHORTEST_SECRET = 16
"""Characters that a secret has at least."""

RIGHTS = ("start", "view", "close", "metrics")

NAME = r"[\w:@+-][\w.:@+-]{0,127}"
"""The form of names in paths. They begin with no dot: clients leave `.` and `..` out of a path before they send it."""

ANY_CALL = "*"

LIFETIME = 3600.0
"""Seconds for which a token is good by default."""

# More than any token of ours has; whoever sends more is not heard out.
_LONGEST = 1024
_VERSION = "v1"


class TokenError(Exception):
    """A token that is not good for what is asked. `status`: 401 if it says nothing, 403 if it says something else."""

    def __init__(self, text: str, status: int = 401) -> None:
        super().__init__(text)
        self.status = status


@dataclass(frozen=True, slots=True)
class Grant:
    """The content of a token."""

    call: str
    """The id of the call, or `ANY_CALL`."""
    rights: frozenset[str]
    expires: float
    """Unix time in seconds."""
    subject: str = ""
    """A name for logs, of whoever the token was made for."""


def secret_from_environment() -> str | None:
    """The environment's secret, if there is one. Raises ValueError if it is too short to be one."""
    return checked_secret(os.environ.get(SECRET, ""), f"{SECRET} has")


def checked_secret(secret: str, where: str = "the secret has") -> str | None:
    """A secret, or None for an empty one. Raises ValueError, which begins with `where`, if it is too short."""
    if 0 < len(secret) < SHORTEST_SECRET:
        raise ValueError(
            f"{where} {len(secret)} characters; take {SHORTEST_SECRET} or more, as `openssl rand -hex 32` makes"
        )
    return secret or None


def make_token(
    secret: str,
    call: str,
    *,
    rights: Iterable[str] = RIGHTS,
    lifetime: float = LIFETIME,
    subject: str = "",
    now: float | None = None,
) -> str:
    """Sign a token for the sessions of `call` (`ANY_CALL` for those of all). Raises ValueError for an unknown right."""
    wanted = sorted(set(rights))
    if unknown := set(wanted) - set(RIGHTS):
        raise ValueError(f"there is no right {', '.join(sorted(unknown))}: the rights are {', '.join(RIGHTS)}")
    if not lifetime > 0:
        raise ValueError(f"a token is good for a number of seconds above 0, not {lifetime}")
    expires = (time.time() if now is None else now) + lifetime
    facts = {"call": call, "may": wanted, "exp": round(expires, 3), **({"sub": subject} if subject else {})}
    body = f"{_VERSION}.{_encode(json.dumps(facts, separators=(',', ':')).encode())}"
    return f"{body}.{_sign(secret, body)}"


def check_token(secret: str, token: str | None, call: str, right: str, now: float | None = None) -> Grant:
    """Return what the token says. Raises TokenError if that is not that its bearer has this right in this call."""
    if not token:
        raise TokenError("a token is needed: Authorization: Bearer …")
    grant = _read(secret, token)
    if grant.expires <= (time.time() if now is None else now):
        raise TokenError("the token has expired: make a new one")
    if grant.call not in (call, ANY_CALL):
        raise TokenError("the token is for another call", 403)
    if right not in grant.rights:
        raise TokenError(f"the token gives no right to {right}", 403)
    return grant


def _read(secret: str, token: str) -> Grant:
    wrong = TokenError("the token is none of this server's")
    body, _, signature = token.rpartition(".")
    # The signature first, and compared in a time that tells nothing of how much was right.
    if len(token) > _LONGEST or not hmac.compare_digest(signature.encode(), _sign(secret, body).encode()):
        raise wrong
    version, _, encoded = body.partition(".")
    if version != _VERSION:
        raise wrong
    try:
        facts = json.loads(_decode(encoded))
        return Grant(str(facts["call"]), frozenset(facts["may"]), float(facts["exp"]), str(facts.get("sub", "")))
    except (ValueError, KeyError, TypeError, binascii.Error):
        raise wrong from None


def _sign(secret: str, body: str) -> str:
    return _encode(hmac.new(secret.encode(), body.encode(), hashlib.sha256).digest())


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
