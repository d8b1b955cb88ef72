"""Realtime speech by Gemini Live."""

from __future__ import annotations

from google import genai
from google.genai import types

from vision_agents.core import llm
from vision_agents.core.audio import PcmData
from vision_agents.core.conversation import Message, ToolCall
from vision_agents.core.llm import Heard
from vision_agents.core.participants import Participant

from .client import GeminiError, make_client
from .config import Setup
from .session import Session

DEFAULT_MODEL = "gemini-3.8-live"


class Realtime(llm.Realtime):
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
        super().__init__()
        self.model = model
        self.voice = voice
        self._setup = Setup.of(config, voice)
        self._client = client or make_client(api_key, http_options)
        self._session: Session | None = None

    async def connect(self, instructions: str, history: tuple[Message, ...]) -> None:
        """Open the session. Raises GeminiError."""
        await self.close()
        self.record.begin(history)
        self._session = session = Session(self, self._client, self.model, self._setup, instructions)
        try:
            await session.open()
        except BaseException:
            if self._session is session:
                self._session = None
            raise

    async def send_audio(self, audio: PcmData, participant: Participant) -> None:
        """Send audio, of several participants mixed. Without a connection up to 20 s of it wait for the next one."""
        mixed = self.microphones.mix(audio, participant)
        if mixed is not None and self._session is not None:
            self._session.hear(mixed)

    async def send_text(self, text: str) -> None:
        """Have a text answered. Raises GeminiError if there is no connection and none can be had."""
        if self._session is None:
            raise GeminiError("Gemini Live: there is no session; call connect() first, and not after close().")
        await self._session.ask(text)

    async def stop_response(self, heard: tuple[Heard, ...]) -> None:
        if self._session is not None:
            self._session.stop(heard)

    def function_ended_late(self, call: ToolCall, output: str) -> None:
        if self._session is not None:
            self._session.note(call, output)

    async def close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()
