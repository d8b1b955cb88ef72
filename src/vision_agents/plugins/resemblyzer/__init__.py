"""Resemblyzer: local speaker recognition. Install with `pip install "vision-agents[resemblyzer]"`."""

from .voiceprint import Voiceprint

__all__ = ["Voiceprint"]
