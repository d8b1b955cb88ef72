"""Edges: how an agent takes part in a call."""

from .edge import FRAME_SAMPLES, FRAME_SECONDS, OUTPUT_SAMPLE_RATE, AgentControls, CallSink, EdgeTransport
from .events import CallEndedEvent, ParticipantJoinedEvent, ParticipantLeftEvent

__all__ = [
    "FRAME_SAMPLES",
    "FRAME_SECONDS",
    "OUTPUT_SAMPLE_RATE",
    "AgentControls",
    "CallEndedEvent",
    "CallSink",
    "EdgeTransport",
    "ParticipantJoinedEvent",
    "ParticipantLeftEvent",
]
