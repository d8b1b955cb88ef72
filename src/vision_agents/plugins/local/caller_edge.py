"""One caller's way to an agent of their own, by WebRTC: an offer in, an answer out, records out.

It knows no server: whoever carries offers and records to and from the browser calls it, in the process of the agent.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from vision_agents.core.edge import AgentControls, CallSink, EdgeTransport
from vision_agents.core.participants import Participant, User
from vision_agents.core.tasks import Tasks

from . import protocol
from .feed import Tell
from .kept_call import KeptCall
from .past import Past
from .protocol import PageRecords, Record
from .refused import RefusedError
from .rtc import BrowserCall, OfferError
from .settings import change, settings_of
from .tokens import new_token

logger = logging.getLogger(__name__)

# Answering an offer, in seconds.
OFFER_TIMEOUT = 10.0


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to an offer: its SDP, the id by which records speak of the connection, and its sender in the call."""

    sdp: str
    connection: str
    participant: Participant


@dataclass(frozen=True, slots=True)
class Owner:
    """The page that a connection belongs to: the connection's id, and who takes records for the page."""

    connection: str
    tell: Tell


def _nothing() -> None:
    """Nobody wants to know."""


def _nobody(record: Record) -> None:
    """There is no page."""


class CallerEdge(EdgeTransport):
    """Connects an agent with the browsers of one caller: one at a time, the newest takes over.

    Offers may be answered before the agent has joined and after; a browser that is there before the agent waits for it,
    and hears silence. That all browsers are gone ends nothing: whoever made the edge decides about that.

    Pages are told of their connections (`protocol.call`). All other records are the agent's, as far as pages show them;
    they go to the page that is in the call or was last.

    Args:
        private: calls have no port that can be reached from outside of this machine.
        arrived: called when a browser is there, and none was.
        left: called when no browser is there any more, nor on its way.
        workbench: whether the caller sees and changes the agent's settings.
    """

    def __init__(
        self,
        *,
        private: bool = True,
        arrived: Callable[[], None] = _nothing,
        left: Callable[[], None] = _nothing,
        workbench: bool = False,
    ) -> None:
        self._private = private
        self._arrived, self._left, self._workbench = arrived, left, workbench
        # Where the conversation is kept, from its beginning; None: nowhere.
        self.kept: KeptCall | None = None
        self._sink: CallSink | None = None
        self._agent = ""
        self._controls: AgentControls | None = None
        self._screen = PageRecords()
        self._past = Past()
        self.joined = asyncio.Event()
        # Connections and who is told of them, until they are dismissed; the one that has the call; those being closed.
        self._calls: dict[BrowserCall, Owner] = {}
        self._current: BrowserCall | None = None
        # The one of which the agent knows.
        self._served: BrowserCall | None = None
        # Who was told that it is over as the agent left: perhaps not yet why.
        self._parted: list[Owner] = []
        self._tell: Tell = _nobody
        self._closing = Tasks()
        self._typed = Tasks()
        self._participants = 0
        self._fresh = True

    @property
    def present(self) -> bool:
        """Return whether a browser is there."""
        return self._current is not None

    @property
    def awaited(self) -> bool:
        """Return whether a browser is on its way."""
        return any(call is not self._current for call in self._calls)

    @property
    def past(self) -> list[Record]:
        """The records that were shown of the conversation so far."""
        return self._past.records

    # The agent.

    def lend(self, agent: AgentControls) -> None:
        """Have what the caller types answered by `agent`."""
        self._controls = agent

    async def join(self, agent_user: User, call: Any, sink: CallSink) -> None:
        """Serve `sink` to the caller, as soon as they are there; `call` has no meaning here. Returns at once."""
        if self._sink is not None:
            raise RuntimeError("a CallerEdge serves one agent in one call: make another one")
        self._sink, self._agent = sink, agent_user.name or agent_user.id
        self.joined.set()
        if self._current is not None:
            self._serve(self._current, sink)

    async def leave(self) -> None:
        """Hang up, say so on the page, and free everything. Harmless twice."""
        self._left = _nothing  # Whoever leaves knows that nobody is there.
        self._parted += self._calls.values()
        self.hang_up()
        await self._typed.close()
        self._sink, self._tell, self._controls = None, _nobody, None
        self.joined.clear()
        await self._closing.finish()

    def observe(self, record: Record) -> None:
        """Show a record to the caller, if it is one of those that pages show."""
        if self.kept is not None:
            self.kept.observe(record)
        shown = self._screen.pick(record)
        if shown is not None:
            self._past.put(shown)
            self._tell(shown)

    # The caller.

    async def answer(self, offer: str, tell: Tell = _nobody) -> Answer:
        """Answer an SDP offer. `tell` takes records for the page that made it.

        Raises OfferError for an offer that cannot be answered.
        """
        for call in [call for call in self._calls if call is not self._current]:
            self._dismiss(call, "over")  # Pressed twice: the newer one counts.
        self._participants += 1
        call = BrowserCall(Participant("user", str(self._participants), "Caller"), self, private=self._private)
        owner = self._calls[call] = Owner(new_token(), tell)
        try:
            async with asyncio.timeout(OFFER_TIMEOUT):
                sdp = await call.answer(offer)
        except BaseException as error:
            self._dismiss(call)
            if isinstance(error, TimeoutError):
                raise OfferError(f"the offer could not be answered within {OFFER_TIMEOUT:.0f} s") from error
            raise
        return Answer(sdp, owner.connection, call.participant)

    def hang_up(self, tell: Tell | None = None, *, error: str | None = None) -> None:
        """End the connections of the page that `tell` belongs to; None: of all. `error`: why, for the caller.

        An agent that cannot begin leaves first, and what was wrong is known after: who was there then is told, too.
        """
        parted, self._parted = ([], self._parted) if error is None else (self._parted, [])
        for owner in parted:
            _report(owner, "failed", error=error)
        for call in [call for call, owner in self._calls.items() if tell is None or owner.tell == tell]:
            self._dismiss(call, "over" if error is None else "failed", error)

    def say(self, text: str) -> None:
        """Have the agent answer what the caller typed.

        Raises RefusedError if the caller is in no call, and if too many texts wait for their answers.
        """
        agent, call = self._in_call()
        if len(self._typed) >= protocol.MAX_TYPED:
            raise RefusedError(429, protocol.TYPED)
        self._typed.spawn(agent.simple_response(text, participant=call.participant), "the answer to a typed text")

    def change(self, wanted: Mapping[str, Any]) -> None:
        """Change the agent's settings. Raises RefusedError for what cannot be had, and if the caller is in no call."""
        agent, _ = self._in_call()
        change(agent, wanted)
        self.show_settings(self._tell)

    def show_settings(self, tell: Tell) -> None:
        """Show the agent's settings to a page, if the caller may see them and the agent is there."""
        if self._workbench and self._controls is not None and self.joined.is_set():
            tell(protocol.settings(settings_of(self._controls)))

    def _in_call(self) -> tuple[AgentControls, BrowserCall]:
        if self._controls is None or self._current is None:
            raise RefusedError(409, "the agent is in no call with you: press Talk first")
        return self._controls, self._current

    # CallListener.

    def connected(self, call: BrowserCall) -> None:
        """A browser is there: it takes over."""
        if call not in self._calls:
            return
        before, self._current = self._current, call
        if before is not None:
            self._dismiss(before, "taken over")
        self._tell = self._calls[call].tell
        if before is None:
            self._arrived()
        if self._sink is not None and call is self._current:
            self._serve(call, self._sink)

    def over(self, call: BrowserCall, error: str | None) -> None:
        """A browser is gone, or could not be reached."""
        if error is not None:
            logger.warning("%s: %s", call.participant.id, error)
        self._dismiss(call, "over" if error is None else "failed", error)

    # Inside.

    def _serve(self, call: BrowserCall, sink: CallSink) -> None:
        self._served = call
        sink.participant_joined(call.participant)
        call.serve(sink if self.kept is None else self.kept.taped(sink))
        _report(self._calls[call], "connected", agent=self._agent, fresh=self._fresh)
        self.show_settings(self._calls[call].tell)
        self._fresh = False

    def _dismiss(self, call: BrowserCall, state: str | None = None, error: str | None = None) -> None:
        if call not in self._calls:
            return
        owner = self._calls.pop(call)
        call.mute()
        if call is self._current:
            self._current = None
        if call is self._served:
            self._served = None
            if self._sink is not None:
                self._sink.participant_left(call.participant)
        if state is not None:
            _report(owner, state, error=error)
        # In a task of its own: this may be called from within the connection that is to be closed.
        self._closing.spawn(call.close(), f"closing {call.participant.id}")
        if not self._calls:
            self._left()


def _report(owner: Owner, state: str, **more: Any) -> None:
    owner.tell(protocol.call(owner.connection, state, **more))
