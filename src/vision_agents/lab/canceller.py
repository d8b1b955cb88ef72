"""The echo canceller for the cases that want one."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from importlib import import_module
from inspect import signature
from typing import Any

from vision_agents.core import Agent

PLUGIN, NAME = "vision_agents.plugins.livekit", "EchoCanceller"
PARAMETER = "echo_cancellation"


@lru_cache(maxsize=1)
def canceller() -> Callable[[], Any] | None:
    """The function that makes a canceller for an agent; None where the plugin is not installed, or agents take none."""
    if PARAMETER not in signature(Agent).parameters:
        return None
    try:
        kind: Callable[[], Any] | None = getattr(import_module(PLUGIN), NAME, None)
    except ImportError:
        return None
    return kind
