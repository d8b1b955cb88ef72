"""Qwen: realtime speech models of Alibaba Cloud, by DashScope. Install `interruptible-agents[qwen]`."""

try:
    import dashscope as _dashscope  # noqa: F401
    import websockets as _websockets  # noqa: F401
except ImportError as error:
    raise ImportError(
        f'The Qwen plugin lacks a package ({error}). Run: pip install "interruptible-agents[qwen]"', name=error.name
    ) from error

from .client import QwenError
from .realtime import Realtime

__all__ = ["QwenError", "Realtime"]
