"""Serving: many calls in one process, each with an agent of its own.

`AgentLauncher` makes agents, `CallHost` holds their calls, and `Runner` has a program do so from the command line or
over HTTP.
"""

from __future__ import annotations

from .admission import Limits, Refused
from .host import CallHost
from .launcher import AgentLauncher, CreateAgentError
from .options import ServeOptions
from .runner import Runner, load_runner
from .session import AgentSession, CallRequest, End, StartError

__all__ = [
    "AgentLauncher",
    "AgentSession",
    "CallHost",
    "CallRequest",
    "CreateAgentError",
    "End",
    "Limits",
    "Refused",
    "Runner",
    "ServeOptions",
    "StartError",
    "load_runner",
]
