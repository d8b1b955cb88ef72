"""For parts whose work is done by a service elsewhere: connections that last, audio on its way, turns it claims."""

from .claim import Claim, remainder
from .inbox import Inbox
from .link import Connection, Link, LinkError, connect_in_time
from .outbox import Outbox
from .realtime import LinkListener, RealtimeLink, RemoteError, Service
from .session import RealtimeSession, RemoteRealtime
from .stream import RemoteStream, RemoteSTT

__all__ = [
    "Claim",
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
    "Service",
    "connect_in_time",
    "remainder",
]
