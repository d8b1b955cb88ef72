"""The part of its node that a host may use, by what Ray gave it."""

from __future__ import annotations

import ray

from ..node import Part
from ..usage import processors


def part_of_node() -> Part | None:
    """The part of its node that Ray gave this process; None if it gave it no processors, but whatever there is."""
    context = ray.get_runtime_context()
    given = context.get_assigned_resources().get("CPU", 0.0)  # type: ignore[no-untyped-call]
    if not given:
        return None
    here = context.get_node_id()
    nodes = ray.nodes()  # type: ignore[no-untyped-call]
    all_of_it = next((node["Resources"].get("CPU", 0.0) for node in nodes if node["NodeID"] == here), given)
    # Ray may have been told that there are more than there are.
    return Part(given * min(1.0, processors() / max(given, all_of_it)))
