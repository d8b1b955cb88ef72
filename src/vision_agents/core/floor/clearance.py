"""Clearance: whether something with effects may be done for an answer now."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

from .judge import Judge
from .reply_queue import ReplyQueue
from .turn_taking import TurnTaking


class Clearance(Enum):
    """The floor's word on a function that a model wants called."""

    GO = "go"
    """What the user wants is certain, and nobody is challenging the answer."""

    WAIT = "wait"
    """It is being decided. Ask again after the next event."""

    NEVER = "never"
    """The answer that it was for was interrupted, or is to half of what was said."""


def clearance_of(reply: int | None, replies: ReplyQueue, taking: TurnTaking, judge: Judge) -> Clearance:
    """Return whether it may be done for this reply, or for one of which the number is not known, that is wanted."""
    current = replies.current(reply) if reply is not None else None
    if current is not None and current.outdated:
        return Clearance.NEVER
    speakers: Iterable[str] = taking.speakers() if taking.unvoiced else ()
    if current is not None:
        # More of what they say is about to be known.
        speakers = filter(replies.answer_to, taking.about_to_be_known)
    prepared = replies.draft is not None and replies.draft.number == reply
    contested = prepared or judge.contested or any(map(judge.people.may_interrupt, speakers))
    return Clearance.WAIT if contested else Clearance.GO
