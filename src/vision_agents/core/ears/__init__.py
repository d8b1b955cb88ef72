"""Ears: for each participant, audio to speech, turns and words."""

from .listener import Hearing, HearingListener

__all__ = ["Hearing", "HearingListener"]
