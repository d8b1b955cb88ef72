"""The service's counts of tokens, in the form that all providers have here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from openai.types import CompletionUsage
from openai.types.responses import ResponseUsage

from vision_agents.core.usage import TokenUsage

PROVIDER = "openai"


@dataclass(frozen=True, slots=True)
class ModelNames:
    """The names of the model that answers, and of the one that writes down the user's words, as the session tells."""

    model: str = ""
    transcription: str = ""


def of_response(usage: ResponseUsage, model: str) -> TokenUsage:
    """Those of the Responses API."""
    return TokenUsage(
        PROVIDER,
        model,
        usage.input_tokens,
        usage.output_tokens,
        cached_tokens=_part(usage.input_tokens_details, "cached_tokens"),
        reasoning_tokens=_part(usage.output_tokens_details, "reasoning_tokens"),
    )


def of_completion(usage: CompletionUsage, model: str) -> TokenUsage:
    """Those of Chat Completions. Other servers leave out the parts, or all."""
    return TokenUsage(
        PROVIDER,
        model,
        usage.prompt_tokens or 0,
        usage.completion_tokens or 0,
        cached_tokens=_part(usage.prompt_tokens_details, "cached_tokens"),
        input_audio_tokens=_part(usage.prompt_tokens_details, "audio_tokens"),
        output_audio_tokens=_part(usage.completion_tokens_details, "audio_tokens"),
        reasoning_tokens=_part(usage.completion_tokens_details, "reasoning_tokens"),
    )


def of_realtime(usage: Any, model: str) -> TokenUsage:
    """Those of a response of a realtime session."""
    return TokenUsage(
        PROVIDER,
        model,
        usage.input_tokens or 0,
        usage.output_tokens or 0,
        cached_tokens=_part(usage.input_token_details, "cached_tokens"),
        input_audio_tokens=_part(usage.input_token_details, "audio_tokens"),
        output_audio_tokens=_part(usage.output_token_details, "audio_tokens"),
    )


def of_transcription(usage: Any, model: str) -> TokenUsage | None:
    """Those of the model that writes down the user's words; None where it is paid by the second."""
    if getattr(usage, "type", None) != "tokens":
        return None
    audio = _part(usage.input_token_details, "audio_tokens")
    used = (usage.input_tokens or 0, usage.output_tokens or 0)
    return TokenUsage(PROVIDER, model, *used, input_audio_tokens=audio, operation="transcription")


def _part(details: object, name: str) -> int:
    return getattr(details, name, None) or 0
