"""Starts sessions on the hosts of a cluster, and looks after those that it started."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Protocol

from ray.exceptions import RayActorError, RayError
from ray.serve.exceptions import RayServeException
from ray.serve.handle import DeploymentHandle

from vision_agents.core.tasks import Tasks

from ..admission import Refused
from ..dispatch import PageRoutes, SessionFacts, continued
from ..launcher import AgentLauncher, CreateAgentError
from ..lost import Ending, Lost
from ..metrics import Snapshot, Totals
from ..options import ServeOptions
from ..session import CallRequest, End, StartError
from .answers import Attempt, Before, Refusal, Said
from .client import RegistryClient
from .host import Host
from .registry import Registry

logger = logging.getLogger(__name__)

# Seconds in which a session has a place on some host, or is refused; hosts that are tried before it is.
PLACE = 1.5
TRIES = 3

# Seconds without a sign of life after which a host hangs. There is one each `BEAT`.
SILENCE = 10.0

# Reasons of a host that another host may not have.
_ELSEWHERE = {"lateness", "shedding", "loop_lag", "cpu", "memory", "starting", "sessions", "draining"}

# How streams break off.
BROKEN = (RayError, RayServeException, TimeoutError, StopAsyncIteration)


class Viewer(Protocol):
    """Is told of a session by the front that started it."""

    def shown(self, records: list[Mapping[str, Any]]) -> None:
        """Records for the caller's page."""

    def over(self, ending: Ending) -> None:
        """The session is over."""


class ClusterDispatch:
    """The calls of a cluster.

    Args:
        hosts: the deployment of `Host`.
        launcher: says how many agents may be in one call.
    """

    def __init__(self, hosts: DeploymentHandle[Host], launcher: AgentLauncher) -> None:
        # Never over gRPC: calls have to outlive the front that started them.
        self._hosts = hosts.options(stream=True)
        self._launcher = launcher
        self._registry = RegistryClient()
        self._tasks = Tasks()
        self._started = False

    async def start(self) -> None:
        if not self._started:
            self._started = True
            self._tasks.spawn(self._take_over(), "sessions of dead hosts")

    async def close(self) -> None:
        await self._tasks.close()

    def page(self, options: ServeOptions) -> PageRoutes | None:
        if not self._launcher.takes_edge:
            return None
        try:
            from .page import page_of
        except ModuleNotFoundError:
            return None  # Without the extra `local` nobody comes by WebRTC.
        return page_of(self, options)

    async def refusal(self, leaving: int = 0) -> Refused | None:
        """Return why no further call is taken now, if so many of those that there are end for it."""
        return _refused(await self._registry.ask(Registry.refusal, leaving))

    async def begin(self, request: CallRequest, viewer: Viewer | None = None) -> SessionFacts:
        """Have an agent join a call, see `Dispatch.begin`. `viewer`: is told how it goes on, once this has returned."""
        request = asked(await continued(self, request))
        facts = SessionFacts(
            request.session_id, request.call_id, request.call_type, datetime.now(UTC), records=request.records
        )
        most = self._launcher.max_sessions_per_call
        try:
            reserved = await self._registry.ask(Registry.reserve, request, facts, most)
            if isinstance(reserved, Attempt):
                return await self._start(request, facts, reserved.takers, viewer)
        except BaseException as error:
            refused = error.reason if isinstance(error, Refused) else None
            self._registry.tell(Registry.release, request.session_id, refused)
            raise
        raise Refused(*reserved)

    async def find(self, call_id: str, session_id: str) -> SessionFacts | None:
        return await self._registry.ask(Registry.find, call_id, session_id)

    async def lost(self, call_id: str, session_id: str) -> Lost | None:
        return await self._registry.ask(Registry.lost, call_id, session_id)

    async def end(self, call_id: str, session_id: str, taken: bool = False) -> bool:
        """Begin to end a session, see `Dispatch.end`. `taken`: another connection of its caller is to have the call."""
        return await self._registry.ask(Registry.end, call_id, session_id, taken)

    async def say(self, call_id: str, session_id: str, text: str) -> Said:
        """Have what a caller typed answered."""
        return await self._registry.ask(Registry.say, call_id, session_id, text)

    async def before(self, call_id: str) -> Before:
        """Return what a page that comes back goes on from."""
        return await self._registry.ask(Registry.before, call_id)

    async def ending(self, call_id: str, session_id: str, seconds: float) -> Ending | None:
        return await self._registry.ask(Registry.ending, call_id, session_id, seconds)

    async def figures(self) -> tuple[Mapping[str, Snapshot], Totals]:
        return await self._registry.ask(Registry.figures)

    # Inside.

    async def _start(
        self, request: CallRequest, facts: SessionFacts, takers: frozenset[str], viewer: Viewer | None = None
    ) -> SessionFacts:
        refusal = _full()
        for tried in range(TRIES):
            if tried:
                request, takers = await self._again(request)
            stream = Stream(self._hosts.run_call.remote(request, takers))
            try:
                facts = replace(await stream.begin(), started_at=facts.started_at)
            except Refused as refused:
                refusal = _full() if _is_earlier(request, refused) else refused
                if not await self._elsewhere(refusal):
                    break
                continue
            except BROKEN as error:
                logger.warning("session %s begins anew: %s", request.session_id, _why(error))
                continue
            self._tasks.spawn(self._follow(request, facts, stream, viewer), f"following session {facts.id}")
            return facts
        # The last one, too: what moves is offered to hosts again, and ended by none that was too slow.
        self._registry.tell(Registry.again, request.session_id, request.attempt)
        raise refusal

    async def _again(self, request: CallRequest) -> tuple[CallRequest, frozenset[str]]:
        """The request for the next host, and its takers. What the host before does with it does not count any more."""
        attempt = await self._registry.ask(Registry.again, request.session_id, request.attempt)
        if attempt is None:
            raise Refused("starting", "the session was given up before a host had it", 1.0)
        return replace(request, attempt=attempt.number), attempt.takers

    async def _elsewhere(self, refused: Refused) -> bool:
        """Return whether another host may have what one has refused, or has hung over."""
        # The place that is kept for it is its own.
        return refused.reason in _ELSEWHERE and await self.refusal(leaving=1) is None

    async def _follow(self, request: CallRequest, facts: SessionFacts, stream: Stream, viewer: Viewer | None) -> None:
        ending: Ending | None = None
        try:
            ending = await stream.until_over(viewer)
        except BROKEN as error:
            ending = Ending("lost", _why(error), lost=True)
            dead = isinstance(error, RayActorError)
            await self._registry.ask(Registry.broken, request, facts, stream.host, _why(error), dead)
        finally:
            # After the registry knows: a page that is told comes back at once. But told it is.
            if viewer is not None and ending is not None:
                viewer.over(ending)

    async def _take_over(self) -> None:
        """Start sessions elsewhere whose hosts are dead."""
        while True:
            try:
                request = await self._registry.ask(Registry.moved)
            except RayError as error:
                logger.warning("the registry does not answer: %s", error)
                await asyncio.sleep(1.0)
                continue
            if request is not None:
                self._tasks.spawn(self._start_again(request), f"starting session {request.session_id} again")

    async def _start_again(self, request: CallRequest) -> None:
        facts = SessionFacts(request.session_id, request.call_id, request.call_type, datetime.now(UTC))
        try:
            await self._start(request, facts, await self._registry.ask(Registry.takers))
        except Refused as refused:
            # The registry offers it again: where the last host died another one is on its way.
            logger.info("session %s is not taken yet: %s", request.session_id, refused)
        except (CreateAgentError, StartError) as error:
            logger.warning("session %s is not started again: %s", request.session_id, error)
            self._registry.tell(Registry.release, request.session_id)


class Stream:
    """The stream of one call, from its host.

    It is given up with whatever `begin` and `until_over` raise, but for a cancellation of the latter: a front that is
    closed leaves its calls to themselves.
    """

    def __init__(self, items: Any) -> None:
        self._items = items
        self.host = ""

    async def begin(self) -> SessionFacts:
        """Wait until the agent is in the call. Raises Refused, CreateAgentError, StartError, and those of `BROKEN`."""
        try:
            try:
                self.host = (await self._next(PLACE))["placed"]
            except TimeoutError:
                raise _full() from None
            while True:
                match await self._next(SILENCE):
                    case {"facts": SessionFacts() as facts, "answer": answer}:
                        return replace(facts, answer=answer)
                    case {"refused": (reason, text, after)}:
                        raise Refused(reason, text, after)
                    case {"failed": text, "fault": fault}:
                        raise StartError(text, fault)
                    case {"failed": text}:
                        raise CreateAgentError(text)
        except BaseException:
            self._items.cancel()
            raise

    async def until_over(self, viewer: Viewer | None) -> Ending:
        """Wait until the call is over. Raises those of `BROKEN` if its host dies, or gives no sign of life."""
        try:
            while True:
                match await self._next(SILENCE):
                    case {"records": records} if viewer is not None:
                        viewer.shown(records)
                    case {"over": why, "error": error}:
                        return Ending(why, error, why == End.FAILED)
        except BROKEN:
            self._items.cancel()
            raise

    async def _next(self, seconds: float) -> dict[str, Any]:
        async with asyncio.timeout(seconds):
            item: dict[str, Any] = await anext(self._items)
            return item


def asked(request: CallRequest) -> CallRequest:
    """The request, as it is sent: without what is of one process, a way in and whatever a program calls a user."""
    return replace(request, edge=None, created_by=None)


def _why(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "the process that held it hangs"
    if isinstance(error, RayActorError):
        return "the process that held it died"
    return f"its stream broke off ({type(error).__name__})"


def _is_earlier(request: CallRequest, refused: Refused) -> bool:
    """Return whether a host refuses a session for an attempt that was given up, and has not ended there yet."""
    return refused.reason == "session" or (refused.reason == "call" and request.attempt > 0)


def _full() -> Refused:
    return Refused("sessions", "all hosts are full")


def _refused(refusal: Refusal | None) -> Refused | None:
    return None if refusal is None else Refused(*refusal)
