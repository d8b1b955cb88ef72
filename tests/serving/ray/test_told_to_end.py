"""A command that is told to end, with a registry in this process: what it deletes, and what it leaves to another."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

pytest.importorskip("ray")

from vision_agents.serving.ray import Fleet, cluster
from vision_agents.serving.ray.answers import Attempt, sent
from vision_agents.serving.ray.book import Release
from vision_agents.serving.ray.registry import DRAINING, LEARN, LEAVE, Registry

from ..kit import until
from .fleet_kit import FIRST, SECOND, asks, facts, report
from .test_host import Near

ALL = [signal.SIGTERM, signal.SIGINT, signal.SIGHUP]


class Away:
    """A registry that does not answer."""

    async def ask(self, *_: Any) -> Any:
        await asyncio.Event().wait()


async def told(monkeypatch: pytest.MonkeyPatch, registry: Any, *numbers: signal.Signals) -> tuple[bool, list[str]]:
    """What the command of the first release says it has ended, and what it has deleted."""
    deleted: list[str] = []
    monkeypatch.setattr(cluster, "RegistryClient", lambda: registry)
    monkeypatch.setattr(cluster.ray_serve, "delete", deleted.append)
    ending = asyncio.create_task(cluster._until_told(FIRST, 60.0, ""))
    await asyncio.sleep(0)
    for number in numbers:
        os.kill(os.getpid(), number)
        await asyncio.sleep(0.05)  # For the system to deliver it.
    async with asyncio.timeout(30):
        return await ending, deleted


async def served(*releases: Release) -> Registry:
    registry = Registry()
    for number, release in enumerate(releases):
        await registry.poll(f"host {number}", report(f"s{number}", release=release))
    return registry


@pytest.mark.parametrize("number", ALL)
async def test_a_later_release_keeps_its_calls_however_the_command_before_ends(
    monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    registry = await served(FIRST, SECOND)
    assert await told(monkeypatch, Near(registry, 0.0), number) == (False, [])
    await registry.close()


@pytest.mark.parametrize("number", ALL)
async def test_a_later_release_whose_hosts_are_still_starting_keeps_the_calls(
    monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    registry = await served(FIRST)
    await registry.coming(SECOND)
    assert await told(monkeypatch, Near(registry, 0.0), number) == (False, [])
    await registry.close()


@pytest.mark.parametrize("numbers", [[signal.SIGINT], [signal.SIGHUP], [signal.SIGTERM, signal.SIGTERM]])
async def test_the_last_release_ends_at_once_where_it_is_told_so(
    monkeypatch: pytest.MonkeyPatch, numbers: list[signal.Signals]
) -> None:
    registry = await served(FIRST)
    monkeypatch.setattr(cluster, "AT_ONCE", LEARN + 0.5)
    assert await told(monkeypatch, Near(registry, 0.0), *numbers) == (True, [cluster.APP])
    # Serve would let the call go on: its host is told to end it, without a word.
    assert (await registry.poll("host 0", report("s0", release=FIRST))).farewell == ""
    await registry.close()


async def test_what_the_last_release_holds_is_over_before_it_is_deleted(monkeypatch: pytest.MonkeyPatch) -> None:
    registry = await served(FIRST)

    async def host() -> None:
        while (await registry.poll("host 0", report("s0", release=FIRST))).farewell is None:
            pass
        await registry.poll("host 0", report(release=FIRST))

    hosting = asyncio.create_task(host())
    deleted: list[int] = []
    monkeypatch.setattr(cluster, "RegistryClient", lambda: Near(registry, 0.0))
    monkeypatch.setattr(cluster.ray_serve, "delete", lambda _: deleted.append(len(registry._book.sessions)))
    ending = asyncio.create_task(cluster._until_told(FIRST, 60.0, ""))
    await asyncio.sleep(0)
    os.kill(os.getpid(), signal.SIGINT)
    async with asyncio.timeout(30):
        assert await ending
        await hosting
    assert deleted == [0]
    await registry.close()


class Meanwhile(Near):
    """A registry with which something happens after its first answer."""

    def __init__(self, registry: Registry, then: Callable[[], Awaitable[Registry]]) -> None:
        super().__init__(registry, 0.0)
        self._then: Callable[[], Awaitable[Registry]] | None = then

    async def ask(self, method: Any, *args: Any) -> Any:
        answer = await super().ask(method, *args)
        if self._then is not None:
            then, self._then = self._then, None
            self._registry = await then()
        return answer


@pytest.mark.virtual_time
async def test_a_release_that_comes_while_the_one_before_ends_at_once_keeps_its_calls(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    registry = await served(FIRST)

    async def comes() -> Registry:
        await registry.coming(SECOND)
        await registry.poll("host 1", report("s1", release=SECOND))
        return registry

    client = Meanwhile(registry, comes)
    monkeypatch.setattr(cluster, "RegistryClient", lambda: client)
    assert not await cluster._end_calls(FIRST)
    assert (await registry.poll("host 1", report("s1", release=SECOND))).farewell is None
    await registry.close()


@pytest.mark.virtual_time
async def test_a_release_that_comes_between_the_last_question_and_the_deletion_is_not_deleted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    registry, order = Registry(), []
    await registry.poll("host 0", report(release=FIRST))
    comes: list[asyncio.Task[Any]] = []

    async def come() -> None:
        await registry.coming(SECOND)
        order.append("comes")

    async def delete(*_: Any) -> None:
        comes.append(asyncio.create_task(come()))
        await asyncio.sleep(5.0)  # Serve takes a while, and its fronts answer meanwhile.
        assert await registry.reserve(asks("s1"), facts("s1"), 1) == sent(DRAINING)
        order.append("deleted")

    monkeypatch.setattr(cluster, "RegistryClient", lambda: Near(registry, 0.0))
    monkeypatch.setattr(asyncio, "to_thread", delete)
    assert await cluster._drained(FIRST, 0.0, "")
    assert await cluster._deleted(FIRST)
    await comes[0]
    assert order == ["deleted", "comes"]
    # From then on it is served, and nobody who was before it deletes it.
    assert isinstance(await registry.reserve(asks("s1"), facts("s1"), 1), Attempt)
    assert not await cluster._deleted(FIRST)
    await registry.close()


@pytest.mark.virtual_time
async def test_a_registry_that_dies_while_a_release_is_deleted_lets_no_later_one_come_before_that(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    registry, order, comes = Registry(), [], []
    await registry.poll("host 0", report(release=FIRST))
    client = Near(registry, 0.0)

    async def come() -> None:
        await client._registry.coming(SECOND)
        order.append("comes")

    async def delete(*_: Any) -> None:
        for _ in range(2):  # Again, too.
            await client._registry.close()
            client._registry = Registry()
            comes.append(asyncio.create_task(come()))
            await asyncio.sleep(5.0)
            assert await client._registry.reserve(asks("s1"), facts("s1"), 1) == sent(DRAINING)
        comes.pop(0).cancel()  # It died with the registry that it asked.
        order.append("deleted")

    monkeypatch.setattr(cluster, "RegistryClient", lambda: client)
    monkeypatch.setattr(asyncio, "to_thread", delete)
    assert await cluster._deleted(FIRST)
    await asyncio.sleep(1.0)
    assert order == ["deleted", "comes"]
    assert isinstance(await client._registry.reserve(asks("s1"), facts("s1"), 1), Attempt)
    # Nor is it told once more of what is over.
    await asyncio.sleep(10.0)
    assert await client._registry.coming(SECOND) == 0
    assert client._registry._free.is_set()
    await client._registry.close()


@pytest.mark.virtual_time
async def test_a_registry_that_dies_while_a_release_comes_has_it_not_deleted_with_the_one_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    registry = await served(FIRST)
    client, deleted = Near(registry, 0.0), []

    async def leave() -> None:
        deleted.append(await client._registry.leave(FIRST))

    async def deploy(*_: Any, **__: Any) -> None:
        await client._registry.close()
        client._registry = Registry()
        leaving = asyncio.create_task(leave())
        await client._registry.poll("host 0", report("s0", release=FIRST))
        await asyncio.sleep(5.0)
        await leaving
        raise KeyError("it cannot be deployed")

    monkeypatch.setattr(cluster, "RegistryClient", lambda: client)
    monkeypatch.setattr(cluster, "new_release", lambda hosts: SECOND)
    monkeypatch.setattr(cluster, "application", lambda *_: None)
    monkeypatch.setattr(cluster, "RunTarget", lambda *_, **__: None)
    monkeypatch.setattr(asyncio, "to_thread", deploy)
    with pytest.raises(KeyError, match="cannot be deployed"):
        await cluster.deploy(lambda: None, Fleet())  # type: ignore[arg-type, return-value]
    assert deleted == [False]
    # What does not come keeps nobody from ending.
    assert await client._registry.leave(FIRST)
    await client._registry.close()


@pytest.mark.virtual_time
async def test_a_command_that_dies_while_it_deletes_keeps_no_later_release_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    registry = await served(FIRST)
    assert await registry.leave(FIRST)
    began = asyncio.get_running_loop().time()
    assert await registry.coming(SECOND) == 0
    assert asyncio.get_running_loop().time() - began == pytest.approx(LEAVE)
    assert await registry.coming(SECOND) == 0  # Once.
    assert asyncio.get_running_loop().time() - began == pytest.approx(LEAVE)
    await registry.close()


@pytest.mark.virtual_time
@pytest.mark.parametrize("gently", [True, False])
async def test_calls_are_ended_also_where_the_registry_dies_meanwhile(
    monkeypatch: pytest.MonkeyPatch, gently: bool
) -> None:
    before, hosting = await served(FIRST), asyncio.Event()
    now: list[Registry] = []

    async def again() -> Registry:
        await before.close()
        now.append(Registry())
        hosting.set()
        return now[0]

    async def host() -> None:
        await hosting.wait()
        while (await now[0].poll("host 0", report("s0", release=FIRST))).farewell is None:
            pass
        await now[0].poll("host 0", report(release=FIRST))

    polling = asyncio.create_task(host())
    client = Meanwhile(before, again)
    monkeypatch.setattr(cluster, "RegistryClient", lambda: client)
    began = asyncio.get_running_loop().time()
    assert await (cluster._drained(FIRST, 0.0, "") if gently else cluster._end_calls(FIRST))
    assert asyncio.get_running_loop().time() - began < 2 * LEARN + 2 * cluster.LOOK
    assert not now[0]._book.sessions
    await polling
    await now[0].close()


async def test_a_release_that_is_given_up_while_it_is_deployed_does_not_come(monkeypatch: pytest.MonkeyPatch) -> None:
    registry, deploying = await served(FIRST), threading.Event()
    monkeypatch.setattr(cluster, "RegistryClient", lambda: Near(registry, 0.0))
    monkeypatch.setattr(cluster, "new_release", lambda hosts: SECOND)
    monkeypatch.setattr(cluster, "application", lambda *_: None)
    monkeypatch.setattr(cluster, "RunTarget", lambda *_, **__: None)
    monkeypatch.setattr(cluster.ray_serve, "run_many", lambda *_, **__: deploying.wait(30.0))
    deploy = asyncio.create_task(cluster.deploy(lambda: None, Fleet()))  # type: ignore[arg-type, return-value]
    await until(lambda: registry._coming is not None)
    assert await registry.drain(FIRST) is None
    deploy.cancel()  # As Ctrl-C does.
    await asyncio.wait([deploy])
    deploying.set()
    assert await registry.drain(FIRST) == 1
    await registry.close()


async def test_a_release_that_is_given_up_before_it_hears_that_it_may_come_does_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Slow(Near):
        """The registry answers late who asks whether a release may come."""

        async def ask(self, method: Any, *args: Any) -> Any:
            answer = await super().ask(method, *args)
            if method is Registry.coming:
                await asyncio.Event().wait()
            return answer

    registry = await served(FIRST)
    monkeypatch.setattr(cluster, "RegistryClient", lambda: Slow(registry, 0.0))
    monkeypatch.setattr(cluster, "new_release", lambda hosts: SECOND)
    deploy = asyncio.create_task(cluster.deploy(lambda: None, Fleet()))  # type: ignore[arg-type, return-value]
    await until(lambda: registry._coming is not None)
    deploy.cancel()
    await asyncio.wait([deploy])
    assert await registry.drain(FIRST) == 1
    await registry.close()


async def test_the_last_release_ends_gently_when_it_has_no_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    registry = Registry()
    await registry.poll("a", report(release=FIRST))
    assert await told(monkeypatch, Near(registry, 0.0), signal.SIGTERM) == (True, [cluster.APP])
    await registry.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
async def test_a_registry_that_does_not_answer_keeps_nobody_from_ending(
    monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    monkeypatch.setattr(cluster, "AT_ONCE", 0.1)
    assert await told(monkeypatch, Away(), number) == (True, [cluster.APP])
