"""The addresses that only this machine can reach, and the hosts that requests name."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit


def is_loopback(host: str) -> bool:
    """Return whether nobody but this machine can reach what is served at `host`, a name or an address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def netloc_of(address: str) -> str:
    """The host and port of an address, as of a request's `Origin`; "" for what is no address."""
    try:
        return urlsplit(address).netloc
    except ValueError:
        return ""


def name_of(netloc: str) -> str:
    """The host of a request's `Host`, without its port; "" for what names none."""
    try:
        return urlsplit(f"//{netloc}").hostname or ""
    except ValueError:
        return ""
