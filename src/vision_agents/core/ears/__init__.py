"""Ears: for each participant, audio to speech, turns and words."""

from .ears import Ears

__all__ = ["Ears"]
