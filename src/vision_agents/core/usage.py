"""The tokens that a model was used for, as its provider counts them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TokenUsage:
    """The tokens of one request to a model, or of one response in a session.

    `input_tokens` and `output_tokens` are all of them. Parts of the input are `cached_tokens` and `input_audio_tokens`,
    parts of the output `output_audio_tokens` and `reasoning_tokens`. What a provider does not tell is 0.
    """

    provider: str
    """As OpenTelemetry names it, such as "openai", "gcp.gemini" or "aws.bedrock"."""
    model: str
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    input_audio_tokens: int = 0
    output_audio_tokens: int = 0
    reasoning_tokens: int = 0
    operation: str = "chat"
    """"chat", or "transcription" for a model that writes down what the user says beside the one that answers."""

    @property
    def total_tokens(self) -> int:
        """Those of the input and of the output."""
        return self.input_tokens + self.output_tokens
