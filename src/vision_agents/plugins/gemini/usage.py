"""The service's counts of tokens, in the form that all providers have here."""

from __future__ import annotations

from collections.abc import Iterable

from google.genai import types

from vision_agents.core.usage import TokenUsage

PROVIDER = "gcp.gemini"


def token_usage(usage: types.UsageMetadata, model: str) -> TokenUsage:
    """Those of one turn: each message of the service counts anew."""
    thoughts = usage.thoughts_token_count or 0
    return TokenUsage(
        PROVIDER,
        model,
        (usage.prompt_token_count or 0) + (usage.tool_use_prompt_token_count or 0),
        # Thoughts are not among the tokens of the response, but paid for like them.
        (usage.response_token_count or 0) + thoughts,
        cached_tokens=usage.cached_content_token_count or 0,
        input_audio_tokens=_audio(usage.prompt_tokens_details),
        output_audio_tokens=_audio(usage.response_tokens_details),
        reasoning_tokens=thoughts,
    )


def _audio(details: Iterable[types.ModalityTokenCount] | None) -> int:
    return sum(part.token_count or 0 for part in details or () if part.modality == types.MediaModality.AUDIO)
