"""A part that is made without a key says in one sentence how to give it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from vision_agents.cli.main import describe
from vision_agents.core.remote import MissingKeyError
from vision_agents.plugins import deepgram, elevenlabs, gemini, getstream, openai, qwen

MAKES: tuple[tuple[Callable[[], object], str], ...] = (
    (openai.Realtime, "There is no api_key for OpenAI. Set the variable OPENAI_API_KEY, or pass api_key=…"),
    (openai.LLM, "There is no api_key for OpenAI. Set the variable OPENAI_API_KEY, or pass api_key=…"),
    (
        gemini.Realtime,
        "There is no api_key for Gemini. Set the variable GEMINI_API_KEY or GOOGLE_API_KEY, or pass api_key=…",
    ),
    (
        gemini.LLM,
        "There is no api_key for Gemini. Set the variable GEMINI_API_KEY or GOOGLE_API_KEY, or pass api_key=…",
    ),
    (qwen.Realtime, "There is no api_key for Qwen. Set the variable DASHSCOPE_API_KEY, or pass api_key=…"),
    (deepgram.STT, "There is no api_key for Deepgram. Set the variable DEEPGRAM_API_KEY, or pass api_key=…"),
    (deepgram.TTS, "There is no api_key for Deepgram. Set the variable DEEPGRAM_API_KEY, or pass api_key=…"),
    (elevenlabs.STT, "There is no api_key for ElevenLabs. Set the variable ELEVENLABS_API_KEY, or pass api_key=…"),
    (elevenlabs.TTS, "There is no api_key for ElevenLabs. Set the variable ELEVENLABS_API_KEY, or pass api_key=…"),
    (getstream.Edge, "There is no api_key for Stream. Set the variable STREAM_API_KEY, or pass api_key=…"),
)


@pytest.mark.parametrize(("make", "sentence"), MAKES)
def test_a_missing_key_is_told_in_one_sentence(
    make: Callable[[], object], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "GOOGLE_API_KEY", "GEMINI_API_KEY", "GOOGLE_GENAI_USE_VERTEXAI"):
        monkeypatch.delenv(name, raising=False)
    for name in ("DASHSCOPE_API_KEY", "DEEPGRAM_API_KEY", "ELEVENLABS_API_KEY", "STREAM_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(MissingKeyError) as error:
        make()
    assert describe(error.value) == sentence


def test_a_missing_secret_is_told_like_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STREAM_API_SECRET", raising=False)
    with pytest.raises(MissingKeyError) as error:
        getstream.Edge(api_key="a key")
    assert describe(error.value) == (
        "There is no api_secret for Stream. Set the variable STREAM_API_SECRET, or pass api_secret=…"
    )
