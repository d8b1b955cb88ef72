"""Numbers the releases of a cluster, by a counter in Ray's own store: clocks of machines differ, and go back.

The store is that of the cluster's head, so the count outlives the registry and Serve's controller, and with Redis the
head, too. Where it is gone, so are the cluster and all releases before.

Serve builds one application after the other, and drops what it has been told to build until it was told something
else: so of two builds that it has taken the later one has the greater number, by whichever machine it was made.
"""

from __future__ import annotations

import secrets

import ray

from .book import Release
from .client import NAMESPACE, ClusterError

_PREFIX = "release-"

NO_STORE = (
    "Ray {version} keeps its store elsewhere than this version of vision_agents looks for it ({error}), so nobody can "
    "say which release is the latest: install the Ray that the extra `ray` names"
)


def new_release(hosts: int) -> Release:
    """A release that is later than all before in this cluster. `hosts`: as many as it has at least.

    Raises ClusterError if this Ray has no such store.
    """
    return Release(_next_number(), secrets.token_hex(8), hosts)


def _next_number() -> int:
    """A number above all that were given; outside of a cluster, where nothing is released, 0."""
    try:
        # Not public, but what Serve itself keeps its state in. Deferred: everything else goes on without.
        from ray.experimental.internal_kv import _internal_kv_initialized, _internal_kv_list, _internal_kv_put
    except ImportError as error:
        raise ClusterError(NO_STORE.format(version=ray.__version__, error=error)) from error
    if not _internal_kv_initialized():  # type: ignore[no-untyped-call]
        return 0
    given = _internal_kv_list(_PREFIX, namespace=NAMESPACE)
    number = 1 + max((int(key.decode().removeprefix(_PREFIX)) for key in given), default=0)
    # No key is ever taken away: whoever has not seen one that another has just put finds it here.
    while _internal_kv_put(f"{_PREFIX}{number}", b"given", overwrite=False, namespace=NAMESPACE):
        number += 1
    return number
