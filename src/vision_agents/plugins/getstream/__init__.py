"""Stream: the agent as a participant of a Stream video or audio call. Install `interruptible-agents[getstream]`.

Without its packages it can be imported all the same, and `Edge` says what to install when it is made: a program that
names it and is given another edge needs none of them.
"""

from importlib.util import find_spec
from typing import TYPE_CHECKING

# Looked for and not imported: it takes 1 s, and is needed for joining only.
if TYPE_CHECKING or all(find_spec(name) for name in ("getstream", "getstream_rtc")):
    from .account import StreamError
    from .edge import Edge
else:
    from .lacking import Edge, StreamError

__all__ = ["Edge", "StreamError"]
