"""Echo: the agent's own voice in a participant's audio, and what takes it out."""

from .canceller import EchoCanceller

__all__ = ["EchoCanceller"]
