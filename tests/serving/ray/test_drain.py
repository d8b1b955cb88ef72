"""The end of a release in a registry without Ray: what is taken until the next one comes, and who ends what."""

from __future__ import annotations

import pytest

pytest.importorskip("ray")

from .fleet_kit import FIRST, SECOND, Fleet, reserved

pytestmark = pytest.mark.virtual_time


async def test_a_drained_cluster_takes_nothing_until_the_next_release(fleet: Fleet) -> None:
    await fleet.add("a")
    await fleet.start("s1", "a")
    assert await fleet.registry.drain(FIRST) == 1
    assert await reserved(fleet, "s2") == "draining"
    assert (await fleet.registry.refusal() or ("",))[0] == "draining"
    assert await fleet.registry.drain(FIRST, "Goodbye.") == 1
    mail = await fleet.registry.poll("a", fleet.reports["a"])
    assert (mail.known, mail.farewell) == (True, "Goodbye.")
    await fleet.add("b", release=SECOND)
    assert await reserved(fleet, "s3") is None
    # It has the calls, and nobody else ends them.
    assert await fleet.registry.drain(FIRST, "") is None
    assert (await fleet.registry.poll("b", fleet.reports["b"])).farewell is None


async def test_a_release_that_is_on_its_way_keeps_the_one_before_from_ending_everything(fleet: Fleet) -> None:
    await fleet.add("a")
    await fleet.start("s1", "a")
    assert await fleet.registry.coming(SECOND) == 0
    # None of its hosts has reported: it takes over all the same, and calls are taken by those that there are.
    assert await fleet.registry.drain(FIRST) is None
    assert await reserved(fleet, "s2") is None
    # One that cannot come takes over nothing, and none that was before it either.
    await fleet.registry.failed(FIRST)
    assert await fleet.registry.drain(FIRST) is None
    await fleet.registry.failed(SECOND)
    assert await fleet.registry.drain(FIRST) == 2
    assert await reserved(fleet, "s3") == "draining"
    # What was drained before is served again as soon as a new release is on its way.
    await fleet.registry.coming(SECOND)
    assert await reserved(fleet, "s3") is None
    await fleet.add("b", release=SECOND)
    assert await fleet.registry.coming(SECOND) == 1
