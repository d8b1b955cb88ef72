"""Realtime speech by OpenAI."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import openai

from vision_agents.core.remote import RemoteRealtime
from vision_agents.core.remote.realtime import LONGEST_RESPONSE_TIMEOUT, RESPONSE_TIMEOUT
from vision_agents.core.settings import check_number

from . import wire
from .client import TIMEOUT, make_client
from .link import SERVICE
from .session import Session

DEFAULT_MODEL = "gpt-realtime-2.1"


class Realtime(RemoteRealtime):
    """A model that hears and speaks, at 24 kHz. Turns are detected by the service.

    When the service hears the user begin to speak, the agent is silent at once; the response is cancelled and the
    service's record of it is cut at the millisecond up to which it was played. A connection that breaks is opened again
    and told the conversation so far; one that was given up is tried again when somebody speaks or a text is to be
    answered.

    Args:
        model: its name, such as "gpt-realtime-2.1".
        voice: "marin", "cedar", "alloy", …
        turn_detection: how the service tells turns, as in its session: `{"type": "server_vad", "threshold": 0.5}` or
            `{"type": "semantic_vad", "eagerness": "auto"}`. With `"interrupt_response": False` the agent itself decides
            whether speech is an interruption; give it a `vad` for that.
        transcription_model: what writes down the user's words; None for none.
        speed: of the speech, 0.25 to 1.5.
        noise_reduction: "near_field" for headsets, "far_field" for rooms, None for none.
        session: further fields of the service's session, such as `{"max_output_tokens": 500}`.
        response_timeout: seconds within which a response has to begin that was asked for; then the session is renewed,
            and the answer asked for once more. More for a slow server, which then needs a policy whose `reply_timeout`
            (20 s) is longer still: after that the agent has given the reply up. Above 0, at most 600.
        api_key, base_url, organization, project: by default from OPENAI_API_KEY, OPENAI_BASE_URL, OPENAI_ORG_ID and
            OPENAI_PROJECT_ID.
        client: a client of the SDK to use instead; it is not closed.

    Raises:
        ValueError: there is no key, the session would be without speech, or a number is out of its range.
    """

    input_sample_rate = wire.SAMPLE_RATE

    def __init__(
        self,
        model: str = DEFAULT_MODEL,
        *,
        voice: str = "marin",
        turn_detection: Mapping[str, Any] | None = None,
        transcription_model: str | None = "gpt-4o-mini-transcribe",
        speed: float | None = None,
        noise_reduction: str | None = None,
        session: Mapping[str, Any] | None = None,
        response_timeout: float = RESPONSE_TIMEOUT,
        api_key: str | None = None,
        base_url: str | None = None,
        organization: str | None = None,
        project: str | None = None,
        client: openai.AsyncOpenAI | None = None,
    ) -> None:
        check_number("speed", speed, 0.25, 1.5, optional=True)
        check_number("response_timeout", response_timeout, above=0.0, high=LONGEST_RESPONSE_TIMEOUT)
        super().__init__(SERVICE)
        self.model = model
        detection = dict(turn_detection or {"type": "server_vad"})
        self._setup = wire.configuration(voice, detection, transcription_model, speed, noise_reduction, session)
        self._response_timeout = response_timeout
        self._own_client = client is None
        self._client = client or make_client(api_key, base_url, organization, project, TIMEOUT, 0)

    async def _begin(self, instructions: str) -> Session:
        return Session(self, self._client, self.model, self._setup, instructions, self._response_timeout)

    async def close(self) -> None:
        await super().close()
        if self._own_client:
            await self._client.close()
