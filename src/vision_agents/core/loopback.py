"""The addresses that only this machine can reach, and the hosts that requests name."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

PORTS = {"http": 80, "https": 443}
"""The ports of addresses that name none."""


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


def origin_of(address: str) -> str:
    """The origin that browsers send for a site's pages: small letters, and no port that goes without saying.

    Raises ValueError for what is no origin.
    """
    try:
        site = urlsplit(address)
        port = site.port
    except ValueError:
        site, port = urlsplit(""), None
    host = site.hostname
    if not site.scheme or not host or "@" in site.netloc or address.lower() != f"{site.scheme}://{site.netloc.lower()}":
        raise ValueError(f"{address!r} is no origin: write it as browsers do, https://shop.example:8443")
    name = f"[{host}]" if ":" in host else host
    return f"{site.scheme}://{name}" + ("" if port in (None, PORTS.get(site.scheme)) else f":{port}")


def name_of(netloc: str) -> str:
    """The host of a request's `Host`, without its port; "" for what names none."""
    try:
        return urlsplit(f"//{netloc}").hostname or ""
    except ValueError:
        return ""
