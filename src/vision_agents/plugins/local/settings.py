"""The settings of an agent as pages show and change them: policy, instructions, voice."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from typing import Any, get_args, get_type_hints

from vision_agents.core.edge import AgentControls
from vision_agents.core.floor import InterruptionPolicy
from vision_agents.core.tts import TunableVoice, VoiceTuning

from .refused import RefusedError

# Of instructions, in characters.
LONGEST = 20_000

SELDOM = frozenset(
    {
        *("turn_timeout", "speech_gap", "claim_limit", "transcript_timeout", "reply_timeout"),
        *("continue_after", "stall_timeout", "function_limit", "retries", "retry_after"),
        *("retry_timeout", "continuations", "user_away", "wait_limit", "queue_limit"),
    }
)
"""Deadlines and limits: nobody tunes an agent by them."""


def settings_of(agent: AgentControls) -> dict[str, Any]:
    """The settings now, JSON-ready."""
    voice = _voice(agent)
    tuning = voice.tuning() if voice is not None else None
    return {
        "instructions": agent.instructions,
        "policy": policy_form(agent.policy),
        "voice": None if tuning is None else _described(tuning),
    }


def change(agent: AgentControls, wanted: Mapping[str, Any]) -> None:
    """Have the agent do as is wanted, from now on. Raises RefusedError for what cannot be had; then nothing changes."""
    policy = _policy(agent.policy, wanted.get("policy", {}))
    instructions = wanted.get("instructions", agent.instructions)
    if not isinstance(instructions, str) or len(instructions) > LONGEST:
        raise RefusedError(400, f"instructions are a text of at most {LONGEST} characters")
    voice = _voice(agent)
    before = voice.tuning() if voice is not None else VoiceTuning()
    try:
        _tune(agent, wanted.get("voice", {}))
        if instructions != agent.instructions:
            agent.instructions = instructions
    except (ValueError, NotImplementedError) as error:
        if voice is not None and voice.tuning() != before:
            voice.tune(before.voice or None, before.pace)
        raise RefusedError(400, str(error)) from None
    if policy != agent.policy:
        agent.policy = policy


def policy_form(policy: InterruptionPolicy) -> list[dict[str, Any]]:
    """Each setting of the policy: its `name`, `value`, `default`, `kind`, the `choices` of it, its `meaning`,
    and whether it is `seldom` changed."""
    kinds, meanings = get_type_hints(InterruptionPolicy), _meanings()
    return [
        {
            "name": setting.name,
            "value": _plain(getattr(policy, setting.name)),
            "default": _plain(setting.default),
            "kind": _kind(setting.default),
            "choices": list(get_args(kinds[setting.name])) if isinstance(setting.default, str) else [],
            "meaning": meanings[setting.name],
            "seldom": setting.name in SELDOM,
        }
        for setting in fields(policy)
    ]


def overridden(policy: InterruptionPolicy, wanted: Mapping[str, Any]) -> InterruptionPolicy:
    """The policy with some settings given as text. Raises RefusedError for a wrong name or value."""
    return _policy(policy, wanted)


def _policy(policy: InterruptionPolicy, wanted: Any) -> InterruptionPolicy:
    if not isinstance(wanted, Mapping) or not all(isinstance(text, str) for text in wanted.values()):
        raise RefusedError(400, 'policy is an object of texts, as {"commit_speech": "0.5"}')
    try:
        return policy.override(dict(wanted))
    except ValueError as error:
        raise RefusedError(400, str(error)) from None


def _voice(agent: AgentControls) -> TunableVoice | None:
    return agent.tts if isinstance(agent.tts, TunableVoice) else None


def _tune(agent: AgentControls, wanted: Any) -> None:
    name, pace = (wanted.get("voice"), wanted.get("pace")) if isinstance(wanted, Mapping) else (0, 0)
    if not isinstance(name, str | None) or isinstance(pace, bool) or not isinstance(pace, int | float | None):
        raise RefusedError(400, 'voice is as {"voice": "name", "pace": 1.2}, or a part of it')
    if name is None and pace is None:
        return
    voice = _voice(agent)
    if voice is None:
        raise RefusedError(400, "the agent's voice cannot be changed in a call")
    voice.tune(name, pace)


def _described(tuning: VoiceTuning) -> dict[str, Any]:
    return {"voices": list(tuning.voices), "voice": tuning.voice, "pace": tuning.pace}


def _kind(default: object) -> str:
    kinds = {bool: "flag", str: "choice", tuple: "names", int: "whole"}
    return kinds.get(type(default), "number")


def _plain(value: Any) -> Any:
    return ", ".join(value) if isinstance(value, tuple) else value


@cache
def _meanings() -> dict[str, str]:
    """The text that stands under each field of the policy."""
    (definition,) = ast.parse(textwrap.dedent(inspect.getsource(InterruptionPolicy))).body
    assert isinstance(definition, ast.ClassDef)
    found: dict[str, str] = {}
    for field, text in zip(definition.body, definition.body[1:], strict=False):
        match field, text:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(meaning))),
            ):
                found[name] = " ".join(meaning.replace("`", "").split())
    return found
