"""A limit for how often each client may do something. Pure: `now` is in seconds and never decreases."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict

# Clients that are remembered; of more the longest silent is forgotten.
CLIENTS = 10_000


# The bits of an IPv6 address that say whose network it is in: of the rest everybody there may have any.
NETWORK = 64


class RateLimit:
    """Each client may do something `rate` times a second, and `burst` times at once after a pause.

    A client is named by its address. All addresses of an IPv6 network of 64 bits are one client.
    """

    def __init__(self, rate: float, burst: int) -> None:
        self._rate, self._burst = rate, burst
        # What each client has left, and when that was.
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._left)

    def take(self, client: str, now: float) -> float:
        """Return 0 if `client` may do it now, and count it; otherwise the seconds after which it may."""
        client = _network(client)
        left, then = self._left.pop(client, (float(self._burst), now))
        left = min(float(self._burst), left + (now - then) * self._rate)
        wait = 0.0 if left >= 1.0 else (1.0 - left) / self._rate
        self._left[client] = (left if wait else left - 1.0, now)
        if len(self._left) > CLIENTS:
            self._left.popitem(last=False)
        return wait


def _network(client: str) -> str:
    """The network that a client is counted as: of an IPv4 address, and of what is none at all, itself."""
    try:
        address = ipaddress.IPv6Address(client.partition("%")[0])
    except ValueError:
        return client
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.IPv6Network((address, NETWORK), strict=False))
