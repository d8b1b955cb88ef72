"""Connects pages with agents: each caller with one of their own, as many at once as there are places.

It knows no server. Whoever has one gives it what pages ask for: `open` and `close` with each page's stream of records,
`offer` with what it posts.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vision_agents.core.failures import log_failure, reason_of
from vision_agents.core.tasks import Tasks, own_errors

from . import protocol
from .caller_edge import Answer, CallerEdge
from .feed import Feed, Send
from .kept_call import KeptCall
from .pages import CLOSED, OpenPage, Pages
from .protocol import MAX_KEY, Connect, Offer, Record
from .refused import RefusedError
from .rtc import OfferError
from .terms import Terms
from .tokens import new_token

logger = logging.getLogger(__name__)

# Connections that may be in the making, besides one for each place. Where somebody is beyond it, the oldest is given
# up: offers that never connect lock nobody out.
MAX_WAITING = 8

# Open tabs beside two for each place. More than anyone has; who has more gets an error instead of a slow machine.
MAX_PAGES = 16

# How long an agent may take to be made and to join, and to leave, in seconds.
START_TIMEOUT = 60.0
CLOSE_TIMEOUT = 15.0

# Bytes that may be kept of conversations that are over: a long one has some 350 MB.
MAX_ENDED = 1 << 30

CROWDED = "Other callers came while this one did not connect."

# Makes an agent with the edge, holds its call, and returns when that is over.
Host = Callable[[CallerEdge], Coroutine[Any, Any, None]]


@dataclass(eq=False, slots=True)
class Place:
    """One caller's conversation, and, once the caller is there, the task that holds it."""

    caller: str
    edge: CallerEdge
    hosting: asyncio.Task[None] | None = None
    # When the caller has been gone for too long.
    expiry: asyncio.TimerHandle | None = None


class Switchboard(Pages):
    """Answers the offers of pages, and has `host` hold a call for each caller.

    A caller is known by a key: a page says it, or is given one, and says it again after a reload. So nobody comes into
    somebody else's conversation, and who comes back goes on with theirs.

    Beside those of their calls (`CallerEdge`), pages get `protocol.hello`, `past` and `place`.

    Args:
        host: makes an agent with the edge that it is given, holds its call, and returns when that is over.
        hello: what else each page is told when it is opened.
    """

    def __init__(self, host: Host, terms: Terms, hello: Record) -> None:
        self._host = host
        self._terms = terms
        self._hello = {**hello, "workbench": terms.open_workbench}
        self._pages: dict[str, OpenPage] = {}
        # Callers who are there, or are expected back; those whose browser is on its way.
        self._places: dict[str, Place] = {}
        self._waiting: dict[str, Place] = {}
        # What is kept of conversations that are over, the oldest first: no more of them than places, nor `MAX_ENDED`.
        self._ended: dict[str, KeptCall] = {}
        # Calls that are held, or that agents are still leaving; what else takes a moment.
        self._held = Tasks()
        self._tasks = Tasks()

    # Pages.

    def open(self, send: Send, *, tab: str = "", browser: str = "", client: str = "") -> OpenPage:
        """Add a page, see `Pages.open`. Raises RefusedError if there are too many."""
        most = MAX_PAGES + 2 * self._terms.limit
        if len(self._pages) >= most:
            raise RefusedError(503, f"this page is open in {most} tabs already; close some")
        # Where each conversation has an agent of its own, each tab may have one. Otherwise people come back by another.
        key = browser if self._terms.sole else tab
        caller = key if 0 < len(key) <= MAX_KEY else new_token()
        page = OpenPage(new_token(), caller, Feed(send), client)
        self._pages[page.id] = page
        page.told = self._place_of(caller)
        page.feed.put(protocol.hello(page.id, caller, sole=self._terms.sole, about=self._hello, place=page.told))
        if caller in self._places:
            edge = self._places[caller].edge
            page.feed.put(protocol.past(edge.past))
            edge.show_settings(page.feed.put)
        return page

    def hang_up(self, page: OpenPage) -> None:
        """End the calls of a page. Its conversation may go on later."""
        for place in (self._places.get(page.caller), self._waiting.get(page.caller)):
            if place is not None:
                place.edge.hang_up(page.feed.put)

    def connect(self, page: OpenPage, wanted: Connect) -> None:
        """Begin to answer the offer of a page."""
        self._tasks.spawn(self._connect(page, wanted), "the offer of a page")

    def say(self, page: OpenPage, text: str) -> None:
        """Have the agent answer what was typed. Raises RefusedError."""
        self._edge_of(page).say(text)

    def change(self, page: OpenPage, wanted: Mapping[str, Any]) -> None:
        """Change settings of the agent. Raises RefusedError."""
        self._edge_of(page).change(wanted)

    def check_workbench(self) -> None:
        """Raise RefusedError if callers have no workbench."""
        if not self._terms.open_workbench:
            raise RefusedError(403, CLOSED)

    async def file(self, page: str, name: str) -> Path:
        """A file of the conversation of the page with this id, or of its last one. Raises RefusedError."""
        self.check_workbench()
        if page not in self._pages:
            raise RefusedError(409, "the page has lost its connection to the agent; reload it")
        caller = self._pages[page].caller
        place = self._places.get(caller)
        kept = self._ended.get(caller) if place is None else place.edge.kept
        if kept is None:
            raise RefusedError(404, "nothing is kept of this conversation, or it is long over")
        return await kept.file(name, f"?page={page}")

    def close_page(self, page: OpenPage) -> None:
        """Forget a page that is gone, and hang up."""
        self._pages.pop(page.id, None)
        self.hang_up(page)

    async def offer(self, body: object) -> dict[str, Any]:
        """Answer what a page posts, see `protocol.Offer`. Raises RefusedError."""
        offer = Offer.read(body)
        page = self._pages.get(offer.page) if offer.page is not None else None
        if offer.page is not None and page is None:
            raise RefusedError(409, "the page has lost its connection to the agent; reload it")
        caller = page.caller if page is not None else offer.caller or new_token()
        if len(caller) > MAX_KEY:
            raise RefusedError(400, f"the key of a caller has at most {MAX_KEY} characters")
        answer = await self._answer(caller, page, offer.sdp, offer.new)
        return {
            "type": "answer",
            "sdp": answer.sdp,
            "connection": answer.connection,
            "participant": answer.participant.id,
            "caller": caller,
        }

    async def close(self) -> None:
        """End all conversations and free everything."""
        self._pages.clear()
        for place in list(self._places.values()):
            self._end(place)
        for place in list(self._waiting.values()):
            self._give_up(place)
        await self._held.finish(2 * CLOSE_TIMEOUT)
        await self._tasks.finish(CLOSE_TIMEOUT)
        for kept in self._ended.values():
            kept.discard()
        self._ended.clear()

    # Places.

    async def _connect(self, page: OpenPage, wanted: Connect) -> None:
        try:
            if page.id in self._pages:
                answer = await self._answer(page.caller, page, wanted.sdp, wanted.new)
                page.feed.put(protocol.answer(wanted.attempt, answer.sdp, answer.connection))
        except RefusedError as error:
            page.feed.put(protocol.refused(wanted.do, error.sentence, attempt=wanted.attempt))

    async def _answer(self, caller: str, page: OpenPage | None, sdp: str, new: bool) -> Answer:
        """The answer of the caller's conversation, there or new. Raises RefusedError."""
        edge = self._place_for(caller, new).edge
        try:
            return await (edge.answer(sdp) if page is None else edge.answer(sdp, page.feed.put))
        except OfferError as error:
            raise RefusedError(400, str(error)) from error

    def _edge_of(self, page: OpenPage) -> CallerEdge:
        """The caller's conversation. Raises RefusedError if there is none."""
        place = self._places.get(page.caller)
        if place is None:
            raise RefusedError(409, "there is no conversation: press Talk first")
        return place.edge

    def _place_for(self, caller: str, new: bool) -> Place:
        """The caller's place, or one that they will have once their browser is there. Raises RefusedError."""
        if caller in self._places and not (new and not self._terms.sole):
            return self._places[caller]
        if (reason := self._refusal(caller)) is not None:
            self._terms.refused()
            raise RefusedError(503, reason)
        if caller in self._waiting:
            self._give_up(self._waiting[caller])
        if len(self._waiting) >= MAX_WAITING + self._terms.limit - 1:
            self._give_up(next(iter(self._waiting.values())), CROWDED)
        edge = CallerEdge(
            private=self._terms.private,
            arrived=lambda: self._arrived(place),
            left=lambda: self._gone(place),
            workbench=self._terms.open_workbench,
        )
        place = self._waiting[caller] = Place(caller, edge)
        return place

    def _refusal(self, caller: str) -> str | None:
        """Return why the caller cannot have a new conversation, be it in place of the one that they have."""
        if self._full_for(caller):
            return self._terms.full
        ending = {place.caller for place in (self._places.get(caller), self._empty()) if place is not None}
        return self._terms.refuse(len(self._leaving()) + len(ending))

    def _full_for(self, caller: str) -> bool:
        return caller not in self._places and len(self._places) >= self._terms.limit and self._empty() is None

    def _empty(self) -> Place | None:
        """The place that has been empty for the longest, if it may be had."""
        if self._terms.sole:
            return None
        return min((place for place in self._places.values() if place.expiry), key=_expires, default=None)

    def _arrived(self, place: Place) -> None:
        if place.expiry is not None:
            place.expiry.cancel()
            place.expiry = None
        if place.hosting is None:
            self._begin(place)
        self._tell_places()

    def _begin(self, place: Place) -> None:
        """A caller is there for whom there is no agent yet."""
        del self._waiting[place.caller]
        if (before := self._places.get(place.caller)) is not None:
            if (reason := self._refusal(place.caller)) is not None:
                self._send_away(place, reason)  # They keep the conversation that they have.
                return
            self._end(before)
        if self._helps_to_end_one() and (empty := self._empty()) is not None:
            self._end(empty)
        if len(self._places) >= self._terms.limit or len(self._held) >= 2 * self._terms.limit:
            # Others came first; or agents that were sent away take their time.
            self._send_away(place, self._terms.full)
            return
        self._places[place.caller] = place
        self._keep(place)
        place.hosting = self._held.spawn(self._hold(place), "the call of a page")

    def _helps_to_end_one(self) -> bool:
        """Return whether there is room for one more conversation if another one ends, and only then."""
        refuse, leaving = self._terms.refuse, len(self._leaving())
        return len(self._places) >= self._terms.limit or (refuse(leaving) is not None and refuse(leaving + 1) is None)

    def _leaving(self) -> list[asyncio.Task[None]]:
        """The tasks of conversations that were ended, and of which the agents have not left yet."""
        staying = {place.hosting for place in self._places.values()}
        return [task for task in self._held if task not in staying and not task.done()]

    def _gone(self, place: Place) -> None:
        """No browser of the caller is there, nor on its way."""
        if self._waiting.get(place.caller) is place:
            self._give_up(place)
        elif self._places.get(place.caller) is not place:
            return
        elif not place.edge.joined.is_set():
            self._end(place)  # There is no conversation yet.
        elif self._terms.keep is not None:
            place.expiry = asyncio.get_running_loop().call_later(self._terms.keep, self._end, place)
        self._tell_places()

    def _give_up(self, place: Place, error: str | None = None) -> None:
        """Forget a caller who never came to be connected."""
        del self._waiting[place.caller]
        self._send_away(place, error)

    def _send_away(self, place: Place, error: str | None) -> None:
        if error is not None:
            self._terms.refused()
        place.edge.hang_up(error=error)
        self._tasks.spawn(place.edge.leave(), "sending a caller away")

    def _end(self, place: Place) -> None:
        """End a conversation."""
        self._forget(place)
        place.edge.hang_up()
        if place.hosting is not None:
            place.hosting.cancel()

    def _forget(self, place: Place) -> None:
        if self._places.get(place.caller) is place:
            del self._places[place.caller]
        if place.expiry is not None:
            place.expiry.cancel()
            place.expiry = None

    async def _hold(self, place: Place) -> None:
        try:
            await self._until_there_is_room()
            await self._until_over(place)
        except Exception as error:
            log_failure(logger, "a caller's agent", error)
            place.edge.hang_up(error=protocol.sentence(protocol.NOT_THERE, reason_of(error)))
        finally:
            self._forget(place)
            await place.edge.leave()
            self._shelve(place)
            self._tell_places()

    def _keep(self, place: Place) -> None:
        """Keep the conversation that begins, where callers may ask for it."""
        if not self._terms.open_workbench:
            return
        try:
            place.edge.kept = KeptCall()
        except OSError as error:
            logger.error("nothing is kept of a conversation: %s", error)

    def _shelve(self, place: Place) -> None:
        """A conversation is over: what is kept of it stays until its caller has another, or others ended later."""
        kept, place.edge.kept = place.edge.kept, None
        if kept is None:
            return
        kept.close()
        if (before := self._ended.pop(place.caller, None)) is not None:
            before.discard()
        if place.caller in self._places:
            kept.discard()
            return
        self._ended[place.caller] = kept
        while len(self._ended) > self._terms.limit or sum(each.size for each in self._ended.values()) > MAX_ENDED:
            self._ended.pop(next(iter(self._ended))).discard()

    async def _until_there_is_room(self) -> None:
        """Wait for agents that leave, as long as another one may not come beside them."""
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_TIMEOUT):
                while self._terms.refuse(0) is not None and (leaving := self._leaving()):
                    await asyncio.wait(leaving, return_when=asyncio.FIRST_COMPLETED)

    async def _until_over(self, place: Place) -> None:
        """Have an agent made, and wait for the end of its call. Raises what went wrong."""
        hosting = asyncio.ensure_future(self._host(place.edge))
        joined = asyncio.ensure_future(place.edge.joined.wait())
        try:
            await asyncio.wait({hosting, joined}, timeout=START_TIMEOUT, return_when=asyncio.FIRST_COMPLETED)
            if not (hosting.done() or joined.done()):
                raise TimeoutError(f"it did not come within {START_TIMEOUT:.0f} s")
            await own_errors(hosting, "the call of a page")
        finally:
            joined.cancel()
            if not hosting.done():
                hosting.cancel()
                _, left = await asyncio.wait([hosting], timeout=CLOSE_TIMEOUT)
                if left:
                    logger.warning("an agent took more than %.0f s to leave and was left behind", CLOSE_TIMEOUT)

    def _place_of(self, caller: str) -> Mapping[str, Any]:
        full = self._terms.full if self._full_for(caller) else ""
        return protocol.place(kept=caller in self._places, full=full)

    def _tell_places(self) -> None:
        """Tell those pages for which it has changed of their caller's place."""
        for page in self._pages.values():
            now = self._place_of(page.caller)
            if now != page.told:
                page.told = now
                page.feed.put(now)


def _expires(place: Place) -> float:
    assert place.expiry is not None
    return place.expiry.when()
