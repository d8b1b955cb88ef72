"""Realtime speech by Gemini Live."""

from __future__ import annotations

from google import genai
from google.genai import types

from vision_agents.core.remote import RemoteRealtime

from .client import make_client
from .config import Setup
from .link import SERVICE
from .session import Session

DEFAULT_MODEL = "gemini-3.8-live"


class Realtime(RemoteRealtime):
    """A model of the Live API, by the SDK's own client.

    The service hears when somebody speaks and stops the model for that. It cannot be told how much of an answer was
    heard, so a note in its conversation says it. A connection lasts about ten minutes; the conversation goes on in
    the next one.

    Args:
        model: the name of a Live model.
        voice: one of its voices, for example "Kore"; by default the service chooses.
        config: the SDK's `LiveConnectConfig`, or a dict of its fields, for everything else. Modality, resumption and
            instructions are set here; functions are added to its tools. Where it says nothing, both transcriptions
            are on, and old context is compressed, so that a conversation may last for hours.
        api_key: by default from GEMINI_API_KEY or GOOGLE_API_KEY, as the SDK reads them.
        http_options: the SDK's `HttpOptions`, to make its client with.
        client: a client of the SDK, instead of the two before.

    Raises:
        ValueError: a key is missing, or the configuration cannot be.
    """

    input_sample_rate = 16_000
    speaks_during_calls = False

    def __init__(
        self,
        model: str = DEFAULT_MODEL,
        *,
        voice: str | None = None,
        config: types.LiveConnectConfigOrDict | None = None,
        api_key: str | None = None,
        http_options: types.HttpOptionsOrDict | None = None,
        client: genai.Client | None = None,
    ) -> None:
        if client is not None and (api_key is not None or http_options is not None):
            raise ValueError("pass either a client or what to make one from (api_key, http_options), not both")
        super().__init__(SERVICE)
        self.model = model
        self.voice = voice
        self._setup = Setup.of(config, voice)
        self._client = client or make_client(api_key, http_options)

    async def _begin(self, instructions: str) -> Session:
        return Session(self, self._client, self.model, self._setup, instructions)
