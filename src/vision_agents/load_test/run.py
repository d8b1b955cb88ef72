"""Runs callers against a target: so many at a time, for so long, and then another number of them."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from vision_agents.core.tasks import Tasks

from .caller import PATIENCE, Caller
from .clips import Clips
from .row import Row
from .server import RETRY, RefusedError, ServerError, StartError
from .target import Target

# Callers come one after the other, so many seconds apart.
APART = 0.1

# Questions in a call, by turns, until the caller hangs up and calls again.
ROUNDS = (3, 5, 2, 4)

# Seconds between two looks at the load.
LOOK = 1.0

# Seconds that everybody has to hang up, and that the target has to be empty again.
HANG_UP = 15.0
EMPTY = 10.0
PAUSE = 0.25


@dataclass(frozen=True, slots=True)
class Plan:
    """The callers to run. `seconds`: for each number of them; `patience`: seconds that an answer is waited for."""

    callers: Sequence[int]
    seconds: float = 30.0
    patience: float = PATIENCE


async def run(target: Target, clips: Clips, plan: Plan, begun: Callable[[Row], None]) -> None:
    """Run the plan. `begun` is given each row when it begins; what it says then is what there is, whenever this ends.

    Raises ServerError if nobody was taken, or nobody ever will be.
    """
    for number in plan.callers:
        before = (await target.figures()).sessions
        row = Row(number)
        begun(row)
        await _run_row(target, clips, plan, row)
        if not row.calls:
            raise ServerError(_nobody(row))
        await _empty(target, before)


async def _run_row(target: Target, clips: Clips, plan: Plan, row: Row) -> None:
    clock = asyncio.get_running_loop().time
    began = clock()
    hopeless: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    async with _ended_together() as tasks:
        tasks.spawn(_watch(target, row), "load of the target")
        for number in range(row.callers):
            work = _call_again_and_again(target, clips, plan, row, number, hopeless)
            tasks.spawn(work, f"caller {number}")
        try:
            await asyncio.wait([hopeless], timeout=plan.seconds)
        finally:
            row.seconds = clock() - began
        if hopeless.done():
            hopeless.result()
        row.complete = True


async def _call_again_and_again(
    target: Target, clips: Clips, plan: Plan, row: Row, number: int, hopeless: asyncio.Future[None]
) -> None:
    loop = asyncio.get_running_loop()
    await asyncio.sleep(number * min(APART, plan.seconds / 4 / row.callers))
    caller, calls = Caller(number, clips, row, plan.patience), number
    while True:
        asked = loop.time()
        try:
            line = await target.open(f"load-{secrets.token_urlsafe(6)}", clips.room)
        except ServerError as error:
            if not hopeless.done():
                hopeless.set_exception(error)
            return
        except RefusedError as refused:
            row.refused[str(refused)] += 1
            row.refusals.append(loop.time() - asked)
            await asyncio.sleep(refused.retry_after)
            continue
        except StartError as error:
            row.failed[str(error)] += 1
            if not row.calls and row.failed.total() >= row.callers and not hopeless.done():
                hopeless.set_result(None)
            await asyncio.sleep(RETRY)
            continue
        row.calls += 1
        row.joins.append(loop.time() - asked)
        try:
            await caller.talk(line, ROUNDS[calls % len(ROUNDS)])
        finally:
            row.lost += line.gone.is_set()
            row.add(line)
            await target.hang_up(line)
        calls += 1


async def _watch(target: Target, row: Row) -> None:
    while True:
        await asyncio.sleep(LOOK)
        figures = await target.figures()
        if figures.cpu is not None:
            row.cpu.append(figures.cpu)
        row.rss = max(row.rss, figures.rss or 0)


async def _empty(target: Target, sessions: int | None) -> None:
    """Wait until the calls are over that were begun since there were so many; not for ever, others may call too."""
    for _ in range(round(EMPTY / PAUSE)):
        if sessions is None or ((await target.figures()).sessions or 0) <= sessions:
            return
        await asyncio.sleep(PAUSE)


@asynccontextmanager
async def _ended_together() -> AsyncIterator[Tasks]:
    tasks = Tasks()
    try:
        yield tasks
    finally:
        await tasks.close(HANG_UP)


def _nobody(row: Row) -> str:
    reasons = row.failed or row.refused
    if not reasons:
        return f"no agent took a call within {row.seconds:.0f} s: give it more time with --seconds"
    (said, _), *others = reasons.most_common()
    more = f", and {len(others)} other reasons" if others else ""
    what = "failed" if row.failed else "was refused"
    return f"no caller got an agent: every start {what}: {said}{more}"
