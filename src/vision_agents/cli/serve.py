"""`vision-agents serve`: many calls at once, each with an agent of its own, started over HTTP."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vision_agents.core.address import Certificate
from vision_agents.serving import CreateAgentError, Runner, load_runner

from .agent_factory import DEFAULT_AGENT, fetch_models
from .arguments import make_folder, origin, port, seconds
from .errors import OK, CommandError

INSTALL = 'pip install "interruptible-agents[ray]"'

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]


def add_arguments(subparsers: Subparsers) -> None:
    """Add `serve` to the command line."""
    parser = subparsers.add_parser(
        "serve",
        help="hold many calls at once, started over HTTP",
        description="Serve POST /calls/{id}/sessions and its like: each start makes an agent that joins the call. "
        "SIGTERM takes no more calls and lets those that run go on; a second one, or Ctrl-C, ends everything.",
    )
    parser.add_argument(
        "agent",
        nargs="?",
        default=DEFAULT_AGENT,
        metavar="MODULE:NAME",
        help="an async function that is called with edge=… and returns an Agent, or an AgentLauncher or a Runner "
        "(default: an agent of local models)",
    )
    parser.add_argument("--host", default="127.0.0.1", help="the address to serve at (default: 127.0.0.1)")
    parser.add_argument("--port", type=port, default=8000, help="its port, 0 for any free one (default: 8000)")
    parser.add_argument("--tls-cert", type=Path, metavar="FILE", help="serve https, with this certificate (PEM)")
    parser.add_argument("--tls-key", type=Path, metavar="FILE", help="the certificate's key (PEM)")
    parser.add_argument(
        "--sessions", type=int, metavar="N", help="calls at a time, at most (default: as many as keep their time)"
    )
    parser.add_argument(
        "--drain",
        type=seconds(0, 7 * 86_400),
        metavar="SECONDS",
        help="how long calls may go on after SIGTERM (default: 3600)",
    )
    parser.add_argument("--farewell", metavar="TEXT", help="said to those who are still there then")
    parser.add_argument("--traces", type=Path, metavar="DIR", help="write the trace of each call there")
    parser.add_argument(
        "--ray", action="store_true", help="hold the calls in processes of Ray, on as many cores as wanted"
    )
    parser.add_argument(
        "--address", metavar="ADDRESS", help="a Ray cluster that runs: auto, or HOST:PORT (default: one of our own)"
    )
    parser.add_argument(
        "--hosts", metavar="N", help="processes that hold calls under Ray, or LEAST:MOST (default: one for each core)"
    )
    parser.add_argument(
        "--cors",
        action="append",
        type=origin,
        metavar="ORIGIN",
        help="another site whose pages may use this (may be repeated)",
    )
    parser.add_argument(
        "--trusted-proxy",
        action="append",
        metavar="NETWORK",
        help="a proxy before this, as 10.0.0.0/8, that is believed when it says who asks (may be repeated)",
    )


def run(args: argparse.Namespace) -> int:
    """Serve until it is told to end. Returns 0; raises CommandError for what keeps it from starting."""
    on_ray = args.ray or args.address is not None
    if args.hosts is not None and not on_ray:
        raise CommandError("--hosts is the number of processes under Ray: give --ray or --address too, or leave it out")
    if args.traces is not None and args.address is None:  # On a cluster that runs each host makes it on its node.
        make_folder(args.traces)
    try:
        Certificate.of(args.tls_cert, args.tls_key)
        load = partial(load_runner, args.agent, args.sessions, _changes(args))
        runner = load()
        runner.options.check_exposure(args.host)
        fetch_models(args.agent)
        if on_ray:
            _serve_on_ray(args, load, runner)
            return OK
        runner.serve(args.host, args.port, certificate=args.tls_cert, key=args.tls_key)
    except (ValueError, CreateAgentError, OSError) as error:
        raise CommandError(str(error)) from error
    return OK


def _serve_on_ray(args: argparse.Namespace, load: Callable[[], Runner], runner: Runner) -> None:
    try:
        from vision_agents.serving.ray.client import ClusterError
        from vision_agents.serving.ray.cluster import serve
    except ModuleNotFoundError as error:
        raise CommandError(f"a cluster needs the extra `ray` ({error}): {INSTALL}") from error
    from vision_agents.serving.server import Address

    site = Address(args.host, args.port, Certificate.of(args.tls_cert, args.tls_key))
    secret = {"secret": runner.options.secret} if runner.options.secret else {}
    try:
        serve(
            partial(load_runner, args.agent, args.sessions, _changes(args) | secret),
            runner,
            site,
            hosts=args.hosts,
            address=args.address,
        )
    except ClusterError as error:
        raise CommandError(str(error)) from error


def _changes(args: argparse.Namespace) -> dict[str, Any]:
    given: dict[str, Any] = {
        "drain": args.drain,
        "farewell": args.farewell,
        "traces": args.traces,
        "cors_allow_origins": args.cors,
        "trusted_proxies": args.trusted_proxy,
    }
    return {name: value for name, value in given.items() if value is not None}
