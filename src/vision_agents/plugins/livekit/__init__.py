"""LiveKit: local echo cancellation. Install with `pip install "interruptible-agents[livekit]"`."""

try:
    # Other packages share the name `livekit`: only this part of it tells that the right one is there.
    import livekit.rtc as _rtc  # noqa: F401
except ImportError as error:
    raise ImportError(
        f'The LiveKit plugin lacks a package ({error}). Run: pip install "interruptible-agents[livekit]"',
        name=error.name,
    ) from error

from .echo import EchoCanceller

__all__ = ["EchoCanceller"]
