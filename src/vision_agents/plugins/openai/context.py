"""The contexts of OpenAI's models, and what part of them history may fill."""

from __future__ import annotations

# Tokens of input and output together, by the beginning of a model's name: the longest that fits counts. As the models'
# pages at https://platform.openai.com/docs/models have them; looked up in catalogues that repeat them
# (https://vercel.com/ai-gateway/models, https://docs.oxen.ai/inference-api/reference/models). The models of ChatGPT,
# such as gpt-5.3-chat-latest, have less than the others of their generation.
_CONTEXTS = {
    "gpt-5.4": 1_050_000,
    "gpt-5.4-mini": 400_000,
    "gpt-5.4-nano": 400_000,
    "gpt-5.3-codex-spark": 128_000,
    "gpt-5.3-chat": 128_000,
    "gpt-5.2-chat": 128_000,
    "gpt-5.1-chat": 128_000,
    "gpt-5-chat": 128_000,
    "gpt-5": 400_000,
    "gpt-4.1": 1_047_576,
    "gpt-4o": 128_000,
    "gpt-4-turbo": 128_000,
    "gpt-4-0125": 128_000,
    "gpt-4-1106": 128_000,
    "gpt-4": 8_192,
    "gpt-3.5-turbo": 16_385,
    "o1-mini": 128_000,
    "o1-preview": 128_000,
    "o1": 200_000,
    "o3": 200_000,
    "o4-mini": 200_000,
}

# The part of it that history may fill: instructions, functions and the answer want their room.
SHARE = 0.75

# Tokens of history beyond which a model answers late and dear, whatever it takes: a talk of some ten hours.
MOST = 128_000


def history_tokens(model: str) -> int | None:
    """Returns the tokens of history that a request to `model` may have; None if its context is not known."""
    # Of a provider that passes it on, or tuned.
    base = model.rpartition("/")[2].removeprefix("ft:")
    known = max((name for name in _CONTEXTS if base.startswith(name)), key=len, default=None)
    return None if known is None else min(MOST, int(_CONTEXTS[known] * SHARE))
