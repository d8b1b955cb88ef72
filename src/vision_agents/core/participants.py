"""Users and participants of a call."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class User:
    """An account: the agent's own, as it appears to the others in a call.

    `id` is unique within the call's service, `name` and `image` (a URL) are what people see.
    """

    id: str
    name: str = ""
    image: str | None = None


@dataclass(frozen=True, slots=True)
class Participant:
    """One presence in a call. The same user on two devices is two participants.

    `user_id` is the account; `session_id` tells two presences of one account apart and may be empty
    where the transport has no such thing.
    """

    user_id: str
    session_id: str = ""
    name: str = ""

    @property
    def id(self) -> str:
        """The key under which the framework keeps this presence's state."""
        return f"{self.user_id}/{self.session_id}" if self.session_id else self.user_id
