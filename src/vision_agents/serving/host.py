"""Holds calls: takes them as long as there is room, ends them when it is time, and tells how it goes.

It knows neither HTTP nor a cluster. What serves it starts sessions by `begin`, or by `run_call`, whose stream stands
for the call: it is open as long as the call lasts.
"""

from __future__ import annotations

import asyncio
import logging
import math
import re
from collections import Counter
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Any

from vision_agents.core.agents import Agent
from vision_agents.core.observability.explain import counted
from vision_agents.core.observability.recorder import TraceWriter
from vision_agents.core.shed import Shed
from vision_agents.core.tasks import Tasks

from .admission import SILENT, Admission, Calls, Limits, Refused, capped, first_cost
from .callers import answer_offer, backlog, caller_edge
from .figures import Figures
from .lateness import PullClock
from .launcher import AgentLauncher
from .load import INTERVAL, LOOKS, Load, LoadMeter
from .lost import Ended, EndedCalls, Lost, LostCalls, latest
from .node import Part
from .session import AgentSession, CallRequest, End, Place, StartError
from .shedding import BROUGHT_BACK, LATE, LEFT_OUT, Shedding

logger = logging.getLogger(__name__)

# Sessions that are made and joined at the same time; the others wait for it. More of them would be slower, not sooner.
STARTS_AT_ONCE = 8

# How long a call is too young to show in what is measured, and until its caller has been answered, in seconds.
YOUNG = 2.0
RECENT = 10.0

# Seconds between two signs of life of `run_call`. Each costs a millisecond where it is sent to another process.
BEAT = 3.0

# Looks at the load between two looks at what sessions do.
_ROUND = LOOKS // 4


class CallHost:
    """The calls of one process.

    Args:
        launcher: makes the agents.
        limits: what must be left to take a call; the launcher's count is a cap besides.
        traces: a folder in which the trace of each call is written. None for none.
        private: calls by WebRTC have no port that can be reached from outside of this machine.
        part: what they may use of the machine; None for all of it.
    """

    def __init__(
        self,
        launcher: AgentLauncher,
        limits: Limits | None = None,
        traces: Path | None = None,
        *,
        private: bool = True,
        part: Part | None = None,
    ) -> None:
        self.launcher = launcher
        self.private = private
        self.admission = Admission(capped(limits or Limits(), launcher.max_concurrent_sessions))
        self.figures = Figures()
        self.meter = LoadMeter(lambda: len(self._sessions), self._looked, part)
        self.shedding = Shedding()
        self.refused: Counter[str] = Counter()
        self.ended: Counter[str] = Counter()
        self.lost = LostCalls()
        self.over = EndedCalls()
        self.draining = False
        self._traces = traces
        self.started = False
        self._sessions: dict[str, AgentSession] = {}
        self._kept: set[Place | None] = set()
        self._starting = asyncio.Semaphore(STARTS_AT_ONCE)
        self._turns = asyncio.Lock()
        self._tasks = Tasks()
        self._looks = 0

    # Life.

    async def start(self) -> None:
        """Load what the agents need and begin to take calls. Raises what is wrong with the agent."""
        if self._traces is not None:
            self._traces.mkdir(parents=True, exist_ok=True)
        here = sum(network.size for network in await self.launcher.warm_up() if not network.gpu)
        self.admission.guess(first_cost(here, self.meter.processors))
        self.meter.start()
        self.started = True

    async def close(self, why: End = End.CLOSED) -> None:
        """End all calls now, and free everything. Harmless twice."""
        self.draining = True
        await asyncio.gather(*(session.finish(why) for session in list(self._sessions.values())))
        await self._tasks.finish(timeout=1.0)
        await self._tasks.close(grace=1.0)
        await self.meter.close()

    # What is seen from outside.

    @property
    def sessions(self) -> Mapping[str, AgentSession]:
        """The sessions that have a place, by their ids."""
        return self._sessions

    @property
    def load(self) -> Load:
        """The load of the process now."""
        return self.meter.load()

    @property
    def calls(self) -> Calls:
        """The calls by how far they are."""
        kept = len(self._kept)
        starting = kept + sum(not session.joined for session in self._sessions.values())
        young, recent = (kept + sum(each.age < age for each in self._sessions.values()) for age in (YOUNG, RECENT))
        return Calls(kept + len(self._sessions), starting, max(starting, young), max(starting, recent))

    @property
    def capacity(self) -> int:
        """About how many calls the process can have, those of now included."""
        there = len(self._sessions)
        if self.draining or there >= self._most:
            return there
        return int(min(self.admission.capacity(self.load, self.calls), self._most))

    def refusal(self, leaving: int = 0) -> Refused | None:
        """Return why no further call is taken now, if so many of those that there are end for it; None if one is."""
        if not self.started:
            return Refused("starting", "the models are being loaded", 5.0)
        if self.draining:
            return Refused("draining", "this server is about to end", 5.0)
        calls = replace(self.calls, leaving=leaving)
        # Where nobody stays, it is forgotten who was late.
        if calls.staying and calls.staying >= self._most:
            return Refused("shedding", "work is left out already for frames to be in time", 10.0)
        # Measuring costs those who talk: a crowd that is refused goes by one load in each interval. Nobody is taken by
        # an old one.
        refusal = self.admission.refusal(self.meter.load(INTERVAL), calls)
        return refusal or self.admission.refusal(self.load, calls)

    @property
    def _most(self) -> float:
        """The most calls that were not too many just now, unless frames may be as late as they were."""
        return self.shedding.most if self.admission.limits.lateness <= LATE else math.inf

    def find(self, call_id: str, session_id: str) -> AgentSession | None:
        """The session of this id, if it is one of this call."""
        session = self._sessions.get(session_id)
        return session if session is not None and session.call_id == call_id else None

    # Calls.

    def keep(self) -> Place:
        """Keep a place for a start that is on its way, with which its request has to come. Ask for a refusal before."""
        place = Place()
        self._kept.add(place)
        return place

    def give_up(self, place: Place) -> None:
        """Keep a place no more. Harmless if a session has it by now."""
        self._kept.discard(place)

    async def begin(self, request: CallRequest) -> AgentSession:
        """Have an agent join a call. Returns when it is there; the session lasts until it is over.

        Raises Refused at once if there is no place, and CreateAgentError or StartError if the agent cannot join.
        """
        self._check(request)
        session = self._reserve(request)
        try:
            async with self._starting:
                await self._turn()
                if request.offer is not None:
                    session.edge = self._way_in(session, request.offer)
                await session.begin(self.launcher, self._prepare)
                if request.offer is not None:
                    session.answer = await answer_offer(session.edge, request.offer, session.tell)
        except BaseException as error:
            why = End.CLOSED if isinstance(error, asyncio.CancelledError) else End.FAILED
            session.void = isinstance(error, StartError) and error.fault == "offer"
            # In a task of its own: whoever gives it up may do so again.
            await asyncio.shield(self._tasks.spawn(self._let_go(session, why), f"letting go of session {session.id}"))
            raise
        self._tasks.spawn(self._follow(session), f"following session {session.id}")
        return session

    async def run_call(self, request: CallRequest) -> AsyncGenerator[dict[str, Any], None]:
        """Hold a call for as long as this is iterated over. Leaving it ends the call. Raises as `begin` does.

        First comes the session, with the answer to the caller's offer, and at last why it is over: dicts of what can be
        sent anywhere. In between, and while the agent is on its way, there is a sign of life each `BEAT`, or the
        records for the caller's page.
        """
        alive = {"alive": request.session_id}
        beginning = asyncio.ensure_future(self.begin(request))
        try:
            while not (await asyncio.wait([beginning], timeout=BEAT))[0]:
                yield alive
            session = beginning.result()
            yield {"session": session.id, "call": session.call_id, "answer": session.answer}
            over = False
            while not over:
                records, over = await session.news(BEAT), session.over.is_set()
                if records or not over:
                    yield {"records": records} if records else alive
            yield {"over": str(session.end), "error": session.error}
        finally:
            # In a task of its own, as above.
            await asyncio.shield(self._tasks.spawn(_given_up(beginning), f"giving up session {request.session_id}"))

    async def hold(self, edge: Any, call_id: str) -> None:
        """Hold the call of a caller who comes by `edge`, until it is over. Raises as `begin` does."""
        async with aclosing(self.run_call(CallRequest(call_id, edge=edge))) as signs:
            async for _ in signs:
                pass

    def _check(self, request: CallRequest) -> None:
        """Raise StartError if the caller brings a way in where none is taken, or none where one is."""
        brought = request.offer is not None or request.edge is not None
        if brought and not self.launcher.takes_edge:
            raise StartError(
                "these agents join calls by themselves (create_agent has no parameter `edge`) and take no offer:"
                " leave it out",
                "offer",
            )
        if self.launcher.takes_edge and not brought:
            raise StartError("these agents are in no call of their own: send a WebRTC offer", "offer")

    def _way_in(self, session: AgentSession, offer: str) -> Any:
        if not session.shown:
            return caller_edge(offer, private=self.private)
        session.records = backlog()
        return caller_edge(offer, private=self.private, left=lambda: session.close(End.CLOSED))

    async def _turn(self) -> None:
        # Whoever starts at the same moment makes agents one after the other: between two of them frames are pulled.
        async with self._turns:
            await asyncio.sleep(0)

    def _reserve(self, request: CallRequest) -> AgentSession:
        # Nothing is awaited between the question and the answer: so the limit is exact.
        # For whom a place was kept it was asked before: what the crowd does meanwhile is no reason any more.
        kept = request.place in self._kept and not self.draining
        self._kept.discard(request.place)
        refusal = (None if kept else self.refusal()) or self._crowded(request.call_id)
        if refusal is None and request.session_id in self._sessions:
            refusal = Refused("session", f"there is a session {request.session_id} already")
        if refusal is not None:
            self.count(refusal)
            raise refusal
        session = AgentSession(request, Figures(self.figures))
        self._sessions[session.id] = session
        return session

    def count(self, refusal: Refused) -> None:
        """Count a start that was refused."""
        self.refused[refusal.reason] += 1

    def _crowded(self, call_id: str) -> Refused | None:
        most = self.launcher.max_sessions_per_call
        there = sum(session.call_id == call_id for session in self._sessions.values())
        if most is None or there < most:
            return None
        return Refused("call", f"there {'is an agent' if most == 1 else f'are {most} agents'} in the call already")

    def _prepare(self, session: AgentSession, agent: Agent) -> None:
        """Have the agent measured from its first frame on."""
        clock = PullClock(asyncio.get_running_loop().time, self.meter.pulled)
        agent.on_pull = clock.tick
        agent.shed(self.shedding.level)
        if self._traces is not None:
            try:
                writer = TraceWriter(self._traces / _file_name(session))
            except OSError as error:
                logger.error("the trace of session %s is not written: %s", session.id, error)
                return
            agent.observe(writer)
            self._tasks.spawn(_close_after(session, writer), f"trace of session {session.id}")

    async def _let_go(self, session: AgentSession, why: End) -> None:
        """End a session that was never in its call."""
        await session.finish(why)
        self._free(session)

    async def _follow(self, session: AgentSession) -> None:
        await session.wait()
        now = asyncio.get_running_loop().time()
        self.over.add(now, Ended(session.id, session.call_id, session.ending))
        if session.end is End.FAILED and session.agent is not None:
            left = latest(session.agent.conversation.messages)
            self.lost.add(now, Lost(session.id, session.call_id, session.error or "the call failed", left))
        self._free(session)
        logger.info("session %s of call %s is over: %s", session.id, session.call_id, session.end)

    def _free(self, session: AgentSession) -> None:
        if self._sessions.pop(session.id, None) is not None:
            if not session.void:
                self.ended[str(session.end or End.FAILED)] += 1
            if not self._sessions:
                # A process without calls takes them again at once, whatever those that were here have suffered.
                self.meter.forget()
                self.shedding.forget()

    # Time that passes.

    def _looked(self) -> None:
        self._looks += 1
        if self._looks % _ROUND:
            return
        load = self.load
        # Also while work is left out: what nobody looks at would be silence.
        silent = sum(session.silence >= SILENT and session.age >= RECENT for session in self._sessions.values())
        if self.shedding.level is Shed.NOTHING:
            self.admission.learn(load, replace(self.calls, silent=silent))
        self._shed(load)
        for session in list(self._sessions.values()):
            self._judge(session)

    def _shed(self, load: Load) -> None:
        before = self.shedding.level
        level = self.shedding.update(asyncio.get_running_loop().time(), load.lasting_lateness, len(self._sessions))
        if level is before:
            return
        late, calls = f"frames are {load.lasting_lateness * 1000:.0f} ms late", counted(len(self._sessions), "call")
        if level > before:
            logger.warning("%s with %s: %s", late, calls, LEFT_OUT[level])
        else:
            logger.warning("frames are in time again with %s: %s", calls, BROUGHT_BACK[level])
        for session in self._sessions.values():
            if session.agent is not None:
                session.agent.shed(level)

    def _judge(self, session: AgentSession) -> None:
        longest, alone = self.launcher.max_session_duration_seconds, self.launcher.agent_idle_timeout
        if longest is not None and session.age >= longest:
            session.close(End.TOO_LONG)
        elif alone is not None and session.idle >= max(alone, 0.001):
            session.close(End.IDLE)

    # The end of the process.

    async def drain(self, seconds: float, farewell: str = "", say_for: float = 10.0) -> None:
        """Take no more calls; let those that run go on for up to `seconds`, then say `farewell` and end them."""
        self.draining = True
        if self._sessions:
            logger.warning("draining: %s may go on for up to %.0f s", counted(len(self._sessions), "call"), seconds)
        await self._until_empty(seconds)
        if farewell:
            await asyncio.gather(*(session.part(farewell, say_for) for session in list(self._sessions.values())))
        await self.close(End.DRAINED)

    async def _until_empty(self, seconds: float) -> None:
        clock = asyncio.get_running_loop().time
        deadline = clock() + seconds
        while self._sessions and (left := deadline - clock()) > 0:
            waiting = [asyncio.ensure_future(session.wait()) for session in self._sessions.values()]
            await asyncio.wait(waiting, timeout=left)
            for task in waiting:
                task.cancel()
            await asyncio.sleep(0)


async def _given_up(beginning: asyncio.Future[AgentSession]) -> None:
    """End the session that was begun, or is about to be. Harmless if it is over."""
    beginning.cancel()
    await asyncio.wait([beginning])
    if not beginning.cancelled() and beginning.exception() is None:
        await beginning.result().finish(End.CLOSED)


async def _close_after(session: AgentSession, writer: TraceWriter) -> None:
    try:
        await session.wait()
    finally:
        writer.close()
        if session.void:
            writer.path.unlink(missing_ok=True)


def _file_name(session: AgentSession) -> str:
    call = re.sub(r"[^\w-]+", "-", session.call_id)[:64]
    return f"{session.started_at:%Y%m%dT%H%M%S}-{call}-{session.id}.jsonl"
