"""Callers by WebRTC against a real server in this process; and servers that are none."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from vision_agents.load_test import run as running
from vision_agents.load_test.row import Row
from vision_agents.load_test.run import Plan
from vision_agents.load_test.server import RefusedError, Server, ServerError, is_here, read_gauges, session
from vision_agents.load_test.target import OnServer
from vision_agents.serving import ServeOptions
from vision_agents.serving.tokens import make_token
from vision_agents.testing.parts import LoopEdge

from ..serving.kit import until
from ..serving.test_server import KEY, PATIENCE, serving
from .kit import clips, create_agent


async def against(url: str, plan: Plan, token: str | None = None) -> list[Row]:
    rows: list[Row] = []
    async with session() as http:
        server = Server(http, url, token)
        await server.check()
        await running.run(OnServer(server, here=is_here(url)), clips(), plan, rows.append)
    return rows


@asynccontextmanager
async def calling(url: str, callers: int) -> AsyncIterator[Row]:
    """So many callers, for as long as it takes; yields what they notice."""
    rows: list[Row] = []
    async with session() as http:
        target = OnServer(Server(http, url), here=True)
        work = asyncio.create_task(running.run(target, clips(), Plan((callers,), 600.0), rows.append))
        await until(lambda: rows or work.done(), PATIENCE)
        try:
            yield rows[0]
            assert not work.done()
        finally:
            work.cancel()
            await asyncio.wait([work])


async def test_callers_by_webrtc_are_answered_and_can_interrupt() -> None:
    options = ServeOptions(secret=KEY)
    async with serving(create_agent, options) as (host, url):
        (row,) = await against(url, Plan((2,), 20.0), make_token(KEY, "*"))
        assert not host.sessions
    assert (row.complete, row.lost, row.failed.total(), row.refused.total()) == (True, 0, 0, 0)
    assert row.calls >= 2
    assert len(row.answers) >= 4
    assert row.interruptions >= 1
    assert len(row.silences) == row.interruptions
    # Frames came all the time.
    assert len(row.late) + row.missed > 2 * 15 / 0.02
    assert row.cpu
    assert row.rss > 1e6


async def test_who_is_refused_is_counted_and_comes_again() -> None:
    async with serving(create_agent, max_concurrent_sessions=1) as (_, url), calling(url, 3) as row:
        await until(lambda: row.calls >= 1 and row.refused["all 1 places are taken"] >= 4, PATIENCE)
        assert len(row.refusals) == row.refused.total()


@pytest.mark.parametrize(
    ("token", "says"),
    [
        (None, "a token is needed"),
        ("nonsense", "none of this server's"),
        (make_token(KEY, "*", lifetime=0.001), "has expired"),
        (make_token(KEY, "*", rights=["view"]), "no right to start"),
        (make_token(KEY, "table"), "for another call"),
    ],
)
async def test_a_token_that_is_not_good_ends_it_at_once(token: str | None, says: str) -> None:
    async with serving(create_agent, ServeOptions(secret=KEY)) as (_, url):
        with pytest.raises(ServerError, match=f"lets nobody in: .*{says}.*vision-agents token --call"):
            await against(url, Plan((2,), 600.0), token)


async def test_nobody_is_taken() -> None:
    async with serving(create_agent) as (host, url):
        host.draining = True
        with pytest.raises(ServerError, match="every start was refused: this server is about to end"):
            await against(url, Plan((2,), 1.0))
        host.draining = False


async def test_agents_that_nobody_can_call_by_webrtc() -> None:
    async def elsewhere() -> Any:
        return await create_agent(LoopEdge())

    async with serving(elsewhere) as (_, url):
        with pytest.raises(ServerError, match="no parameter `edge`"):
            await against(url, Plan((2,), 600.0))


async def test_what_answers_is_something_else() -> None:
    async def hello(request: web.Request) -> web.Response:
        return web.Response(text="hello")

    app = web.Application()
    app.router.add_get("/{anything:.*}", hello)
    async with TestServer(app) as other:
        url = str(other.make_url(""))
        with pytest.raises(ServerError, match="is no vision-agents server"):
            await against(url, Plan((1,), 5.0))
    with pytest.raises(ServerError, match=r"nothing answers at .*vision-agents serve"):
        await against(url, Plan((1,), 5.0))


async def test_a_server_that_dies_costs_its_calls_and_is_told_of() -> None:
    async with serving(create_agent) as (host, url), calling(url, 2) as row:
        await until(lambda: row.calls >= 2, PATIENCE)
        await host.close()
        await until(lambda: row.refused["this server is about to end"] >= 1 and row.lost >= 2, PATIENCE)


async def test_a_refusal_says_when_to_come_again() -> None:
    async with serving(create_agent) as (host, url), session() as http:
        host.draining = True
        with pytest.raises(RefusedError) as refused:
            await Server(http, url).start("table", "v=0")
        assert refused.value.retry_after == 5.0
        host.draining = False


@pytest.mark.parametrize("url", ["", "127.0.0.1:8000", "ftp://x", "http://", "http://x:99999", "http://[", "mine"])
def test_addresses_that_are_none(url: str) -> None:
    with pytest.raises(ServerError, match="is no address of a server"):
        is_here(url)


def test_addresses_of_this_machine_and_of_others() -> None:
    here = ["http://127.0.0.1:8000", "http://localhost", "https://[::1]:1/"]
    assert [is_here(url) for url in here] == [True] * 3
    assert not is_here("https://voice.example.com")


def test_figures_are_read_from_metrics_of_one_process_and_of_many() -> None:
    lines = (
        "# HELP x",
        "vision_agents_sessions 3.0",
        'vision_agents_errors_total{component="llm"} 1.0',
        "other 4",
        "vision_agents_x y",
        'vision_agents_capacity{host="a"} 5.0',
        'vision_agents_capacity{host="b"} 6.0',
        'vision_agents_refused_total{host="b",reason="cpu"} 6.0',
    )
    assert read_gauges("\n".join(lines)) == {"sessions": 3.0, "capacity": 11.0}
