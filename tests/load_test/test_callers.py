"""Callers in virtual time, in one process with their agents: what they do, and what is counted of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest

from vision_agents.core import Participant, PcmData, User
from vision_agents.core.audio import Samples
from vision_agents.load_test import run as running
from vision_agents.load_test.caller import Caller
from vision_agents.load_test.clips import Kind
from vision_agents.load_test.in_process import InProcessLine
from vision_agents.load_test.picture import picture
from vision_agents.load_test.row import Row, share
from vision_agents.load_test.run import Plan
from vision_agents.load_test.server import ServerError
from vision_agents.load_test.table import HEADER, table
from vision_agents.load_test.target import InProcess
from vision_agents.testing.parts import ScriptedLLM

from ..serving.kit import hosting
from .kit import agent_at, clips, create_agent

pytestmark = pytest.mark.virtual_time


@asynccontextmanager
async def talking(rounds: int, number: int = 0, **parts: Any) -> AsyncIterator[tuple[Row, InProcessLine]]:
    row, said = Row(1), clips()
    line = InProcessLine(said.room)
    agent = agent_at(line, **parts)
    async with agent.join():
        talk = asyncio.create_task(Caller(number, said, row, 5.0).talk(line, rounds))
        await asyncio.wait([talk], timeout=300)
        talk.result()
        yield row, line
        await line.hang_up()


async def test_a_caller_asks_interrupts_listens_and_coughs() -> None:
    async with talking(rounds=5) as (row, line):
        # Five questions, and two interruptions, which are answered too.
        assert (row.asked, row.unanswered, row.cut_in) == (7, 0, 0)
        assert (row.interruptions, row.unstopped) == (2, 0)
        assert (row.noises, row.resumed) == (2, 2)
        assert all(0.02 < silence < 0.2 for silence in row.silences)
        # Words are there when Smart Turn has heard the pause; the model and the voice take no time.
        assert all(0.1 < answer < 0.6 for answer in row.answers)
        assert not line.gone.is_set()
        row.add(line)
        assert share(row.late, 1.0) == pytest.approx(0.0, abs=1e-6)


async def test_an_agent_that_says_nothing_is_not_waited_for_for_ever() -> None:
    async with talking(rounds=3, llm=ScriptedLLM([" "] * 9)) as (row, _):
        assert (row.unanswered, row.answers, row.interruptions) == (3, [], 0)


async def test_an_agent_that_does_not_stop_is_told_of() -> None:
    async with talking(rounds=1, may_interrupt=lambda _: False) as (row, _):
        assert (row.unstopped, row.silences) == (1, [])


class Voice:
    """An agent's side that is loud from and to these times of the call, whatever it hears."""

    def __init__(self, *stretches: tuple[float, float]) -> None:
        self._stretches = stretches
        self._frames = 0

    def pull(self) -> Samples:
        at = self._frames * 0.02
        self._frames += 1
        return np.full(960, 9000 * any(begin <= at < end for begin, end in self._stretches), np.int16)

    def audio(self, audio: PcmData, participant: Participant) -> None: ...

    def participant_joined(self, participant: Participant) -> None: ...

    def participant_left(self, participant: Participant) -> None: ...

    def ended(self, error: BaseException | None = None) -> None: ...


async def heard(*stretches: tuple[float, float], number: int = 0) -> Row:
    """One question of a caller who hears that."""
    row, said = Row(1), clips()
    line = InProcessLine(said.room)
    await line.join(User("agent"), None, Voice(*stretches))
    await Caller(number, said, row, 5.0).talk(line, 1)
    await line.hang_up()
    return row


async def test_times_are_those_of_the_sound() -> None:
    # The question begins when it has been quiet for 0.8 s; its 1.5 s are over at about 2.5.
    row = await heard((3.0, 9.0), number=1)
    assert row.answers == [pytest.approx(0.5, abs=0.15)]
    assert (row.unanswered, row.cut_in) == (0, 0)
    # Interrupted a moment later, this one goes on for 5 s.
    row = await heard((3.0, 9.0))
    assert (row.unstopped, row.silences, row.asked) == (1, [], 1)


async def test_an_agent_that_begins_too_early_has_no_latency() -> None:
    row = await heard((1.5, 3.5), number=1)
    assert (row.cut_in, row.answers, row.unanswered) == (1, [], 0)


async def test_a_cough_that_costs_the_answer_is_told_of() -> None:
    row = await heard((3.0, 5.0), number=2)
    assert (row.noises, row.resumed) == (1, 0)
    row = await heard((3.0, 5.0), (6.0, 7.0), number=2)
    assert (row.noises, row.resumed) == (1, 1)


async def test_a_line_that_dies_ends_the_talk() -> None:
    row, said = Row(1), clips()
    line = InProcessLine(said.room)
    agent = agent_at(line)
    talk = asyncio.create_task(Caller(0, said, row).talk(line, 5))
    async with agent.join():
        await asyncio.sleep(2.0)
    await asyncio.wait_for(talk, 5.0)
    assert line.gone.is_set()
    assert row.asked == 0


# Many.


async def ran(create: Any, plan: Plan, **options: Any) -> list[Row]:
    rows: list[Row] = []
    async with hosting(create, **options) as host:
        await running.run(InProcess(host), clips(), plan, rows.append)
    return rows


async def test_a_ramp_of_callers_who_hang_up_and_call_again() -> None:
    rows = await ran(create_agent, Plan((1, 4), 60.0))
    assert [(row.callers, row.complete, row.lost, row.unanswered) for row in rows] == [
        (1, True, 0, 0),
        (4, True, 0, 0),
    ]
    assert all(row.calls > row.callers for row in rows)
    assert rows[1].asked > 2.5 * rows[0].asked
    assert all(len(row.late) > 0.8 * row.callers * 60 / 0.02 for row in rows)


async def test_more_callers_than_places() -> None:
    (row,) = await ran(create_agent, Plan((5,), 20.0), max_concurrent_sessions=2)
    assert row.refused.total() > 3
    assert set(row.refused) == {"all 2 places are taken"}
    assert row.calls >= 2
    assert len(row.refusals) == row.refused.total()


async def test_nobody_is_ever_taken() -> None:
    async def broken(edge: Any) -> Any:
        if broken.ready:  # type: ignore[attr-defined]
            raise ValueError("there is no key")
        return agent_at(edge)

    broken.ready = False  # type: ignore[attr-defined]
    async with hosting(broken) as host:
        broken.ready = True  # type: ignore[attr-defined]
        loop = asyncio.get_running_loop()
        began = loop.time()
        with pytest.raises(ServerError, match=r"every start failed: create_agent raised ValueError: there is no key"):
            await running.run(InProcess(host), clips(), Plan((3,), 600.0), lambda row: None)
        # It is known after the first round.
        assert loop.time() - began < 10.0


async def test_calls_that_are_ended_by_the_server_are_lost() -> None:
    (row,) = await ran(create_agent, Plan((2,), 20.0), max_session_duration_seconds=3.0)
    assert row.lost >= 4
    assert row.calls >= row.lost


async def test_what_was_measured_is_there_when_it_is_stopped() -> None:
    rows: list[Row] = []
    async with hosting(create_agent) as host:
        work = asyncio.create_task(running.run(InProcess(host), clips(), Plan((2, 3), 30.0), rows.append))
        await asyncio.sleep(45.0)
        work.cancel()
        await asyncio.wait([work])
        assert not host.sessions
    assert [(row.complete, row.seconds) for row in rows] == [
        (True, pytest.approx(30.0)),
        (False, pytest.approx(15.0, abs=1.0)),
    ]
    assert len(rows[1].late) > 1000


# The table and the picture.


def full_row(callers: int) -> Row:
    numbers = [number / 100 for number in range(1, 300)]
    row = Row(callers, 60.0, True, 12_345, 123, joins=numbers, silences=numbers, answers=numbers, refusals=numbers)
    row.refused["frames are pulled 12 ms late"] += 99_999
    row.failed["<script>"] += 1
    row.unstopped, row.cut_in, row.noises, row.resumed, row.unanswered = 3, 4, 1000, 999, 8_000
    row.late = row.own_late = np.linspace(0, 0.5, 100, dtype=np.float32)
    row.cpu, row.rss = [0.2, 1.5], 12_345_000_000
    return row


def test_the_table_is_as_wide_as_a_terminal_may_be() -> None:
    rows = [Row(1, complete=True), full_row(50), full_row(1000)]
    rows[2].complete = False
    lines = table(rows).splitlines()
    assert all(len(line) <= 100 for line in lines[:5])
    assert all(name in lines[0] for name in HEADER)
    assert "1000*" in lines[4]
    assert "the callers themselves were late (p99 495 ms)" in lines[-1]
    assert any("* stopped before its time" in line for line in lines)


def test_the_picture_has_every_row_and_no_markup_of_others() -> None:
    page = picture([Row(1), full_row(10), full_row(20)], "a <server>")
    assert page.count("<svg") == 6
    assert page.count("<polyline") == 12
    assert "<script" not in page
    assert "a &lt;server&gt;" in page
    assert "nan" not in page.lower()


def test_kinds_are_what_files_are_called() -> None:
    assert [str(kind) for kind in Kind] == ["question", "interruption", "backchannel", "cough"]
