"""The SDK's messages, for a connection of our own.

DashScope's `OmniRealtimeConversation` has all of the protocol's messages, but its connection is no use for a
conversation that has to be interrupted, left and taken up again (measured with dashscope 2.0.2):

- a connection that is refused, for example because of a wrong key, is a timeout after five seconds, without a reason;
- `close()` leaves its thread behind, waiting for a socket that is gone, with each connection;
- sending blocks its caller for as long as the network takes nothing, and so does `close()`;
- it never asks whether the other side is still there.

So the SDK writes the messages, and the `websockets` package carries them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dashscope.audio.qwen_omni import OmniRealtimeCallback, OmniRealtimeConversation

Write = Callable[[Any], None]
"""Calls methods of the SDK's conversation, which write messages."""


class Outlet:
    """Stands where the SDK has its websocket, and keeps what is written there."""

    connected = True

    def __init__(self) -> None:
        self.sock = self
        self.written: list[str] = []

    def send(self, data: str) -> None:
        """The callback object that the SDK calls."""
        self.written.append(data)


class Messages:
    """Writes messages for a session with `model`. `url`: where to connect."""

    def __init__(self, model: str, url: str | None, api_key: str, workspace: str | None) -> None:
        self.model = model
        self._outlet = Outlet()
        conversation: Any = OmniRealtimeConversation(
            model=model, callback=OmniRealtimeCallback(), url=url, api_key=api_key, workspace=workspace
        )
        conversation.ws = self._outlet
        self._conversation = conversation
        self.url = str(self._conversation.url)
        self.headers = {"Authorization": f"Bearer {api_key}"}
        if workspace is not None:
            self.headers["X-DashScope-WorkSpace"] = workspace

    def written(self, write: Write) -> list[str]:
        """The messages that `write` writes."""
        write(self._conversation)
        messages, self._outlet.written = self._outlet.written, []
        return messages
