"""One caller: what they do in a call, and what they notice."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

from .clips import Clip, Clips, Kind
from .ear import SILENT_FOR
from .line import Line
from .mouth import Saying
from .row import Row

# Seconds that an answer is waited for, by default.
PATIENCE = 10.0

# Before somebody asks, the agent has been quiet for so long, unless it talks for longer than that. In seconds.
QUIET = 0.3
LONGEST_LISTEN = 12.0

# How far into an answer somebody interrupts, or makes a noise.
EARLIEST, LATEST = 0.8, 1.8

# An interruption is without effect if there is no silence after it by then, and a noise has cost the answer if nothing
# is heard again.
STOPS = 2.0
RESUMES = 2.5

# How often a caller listens whether something has changed.
LOOK = 0.02

# What follows questions, over and over.
REACTIONS = (Kind.INTERRUPTION, None, Kind.COUGH, Kind.INTERRUPTION, Kind.BACKCHANNEL)


class Caller:
    """Asks, and then interrupts the answer, listens to it, coughs or says "mm-hm", again and again.

    Args:
        number: chooses what is said, and when: the same number does the same.
        patience: seconds that an answer is waited for.
    """

    def __init__(self, number: int, clips: Clips, row: Row, patience: float = PATIENCE) -> None:
        self._clips, self._row = clips, row
        self._patience = patience
        self._random = random.Random(number)
        self._said = number
        self._round = number

    async def talk(self, line: Line, rounds: int) -> None:
        """Talk until so many questions were asked, or the line is dead."""
        loop = asyncio.get_running_loop()
        call = _Call(line, loop.time)
        for _ in range(rounds):
            await call.until(lambda: call.quiet_for > SILENT_FOR + QUIET, LONGEST_LISTEN)
            if not await self._ask(call, Kind.QUESTION):
                continue
            reaction = REACTIONS[self._round % len(REACTIONS)]
            self._round += 1
            if reaction is None:
                await call.until(lambda: not call.speaks, LONGEST_LISTEN)
            elif await self._into_the_answer(call):
                await (self._interrupt(call) if reaction is Kind.INTERRUPTION else self._noise(call, reaction))

    async def _ask(self, call: _Call, kind: Kind) -> bool:
        """Say something that is to be answered. Returns whether it was."""
        saying = await call.say(self._clips.pick(kind, self._next()))
        return saying is not None and await self._answered(call, saying)

    async def _answered(self, call: _Call, saying: Saying) -> bool:
        spoke_at_end = call.ear.first_after(saying.end - SILENT_FOR)
        if spoke_at_end is not None and spoke_at_end < saying.end:
            self._row.cut_in += 1
            return True
        if await call.until(lambda: call.ear.first_after(saying.end) is not None, self._patience):
            first = call.ear.first_after(saying.end)
            assert first is not None
            self._row.answers.append(first - saying.end)
            return True
        if not call.gone:
            self._row.unanswered += 1
        return False

    async def _into_the_answer(self, call: _Call) -> bool:
        """Listen to the answer for a moment. Returns whether it still goes on then."""
        await call.until(lambda: False, self._random.uniform(EARLIEST, LATEST))
        # In a pause nobody could say what silenced the agent.
        return await call.until(lambda: call.quiet_for < 2 * LOOK, SILENT_FOR)

    async def _interrupt(self, call: _Call) -> None:
        saying = await call.say(self._clips.pick(Kind.INTERRUPTION, self._next()))
        if saying is None:
            return

        def silent() -> float | None:
            moment = call.ear.silent_from(saying.onset, call.now)
            return moment if moment is not None and moment - saying.onset <= STOPS else None

        await call.until(lambda: silent() is not None, max(0.0, saying.onset + STOPS + SILENT_FOR - call.now))
        if call.gone:
            return
        if (moment := silent()) is None:
            # Whatever it says is no answer to this.
            self._row.unstopped += 1
            return
        self._row.silences.append(max(0.0, moment - saying.onset))
        await self._answered(call, saying)

    async def _noise(self, call: _Call, kind: Kind) -> None:
        saying = await call.say(self._clips.pick(kind, self._next()))
        if saying is None:
            return
        await call.until(lambda: call.ear.first_after(saying.end) is not None, RESUMES)
        if not call.gone:
            self._row.noises += 1
            self._row.resumed += call.ear.first_after(saying.end) is not None
        await call.until(lambda: not call.speaks, LONGEST_LISTEN)

    def _next(self) -> int:
        self._said += 1
        return self._said


class _Call:
    """A line, and waiting on it."""

    def __init__(self, line: Line, clock: Callable[[], float]) -> None:
        self._line, self._clock = line, clock
        self.ear = line.ear
        self._began = clock()

    @property
    def now(self) -> float:
        return self._clock()

    @property
    def gone(self) -> bool:
        return self._line.gone.is_set()

    @property
    def speaks(self) -> bool:
        return self.ear.speaks(self.now)

    @property
    def quiet_for(self) -> float:
        """Seconds since the agent was heard."""
        return self.now - max(self._began, self.ear.last)

    async def until(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Wait until it holds; for so many seconds at most, and as long as there is a line. Returns whether it did."""
        end = self.now + seconds
        while not condition():
            if self.gone or self.now >= end:
                return False
            await asyncio.sleep(LOOK)
        return True

    async def say(self, clip: Clip) -> Saying | None:
        """Say it to its end; None if the line was dead before."""
        saying = self._line.mouth.say(clip)
        # Longer than it takes only where the line stands still.
        await self.until(saying.done.is_set, 2 * clip.end + 2.0)
        return saying if saying.began is not None and not self.gone else None
