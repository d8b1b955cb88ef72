"""Open pages, and what they ask for: the same wherever their agents are."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import protocol
from .feed import Feed, Send
from .protocol import Change, Connect, HangUp, Say
from .refused import RefusedError

CLOSED = "on this server callers have no workbench: whoever runs it may open it"


@dataclass(eq=False, slots=True)
class OpenPage:
    """An open page: its id, which nobody else knows, its caller, and its records."""

    id: str
    caller: str
    feed: Feed
    client: str = ""
    """The address that it comes from, where that counts."""
    # What it was told last of its caller's place.
    told: Mapping[str, Any] = field(default_factory=dict)


class Pages(ABC):
    """The open pages of a server. Whoever carries their requests calls it."""

    @abstractmethod
    def open(self, send: Send, *, tab: str = "", browser: str = "", client: str = "") -> OpenPage:
        """Add a page, which gets its records by `send` as long as `page.feed.run()` runs.

        `tab` and `browser` are the keys that it was given before, where it keeps what belongs to the tab, and to all
        tabs of the browser; `client` is the address that it comes from. Raises RefusedError if there are too many.
        """

    @abstractmethod
    def close_page(self, page: OpenPage) -> None:
        """Forget a page that is gone, and hang up."""

    def take(self, page: OpenPage, text: str) -> None:
        """Do what a page sends. What cannot be done is told to it."""
        what = ""
        try:
            message = protocol.read_message(text)
            what = message.do
            match message:
                case Connect():
                    self.connect(page, message)
                case HangUp():
                    self.hang_up(page)
                case Say(said):
                    self.say(page, said)
                case Change(wanted):
                    self.check_workbench()
                    self.change(page, wanted)
        except RefusedError as error:
            page.feed.put(protocol.refused(what, error.sentence))

    @abstractmethod
    def connect(self, page: OpenPage, wanted: Connect) -> None:
        """Begin to answer the offer of a page, which is told when that is done, or why it is not."""

    @abstractmethod
    def hang_up(self, page: OpenPage) -> None:
        """End the calls of a page. Its conversation may go on later."""

    @abstractmethod
    def say(self, page: OpenPage, text: str) -> None:
        """Have the agent of a page answer what was typed there. Raises RefusedError."""

    @abstractmethod
    def change(self, page: OpenPage, wanted: Mapping[str, Any]) -> None:
        """Change settings of the agent of a page. Raises RefusedError."""

    @abstractmethod
    async def offer(self, body: object) -> dict[str, Any]:
        """Answer an offer that is posted, see `protocol.Offer`. Raises RefusedError."""

    @abstractmethod
    def check_workbench(self) -> None:
        """Raise RefusedError if callers have no workbench."""

    @abstractmethod
    async def file(self, page: str, name: str) -> Path:
        """A file of the conversation of the page with this id, or of its last one. Raises RefusedError."""

    @abstractmethod
    async def close(self) -> None:
        """End everything, and free it. Harmless twice."""
