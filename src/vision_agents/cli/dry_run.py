"""Making an agent without a call, to see what it is made of and what keeps it from being made.

A part whose key is missing raises as soon as it is made, and what comes behind it is never seen. So the function that
makes the agent is called again with a placeholder in the key's place, until all of it was seen or something else is
wrong. Nothing is sent with a placeholder: parts connect when an agent joins a call, and this one joins none.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from vision_agents.core.agents import Agent
from vision_agents.core.agents.factory import AgentFactory
from vision_agents.core.edge import CallSink, EdgeTransport
from vision_agents.core.labels import label
from vision_agents.core.llm import Realtime
from vision_agents.core.participants import User
from vision_agents.core.tasks import EscapedError, own_errors

from .findings import Finding, one_line, problem
from .keywords import misspelt

# The variables in which a provider's parts look for their keys.
KEYS: Mapping[str, tuple[str, ...]] = {
    "openai": ("OPENAI_API_KEY",),
    "gemini": ("GEMINI_API_KEY",),
    "qwen": ("DASHSCOPE_API_KEY",),
    "elevenlabs": ("ELEVENLABS_API_KEY",),
    "deepgram": ("DEEPGRAM_API_KEY",),
    "getstream": ("STREAM_API_KEY", "STREAM_API_SECRET"),
}

PLACEHOLDER = "vision-agents-doctor"

# Seconds that making an agent may take: nothing is loaded then.
TIMEOUT = 60.0

_PLUGINS = "vision_agents.plugins."


@dataclass(frozen=True, slots=True)
class Setup:
    """An agent's construction. `parts`: what `Agent` was given, by the names of its parameters.

    `complete`: whether it could be made. `findings`: what keeps it from being made, keys included.
    """

    spec: str
    parts: Mapping[str, Any]
    complete: bool = True
    findings: tuple[Finding, ...] = ()

    @property
    def ignored(self) -> Mapping[str, str]:
        """The parts that the agent will not use: name -> what does their work."""
        llm, stt = self.parts.get("llm"), self.parts.get("stt")
        if isinstance(llm, Realtime):
            return {name: label(type(llm)) for name in ("stt", "tts", "turn_detection") if name in self.parts}
        if stt is not None and getattr(stt, "turn_detection", False) and "turn_detection" in self.parts:
            return {"turn_detection": label(type(stt))}
        return {}

    @property
    def used(self) -> Mapping[str, Any]:
        """The parts that the agent will use."""
        return {name: part for name, part in self.parts.items() if name not in self.ignored}


class NoCall(EdgeTransport):
    """Leads nowhere: for an agent that is made and never joins."""

    async def join(self, agent_user: User, call: Any, sink: CallSink) -> None:
        """Not possible. Raises RuntimeError."""
        raise RuntimeError("this edge leads into no call: it is there to look at an agent")

    async def leave(self) -> None:
        """There is nothing to leave."""


@dataclass(slots=True)
class _Attempt:
    """One call of the function: what `Agent` was given, and how it ended."""

    parts: dict[str, Any] = field(default_factory=dict)
    agent: Agent | None = None
    error: Exception | None = None


async def dry_run(spec: str, factory: AgentFactory) -> Setup:
    """Make the agent of `factory`, look at it and close it. What keeps it from being made are the setup's findings."""
    options: dict[str, Any] = {} if makes_own_edge(factory) else {"edge": NoCall()}
    found: dict[str, Finding] = {}
    with _environment_kept():
        while True:
            attempt = await _try(factory, options)
            if attempt.error is None:
                break
            provider, part = culprit(attempt.error)
            lacking = [name for name in KEYS.get(provider, ()) if not os.environ.get(name)]
            if not lacking:
                if provider in found and found[provider].what == one_line(attempt.error):
                    del found[provider]  # It was not for the key.
                found["agent"] = _cannot_be_made(spec, attempt.error, provider, part)
                break
            found[provider] = _key_missing(part, attempt.error, lacking)
            os.environ.update(dict.fromkeys(lacking, PLACEHOLDER))
        if attempt.agent is not None:
            await attempt.agent.close()
    findings = [_for_all(attempt.parts, provider, finding) for provider, finding in found.items()]
    return Setup(spec, attempt.parts, attempt.agent is not None, tuple(findings))


def makes_own_edge(factory: AgentFactory) -> bool:
    """Return whether the function takes an edge only if there is one: then its own is what is to be looked at."""
    parameter = inspect.signature(factory).parameters.get("edge")
    return parameter is not None and parameter.default is not parameter.empty


def culprit(error: BaseException) -> tuple[str, str]:
    """The provider and the part, as in ("openai", "openai.LLM"), whose making raised `error`; "" if it was none."""
    found = ("", "")
    trace = error.__traceback__
    while trace is not None:
        code, made = trace.tb_frame.f_code, trace.tb_frame.f_locals.get("self")
        if code.co_name == "__init__" and type(made).__module__.startswith(_PLUGINS) and not found[0]:
            name = label(type(made))
            found = (name.partition(".")[0], name)
        trace = trace.tb_next
    return found


async def _try(factory: AgentFactory, options: dict[str, Any]) -> _Attempt:
    attempt = _Attempt()
    with _noting(attempt.parts), _quiet("vision_agents.core.agents.parts"):
        try:
            async with asyncio.timeout(TIMEOUT):
                made = await own_errors(factory(**options), "the function")
            if not isinstance(made, Agent):
                raise TypeError(f"it returned {type(made).__name__}; it must return an Agent")
            attempt.agent = made
        except TimeoutError as error:
            attempt.error = error if str(error) else TimeoutError(f"it did not return within {TIMEOUT:g} s")
        except Exception as error:
            attempt.error = error
    return attempt


@contextmanager
def _noting(given: dict[str, Any]) -> Iterator[None]:
    """Note what an Agent is given: it keeps only what it uses."""
    make = Agent.__init__
    signature = inspect.signature(make)

    def note(self: Agent, *args: Any, **kwargs: Any) -> None:
        # Of what is missing Python tells by itself, and after what is not taken: that may be the same, misspelt.
        arguments = signature.bind_partial(self, *args, **kwargs).arguments
        given.update({name: part for name, part in arguments.items() if name != "self" and part is not None})
        make(self, *args, **kwargs)

    Agent.__init__ = note  # type: ignore[method-assign]
    try:
        yield
    finally:
        Agent.__init__ = make  # type: ignore[method-assign]


@contextmanager
def _quiet(name: str) -> Iterator[None]:
    """Without this module's warnings: the findings say the same, and what to do."""
    logger = logging.getLogger(name)
    before, logger.disabled = logger.disabled, True
    try:
        yield
    finally:
        logger.disabled = before


@contextmanager
def _environment_kept() -> Iterator[None]:
    """Take out afterwards what is put into the environment meanwhile."""
    before = dict(os.environ)
    try:
        yield
    finally:
        for name in set(os.environ) - set(before):
            del os.environ[name]
        os.environ.update(before)


def _for_all(parts: Mapping[str, Any], provider: str, finding: Finding) -> Finding:
    """Merge attempts of one provider: what one of its parts lacks, all of them do."""
    labels = dict.fromkeys(label(type(part)) for part in parts.values())
    same = [name for name in labels if name.partition(".")[0] == provider]
    return replace(finding, where=", ".join(same)) if same else finding


def _key_missing(part: str, error: Exception, lacking: list[str]) -> Finding:
    commands = "; ".join(f"export {name}=…" for name in lacking)
    return problem(part, one_line(error), f"run: {commands}{_not_for_demo(part)}")


def _not_for_demo(part: str) -> str:
    """Say of an edge that the agent makes for itself that other commands bring theirs."""
    return " (`demo` and `call` bring an edge, and do without)" if part.endswith(".Edge") else ""


def _cannot_be_made(spec: str, error: Exception, provider: str, part: str) -> Finding:
    what = one_line(error)
    if isinstance(error, ImportError):
        return problem(part or spec, what, f"install what is missing, as the message says{_not_for_demo(part)}")
    if provider == "aws" and isinstance(error, RuntimeError):
        return problem(part, what, "install interruptible-agents[aws] in an environment with Python 3.12 or newer")
    if part:
        return problem(part, what, f"correct how {spec} makes it")
    if (wrong := misspelt(error)) is not None:
        return problem(wrong.name, f"it takes no {wrong.keyword!r} ({wrong.where})", f"write {wrong.meant}=…")
    return problem(
        spec,
        what if isinstance(error, EscapedError) else f"{type(error).__name__}: {what}",
        f"correct {spec}; to see where it comes from: vision-agents --debug demo --agent {spec}",
    )
