"""How long a service is given to begin a response."""

import math
from importlib import import_module

import pytest


@pytest.mark.parametrize("plugin", ["openai", "qwen"])
@pytest.mark.parametrize("seconds", [0, -1, math.nan, math.inf, 1e9])
def test_a_time_in_which_nothing_can_begin_or_that_never_ends_is_refused(plugin: str, seconds: float) -> None:
    realtime = import_module(f"vision_agents.plugins.{plugin}").Realtime
    with pytest.raises(ValueError, match=r"response_timeout is .*reply_timeout"):
        realtime(api_key="key", response_timeout=seconds)
    realtime(api_key="key", response_timeout=600)
