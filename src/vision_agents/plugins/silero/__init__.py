"""Silero: local voice activity detection. Install with `pip install "vision-agents[silero]"`."""

from .vad import VAD

__all__ = ["VAD"]
