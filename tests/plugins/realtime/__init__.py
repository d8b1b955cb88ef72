"""Stories that every realtime provider's tests tell: of its connections, and of a whole agent that is interrupted.

A provider's test class derives from `ConnectionStories` or `AgentStories` and says what is its own: how its model is
made, and in which words it complains. Its conftest gives the fixtures `service` (its stand-in) and, for connections,
`model`, and takes over `player` and `connected` from `kit`.
"""

import pytest

pytest.register_assert_rewrite(*(f"{__name__}.{module}" for module in ("kit", "connections", "agents", "losses")))
