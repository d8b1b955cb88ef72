"""What the plugin is made of: requests that can be stopped, responses cut at what was heard, one asked at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision_agents.plugins.openai.response_queue import LIMIT, ResponseQueue
from vision_agents.plugins.openai.responses import Response
from vision_agents.plugins.openai.stream import Requests, Stopped


class Silent:
    """A stream on which nothing comes."""

    def __init__(self) -> None:
        self.closed = False

    async def __aiter__(self) -> AsyncIterator[str]:
        await asyncio.Event().wait()
        yield "never"

    async def close(self) -> None:
        self.closed = True


@pytest.mark.virtual_time
async def test_only_what_began_before_an_interruption_is_stopped() -> None:
    requests, old, new = Requests("here"), Silent(), Silent()

    async def read(stream: Silent, epoch: int) -> list[str]:
        async def begin() -> Silent:
            return stream

        return [event async for event in requests.stream(begin, epoch, bool)]

    first, second = (asyncio.create_task(read(stream, epoch)) for epoch, stream in enumerate((old, new)))
    await asyncio.sleep(0.1)
    requests.stop(before=1)
    with pytest.raises(Stopped):
        await first
    assert (old.closed, new.closed, second.done()) == (True, False, False)
    requests.stop()
    with pytest.raises(Stopped):
        await second
    assert new.closed


@given(
    lengths=st.lists(st.floats(0.02, 5.0), min_size=1, max_size=4),
    heard=st.floats(0.0, 25.0),
)
def test_no_item_is_cut_beyond_its_length_and_what_is_kept_is_what_was_heard(
    lengths: list[float], heard: float
) -> None:
    response = Response("r", 0)
    for number, length in enumerate(lengths):
        response.audio(f"item {number}", 0, length)
    messages = {message["item_id"]: message for message in response.cut_after(heard)}
    kept = 0.0
    for item in response.items.values():
        message = messages.get(item.id)
        if message is None:
            kept += item.seconds
        elif message["type"] == "conversation.item.truncate":
            assert 0 <= message["audio_end_ms"] <= item.seconds * 1000
            kept += message["audio_end_ms"] / 1000
    assert kept == pytest.approx(min(heard, sum(lengths)), abs=0.0011)


def test_one_response_is_asked_for_at_a_time() -> None:
    queue = ResponseQueue()
    queue.add(0)
    queue.add(0)
    assert queue.due_since(0) is None
    first = queue.next(0, now=3.0)
    assert first is not None
    assert queue.due_since(0) == 3.0
    assert queue.next(0, now=4.0) is None
    assert queue.began("17") is None
    assert queue.give_up() is first
    assert queue.next(0, now=5.0) not in (None, first)


def test_a_response_of_a_server_that_says_no_numbers_is_the_one_that_was_asked_for() -> None:
    queue = ResponseQueue()
    queue.add(0)
    asked = queue.next(0, 0.0)
    assert queue.began(None, spoken=True) is None
    assert queue.began("7", spoken=False) is None
    assert queue.began(None, spoken=False) is asked
    assert queue.due_since(0) is None


def test_what_was_wanted_before_an_interruption_is_not_asked_for() -> None:
    queue = ResponseQueue()
    for epoch in (0, 0, 1):
        queue.add(epoch)
    request = queue.next(1, now=0.0)
    assert request is not None
    assert request.epoch == 1
    assert queue.began(str(request.number)) is request
    assert queue.next(1, now=0.0) is None


def test_waiting_requests_are_bounded_and_a_refused_one_is_the_next() -> None:
    queue = ResponseQueue()
    given_up = [queue.add(0) for _ in range(3 * LIMIT)]
    assert [request and request.number for request in given_up[: LIMIT + 2]] == [*[None] * LIMIT, 1, 2]
    asked = []
    while (request := queue.next(0, now=0.0)) is not None:
        asked.append(request.number)
        if len(asked) == 1:
            assert queue.refused("ask_x") is None
            assert queue.refused(request.event_id) is request
            queue.retry(request)
        else:
            queue.began(str(request.number))
    assert asked[0] == asked[1]
    assert len(asked) == LIMIT + 1


def test_a_text_is_told_once_a_session() -> None:
    queue = ResponseQueue()
    queue.add(0, "Count.", 7)
    queue.add(0, "Stop.")
    request = queue.next(0, now=0.0)
    assert request is not None
    assert [message["type"] for message in request.messages()] == ["conversation.item.create", "response.create"]
    assert queue.refused(request.event_id) is request
    queue.retry(request)
    assert queue.next(0, now=0.0) is request
    assert [message["type"] for message in request.messages()] == ["response.create"]
    queue.renew()
    assert queue.texts(0) == ["Count.", "Stop."]
    assert queue.next(0, now=0.0) is request
    assert len(request.messages()) == 2
    assert queue.began(str(request.number)) is request
    assert (request.key, queue.texts(0)) == (7, ["Stop."])
