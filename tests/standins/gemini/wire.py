"""What the Live API takes: every message, every field. What is not here is refused, as the service refuses it."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Any

Json = dict[str, Any]

MODELS = ("models/gemini-3.8-live", "models/gemini-2.5-flash-native-audio-preview-12-2025")

INVALID_ARGUMENT = 1007
POLICY = 1008
INTERNAL = 1011

ANY = None
"""Anything goes below this field."""

_BLOB: Json = {"data": ANY, "mimeType": ANY}
_CONTENT: Json = {"role": ANY, "parts": [{"text": ANY, "inlineData": _BLOB}]}
_VOICE: Json = {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": ANY}}, "languageCode": ANY}
_DECLARATION: Json = {"name": ANY, "description": ANY, "parametersJsonSchema": ANY, "parameters": ANY, "behavior": ANY}

SCHEMA: Json = {
    "setup": {
        "model": ANY,
        "generationConfig": {
            "responseModalities": ANY,
            "speechConfig": _VOICE,
            "temperature": ANY,
            "topP": ANY,
            "topK": ANY,
            "maxOutputTokens": ANY,
            "seed": ANY,
            "thinkingConfig": ANY,
        },
        "systemInstruction": _CONTENT,
        "tools": [{"functionDeclarations": [_DECLARATION], "googleSearch": ANY}],
        "sessionResumption": {"handle": ANY},
        "inputAudioTranscription": ANY,
        "outputAudioTranscription": ANY,
        "contextWindowCompression": {"slidingWindow": ANY, "triggerTokens": ANY},
        "realtimeInputConfig": {
            "automaticActivityDetection": {
                "disabled": ANY,
                "startOfSpeechSensitivity": ANY,
                "endOfSpeechSensitivity": ANY,
                "prefixPaddingMs": ANY,
                "silenceDurationMs": ANY,
            },
            "activityHandling": ANY,
            "turnCoverage": ANY,
        },
    },
    "clientContent": {"turns": [_CONTENT], "turnComplete": ANY},
    "realtimeInput": {"audio": _BLOB, "text": ANY, "audioStreamEnd": ANY},
    "toolResponse": {"functionResponses": [{"id": ANY, "name": ANY, "response": ANY}]},
}


class Refusal(Exception):
    """The service closes the connection with this code and reason."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


def invalid(reason: str = "Request contains an invalid argument.") -> Refusal:
    """What cannot be."""
    return Refusal(INVALID_ARGUMENT, reason)


def read(message: Any) -> tuple[str, Json]:
    """The kind of a client's message, and its body; names in either of the two spellings."""
    if not isinstance(message, Mapping) or len(message) != 1:
        raise invalid("A message has exactly one of setup, clientContent, realtimeInput and toolResponse.")
    body: Json = _checked(message, SCHEMA, "")
    kind = next(iter(body))
    return kind, body[kind]


def audio(blob: Json) -> tuple[bytes, int]:
    """The samples of a blob, and their rate."""
    match = re.fullmatch(r"audio/pcm;rate=(\d+)", blob.get("mimeType", ""))
    if match is None:
        raise invalid(f"Unsupported MIME type {blob.get('mimeType')!r}.")
    try:
        data = base64.b64decode(blob["data"].replace("-", "+").replace("_", "/"), validate=True)
    except (KeyError, ValueError):
        raise invalid("Invalid base64.") from None
    if len(data) % 2:
        raise invalid("Half a sample.")
    return data, int(match[1])


def _checked(value: Any, schema: Any, where: str) -> Any:
    if schema is ANY:
        return value
    if isinstance(schema, list):
        if not isinstance(value, list):
            raise invalid(f"Invalid value at '{where}': a list is wanted.")
        return [_checked(each, schema[0], f"{where}[{index}]") for index, each in enumerate(value)]
    if not isinstance(value, Mapping):
        raise invalid(f"Invalid value at '{where}': a message is wanted.")
    checked: Json = {}
    for name, inner in value.items():
        camel = re.sub(r"_(\w)", lambda letter: letter[1].upper(), name)
        if camel not in schema:
            raise invalid(f"Invalid JSON payload received. Unknown name \"{name}\" at '{where}': Cannot find field.")
        checked[camel] = _checked(inner, schema[camel], f"{where}.{camel}".strip("."))
    return checked
