"""An argument of `Agent` that is of a wrong kind is refused by name, with what to write."""

from __future__ import annotations

import inspect
from functools import partial
from typing import Any

import pytest

from vision_agents.core import Agent, User
from vision_agents.core.agents.arguments import TAKES
from vision_agents.core.floor import InterruptionPolicy
from vision_agents.plugins import silero
from vision_agents.testing.parts import LoopEdge, ScriptedDetector, ScriptedLLM, ScriptedSTT, ToneTTS


def make(**arguments: Any) -> Agent:
    parts: dict[str, Any] = {"stt": ScriptedSTT(), "tts": ToneTTS(), "turn_detection": ScriptedDetector()}
    needed: dict[str, Any] = {"edge": LoopEdge(), "llm": ScriptedLLM(), "agent_user": User("agent")}
    return Agent(**{**needed, **parts, **arguments})


# A class can be called as it is, or is no use in this place.
UNCALLED = ("may_interrupt", "strategies", "instructions", "filler", "apology")


def test_every_argument_is_looked_at() -> None:
    taken = set(inspect.signature(Agent).parameters) - {"processors"}  # there are none
    assert taken == set(TAKES)


@pytest.mark.parametrize("name", TAKES)
def test_what_is_of_no_kind_is_refused_with_what_to_write(name: str) -> None:
    with pytest.raises(TypeError) as raised:
        make(**{name: 3})
    assert str(raised.value) == f"{name} must be {TAKES[name].called}, not int: write {name}={TAKES[name].example}"


@pytest.mark.parametrize("name", [name for name, wanted in TAKES.items() if name not in UNCALLED])
def test_a_class_that_was_not_called_is_called_so(name: str) -> None:
    mine = type("Mine", TAKES[name].kinds[:1], {})
    with pytest.raises(TypeError, match=f"^{name} must be .*, not the class Mine itself: call it, as in {name}=Mine"):
        make(**{name: mine})


def test_a_plugins_class_is_named_as_it_is_written() -> None:
    with pytest.raises(TypeError, match=r"call it, as in vad=silero\.VAD\(…\)"):
        make(vad=silero.VAD)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"tts": ScriptedSTT()}, "tts must be a TTS, not ScriptedSTT, which is for stt: was it swapped"),
        ({"interruption": {"commit_speech": 0.5}}, "not dict: write interruption=InterruptionPolicy(…)"),
        ({"agent_user": "agent"}, 'not str: write agent_user=User(id="agent", name="Agent")'),
        ({"strategies": "words"}, "not str: write strategies=[MyStrategy()]"),
        ({"llm": None}, "llm must be a model, not None"),
        ({"vad": InterruptionPolicy}, "not the class InterruptionPolicy itself: write vad=silero.VAD()"),
    ],
)
def test_usual_mistakes(arguments: dict[str, Any], says: str) -> None:
    with pytest.raises(TypeError) as raised:
        make(**arguments)
    assert says in str(raised.value)


async def may(participant: Any) -> bool:
    return False


class May:
    async def __call__(self, participant: Any) -> bool:
        return False


@pytest.mark.parametrize("awaited", [may, May(), partial(may, None)])
def test_may_interrupt_is_not_awaited(awaited: Any) -> None:
    with pytest.raises(TypeError, match="not `async def`"):
        make(may_interrupt=awaited)


def test_what_is_set_later_is_looked_at_too() -> None:
    agent = make()
    with pytest.raises(TypeError, match="interruption must be an InterruptionPolicy, not dict"):
        agent.policy = {"hold": False}  # type: ignore[assignment]
    with pytest.raises(TypeError, match="interruption must be an InterruptionPolicy, not None"):
        agent.policy = None  # type: ignore[assignment]
    assert isinstance(agent.policy, InterruptionPolicy)
    with pytest.raises(TypeError, match="instructions must be a text, not None"):
        agent.instructions = None  # type: ignore[assignment]
