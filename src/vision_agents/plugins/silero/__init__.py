"""Silero: local voice activity detection. Install with `pip install "interruptible-agents[silero]"`."""

from .vad import VAD

__all__ = ["VAD"]
