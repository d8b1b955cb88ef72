"""For parts whose work is done by a service elsewhere: connections that last, audio on its way, turns it claims."""

from .inbox import Inbox
from .link import Connection, Link, LinkError, connect_in_time
from .outbox import Outbox
from .provider_turn import ProviderTurn, remainder
from .realtime import RealtimeSession, RemoteRealtime
from .realtime_link import LinkListener, RealtimeLink, RemoteError, Service
from .stream import RemoteStream, RemoteSTT
from .tts import RemoteTTS, SpeechLine, SpeechLostError, Synthesis

__all__ = [
    "ProviderTurn",
    "Connection",
    "Inbox",
    "Link",
    "LinkError",
    "LinkListener",
    "Outbox",
    "RealtimeLink",
    "RealtimeSession",
    "RemoteError",
    "RemoteRealtime",
    "RemoteSTT",
    "RemoteStream",
    "RemoteTTS",
    "Service",
    "SpeechLine",
    "SpeechLostError",
    "Synthesis",
    "connect_in_time",
    "remainder",
]
