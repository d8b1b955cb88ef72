"""Resemblyzer: local speaker recognition. Install with `pip install "interruptible-agents[resemblyzer]"`."""

from .voiceprint import Voiceprint

__all__ = ["Voiceprint"]
