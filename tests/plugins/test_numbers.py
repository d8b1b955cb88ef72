"""What parts and servers are set to: a number out of its range, or none, and a text for a list, by their names."""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Iterator
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import vision_agents.plugins
from vision_agents.core.edge import EdgeTransport
from vision_agents.core.floor import InterruptionPolicy
from vision_agents.core.llm import LLM, Filler, Realtime
from vision_agents.core.stt import STT
from vision_agents.core.tts import TTS
from vision_agents.core.turn_detection import TurnDetector
from vision_agents.core.vad import VAD
from vision_agents.serving.admission import Limits
from vision_agents.serving.launcher import AgentLauncher
from vision_agents.serving.options import ServeOptions

PARTS = (LLM, Realtime, STT, TTS, TurnDetector, VAD, EdgeTransport)

KEY = {"api_key": "key"}

# What takes numbers, and what else it has to be given.
PLUGINS: dict[str, dict[str, Any]] = {
    "openai.LLM": KEY,
    "openai.ChatCompletionsLLM": KEY | {"model": "small"},
    "openai.Realtime": KEY,
    "gemini.LLM": KEY,
    "aws.Realtime": {},
    "qwen.Realtime": KEY,
    "deepgram.STT": KEY,
    "deepgram.TTS": KEY,
    "elevenlabs.STT": KEY,
    "elevenlabs.TTS": KEY,
    "getstream.Edge": KEY | {"api_secret": "secret"},
    "local.Edge": {},
    "local.PageServer": {"create_agent": lambda edge: None},
    "local.FileEdge": {"path": "user.wav"},
    "llama.LLM": {},
    "piper.TTS": {},
    "smart_turn.TurnDetection": {},
}
OTHERS: dict[type, dict[str, Any]] = {
    InterruptionPolicy: {},
    Filler: {"text": "One moment."},
    Limits: {},
    ServeOptions: {},
    AgentLauncher: {"create_agent": lambda: None},
}


def _makers() -> Iterator[tuple[str, Any, dict[str, Any]]]:
    for name, given in PLUGINS.items():
        plugin, _, kind = name.partition(".")
        yield name, getattr(import_module(f"vision_agents.plugins.{plugin}"), kind), given
    for each, given in OTHERS.items():
        yield each.__name__, each, given


def _kinds(parameter: inspect.Parameter) -> set[str]:
    return set(re.split(r"\W+", str(parameter.annotation)))


def _is_number(parameter: inspect.Parameter) -> bool:
    return bool(_kinds(parameter) & {"int", "float"})


def _settings() -> Iterator[Any]:
    """Each number of each: a function of it that makes the part, its name, and whether a text is taken, too."""
    for name, kind, given in _makers():
        for parameter in inspect.signature(kind).parameters.values():
            if _is_number(parameter):
                make = partial(_made, kind, given, parameter.name)
                or_text = "str" in _kinds(parameter)
                yield pytest.param(make, parameter.name, or_text, id=f"{name}.{parameter.name}")


def _made(kind: Any, given: dict[str, Any], name: str, number: Any) -> Any:
    return kind(**given, **{name: number})


SETTINGS = list(_settings())


def test_all_parts_that_take_numbers_are_looked_at() -> None:
    looked_at = {str(setting.id).rpartition(".")[0] for setting in SETTINGS}
    assert looked_at == {*PLUGINS, *(each.__name__ for each in OTHERS)}
    for plugin in (path.name for path in Path(*vision_agents.plugins.__path__).iterdir() if path.name[0] not in "_."):
        module = import_module(f"vision_agents.plugins.{plugin}")
        parts = [kind for kind in map(partial(getattr, module), module.__all__) if inspect.isclass(kind)]
        for part in parts:
            if issubclass(part, PARTS) and any(map(_is_number, inspect.signature(part).parameters.values())):
                assert f"{plugin}.{part.__name__}" in looked_at


@pytest.mark.parametrize(("make", "name", "or_text"), SETTINGS)
@pytest.mark.parametrize("wrong", [math.nan, math.inf, -1e6, "7", [1]], ids=str)
def test_no_number_out_of_range_or_of_another_kind_is_taken(make: Any, name: str, or_text: bool, wrong: Any) -> None:
    if isinstance(wrong, str) and or_text:
        return
    with pytest.raises((ValueError, TypeError)) as raised:
        make(wrong)
    assert name in str(raised.value)


def _lists() -> Iterator[Any]:
    for name, kind, given in _makers():
        for parameter in inspect.signature(kind).parameters.values():
            if re.match(r"Sequence\[str\]", str(parameter.annotation)):
                make = partial(_made, kind, given, parameter.name)
                yield pytest.param(make, parameter.name, id=f"{name}.{parameter.name}")


@pytest.mark.parametrize(("make", "name"), list(_lists()))
def test_no_text_is_taken_for_a_list_of_its_letters(make: Any, name: str) -> None:
    with pytest.raises((TypeError, ValueError), match=name):
        make("word")


@pytest.mark.parametrize("wrong", [None, 3])
def test_what_makes_agents_is_a_function(wrong: Any) -> None:
    server = import_module("vision_agents.plugins.local").PageServer
    for kind in (AgentLauncher, server):
        with pytest.raises(TypeError, match="create_agent is a function that returns an Agent"):
            kind(wrong)


@pytest.mark.parametrize(
    ("part", "setting", "beyond", "at_the_end"),
    [
        ("openai.Realtime", "response_timeout", 601, 600),
        ("qwen.Realtime", "response_timeout", 0, 0.1),
        ("openai.Realtime", "speed", 1.6, 1.5),
        ("openai.LLM", "temperature", 2.1, 2.0),
        ("gemini.LLM", "thinking_budget", -2, -1),
        ("deepgram.STT", "utterance_end_ms", 999, 1000),
        ("deepgram.TTS", "sample_rate", 44_100, 48_000),
        ("elevenlabs.TTS", "inactivity_timeout", 181, 180),
        ("local.Edge", "port", 65_536, 65_535),
    ],
)
def test_a_range_is_the_services_own(part: str, setting: str, beyond: Any, at_the_end: Any) -> None:
    plugin, _, kind = part.partition(".")
    make = partial(getattr(import_module(f"vision_agents.plugins.{plugin}"), kind), **PLUGINS[part])
    with pytest.raises(ValueError, match=f"^{setting} is "):
        make(**{setting: beyond})
    make(**{setting: at_the_end})
