"""A Stream call as a way to people: https://getstream.io/video/docs."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import getstream_rtc

from vision_agents.core.edge import CallSink, EdgeTransport
from vision_agents.core.participants import User
from vision_agents.core.settings import check_number
from vision_agents.core.tasks import bounded

from .account import Account, explained, make_account, name_of
from .call_session import CallSession

logger = logging.getLogger(__name__)

# Making the agent's user known, in seconds.
USER_TIMEOUT = 15.0


class Edge(EdgeTransport):
    """Takes part in a Stream call.

    Args:
        api_key: the application; by default the environment variable `STREAM_API_KEY`.
        api_secret: stands for the whole application, makes users and tokens for them; by default `STREAM_API_SECRET`.
        token: a user token instead of the secret; `agent_user.id` must be its user, who must exist.
        base_url: another server, whose websocket is looked for in the same place; by default `STREAM_BASE_URL`, else
            production.
        create: make the call if it does not exist.
        disconnection_timeout: how long the SDK may try to restore a lost connection until the call counts as broken,
            in seconds.

    Raises:
        ValueError: the key or the secret is missing, or the time-out is not above 0.
    """

    def __init__(
        self,
        api_key: str | None = None,
        api_secret: str | None = None,
        *,
        token: str | None = None,
        base_url: str | None = None,
        create: bool = True,
        disconnection_timeout: float = 60.0,
    ) -> None:
        check_number("disconnection_timeout", disconnection_timeout, above=0.0)
        self._account: Account = make_account(api_key, api_secret, token, base_url)
        self._create = create
        self._disconnection_timeout = disconnection_timeout
        self._stay: CallSession | None = None
        # The call that was joined last, as "type:id".
        self.call: str | None = None

    async def join(self, agent_user: User, call: Any, sink: CallSink) -> None:
        """Join `call`: a call of the Stream SDK, "type:id", "id" (of the type "default"), or None for a new one.

        Returns when the others can hear the agent. Raises StreamError with what to do; ValueError or TypeError if
        `call` names no call.
        """
        if self._stay is not None:
            raise RuntimeError("a getstream.Edge serves one agent in one call: make another one")
        call_type, call_id = name_of(call)
        stay = CallSession(self._account.call(call_type, call_id), agent_user.id, sink, self._disconnection_timeout)
        self._stay = stay
        log = logging.getLogger("getstream")
        getstream_rtc.configure_logging(log, log.getEffectiveLevel(), logging.ERROR)
        try:
            if self._account.api_secret is not None:
                await self._introduce(agent_user)
            await stay.begin(self._create)
        except BaseException:
            self._stay = None
            await stay.end()
            raise
        self.call = f"{call_type}:{call_id}"
        logger.info("in the Stream call %s", self.call)

    async def create_call(self, call_type: str, call_id: str) -> str:
        """Return the call's name, "type:id": joining makes the call. Raises ValueError for what Stream would refuse."""
        name_of(call := f"{call_type}:{call_id}")
        return call

    async def leave(self) -> None:
        """Leave the call and close every connection."""
        stay, self._stay = self._stay, None
        if stay is not None:
            await stay.end()

    async def _introduce(self, agent_user: User) -> None:
        """Have Stream know the agent's name and picture."""
        from getstream.models import UserRequest

        client = self._account.client()
        try:
            async with asyncio.timeout(USER_TIMEOUT):
                await client.upsert_users(
                    UserRequest(id=agent_user.id, name=agent_user.name or None, image=agent_user.image)
                )
        except Exception as error:
            raise explained(error, f"the user {agent_user.id} could not be made known to Stream") from error
        finally:
            await bounded(client.aclose(), "closing Stream's client")
