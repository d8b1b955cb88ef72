"""Messages to a realtime session: its configuration, items of its conversation, functions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vision_agents.core.conversation import Message, Role, spoken_text
from vision_agents.core.llm import Tool

# The only rate of PCM that the service has, both ways.
SAMPLE_RATE = 24_000

ClientEvent = dict[str, Any]


def configuration(
    voice: str,
    turn_detection: Mapping[str, Any],
    transcription_model: str | None,
    speed: float | None,
    noise_reduction: str | None,
    more: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """Returns the session, without instructions and functions. `more` goes over all other fields.

    Raises ValueError if nothing would be spoken in it.
    """
    modalities = (more or {}).get("output_modalities", ["audio"])
    if "audio" not in modalities:
        raise ValueError(f"output_modalities is {modalities}; an agent needs speech: leave it out, or say ['audio']")
    pcm = {"type": "audio/pcm", "rate": SAMPLE_RATE}
    heard: dict[str, Any] = {"format": pcm, "turn_detection": dict(turn_detection)}
    if transcription_model is not None:
        heard["transcription"] = {"model": transcription_model}
    if noise_reduction is not None:
        heard["noise_reduction"] = {"type": noise_reduction}
    said: dict[str, Any] = {"format": pcm, "voice": voice}
    if speed is not None:
        said["speed"] = speed
    audio = {"input": heard, "output": said}
    return {"type": "realtime", "output_modalities": ["audio"], "audio": audio, **(more or {})}


def tool(function: Tool) -> dict[str, Any]:
    """A function that the model may call."""
    parameters = dict(function.parameters)
    return {"type": "function", "name": function.name, "description": function.description, "parameters": parameters}


def user_text(text: str) -> ClientEvent:
    """A text as if the user had said it."""
    return _created({"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]})


def note(text: str) -> ClientEvent:
    """Something that the model should know and not answer."""
    return _created({"type": "message", "role": "system", "content": [{"type": "input_text", "text": text}]})


def function_result(call_id: str, output: str) -> ClientEvent:
    """The result of a function."""
    return _created({"type": "function_call_output", "call_id": call_id, "output": output})


def past(message: Message) -> ClientEvent:
    """A message of the conversation so far."""
    if message.role is Role.USER:
        return user_text(message.text)
    content = [{"type": "output_text", "text": spoken_text(message)}]
    return _created({"type": "message", "role": "assistant", "content": content})


def _created(item: dict[str, Any]) -> ClientEvent:
    return {"type": "conversation.item.create", "item": item}
