"""Moonshine: local English speech recognition. Install with `pip install "interruptible-agents[moonshine]"`."""

from .stt import STT

__all__ = ["STT"]
