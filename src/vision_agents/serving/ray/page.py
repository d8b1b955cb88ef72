"""The page of `local.Edge` for the calls of a cluster: any number of browsers, at whichever front they come in.

Fronts share nothing, and a page that comes back may come to another one. So each connection of a page is a session of
its own, in a call that is named after its caller's key. What was said there is known to the registry, and so to any
front: from there the next connection goes on, be it that somebody hung up, reloaded, or that the process of the agent
or of the front died.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from ray.exceptions import RayError

from vision_agents.core.conversation import Message
from vision_agents.core.failures import reason_of
from vision_agents.core.tasks import Tasks
from vision_agents.plugins.local import protocol
from vision_agents.plugins.local.feed import Feed, Send
from vision_agents.plugins.local.pages import CLOSED, OpenPage, Pages
from vision_agents.plugins.local.protocol import MAX_KEY, MAX_TYPED, TYPED, Connect, Record
from vision_agents.plugins.local.refused import RefusedError
from vision_agents.plugins.local.tokens import new_token

from ..admission import Refused
from ..dispatch import SessionFacts
from ..launcher import CreateAgentError
from ..lost import Ending
from ..options import ServeOptions
from ..page import CALL, HELLO, NOT_TAKEN, Page
from ..rate import RateLimit
from ..session import CallRequest, End, StartError
from .answers import Before, Said

logger = logging.getLogger(__name__)

# Pages that one front may have open.
MOST = 2000

# Seconds in which the agent of a page's last connection has to leave: longer than until a host that hangs is given up.
LEAVING = 20.0

# Seconds for which a page that was lost waits for a place, and between two tries.
PATIENCE = 30.0
AGAIN = 1.0

# Seconds in which the registry has heard of the end of a session, too.
HEARD = 5.0

STAYS = "the agent before does not leave"
NO_CALL = "there is no conversation: press Talk first"
NO_REGISTRY = "the registry of the calls does not answer: try again in a moment"
TOO_OFTEN = "You call too often. Try again in {wait:.0f} s."
PROGRAMS = "agents are in other processes here: post the offer to /calls/{id}/sessions"


class PageDispatch(Protocol):
    """The calls of a cluster, as far as pages begin and end them."""

    async def begin(self, request: CallRequest, viewer: Line) -> SessionFacts:
        """Have an agent join a call, see `Dispatch.begin`. `viewer`: is told how it goes on, once this has returned."""

    async def end(self, call_id: str, session_id: str, taken: bool = False) -> bool:
        """Begin to end a session. `taken`: another connection of its caller is to have the call."""

    async def ending(self, call_id: str, session_id: str, seconds: float) -> Ending | None:
        """Wait for the end of a session, see `Dispatch.ending`."""

    async def refusal(self, leaving: int = 0) -> Refused | None:
        """Return why no further call is taken now, if so many of those that there are end for it."""

    async def before(self, call_id: str) -> Before:
        """Return what a page that comes back goes on from."""

    async def say(self, call_id: str, session_id: str, text: str) -> Said:
        """Have what a caller typed answered."""


class ClusterPages(Pages):
    """The pages that are open at one front. `rate`: how often a client may connect."""

    def __init__(self, dispatch: PageDispatch, rate: RateLimit) -> None:
        self._dispatch = dispatch
        self._rate = rate
        self._pages: dict[str, OpenPage] = {}
        # The latest connection of each page.
        self._lines: dict[str, Line] = {}
        self._tasks = Tasks()

    def open(self, send: Send, *, tab: str = "", browser: str = "", client: str = "") -> OpenPage:
        """Add a page, see `Pages.open`. Raises RefusedError if there are too many."""
        if len(self._pages) >= MOST:
            raise RefusedError(503, "this page is open too often; try again in a moment")
        page = OpenPage(new_token(), tab if 0 < len(tab) <= MAX_KEY else new_token(), Feed(send), client)
        self._pages[page.id] = page
        self._tasks.spawn(self._greet(page), "greeting a page")
        return page

    def close_page(self, page: OpenPage) -> None:
        """Forget a page that is gone, and hang up."""
        self._pages.pop(page.id, None)
        self.hang_up(page)

    def connect(self, page: OpenPage, wanted: Connect) -> None:
        """Begin to connect a page. The newest connection of a page counts."""
        wait = self._rate.take(page.client, asyncio.get_running_loop().time())
        if wait:
            why = TOO_OFTEN.format(wait=math.ceil(wait))
            page.feed.put(protocol.refused(wanted.do, why, attempt=wanted.attempt))
            return
        self.hang_up(page)
        line = self._lines[page.id] = Line(self._dispatch, page, self._tasks)
        line.begin(wanted)

    def hang_up(self, page: OpenPage) -> None:
        """End the connection of a page. Its conversation may go on later."""
        line = self._lines.pop(page.id, None)
        if line is not None:
            line.hang_up()

    def say(self, page: OpenPage, text: str) -> None:
        """Have the agent answer what was typed. Raises RefusedError."""
        line = self._lines.get(page.id)
        if line is None:
            raise RefusedError(409, NO_CALL)
        line.say(text)

    def change(self, page: OpenPage, wanted: Mapping[str, Any]) -> None:
        """Raise RefusedError: agents are in other processes."""
        self.check_workbench()

    async def offer(self, body: object) -> dict[str, Any]:
        """Raise RefusedError: what is posted may come to another front than the page that it is of."""
        raise RefusedError(404, PROGRAMS)

    def check_workbench(self) -> None:
        """Raise RefusedError: what it has is in other processes."""
        raise RefusedError(403, CLOSED)

    async def file(self, page: str, name: str) -> Path:
        """Raise RefusedError: see `check_workbench`."""
        raise RefusedError(403, CLOSED)

    async def close(self) -> None:
        """Leave the calls to themselves: pages come to another front, and go on there."""
        await self._tasks.close()

    async def _greet(self, page: OpenPage) -> None:
        try:
            kept = bool((await self._dispatch.before(call_of(page))).conversation)
        except RayError as error:
            logger.warning("the registry does not answer: %s", error)
            kept = False
        about = {**HELLO, "workbench": False}
        place = protocol.place(kept=kept, full="")
        page.feed.put(protocol.hello(page.id, page.caller, sole=False, about=about, place=place))


@dataclass(eq=False, slots=True)
class Line:
    """One connection of a page: from its offer to the end of its session."""

    dispatch: PageDispatch
    page: OpenPage
    tasks: Tasks
    session: str = ""
    """Once there is one."""
    fresh: bool = True
    """The agent knows of no conversation before."""
    left: bool = False
    """The page has hung up."""
    _saying: int = field(default=0, init=False)
    """Typed texts that the registry has not taken yet."""
    _beginning: asyncio.Task[None] | None = field(default=None, init=False)

    # The page.

    def begin(self, wanted: Connect) -> None:
        """Begin a session with the offer of the page, which is told when that is done, or why it is not."""
        self._beginning = self.tasks.spawn(self._begin(wanted), "connecting a page")

    def hang_up(self) -> None:
        """End the session. Harmless twice, and if there is none yet."""
        if self.left:
            return
        self.left = True
        if self._beginning is not None and not self._beginning.done():
            self._beginning.cancel()
        elif self.session:
            self.tasks.spawn(self.dispatch.end(call_of(self.page), self.session), "hanging up")

    def say(self, text: str) -> None:
        """Have the agent answer what was typed; if it does not, the page is told. Raises RefusedError for too many."""
        if self._saying >= MAX_TYPED:
            raise RefusedError(429, TYPED)
        self._saying += 1
        self.tasks.spawn(self._say(text), "a typed text")

    # Viewer.

    def shown(self, records: list[Record]) -> None:
        """Show records on the page. Those of its connection are told as this front knows it."""
        for record in records:
            if record.get("edge") != "call":
                self.page.feed.put(record)
            elif record["state"] != "over":  # That is told when the session is.
                fresh = {"fresh": self.fresh} if record["state"] == "connected" else {}
                self.page.feed.put({**record, "connection": self.session, **fresh})

    def over(self, ending: Ending) -> None:
        """Tell the page that its session is over, and why."""
        if ending.end == End.CLOSED and not self.left:
            # The host was told to end it, or that it is not its own any more: why is known to the registry.
            self.tasks.spawn(self._closed(ending), "why a call was closed")
        else:
            self._tell(ending)

    # Inside.

    async def _closed(self, ending: Ending) -> None:
        try:
            known = await self.dispatch.ending(call_of(self.page), self.session, HEARD)
        except RayError as error:
            logger.warning("the registry does not answer: %s", error)
            known = None
        self._tell(known or ending)

    def _tell(self, ending: Ending) -> None:
        if ending.lost:
            state, what = ("failed", protocol.NOT_THERE) if ending.end == End.FAILED else ("lost", protocol.GONE)
            error = protocol.sentence(what, ending.error or ending.end)
            self.page.feed.put(protocol.call(self.session, state, error=error))
        else:
            taken = ending.taken and not self.left
            self.page.feed.put(protocol.call(self.session, "taken over" if taken else "over"))

    async def _begin(self, wanted: Connect) -> None:
        try:
            answer = await (self._start_patiently if wanted.patient else self._start)(wanted)
        except Refused as refusal:
            self._refuse(wanted, NOT_TAKEN.format(refusal=refusal))
        except (CreateAgentError, StartError, RayError) as error:
            self._refuse(wanted, protocol.sentence(protocol.NOT_THERE, reason_of(error)), failed=True)
        else:
            self.page.feed.put(protocol.answer(wanted.attempt, answer, self.session))
            self.page.feed.put(protocol.place(kept=True, full=""))

    def _refuse(self, wanted: Connect, why: str, failed: bool = False) -> None:
        self.page.feed.put(protocol.refused(wanted.do, why, attempt=wanted.attempt, failed=failed))

    async def _start_patiently(self, wanted: Connect) -> str:
        """Begin the session as soon as there is a place: where a host has died another one is on its way."""
        clock = asyncio.get_running_loop().time
        deadline = clock() + PATIENCE
        while True:
            try:
                return await self._start(wanted)
            except Refused:
                if clock() > deadline:
                    raise
            await asyncio.sleep(AGAIN)

    async def _start(self, wanted: Connect) -> str:
        """Begin the session; returns the SDP of the answer. Raises as `PageDispatch.begin` does."""
        before = await self._end_before()
        said = () if wanted.new else before
        request = CallRequest(call_of(self.page), offer=wanted.sdp, records=True, conversation=said)
        self.fresh, self.session = not said, request.session_id
        facts = await self.dispatch.begin(request, self)
        assert facts.answer is not None
        return facts.answer

    async def _end_before(self) -> tuple[Message, ...]:
        """End the session that the call still has; returns what was said.

        Raises Refused if it does not end, or if it would for nothing: there is no place besides.
        """
        call = call_of(self.page)
        before = await self.dispatch.before(call)
        if before.session is not None:
            refusal = await self.dispatch.refusal(leaving=1)
            if refusal is not None:
                raise refusal
            await self.dispatch.end(call, before.session, taken=True)
            if await self.dispatch.ending(call, before.session, LEAVING) is None:
                raise Refused("call", STAYS)
            before = await self.dispatch.before(call)
        return before.conversation or ()

    async def _say(self, text: str) -> None:
        try:
            said = await self.dispatch.say(call_of(self.page), self.session, text)
        except RayError as error:
            logger.warning("the registry does not answer: %s", error)
            self.page.feed.put(protocol.refused(protocol.Say.do, NO_REGISTRY))
        else:
            if said is not Said.TOLD:
                why = TYPED if said is Said.FULL else NO_CALL
                self.page.feed.put(protocol.refused(protocol.Say.do, why))
        finally:
            self._saying -= 1


def call_of(page: OpenPage) -> str:
    """The call of a page's caller. Logs tell of it: it does not say the key."""
    return f"{CALL}-{hashlib.sha256(page.caller.encode()).hexdigest()[:24]}"


def page_of(dispatch: PageDispatch, options: ServeOptions) -> Page:
    """The page of one front."""
    rate = RateLimit(options.starts_per_second, options.start_burst)
    return Page(ClusterPages(dispatch, rate), options)
