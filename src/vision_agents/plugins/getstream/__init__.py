"""Stream: the agent as a participant of a Stream video or audio call. Install `interruptible-agents[getstream]`."""

from importlib.util import find_spec

try:
    import getstream_rtc as _getstream_rtc  # noqa: F401

    # Looked for and not imported: it takes 1 s, and is needed for joining only.
    if find_spec("getstream") is None:
        raise ImportError("No module named 'getstream'", name="getstream")
except ImportError as error:
    raise ImportError(
        f'The Stream plugin lacks a package ({error}). Run: pip install "interruptible-agents[getstream]"',
        name=error.name,
    ) from error

from .account import StreamError
from .edge import Edge

__all__ = ["Edge", "StreamError"]
