"""Realtime speech by Amazon Nova Sonic."""

from __future__ import annotations

from functools import partial
from typing import Any, Literal

from vision_agents.core.remote import RemoteRealtime
from vision_agents.core.settings import check_number

from .client import Account, require_python
from .link import SERVICE
from .session import Session
from .stream import Stream
from .wire import INPUT_SAMPLE_RATE, Setup

DEFAULT_MODEL = "amazon.nova-2-sonic-v1:0"


class Realtime(RemoteRealtime):
    """Nova Sonic on Bedrock, by the SDK's own client. Needs Python 3.12 or newer.

    The service hears when somebody speaks and stops the model for that. It cannot be told to stop, nor how much of an
    answer was heard: where it goes on with what was interrupted for another reason, a new stream takes over, and is
    told what was heard. So it is before the eight minutes that a stream lasts.

    Args:
        model: the id of a Nova Sonic model. The first version takes no texts: `send_text` needs Nova 2.
        voice_id: one of its voices, for example "tiffany".
        max_tokens, temperature, top_p: how it generates.
        endpointing_sensitivity: how soon a pause ends the user's turn; by default the service chooses.
        region: by default from AWS_REGION or the AWS files, as the SDK reads them.
        aws_access_key_id, aws_secret_access_key, aws_session_token: by default from the variables of these names in
            capitals, the AWS files, or the machine's role, as the SDK finds them.
        profile: the one of the AWS files to use, by default from AWS_PROFILE.
        endpoint_uri: the service's address, by default from AWS_ENDPOINT_URL_BEDROCK_RUNTIME, or that of the region.

    Raises:
        RuntimeError: this Python is older than 3.12.
        ValueError: one half of a key is missing.
    """

    input_sample_rate = INPUT_SAMPLE_RATE
    learns_late = False

    def __init__(
        self,
        model: str = DEFAULT_MODEL,
        *,
        voice_id: str = "matthew",
        max_tokens: int = 1024,
        temperature: float = 0.7,
        top_p: float = 0.9,
        endpointing_sensitivity: Literal["HIGH", "MEDIUM", "LOW"] | None = None,
        region: str | None = None,
        aws_access_key_id: str | None = None,
        aws_secret_access_key: str | None = None,
        aws_session_token: str | None = None,
        profile: str | None = None,
        endpoint_uri: str | None = None,
    ) -> None:
        check_number("max_tokens", max_tokens, 1, whole=True)
        check_number("temperature", temperature, 0.0, 1.0)
        check_number("top_p", top_p, 0.0, 1.0)
        require_python()
        if (aws_access_key_id is None) != (aws_secret_access_key is None):
            raise ValueError("pass both aws_access_key_id and aws_secret_access_key, or neither")
        super().__init__(SERVICE)
        self.model = model
        self.voice_id = voice_id
        inference = {"maxTokens": max_tokens, "topP": top_p, "temperature": temperature}
        self._setup = Setup(voice_id, inference, endpointing_sensitivity)
        self._account = Account(
            region, aws_access_key_id, aws_secret_access_key, aws_session_token, profile, endpoint_uri
        )
        self._config: Any = None

    async def _begin(self, instructions: str) -> Session:
        if self._config is None:
            self._config = await self._account.resolve()
        return Session(self, partial(Stream, self._config, self.model), self.model, self._setup, instructions)
