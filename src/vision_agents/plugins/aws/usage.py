"""The service's counts of tokens, in the form that all providers have here."""

from __future__ import annotations

from vision_agents.core.usage import TokenUsage

from .wire import Json

PROVIDER = "aws.bedrock"


def token_usage(fields: Json, model: str) -> TokenUsage:
    """Those since the last event of this kind."""
    delta = (fields.get("details") or {}).get("delta") or {}
    into, out = delta.get("input") or {}, delta.get("output") or {}
    heard, spoken = into.get("speechTokens") or 0, out.get("speechTokens") or 0
    return TokenUsage(
        PROVIDER,
        model,
        heard + (into.get("textTokens") or 0),
        spoken + (out.get("textTokens") or 0),
        input_audio_tokens=heard,
        output_audio_tokens=spoken,
    )
