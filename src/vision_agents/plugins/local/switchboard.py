"""Connects the call with one browser at a time; the newest takes over."""

from __future__ import annotations

import asyncio
import logging

from vision_agents.core.edge import CallSink
from vision_agents.core.participants import Participant
from vision_agents.core.tasks import Tasks

from .feed import Feeds
from .rtc import BrowserCall, OfferError

logger = logging.getLogger(__name__)

# Answering an offer, in seconds.
OFFER_TIMEOUT = 10.0

# Connections that may be in the making. Where somebody is beyond it, the oldest is given up: offers that never connect
# lock nobody out.
MAX_WAITING = 8


class Switchboard:
    """Answers the offers of pages, and connects the sink with the browser that came last.

    `private`: calls have no port that can be reached from outside of this machine.

    Pages are told of their calls with records `{"edge": "call", "state": …, "participant": …, "error": …}`, the state
    being "connected", "over", "taken over" or "failed"; and all pages whether somebody is in the call, with
    `{"edge": "busy", "busy": bool}`.
    """

    def __init__(self, sink: CallSink, feeds: Feeds, *, private: bool = True) -> None:
        self._sink = sink
        self._private = private
        self._feeds = feeds
        # Calls and the pages they belong to, until they are dismissed; the one that has the sink; those being closed.
        self._calls: dict[BrowserCall, int | None] = {}
        self._current: BrowserCall | None = None
        self._closing = Tasks()
        self._participants = 0

    @property
    def busy(self) -> bool:
        """Return whether a browser is in the call."""
        return self._current is not None

    async def answer(self, offer: str, page: int | None = None) -> tuple[str, Participant]:
        """Answer an SDP offer, and say who its sender is now. The call belongs to `page`, and ends when that is closed.

        Raises OfferError for an offer that cannot be answered.
        """
        self._make_room(page)
        self._participants += 1
        call = BrowserCall(Participant("user", str(self._participants), "Caller"), self, private=self._private)
        self._calls[call] = page
        try:
            async with asyncio.timeout(OFFER_TIMEOUT):
                answer = await call.answer(offer)
        except BaseException as error:
            self._dismiss(call)
            if isinstance(error, TimeoutError):
                raise OfferError(f"the offer could not be answered within {OFFER_TIMEOUT:.0f} s") from error
            raise
        return answer, call.participant

    def _make_room(self, page: int | None) -> None:
        """Give up offers of the same page, and the oldest where too many never came to be connected."""
        waiting = [call for call in self._calls if call is not self._current]
        if page is not None:
            for call in [call for call in waiting if self._calls[call] == page]:
                self._dismiss(call)
                waiting.remove(call)
        if len(waiting) >= MAX_WAITING:
            self._dismiss(waiting[0], "failed", "other callers came while this one did not connect.")

    def hang_up(self, page: int) -> None:
        """End the calls of a page."""
        for call in [call for call, owner in self._calls.items() if owner == page]:
            self._dismiss(call, "over")

    async def close(self) -> None:
        """End all calls and free everything."""
        for call in list(self._calls):
            self._dismiss(call, "over")
        await self._closing.finish()

    # CallListener.

    def connected(self, call: BrowserCall) -> None:
        """A browser is there: it takes over."""
        if call not in self._calls:
            return
        if self._current is not None:
            self._dismiss(self._current, "taken over")
        self._current = call
        self._sink.participant_joined(call.participant)
        call.serve(self._sink)
        self._tell(self._calls[call], call, "connected")
        self._feeds.tell_all({"edge": "busy", "busy": True})

    def over(self, call: BrowserCall, error: str | None) -> None:
        """A browser is gone, or could not be reached."""
        if error is not None:
            logger.warning("%s: %s", call.participant.id, error)
        self._dismiss(call, "over" if error is None else "failed", error)

    def _dismiss(self, call: BrowserCall, state: str | None = None, error: str | None = None) -> None:
        if call not in self._calls:
            return
        call.mute()
        page = self._calls.pop(call)
        if state is not None:
            self._tell(page, call, state, error)
        if call is self._current:
            self._current = None
            self._sink.participant_left(call.participant)
            self._feeds.tell_all({"edge": "busy", "busy": False})
        # In a task of its own: this may be called from within the connection that is to be closed.
        self._closing.spawn(call.close(), f"closing {call.participant.id}")

    def _tell(self, page: int | None, call: BrowserCall, state: str, error: str | None = None) -> None:
        self._feeds.tell(page, {"edge": "call", "state": state, "participant": call.participant.id, "error": error})
