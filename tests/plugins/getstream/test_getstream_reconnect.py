"""A connection that is lost, and comes back, or does not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

pytest.importorskip("getstream_rtc", reason="needs the extra getstream")

from vision_agents.core import User
from vision_agents.plugins import getstream
from vision_agents.testing.contract import RecordingSink, until
from vision_agents.testing.parts import tone

if TYPE_CHECKING:
    from ...standins.getstream.server import StreamService


@pytest.fixture
def sink() -> RecordingSink:
    return RecordingSink()


@pytest_asyncio.fixture
async def edge(provider: StreamService, sink: RecordingSink) -> AsyncIterator[getstream.Edge]:
    edge = getstream.Edge(disconnection_timeout=8.0)
    await provider.enter()
    await edge.join(User("agent"), "default:table", sink)
    yield edge
    await edge.leave()
    await until(lambda: not provider.open_connections, "the end of all connections")


def count_anew(sink: RecordingSink) -> None:
    """The sink checks that frames are pulled in time, counted from the first one."""
    sink.pulls, sink.first_pull = 0, None


@pytest.mark.parametrize("of", ["sfu", "coordinator"])
async def test_a_lost_connection_is_restored_and_the_call_goes_on(
    edge: getstream.Edge, provider: StreamService, sink: RecordingSink, of: str
):
    await until(lambda: sink.pulls > 5, "frames")
    joins = len(provider.sfu.joins)
    await provider.run(provider.sfu.cut() if of == "sfu" else provider.coordinator.cut())
    await until(lambda: len(provider.sfu.joins) > joins, "another join")
    await until(lambda: len(provider.sfu.sessions) == 1, "one session")
    pulls = sink.pulls
    await until(lambda: sink.pulls > pulls, "frames again")
    count_anew(sink)
    sink.sounding = True
    await until(lambda: abs(provider.heard[-480:]).max() > 1000, "the agent's voice")
    await provider.say(tone(0.5, 48_000))
    await until(lambda: sink.loud_seconds() >= 0.4, "her voice")
    assert sink.joined == list(sink.audio_of)
    assert not sink.left
    assert not sink.endings


async def test_nothing_is_pulled_while_nobody_is_connected_and_who_left_meanwhile_is_gone(
    edge: getstream.Edge, provider: StreamService, sink: RecordingSink
):
    await until(lambda: sink.pulls > 5, "frames")
    provider.coordinator.failures += [unavailable()]
    await provider.run(provider.sfu.forget())
    await provider.run(provider.sfu.cut())
    await until(lambda: not provider.coordinator.failures, "an attempt that fails")
    pulls = sink.pulls
    count_anew(sink)
    await asyncio.sleep(0.1)
    assert sink.pulls == 0 or not pulls
    await until(lambda: sink.left, "the news that Anna left")
    assert sink.left == sink.joined
    # There is a connection again, and when somebody is there, somebody hears it.
    count_anew(sink)
    await provider.enter()
    await until(lambda: sink.pulls, "frames again")
    assert not sink.endings


async def test_a_connection_that_stays_lost_ends_the_call_with_an_error(provider: StreamService, sink: RecordingSink):
    edge = getstream.Edge(disconnection_timeout=1.0)
    await edge.join(User("agent"), "default:table", sink)
    provider.coordinator.failures += [unavailable()] * 100
    await provider.run(provider.sfu.cut())
    await until(lambda: sink.endings, "the end")
    (error,) = sink.endings
    assert isinstance(error, getstream.StreamError)
    assert "lost for 1 s" in str(error)
    await until(lambda: not provider.open_connections, "the end of all connections")
    await edge.leave()


def unavailable() -> Exception:
    from ...standins.getstream.coordinator import ApiError

    return ApiError(503, -1, "not now")
