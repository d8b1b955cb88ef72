"""The base of parts whose work is done by a service elsewhere: connections that last, audio on its way, turns."""

from .connection import Connection, NoConnectionError, ReconnectingConnection, connect_in_time
from .inbox import Inbox
from .outbox import Outbox
from .provider_turn import ProviderTurn, words_beyond
from .realtime import RealtimeSession, RemoteRealtime
from .realtime_link import LinkListener, RealtimeLink
from .requests import Stopped, StreamingRequests
from .service import UNREACHED, MissingKeyError, RemoteError, Service, unreached
from .stream import RemoteStream, RemoteSTT
from .tts import RemoteTTS, SpeechLine, SpeechLostError, Synthesis

__all__ = [
    "UNREACHED",
    "ProviderTurn",
    "Connection",
    "Inbox",
    "NoConnectionError",
    "LinkListener",
    "MissingKeyError",
    "Outbox",
    "RealtimeLink",
    "RealtimeSession",
    "ReconnectingConnection",
    "RemoteError",
    "RemoteRealtime",
    "RemoteSTT",
    "RemoteStream",
    "RemoteTTS",
    "Service",
    "unreached",
    "SpeechLine",
    "SpeechLostError",
    "Stopped",
    "StreamingRequests",
    "Synthesis",
    "connect_in_time",
    "words_beyond",
]
