"""Decides how many hosts there should be, by how much of each is used. Called by Serve's controller."""

from __future__ import annotations

import math
from typing import Any

from ray.serve.config import AutoscalingContext

# The share of the hosts that is to be used: calls come faster than hosts do.
TARGET = 0.7


def by_share(context: AutoscalingContext) -> tuple[int, dict[str, Any]]:
    """Return as many hosts as have `TARGET` of themselves used by the calls of now."""
    shares = (context.aggregated_metrics or {}).get("share", {})
    wanted = math.ceil(sum(shares.values()) / TARGET) if shares else context.target_num_replicas
    least, most = context.capacity_adjusted_min_replicas, context.capacity_adjusted_max_replicas
    return min(max(wanted, least), most), {}
