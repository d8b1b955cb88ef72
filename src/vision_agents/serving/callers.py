"""Callers who come by WebRTC: their way in, and the answer to their offer. It needs the extra `local`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .session import StartError

MISSING = "callers by WebRTC need the extra `local` on the server ({error})"


def caller_edge(offer: str, *, private: bool, left: Callable[[], None] | None = None) -> Any:
    """A way in for the caller who makes this offer.

    `private`: it has no port that can be reached from outside of this machine. `left` is called when the caller is
    gone, or has not come in time. Raises StartError for what is no offer, and if what WebRTC needs is not installed.
    """
    try:
        from vision_agents.plugins.local.caller_edge import CallerEdge
        from vision_agents.plugins.local.rtc import OfferError, check_offer
    except ModuleNotFoundError as error:
        raise StartError(MISSING.format(error=error), "agent") from error
    try:
        check_offer(offer)
    except OfferError as error:
        raise StartError(str(error), "offer") from error
    return CallerEdge(private=private) if left is None else CallerEdge(private=private, left=left)


async def answer_offer(edge: Any, offer: str, tell: Callable[[Any], None]) -> str:
    """The SDP of the answer to an offer. `tell` takes the records of the call that pages show.

    Raises StartError for one that cannot be answered.
    """
    from vision_agents.plugins.local.rtc import OfferError

    try:
        answer = await edge.answer(offer, tell)
    except OfferError as error:
        raise StartError(str(error), "offer") from error
    sdp: str = answer.sdp
    return sdp


def backlog() -> Any:
    """The place where records of a call wait for its page."""
    from vision_agents.plugins.local.feed import Backlog

    return Backlog()


def say(edge: Any, text: str, tell: Callable[[Any], None]) -> None:
    """Have the agent answer what the caller typed; `tell` takes a record that says why it does not."""
    from vision_agents.plugins.local import protocol
    from vision_agents.plugins.local.refused import RefusedError

    try:
        edge.say(text)
    except RefusedError as error:
        tell(protocol.refused(protocol.Say.do, error.sentence))
