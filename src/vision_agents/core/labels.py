"""The names of classes as they are written in code."""

from __future__ import annotations

_PLUGINS = "vision_agents.plugins."


def label(kind: type) -> str:
    """A class as it is written in code: `openai.LLM` for those of plugins."""
    if kind.__module__.startswith(_PLUGINS):
        return f"{kind.__module__.removeprefix(_PLUGINS).partition('.')[0]}.{kind.__qualname__}"
    return f"{kind.__module__}.{kind.__qualname__}"
