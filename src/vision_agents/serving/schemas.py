"""The schemas of the HTTP interface: what is sent, what is answered, and with which errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import HTTPException, Path, Request
from pydantic import BaseModel, ConfigDict, Field

from vision_agents.core.suggestions import did_you_mean

from .body import LONGEST
from .tokens import NAME

_NAME = f"^{NAME}$"
_TYPE = r"^[\w-]{1,64}$"

# What is wrong where one does not match.
_FORMS = {
    _NAME: "it has 1 to 128 letters, digits or any of -_:@+. and begins with no dot",
    _TYPE: "it has 1 to 64 letters, digits or any of -_",
}

CallId = Annotated[str, Path(pattern=_NAME, description="The id of the call")]
SessionId = Annotated[str, Path(pattern=_NAME, description="The id of the session")]


class _Described(BaseModel):
    """A schema that has what stands under its fields."""

    model_config = ConfigDict(use_attribute_docstrings=True)


class _Sent(_Described):
    """A schema of what clients send: a field that it has not is refused, since it would be of no effect."""

    model_config = ConfigDict(extra="forbid")


class Offer(_Sent):
    """A WebRTC offer, or its answer."""

    type: Literal["offer", "answer"] = "offer"
    sdp: str = Field(max_length=LONGEST)


class StartSession(_Sent):
    """The body of a start."""

    # Without one /docs makes up an offer and a session to continue, which no start is taken with.
    model_config = ConfigDict(json_schema_extra={"example": {"call_type": "default"}})

    call_type: str = Field("default", pattern=_TYPE)
    """The type of the call."""
    offer: Offer | None = None
    """A caller's WebRTC offer; then they are the call."""
    continues: str | None = Field(None, pattern=_NAME)
    """A lost session of this call, whose conversation the new one goes on with."""


class Session(_Described):
    """A session."""

    session_id: str
    call_id: str
    call_type: str
    session_started_at: datetime
    answer: Offer | None = None
    """The answer to the offer that it was started with."""


class SessionMetrics(_Described):
    """The figures of a session."""

    session_id: str
    call_id: str
    session_started_at: datetime
    metrics_generated_at: datetime
    metrics: dict[str, float | int | None]


class SessionEnd(_Described):
    """The end of a session."""

    session_id: str
    over: bool
    """False if it had not come when the answer had to."""
    why: str | None = None
    """In a word: done, closed, idle, too long, drained, failed or lost."""
    error: str | None = None
    """The fault by which it ended."""
    lost: bool = False
    """By a fault, not by anybody's wish: another session may continue it."""


class Status(_Described):
    """The state of the process."""

    status: Literal["alive", "ready"]


class Error(_Described):
    """The body of an answer that is an error."""

    detail: str
    """A sentence for people."""


def complaint(problem: Mapping[str, Any]) -> str:
    """Say where in a request something is wrong, and what; `problem` as pydantic tells it."""
    what = problem["msg"]
    if problem["type"] == "extra_forbidden":
        what = f"there is no such field.{_meant(problem['loc'])}"
    elif problem["type"] == "string_pattern_mismatch":
        what = _FORMS[problem["ctx"]["pattern"]]
    return f"{'.'.join(map(str, problem['loc']))}: {what}"


async def check_parameters(request: Request) -> None:
    """Raise HTTPException for a parameter that the request's route has not: it would be of no effect."""
    known = ["token", *(field.alias for field in request.scope["route"].dependant.query_params)]
    for name in request.query_params:
        if name not in known:
            raise HTTPException(422, f"query.{name}: there is no such parameter.{did_you_mean(name, known)}")


def _meant(place: Sequence[object]) -> str:
    """Say what was meant by a field that is not where it stands: one of the same depth, or the same one elsewhere."""
    *above, name = map(str, place)
    in_offer = "offer" in above
    if in_offer and name in StartSession.model_fields:
        return " It stands beside offer, not in it."
    if not in_offer and name in Offer.model_fields:
        return f' It stands in offer: {{"offer": {{"{name}": …}}}}.'
    return did_you_mean(name, (Offer if in_offer else StartSession).model_fields)


_ERRORS = {
    400: "The request cannot be read, or the offer not be answered",
    401: "A token is needed, or the one that was sent has expired or is none of this server's",
    403: "The token is for another call, or gives no right to this",
    404: "There is no such session of this call",
    408: "The request did not come in time",
    409: "There is an agent in the call already",
    410: "The session is lost",
    413: "The request is too long",
    422: "What was sent has not this form",
    429: "Too many starts by this client",
    500: "The agent cannot be made",
    502: "The agent cannot join the call",
    503: "No further call is taken now; see Retry-After",
    504: "The agent was not in the call in time",
}


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The description of the errors that a request may be answered with."""
    return {status: {"model": Error, "description": _ERRORS[status]} for status in statuses}
