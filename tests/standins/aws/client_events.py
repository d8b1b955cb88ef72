"""The client's events on a stream of Nova Sonic: what it may send, and in which order."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

from vision_agents.core.audio import PcmData
from vision_agents.testing.contract import SpeechGate

from .speech import OUTPUT_RATE

Json = dict[str, Any]

INPUT_RATE = 16_000

# What the service takes of history, in bytes: one textInput, and all of it; and how many messages.
TEXT_LIMIT = 1024
HISTORY_LIMIT = 40 * 1024
MESSAGES_LIMIT = 40


class Refusal(Exception):
    """The stream ends with an exception. `counts`: it is the client's fault."""

    def __init__(self, message: str, kind: str = "validationException", counts: bool = True) -> None:
        super().__init__(message)
        self.kind = kind
        self.counts = counts


class ClientEvents:
    """Takes the client's events one by one, and refuses those that the service refuses.

    `history`: the messages that came as history. `asked`: the texts, the words and the results that were answered.
    `ended`: "sessionEnd" if the stream was closed as it should be.
    """

    def __init__(self, *, cross_modal: bool) -> None:
        self.start: Json = {}
        self.prompt: Json = {}
        self.system = ""
        self.history: list[tuple[str, str]] = []
        self.asked: list[str] = []
        self.heard_seconds = 0.0
        self.ended = ""
        self._cross_modal = cross_modal
        self._contents: dict[str, Json] = {}
        self._texts: dict[str, str] = {}
        self._used: set[str] = set()
        self._audio: str | None = None
        self._audio_over = False
        self._ear = SpeechGate(0.5)

    def take(self, event: Json) -> None:
        """Take an event. Raises Refusal."""
        ((name, fields),) = event.items()
        handler = _HANDLERS.get(name)
        if handler is None or not isinstance(fields, dict):
            raise Refusal(f"Unknown event: {name}")
        if self.ended == "sessionEnd":
            raise Refusal("The session has ended.")
        handler(self, fields)

    # What the events mean for the answers.

    def _barge_in(self) -> None:
        """The user began to speak."""

    def _speech_over(self) -> None:
        """The user has spoken."""

    def _asked(self) -> None:
        """A text is to be answered."""

    def _calls(self, use: str | None) -> bool:
        """Whether the model waits for the result of that call."""
        return False

    def _result(self, use: str, text: str) -> None:
        """The result of a call is there."""

    # Setting up.

    def _on_session_start(self, fields: Json) -> None:
        _only(fields, {"inferenceConfiguration"}, {"turnDetectionConfiguration"})
        _check(not self.start, "There can be one sessionStart.")
        inference = fields["inferenceConfiguration"]
        _only(inference, set(), {"maxTokens", "topP", "temperature"})
        detection = fields.get("turnDetectionConfiguration", {"endpointingSensitivity": "HIGH"})
        _check(detection.get("endpointingSensitivity") in ("HIGH", "MEDIUM", "LOW"), "endpointingSensitivity")
        self.start = fields

    def _on_prompt_start(self, fields: Json) -> None:
        _only(
            fields,
            {"promptName", "textOutputConfiguration", "audioOutputConfiguration"},
            {"toolUseOutputConfiguration", "toolConfiguration"},
        )
        _check(bool(self.start) and not self.prompt, "promptStart comes once, after sessionStart.")
        _check(fields["textOutputConfiguration"] == {"mediaType": "text/plain"}, "textOutputConfiguration")
        audio = dict(fields["audioOutputConfiguration"])
        _check(isinstance(audio.pop("voiceId", None), str), "voiceId")
        _check(audio == _audio_format(OUTPUT_RATE), "audioOutputConfiguration")
        for tool in fields.get("toolConfiguration", {}).get("tools", ()):
            spec = tool["toolSpec"]
            _only(spec, {"name", "description", "inputSchema"}, set())
            _check(json.loads(spec["inputSchema"]["json"])["type"] == "object", "inputSchema.json is a JSON string.")
        self.prompt = fields

    # Contents.

    def _on_content_start(self, fields: Json) -> None:
        self._check_prompt(fields)
        name, kind, role = fields.get("contentName"), fields.get("type"), fields.get("role")
        _check(isinstance(name, str) and name not in self._used, "contentName must be new.")
        assert isinstance(name, str)
        if kind == "AUDIO":
            expected = {**_audio_format(INPUT_RATE)}
            _check(role == "USER" and fields.get("interactive") is True, "Audio is interactive, and the user's.")
            _check(fields.get("audioInputConfiguration") == expected, "audioInputConfiguration")
            _check(self._audio is None, "Audio content is open already.")
            self._audio = name
        elif kind == "TEXT":
            _check(fields.get("textInputConfiguration") == {"mediaType": "text/plain"}, "textInputConfiguration")
            self._check_text(role, fields.get("interactive"))
        elif kind == "TOOL":
            result = fields.get("toolResultInputConfiguration", {})
            _check(role == "TOOL" and self._calls(result.get("toolUseId")), "There is no such tool use.")
            _check(result.get("type") == "TEXT", "toolResultInputConfiguration.type")
        else:
            raise Refusal("contentStart.type")
        self._used.add(name)
        self._contents[name] = fields
        self._texts[name] = ""

    def _check_text(self, role: str | None, interactive: bool | None) -> None:
        if interactive:
            _check(role == "USER" and self._audio is not None, "Interactive text is the user's, beside audio.")
            _check(self._cross_modal, "This model takes no interactive text.")
            return
        _check(self._audio is None, "System prompt and history come before audio.")
        if role == "SYSTEM":
            _check(not self.system and not self.history, "The system prompt comes once, and first.")
        else:
            _check(role in ("USER", "ASSISTANT"), "contentStart.role")
            _check(bool(self.system), "History comes after the system prompt.")
            _check(bool(self.history) or role == "USER", "First message must be from the user.")

    def _on_text_input(self, fields: Json) -> None:
        self._take_text(fields, "TEXT", TEXT_LIMIT)

    def _on_tool_result(self, fields: Json) -> None:
        self._take_text(fields, "TOOL", 256 * 1024)
        try:
            parsed = json.loads(fields["content"])
        except ValueError:
            parsed = None
        _check(isinstance(parsed, dict), "toolResult.content is a JSON object.")

    def _take_text(self, fields: Json, kind: str, limit: int) -> None:
        _only(fields, {"promptName", "contentName", "content"}, set())
        content = self._contents.get(fields["contentName"])
        _check(content is not None and content["type"] == kind, "There is no such content.")
        assert content is not None
        if kind == "TEXT" and content["role"] == "SYSTEM":
            limit = HISTORY_LIMIT
        _check(0 < len(fields["content"].encode()) <= limit, f"A text has 1 to {limit} bytes.")
        self._texts[fields["contentName"]] += fields["content"]

    def _on_audio_input(self, fields: Json) -> None:
        _only(fields, {"promptName", "contentName", "content"}, set())
        _check(fields["contentName"] == self._audio and not self._audio_over, "There is no such audio content.")
        audio = PcmData.from_bytes(base64.b64decode(fields["content"], validate=True), INPUT_RATE)
        _check(0 < audio.duration <= 1.0, "audioInput has up to a second.")
        self.heard_seconds += audio.duration
        step = INPUT_RATE // 50
        for start in range(0, len(audio), step):
            change = self._ear.feed(PcmData(audio.samples[start : start + step], INPUT_RATE))
            if change == "started":
                self._barge_in()
            elif change == "stopped":
                self._speech_over()

    def _on_content_end(self, fields: Json) -> None:
        _only(fields, {"promptName", "contentName"}, set())
        content = self._contents.pop(fields["contentName"], None)
        _check(content is not None, "There is no such content.")
        assert content is not None
        text = self._texts.pop(fields["contentName"])
        role = content["role"]
        if content["type"] == "AUDIO":
            self._audio_over = True
        elif content["type"] == "TOOL":
            self.asked.append(text)
            self._result(content["toolResultInputConfiguration"]["toolUseId"], text)
        elif role == "SYSTEM":
            self.system = text
        elif content["interactive"]:
            self.asked.append(text)
            self._asked()
        else:
            self.history.append((role, text))
            size = sum(len(said.encode()) for _, said in self.history)
            _check(size <= HISTORY_LIMIT and len(self.history) <= MESSAGES_LIMIT, "Chat history is over the limit.")

    def _on_prompt_end(self, fields: Json) -> None:
        self._check_prompt(fields)
        _check(not self._contents, "A content is still open.")
        self.ended = "promptEnd"

    def _on_session_end(self, fields: Json) -> None:
        _only(fields, set(), set())
        _check(self.ended == "promptEnd", "sessionEnd comes after promptEnd.")
        self.ended = "sessionEnd"

    def _check_prompt(self, fields: Json) -> None:
        _check(bool(self.prompt) and fields.get("promptName") == self.prompt["promptName"], "promptName")


def _audio_format(rate: int) -> Json:
    return {
        "mediaType": "audio/lpcm",
        "sampleRateHertz": rate,
        "sampleSizeBits": 16,
        "channelCount": 1,
        "encoding": "base64",
        "audioType": "SPEECH",
    }


def _only(fields: Json, required: set[str], optional: set[str]) -> None:
    missing, unknown = required - fields.keys(), fields.keys() - required - optional
    _check(not missing and not unknown, f"missing {sorted(missing)}, unknown {sorted(unknown)}")


def _check(good: bool, message: str) -> None:
    if not good:
        raise Refusal(f"Invalid input request: {message}")


_HANDLERS: dict[str, Callable[[ClientEvents, Json], None]] = {
    "sessionStart": ClientEvents._on_session_start,
    "promptStart": ClientEvents._on_prompt_start,
    "contentStart": ClientEvents._on_content_start,
    "textInput": ClientEvents._on_text_input,
    "toolResult": ClientEvents._on_tool_result,
    "audioInput": ClientEvents._on_audio_input,
    "contentEnd": ClientEvents._on_content_end,
    "promptEnd": ClientEvents._on_prompt_end,
    "sessionEnd": ClientEvents._on_session_end,
}
