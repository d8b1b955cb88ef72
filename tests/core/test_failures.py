"""What the log says of failures: a sentence, and a traceback where that is of use."""

import asyncio
import logging

import pytest

from vision_agents.core.agents.events import ErrorEvent
from vision_agents.core.remote.service import RemoteError
from vision_agents.core.tasks import Tasks, bounded, own_errors
from vision_agents.testing.parts import ScriptedLLM

from .agents.call_kit import ANNA, Call

pytestmark = pytest.mark.virtual_time

DOWN = "Speech at 127.0.0.1: the connection failed. Check the network."


async def fail(error):
    try:
        raise ConnectionRefusedError("111")
    except OSError as refused:
        raise error from refused


class UnreachableLLM(ScriptedLLM):
    async def stream(self, request):
        await fail(RemoteError(DOWN))
        yield ""


@pytest.mark.parametrize(("error", "brief"), [(RemoteError(DOWN), True), (ValueError(DOWN), False)])
@pytest.mark.parametrize("how", ["in a task", "while waited for"])
async def test_an_error_of_ours_is_a_sentence_and_another_has_a_traceback(caplog, error, brief, how):
    if how == "in a task":
        tasks = Tasks()
        tasks.spawn(fail(error), "the voice")
        await tasks.finish()
        await asyncio.sleep(0)
    else:
        await bounded(fail(error), "the voice")
    assert f"the voice failed: {DOWN}" in caplog.text
    assert ("Traceback" not in caplog.text) is brief


async def test_whose_cancellation_it_was_stays_to_be_seen(caplog):
    async def cancelled_within():
        gone = asyncio.get_running_loop().create_future()
        gone.cancel()
        await own_errors(gone, "connecting")

    await bounded(cancelled_within(), "the voice")
    assert "InnerCancellationError" in caplog.text


async def test_whoever_debugs_sees_where_it_came_from(caplog):
    with caplog.at_level(logging.DEBUG, logger="vision_agents.core.tasks"):
        await bounded(fail(RemoteError(DOWN)), "the voice")
    assert "ConnectionRefusedError" in caplog.text


async def test_a_service_that_cannot_be_reached_is_a_sentence_each_time_it_is_asked(caplog):
    async with Call(["one"], llm=UnreachableLLM()) as call:
        await call.detector.speak(ANNA, 1.0)
        await call.until(lambda: len(call.of(ErrorEvent)) > 1)
    assert f"LLM failed: {DOWN}" in caplog.text
    assert "Traceback" not in caplog.text
