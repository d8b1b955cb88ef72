"""Tokens that nobody can guess."""

from __future__ import annotations

import secrets


def new_token() -> str:
    """A token of 128 bits, fit for a URL."""
    return secrets.token_urlsafe(16)
