"""Chooses the host that a start is offered to. Called by Serve, in the process of the front.

Serve's interface for this is alpha: `ray.serve.request_router` (`RequestRouter.choose_replicas`,
`LocalityMixin.apply_locality_routing`, `FIFOMixin`, `PendingRequest.args`, `RunningReplica.replica_id`), and
`RequestRouterConfig`. So `app` takes this module only with a Ray it was tried with; with others Serve chooses itself.
"""

from __future__ import annotations

import random

from ray.serve.request_router import FIFOMixin, LocalityMixin, PendingRequest, RequestRouter, RunningReplica


class Router(FIFOMixin, LocalityMixin, RequestRouter):
    """The less busy of two hosts, as Serve itself has it, but among those that the registry names.

    Serve goes by what hosts said of themselves up to ten seconds ago: one that hangs has it offer start after start.
    """

    async def choose_replicas(
        self, candidate_replicas: list[RunningReplica], pending_request: PendingRequest | None = None
    ) -> list[list[RunningReplica]]:
        """Return two hosts of those that `Host.run_call` is to be offered to; where none of them is there, of all.

        Near ones come first, but not before those that are heard of.
        """
        takers = frozenset() if pending_request is None else pending_request.args[1]
        there = [each for each in candidate_replicas if each.replica_id.unique_id in takers] or candidate_replicas
        near = self.apply_locality_routing(pending_request)
        chosen = [each for each in there if each.replica_id in near] or there
        return [random.sample(chosen, min(2, len(chosen)))]
