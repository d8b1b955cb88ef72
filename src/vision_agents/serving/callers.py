"""Callers who come by WebRTC: their way in, and the answer to their offer. It needs the extra `local`."""

from __future__ import annotations

from typing import Any

from .session import StartError

MISSING = "callers by WebRTC need the extra `local` on the server ({error})"


def caller_edge(*, private: bool) -> Any:
    """A way in for one caller. `private`: it has no port that can be reached from outside of this machine.

    Raises StartError if what WebRTC needs is not installed.
    """
    try:
        from vision_agents.plugins.local.caller_edge import CallerEdge
    except ModuleNotFoundError as error:
        raise StartError(MISSING.format(error=error), "agent") from error
    return CallerEdge(private=private)


async def answer_offer(edge: Any, offer: str) -> str:
    """The SDP of the answer to an offer. Raises StartError for one that cannot be answered."""
    from vision_agents.plugins.local.rtc import OfferError

    try:
        answer = await edge.answer(offer)
    except OfferError as error:
        raise StartError(str(error), "offer") from error
    sdp: str = answer.sdp
    return sdp
