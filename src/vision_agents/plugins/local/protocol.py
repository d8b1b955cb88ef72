"""The protocol of the page: every request, record and message, whatever carries them.

    GET  /                                  the page and its parts
    GET  /records?tab=…&browser=…           WebSocket: the page gets arrays of records, and sends messages
    POST /offer                             an `Offer` of a program, answered by {"type": "answer", "sdp", …}
    GET  /caller/<line>.wav                 what the recorded caller says, where there is one
    GET  /call/<file>?page=…                a file of the caller's own conversation: trace.jsonl, call.wav, report.html
    POST /replay                            a trace file, answered by {"records": […], "policy": […], "offset": …}
    POST /replay?policy={…}                 the same, answered by {"changes": […]}: what these settings would have done

A record is of the agent's trace (`vision_agents.core.trace.records`), of which pages get what `PageRecords` leaves of
it, or one of those that are made here: they have the key "edge". A message is JSON, see `read_message`. An error is
answered as {"error": …}, with a sentence for people.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from .refused import RefusedError

Record = Mapping[str, Any]

# An offer has about 3 kB.
MAX_BODY = 64 * 1024

# Seconds in which all of an offer has to come.
BODY_TIMEOUT = 10.0

# A text that somebody types, in characters: more is no turn of a conversation.
MAX_TEXT = 2000

# Texts that were typed and are not answered yet, and what is said of one more.
MAX_TYPED = 4
TYPED = f"{MAX_TYPED} texts wait for their answers: let the agent speak first"

# Of a caller's key: those that we make are shorter.
MAX_KEY = 64

# What pages are told of an agent, see `sentence`: it did not begin, or its process died.
NOT_THERE = "The agent is not there"
GONE = "The agent is gone"


def sentence(what: str, why: str) -> str:
    """A sentence for people: what happened, and why, be that a sentence itself. The page says what to do next."""
    return f"{what}: {why.rstrip('.')}."


# Records that pages get beside the agent's.


def hello(page: str, key: str, *, sole: bool, about: Record, place: Record) -> Record:
    """The first record: the page's id, its caller's key, and whether there is but one conversation to be had.

    `about`: the agent's name ("agent"), and what else the page is told of this server.
    """
    return {**place, **about, "edge": "hello", "page": page, "key": key, "sole": sole}


def place(*, kept: bool, full: str) -> Record:
    """The caller's conversation is there (`kept`), or else there is no place for them, and why ("" if there is one)."""
    return {"edge": "place", "kept": kept, "full": full}


def past(records: Iterable[Record]) -> Record:
    """The records that were shown of the caller's conversation before this page was opened, in its order."""
    return {"edge": "past", "records": list(records)}


def call(connection: str, state: str, **more: Any) -> Record:
    """A connection is "connected" (with `agent` and `fresh`), "over", "taken over", "failed", or "lost".

    The last two have an `error`. Who is lost may connect again, and go on with another agent.
    """
    return {"edge": "call", "connection": connection, "state": state, **more}


def lost(records: int) -> Record:
    """So many records were left out, because the page takes them too slowly."""
    return {"edge": "lost", "records": records}


def settings(of: Record) -> Record:
    """The agent's settings, where callers may change them: see `settings.settings_of`."""
    return {"edge": "settings", **of}


def answer(attempt: int, sdp: str, connection: str) -> Record:
    """The answer to an offer of the page, and the id by which records speak of the connection."""
    return {"edge": "answer", "attempt": attempt, "sdp": sdp, "connection": connection}


def refused(what: str, sentence: str, **more: Any) -> Record:
    """A message of the page, `what` it wanted to do, was not granted.

    `more`: the `attempt` of an offer, and whether it `failed`: it would have been granted, but the agent did not begin.
    """
    return {"edge": "refused", "do": what, "error": sentence, **more}


# What pages send.


@dataclass(frozen=True, slots=True)
class Offer:
    """A wish to be connected, as programs post it: `{"type": "offer", "sdp": …, "page": …, "new": …}`.

    `page` is the id of a page whose records are read; a program without one may give the key of a caller as `caller`,
    or neither. `new`: the conversation that there is ends, and another begins.
    """

    sdp: str
    page: str | None = None
    caller: str | None = None
    new: bool = False

    @classmethod
    def read(cls, body: Any) -> Offer:
        """Take it from JSON. Raises RefusedError with what is wrong."""
        match body:
            case {"type": "offer", "sdp": str(sdp)}:
                offer = cls(sdp, body.get("page"), body.get("caller"), body.get("new") is True)
            case _:
                raise RefusedError(400, 'an offer is JSON: {"type": "offer", "sdp": "…"}')
        if not isinstance(offer.page, str | None) or not isinstance(offer.caller, str | None):
            raise RefusedError(400, "the ids of a page and a caller are strings, or left out")
        return offer


@dataclass(frozen=True, slots=True)
class Connect:
    """Connect this page: `{"do": "connect", "attempt": …, "sdp": …, "new": …, "patient": …}`; answered by `answer`.

    It comes by the page's own WebSocket, so that both are of one process, wherever a balancer sends requests. `attempt`
    is a number of the page's choice; `new` as in `Offer`. `patient`: the agent before was lost, and where there is no
    place yet one is on its way.
    """

    do: ClassVar[str] = "connect"

    attempt: int
    sdp: str
    new: bool = False
    patient: bool = False


@dataclass(frozen=True, slots=True)
class HangUp:
    """End the call of this page: `{"do": "hang up"}`. The conversation may go on later."""

    do: ClassVar[str] = "hang up"


@dataclass(frozen=True, slots=True)
class Say:
    """Answer what the caller typed, at once: `{"do": "say", "text": …}`."""

    do: ClassVar[str] = "say"

    text: str


@dataclass(frozen=True, slots=True)
class Change:
    """Change settings: `{"do": "change", "policy": {name: text}, "instructions": …, "voice": {…}}`, or some of them."""

    do: ClassVar[str] = "change"

    wanted: Mapping[str, Any]


Message = Connect | HangUp | Say | Change


def read_message(text: str) -> Message:
    """Read what a page sends. Raises RefusedError with what is wrong."""
    body: Any = None
    try:
        if len(text) <= MAX_BODY:
            body = json.loads(text)
    except (ValueError, RecursionError):
        pass
    match body:
        case {"do": "connect", "attempt": int(attempt), "sdp": str(sdp)}:
            return Connect(attempt, sdp, body.get("new") is True, body.get("patient") is True)
        case {"do": "hang up"}:
            return HangUp()
        case {"do": "say", "text": str(said)} if said.strip():
            if len(said) > MAX_TEXT:
                raise RefusedError(413, f"that is too long: a message has at most {MAX_TEXT} characters")
            return Say(said.strip())
        case {"do": "change"}:
            return Change(body)
    raise RefusedError(400, 'a message is JSON that says what to do, as {"do": "hang up"}')


# What pages get of a trace.

_EVENTS = frozenset(
    {
        "SpeechStarted",
        "SpeechEnded",
        "AudioStarted",
        "AudioDrained",
        "ParticipantLeft",
        "ReplyFailed",
        "AnswerLost",
        "FunctionStarted",
        "FunctionEnded",
        "FunctionFound",
        "CallsWait",
    }
)
_EFFECTS = frozenset(
    {
        "Hold",
        "Resume",
        "Commit",
        "BeginReply",
        "InsertSpeech",
        "DropReply",
        "AnnounceFailure",
        "AnnounceTurnStarted",
        "AnnounceTurnEnded",
        "RecordTurn",
        "RecordOverheard",
        "DiscardTurn",
        "AnnounceNoWords",
        "AnnounceUserAway",
        "AnnounceUserBack",
    }
)
_NOTES = frozenset({"UserTranscript", "AgentTranscript", "AnswerTimed", "InterruptionDecided", "ComponentFailed"})


class PageRecords:
    """Picks what pages show out of the records of one trace: some kinds, and each change of the floor's state."""

    def __init__(self) -> None:
        self._state: object = None

    def pick(self, record: Record) -> Record | None:
        """Return what pages get of the record, None for nothing."""
        state, before = record.get("state", self._state), self._state
        self._state = state
        if _is_shown(record):
            return record
        return {"t": record["t"], "state": state} if state != before else None


def _is_shown(record: Record) -> bool:
    if record.get("note") == "ResponseRequested":
        # What code asks for is as little for the caller's eyes as the instructions are.
        return record.get("participant") is not None
    return record.get("event") in _EVENTS or record.get("effect") in _EFFECTS or record.get("note") in _NOTES
