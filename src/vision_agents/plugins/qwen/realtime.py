"""Realtime speech by Qwen-Omni."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vision_agents.core.remote import RemoteRealtime
from vision_agents.core.remote.realtime import LONGEST_RESPONSE_TIMEOUT, RESPONSE_TIMEOUT
from vision_agents.core.settings import check_number

from .client import find_key
from .link import SERVICE
from .messages import Messages
from .session import Session, Setup

DEFAULT_MODEL = "qwen3.5-omni-flash-realtime"

# The service's default voices, by the beginning of the model's name: the SDK sends a voice in any case.
_VOICES = {"qwen3.5-omni": "Tina", "qwen3-omni": "Cherry", "qwen-omni-turbo": "Chelsie"}


class Realtime(RemoteRealtime):
    """A realtime model of Qwen-Omni, by the messages of DashScope's SDK.

    The service hears when somebody speaks, and stops its response for that; what was sent of it and still plays is
    stopped by the agent. It takes no texts and no history as such, and cannot be told how much of an answer was
    heard: such things go into the instructions of an answer or of the session.

    Args:
        model: the name of a realtime model. Functions need one of the 3.5 series or later.
        voice: one of its voices, or a cloned one; by default the model's own.
        api_key: by default from DASHSCOPE_API_KEY. Keys differ by region.
        url: the service's address, by default the SDK's, which is in Beijing. For Singapore it is
            "wss://dashscope-intl.aliyuncs.com/api-ws/v1/realtime".
        workspace: the id of a workspace.
        turn_detection_type: "server_vad", or "semantic_vad" where the model has it.
        turn_detection_threshold: from -1 to 1; the higher, the clearer speech must be.
        turn_detection_silence_duration_ms: from 200 to 6000; after so much silence a turn has ended.
        session: further arguments of the SDK's `update_session`, for example {"temperature": 0.7}. With
            {"turn_detection_param": {"interrupt_response": False}} the agent itself decides whether speech is an
            interruption; give it a `vad` for that.
        response_timeout: seconds within which a response has to begin that was asked for; then the session is renewed,
            and the answer asked for once more. More for a slow server, which then needs a policy whose `reply_timeout`
            (20 s) is longer still: after that the agent has given the reply up. Above 0, at most 600.

    Raises:
        ValueError: a key is missing, or a parameter cannot be.
    """

    input_sample_rate = 16_000

    def __init__(
        self,
        model: str = DEFAULT_MODEL,
        *,
        voice: str | None = None,
        api_key: str | None = None,
        url: str | None = None,
        workspace: str | None = None,
        turn_detection_type: str = "server_vad",
        turn_detection_threshold: float = 0.5,
        turn_detection_silence_duration_ms: int = 800,
        session: Mapping[str, Any] | None = None,
        response_timeout: float = RESPONSE_TIMEOUT,
    ) -> None:
        check_number("turn_detection_threshold", turn_detection_threshold, -1.0, 1.0)
        silence_ms = turn_detection_silence_duration_ms
        check_number("turn_detection_silence_duration_ms", silence_ms, 200, 6000, whole=True)
        check_number("response_timeout", response_timeout, above=0.0, high=LONGEST_RESPONSE_TIMEOUT)
        super().__init__(SERVICE)
        self._response_timeout = response_timeout
        self.model = model
        self.voice = voice or next((name for start, name in _VOICES.items() if model.startswith(start)), None)
        self._messages = Messages(model, url, find_key(api_key), workspace)
        self._setup = Setup(self.voice, turn_detection_type, turn_detection_threshold, silence_ms, dict(session or {}))

    async def _begin(self, instructions: str) -> Session:
        return Session(self, self._messages, self._setup, instructions, self._response_timeout)
