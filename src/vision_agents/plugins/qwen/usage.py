"""The service's counts of tokens, in the form that all providers have here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vision_agents.core.usage import TokenUsage

PROVIDER = "alibaba_cloud.dashscope"


def token_usage(usage: Mapping[str, Any], model: str) -> TokenUsage:
    """Those of one response. The names of the parts differ by the service's version."""
    into = usage.get("input_tokens_details") or usage.get("input_token_details") or {}
    out = usage.get("output_tokens_details") or usage.get("output_token_details") or {}
    return TokenUsage(
        PROVIDER,
        model,
        usage.get("input_tokens") or 0,
        usage.get("output_tokens") or 0,
        cached_tokens=into.get("cached_tokens") or 0,
        input_audio_tokens=into.get("audio_tokens") or 0,
        output_audio_tokens=out.get("audio_tokens") or 0,
    )
