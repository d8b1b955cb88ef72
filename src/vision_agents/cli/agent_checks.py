"""Checks of an agent: the guide's table of troubles, and a little more.

Each check is a function that takes a `Setup` and yields findings; `CHECKS` lists them.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vision_agents.core.floor import InterruptionPolicy
from vision_agents.core.labels import label
from vision_agents.core.llm import LLM
from vision_agents.core.loopback import PORTS, is_loopback
from vision_agents.core.models import ModelError, ModelStore, may_fetch
from vision_agents.core.models.networks import networks_of
from vision_agents.core.part import Part

from .dry_run import NoCall, Setup
from .findings import Finding, advice, fine, one_line, problem

# Seconds for a server on this machine to take a connection.
SERVER_TIMEOUT = 0.5

Check = Callable[[Setup], Iterator[Finding]]


def pipeline(setup: Setup) -> Iterator[Finding]:
    """The agent's parts, in a line."""
    named = {name: setup.used.get(name) for name in ("llm", "stt", "tts", "turn_detection", "vad", "edge")}
    if setup.complete:
        parts = [(name, part) for name, part in named.items() if part is not None and not isinstance(part, NoCall)]
        yield fine(setup.spec, ", ".join(f"{name} {label(type(part))}" for name, part in parts))


def ignored(setup: Setup) -> Iterator[Finding]:
    """A realtime model hears, speaks and takes turns by itself; a recogniser may know turns."""
    for name, better in setup.ignored.items():
        yield advice(
            f"{name} {label(type(setup.parts[name]))}",
            f"ignored, since {better} does its work",
            f"take {name} out; for a stop at the first sound pass vad=silero.VAD()"
            if name == "turn_detection"
            else f"take {name} out",
        )


def no_detector(setup: Setup) -> Iterator[Finding]:
    """Somebody has to hear that the user speaks."""
    stt = setup.parts.get("stt")
    if not isinstance(setup.parts.get("llm"), LLM) or stt is None or stt.turn_detection:
        return
    if setup.parts.get("turn_detection") is None:
        yield advice(
            f"stt {label(type(stt))}",
            "nothing detects turns: interruptions are noticed late, by the first words, and turns end by pauses",
            "pass turn_detection=smart_turn.TurnDetection()",
        )


@dataclass(frozen=True, slots=True)
class Knob:
    """A number that trades one thing for another. Up to `low` it costs `below`, from `high` on it costs `above`."""

    name: str
    usual: float
    low: float
    high: float
    below: str
    above: str

    def judge(self, where: str, value: float) -> Iterator[Finding]:
        """Say what the value costs, if it is far from the usual one."""
        cost = self.below if value <= self.low else self.above if value >= self.high else None
        if cost is not None:
            turn = "raise" if value <= self.low else "lower"
            yield advice(where, f"{self.name}={value:g}: {cost}", f"{turn} it towards {self.usual:g} if that happens")


# The ends are the guide's two other settings.
DETECTOR_KNOBS = (
    Knob(
        "confidence_threshold",
        0.5,
        0.3,
        0.7,
        "weak sounds start a turn, so noise may stop the agent",
        "only clear speech starts a turn, so the agent may not stop for a quiet voice",
    ),
    Knob(
        "buffer_in_seconds",
        1.5,
        0.5,
        2.0,
        "very little speech interrupts, and whoever pauses to think is answered too soon",
        "interruptions are decided, and unfinished sentences answered, late",
    ),
)

# Of the floor's own numbers, half and twice the usual one are far.
_POLICY_COSTS = {
    "commit_speech": (
        "coughs and other short sounds throw the answer away",
        "a real interruption is held for long before the agent gives up its answer",
    ),
    "resume_after": ("the agent goes on in the gap between two words", "a cough costs a long pause"),
    "hold_limit": ("the agent talks over slow starters", "the agent may seem broken"),
    "turn_timeout": ("who pauses to think is answered too soon", "answers may come late"),
}


def policy_knobs() -> Iterator[Knob]:
    """Those of `InterruptionPolicy` that are often turned."""
    for name, (below, above) in _POLICY_COSTS.items():
        usual = getattr(InterruptionPolicy(), name)
        yield Knob(name, usual, usual / 2, usual * 2, below, above)


def thresholds(setup: Setup) -> Iterator[Finding]:
    """A detector far from the recommended values."""
    detector = setup.used.get("turn_detection")
    if _is(detector, "smart_turn.TurnDetection"):
        for knob in DETECTOR_KNOBS:
            yield from knob.judge(f"turn_detection {label(type(detector))}", getattr(detector, knob.name))


def policy(setup: Setup) -> Iterator[Finding]:
    """A policy of the agent's own; the one that comes with a detector is judged by the detector's parameters."""
    given = setup.parts.get("interruption")
    if not isinstance(given, InterruptionPolicy):
        return
    if not given.hold:
        yield advice(
            "interruption",
            "hold=False: the agent talks on until an interruption is certain",
            "leave it out, so that the agent is silent at the first sound and goes on if it was nothing",
        )
    for knob in policy_knobs():
        yield from knob.judge("interruption", getattr(given, knob.name))


def models(setup: Setup) -> Iterator[Finding]:
    """The models on this machine that the parts use: there, and what they should be."""
    specs = {name: networks_of(part) for name, part in setup.used.items()}
    for name, networks in specs.items():
        for path in [path for spec in networks for path in (spec.files or {}).values() if not path.is_file()]:
            yield problem(
                f"{name} {label(type(setup.used[name]))}",
                f"there is no model file {path}",
                "correct the path, or fetch the file",
            )
    names = dict.fromkeys(spec.model for networks in specs.values() for spec in networks if spec.files is None)
    if names:
        yield from _of_the_store(names)


def _of_the_store(names: Iterable[str]) -> Iterator[Finding]:
    try:
        store = ModelStore()
        checks = store.verify(names)
    except ModelError as error:
        yield problem("models", one_line(error), "then run the doctor again")
        return
    for name in names:
        states = {check.state for check in checks if check.model.name == name}
        pull = f"run: vision-agents models pull {name}"
        if "wrong" in states:
            yield problem(f"model {name}", "is not the file that it should be", pull)
        elif "missing" not in states:
            yield fine(f"model {name}", "here, and unchanged")
        elif not writable(store.root):
            yield problem(
                f"model {name}",
                f"is not here, and cannot be fetched: {store.root} cannot be written",
                "set VISION_AGENTS_MODELS to a folder that you can write to, or correct this one's permissions",
            )
        elif not may_fetch():
            yield problem(f"model {name}", "is not here, and VISION_AGENTS_FETCH forbids to fetch it", pull)
        else:
            yield advice(f"model {name}", "is not here yet", f"the first call fetches it; or {pull}")


def writable(folder: Path) -> bool:
    """Return whether files can be put into the folder, or into the one in which it would be made."""
    there = next((path for path in (folder, *folder.parents) if path.exists()), folder)
    return there.is_dir() and os.access(there, os.W_OK | os.X_OK)


def settings(setup: Setup) -> Iterator[Finding]:
    """The settings of the parts, against the files on this machine."""
    for name, part in setup.used.items():
        try:
            if isinstance(part, Part):
                part.preflight()
        except ModelError:
            pass  # `models` tells of it.
        except Exception as error:
            yield problem(f"{name} {label(type(part))}", one_line(error), f"correct how {setup.spec} makes it")


def tools(setup: Setup) -> Iterator[Finding]:
    """Functions for a model that calls none."""
    llm = setup.parts.get("llm")
    names = [tool.name for tool in getattr(llm, "tools", ())]
    if names and not getattr(llm, "calls_functions", True):
        yield problem(
            f"llm {label(type(llm))}",
            f"its model is too small to call functions: {', '.join(names)} will never be called",
            'give it a larger one, llama.LLM("model.gguf"), or a provider\'s; see docs/local.md',
        )


def model_server(setup: Setup) -> Iterator[Finding]:
    """A model server on this machine that is not there. Others are not asked."""
    llm = setup.parts.get("llm")
    if not any(_is(llm, kind) for kind in ("openai.ChatCompletionsLLM", "openai.LLM", "openai.Realtime")):
        return
    url = getattr(getattr(llm, "_client", None), "base_url", None)
    if url is None or not is_loopback(url.host):
        return
    try:
        socket.create_connection((url.host, url.port or PORTS.get(url.scheme, 80)), SERVER_TIMEOUT).close()
    except OSError as error:
        yield problem(
            f"llm {label(type(llm))}",
            f"no model server answers at {url}: {error.strerror or error}",
            "start it, or correct base_url=…",
        )


def aws_account(setup: Setup) -> Iterator[Finding]:
    """Nova Sonic's account, which is looked for when a session opens, as far as it can be seen without asking AWS."""
    llm = setup.parts.get("llm")
    if not _is(llm, "aws.Realtime"):
        return
    account = getattr(llm, "_account", None)
    files = any(_aws_file(name).exists() for name in ("config", "credentials"))
    region = getattr(account, "region", None) or os.environ.get("AWS_REGION")
    if not region and not files:
        yield problem("aws.Realtime", "there is no region", "run: export AWS_REGION=…, or pass region=…")
    key = getattr(account, "aws_access_key_id", None) or os.environ.get("AWS_ACCESS_KEY_ID")
    if not key and not files:
        yield advice(
            "aws.Realtime",
            "there are no credentials in the environment or the AWS files: only a role of this machine could help",
            "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, unless this machine has such a role",
        )


CHECKS: tuple[Check, ...] = (
    pipeline,
    ignored,
    no_detector,
    thresholds,
    policy,
    models,
    settings,
    tools,
    model_server,
    aws_account,
)


def _is(part: Any, kind: str) -> bool:
    """Return whether a part is of a plugin's class, without importing the plugin."""
    return any(label(base) == kind for base in type(part).__mro__)


def _aws_file(name: str) -> Path:
    variable = {"config": "AWS_CONFIG_FILE", "credentials": "AWS_SHARED_CREDENTIALS_FILE"}[name]
    return Path(os.environ.get(variable) or Path.home() / ".aws" / name)
