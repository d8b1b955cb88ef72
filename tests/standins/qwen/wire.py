"""What the service takes: every event, every field. What is not here is refused, as the service refuses it."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

MODELS = ("qwen3.5-omni-flash-realtime", "qwen3-omni-flash-realtime")
VOICES = ("Tina", "Cherry", "Ethan", "Chelsie")

EVENTS: dict[str, set[str]] = {
    "session.update": {"session"},
    "input_audio_buffer.append": {"audio"},
    "input_audio_buffer.clear": set(),
    "response.create": {"response"},
    "response.cancel": set(),
    "conversation.item.create": {"item"},
}

SESSION = {
    "modalities",
    "voice",
    "instructions",
    "input_audio_format",
    "output_audio_format",
    "input_audio_transcription",
    "turn_detection",
    "tools",
    "temperature",
    "top_p",
    "top_k",
    "max_tokens",
    "repetition_penalty",
    "presence_penalty",
    "seed",
    "smooth_output",
    "enable_search",
    "search_options",
}
DETECTION = {
    "type",
    "threshold",
    "prefix_padding_ms",
    "silence_duration_ms",
    "create_response",
    "interrupt_response",
    "idle_timeout_ms",
}


class Refusal(Exception):
    """An `error` event."""

    def __init__(self, message: str, param: str = "", code: str = "invalid_value") -> None:
        super().__init__(message)
        self.error = {"type": "invalid_request_error", "code": code, "message": message, "param": param}


def check_event(event: Any) -> Json:
    """An event of the client."""
    if not isinstance(event, dict) or event.get("type") not in EVENTS:
        raise Refusal(f"Invalid event type: {event.get('type') if isinstance(event, dict) else event!r}", "type")
    if not isinstance(event.get("event_id"), str):
        raise Refusal("Missing event_id.", "event_id")
    _only(event, {"type", "event_id"} | EVENTS[event["type"]], "")
    return event


def check_session(session: Any) -> Json:
    """The body of `session.update`."""
    _only(session, SESSION, "session.")
    if sorted(session.get("modalities", ["audio", "text"])) not in (["text"], ["audio", "text"]):
        raise Refusal(
            f"Invalid modalities: {session['modalities']}. Supported combinations are: ['text'] and ['audio', 'text'].",
            "session.modalities",
        )
    if session.get("voice") not in VOICES:
        raise Refusal(f"Invalid voice: {session.get('voice')}.", "session.voice")
    if session.get("input_audio_format") != "pcm16" or session.get("output_audio_format") not in ("pcm16", "pcm24"):
        raise Refusal("Invalid audio format.", "session.input_audio_format")
    detection = session.get("turn_detection")
    if detection is not None:
        _only(detection, DETECTION, "session.turn_detection.")
        if detection["type"] not in ("server_vad", "semantic_vad"):
            raise Refusal(f"Invalid type: {detection['type']}", "session.turn_detection.type")
        if not -1 <= detection["threshold"] <= 1 or not 200 <= detection["silence_duration_ms"] <= 6000:
            raise Refusal("Out of range.", "session.turn_detection")
    for tool in session.get("tools", []):
        if set(tool) != {"type", "function"} or set(tool["function"]) != {"name", "description", "parameters"}:
            raise Refusal("Invalid tool.", "session.tools")
    return dict(session)


def _only(value: Any, names: set[str], where: str) -> None:
    if not isinstance(value, dict):
        raise Refusal(f"Invalid value: {value!r}.", where.rstrip("."))
    for name in value:
        if name not in names:
            raise Refusal(f"Unknown parameter: {where}{name}.", f"{where}{name}")
