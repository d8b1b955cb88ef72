"""The events of one prompt that are sent to Nova Sonic, in the shape that the service wants."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from vision_agents.core.audio import PcmData
from vision_agents.core.conversation import Message, Role
from vision_agents.core.llm import Tool

Json = dict[str, Any]

INPUT_SAMPLE_RATE = 16_000
OUTPUT_SAMPLE_RATE = 24_000

# What the service takes of history: bytes of one text, of all of it (40 KB, less some margin), and messages.
TEXT_LIMIT = 1_000
HISTORY_LIMIT = 38_000
MESSAGES_LIMIT = 40


@dataclass(frozen=True, slots=True)
class Setup:
    """The settings of every session."""

    voice_id: str
    inference: Mapping[str, float]
    endpointing_sensitivity: str | None = None


@dataclass(slots=True)
class Prompt:
    """One prompt, which lasts as long as its stream: every event names it, and audio has one content all along."""

    setup: Setup
    instructions: str
    tools: tuple[Tool, ...]
    history: tuple[Message, ...]
    name: str = field(default_factory=lambda: str(uuid4()))
    audio_content: str = field(default_factory=lambda: str(uuid4()))

    def opening(self) -> Iterator[Json]:
        """The opening events: how the model is to be, what was said before, and that audio follows."""
        session: Json = {"inferenceConfiguration": dict(self.setup.inference)}
        if self.setup.endpointing_sensitivity is not None:
            session["turnDetectionConfiguration"] = {"endpointingSensitivity": self.setup.endpointing_sensitivity}
        yield {"sessionStart": session}
        yield {"promptStart": self._prompt_start()}
        # The service takes no history without a system prompt before it.
        yield from self._text(self.instructions or "You are in a conversation.", "SYSTEM", interactive=False)
        for role, text in turns(self.history):
            yield from self._text(text, role, interactive=False)
        start = {"type": "AUDIO", "interactive": True, "role": "USER"}
        yield self._start(self.audio_content, **start, audioInputConfiguration=_audio_format(INPUT_SAMPLE_RATE))

    def audio(self, audio: PcmData) -> Json:
        """The next piece of what the users say."""
        content = base64.b64encode(audio.to_bytes()).decode()
        return {"audioInput": {"promptName": self.name, "contentName": self.audio_content, "content": content}}

    def ask(self, text: str) -> Iterator[Json]:
        """A text that is to be answered."""
        return self._text(text, "USER", interactive=True)

    def result(self, call: str, result: str) -> Iterator[Json]:
        """The result of a function."""
        content = str(uuid4())
        configuration = {"toolUseId": call, "type": "TEXT", "textInputConfiguration": {"mediaType": "text/plain"}}
        yield self._start(
            content, type="TOOL", interactive=False, role="TOOL", toolResultInputConfiguration=configuration
        )
        answer = json.dumps({"result": result}, ensure_ascii=False)
        yield {"toolResult": {"promptName": self.name, "contentName": content, "content": answer}}
        yield self._end(content)

    def closing(self) -> Iterator[Json]:
        """The closing events."""
        yield self._end(self.audio_content)
        yield {"promptEnd": {"promptName": self.name}}
        yield {"sessionEnd": {}}

    def _prompt_start(self) -> Json:
        start: Json = {
            "promptName": self.name,
            "textOutputConfiguration": {"mediaType": "text/plain"},
            "audioOutputConfiguration": {**_audio_format(OUTPUT_SAMPLE_RATE), "voiceId": self.setup.voice_id},
        }
        if self.tools:
            start["toolUseOutputConfiguration"] = {"mediaType": "application/json"}
            start["toolConfiguration"] = {"tools": [_tool(tool) for tool in self.tools]}
        return start

    def _text(self, text: str, role: str, *, interactive: bool) -> Iterator[Json]:
        content = str(uuid4())
        configuration = {"mediaType": "text/plain"}
        yield self._start(
            content, type="TEXT", interactive=interactive, role=role, textInputConfiguration=configuration
        )
        for piece in pieces(text):
            yield {"textInput": {"promptName": self.name, "contentName": content, "content": piece}}
        yield self._end(content)

    def _start(self, content: str, **fields: Any) -> Json:
        return {"contentStart": {"promptName": self.name, "contentName": content, **fields}}

    def _end(self, content: str) -> Json:
        return {"contentEnd": {"promptName": self.name, "contentName": content}}


# Stands for what a user said before the first message that the model is told.
OPENING = "…"


def turns(messages: Iterable[Message]) -> list[tuple[str, str]]:
    """Returns what was said as the service takes it: taking turns, and the latest part if it is too long.

    The service wants the user first: before what the agent said of its own accord stands that nobody had spoken.
    """
    merged: list[tuple[str, str]] = []
    for message in messages:
        role = "ASSISTANT" if message.role is Role.ASSISTANT else "USER"
        text = message.text.strip()
        if message.role is Role.TOOL or not text:
            continue
        if merged and merged[-1][0] == role:
            merged[-1] = (role, f"{merged[-1][1]} {text}")
        else:
            merged.append((role, text))
    kept: list[tuple[str, str]] = []
    size = 0
    for role, text in reversed(merged[1 - MESSAGES_LIMIT :]):
        size += len(text.encode())
        if size > HISTORY_LIMIT:
            break
        kept.append((role, text))
    kept.reverse()
    return [("USER", OPENING), *kept] if kept and kept[0][0] == "ASSISTANT" else kept


def pieces(text: str, limit: int = TEXT_LIMIT) -> Iterator[str]:
    """`text` in parts of at most `limit` bytes, no character cut in two."""
    data = text.encode()
    while data:
        head = data[:limit].decode(errors="ignore")
        yield head
        data = data[len(head.encode()) :]


def _audio_format(sample_rate: int) -> Json:
    return {
        "mediaType": "audio/lpcm",
        "sampleRateHertz": sample_rate,
        "sampleSizeBits": 16,
        "channelCount": 1,
        "encoding": "base64",
        "audioType": "SPEECH",
    }


def _tool(tool: Tool) -> Json:
    # The service takes the schema as text.
    schema = {"json": json.dumps(dict(tool.parameters))}
    return {"toolSpec": {"name": tool.name, "description": tool.description or tool.name, "inputSchema": schema}}
