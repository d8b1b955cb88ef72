"""Voices: the two ways to speak, and what was heard of it."""

from .cascade import CascadeVoice
from .realtime import RealtimeVoice
from .transcript import HeardText, ReplyTranscript
from .voice import CONTINUE_PROMPT, NEWS_PROMPT, MadeStage, SpeechRequest, SpokenReply, Voice, VoiceListener

__all__ = [
    "CONTINUE_PROMPT",
    "NEWS_PROMPT",
    "CascadeVoice",
    "HeardText",
    "MadeStage",
    "RealtimeVoice",
    "ReplyTranscript",
    "SpeechRequest",
    "SpokenReply",
    "Voice",
    "VoiceListener",
]
