"""Voiceprints: vectors that tell voices apart."""

from .voiceprint import SAMPLE_RATE, SHORTEST, Embedding, Voiceprint, similarity

__all__ = ["SAMPLE_RATE", "SHORTEST", "Embedding", "Voiceprint", "similarity"]
