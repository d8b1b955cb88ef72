"""Runs an agent in one call, or serves many, from a program's own command line."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import dataclasses
import logging
import sys
import uuid
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vision_agents.core import interrupts
from vision_agents.core.address import Certificate
from vision_agents.core.agents.factory import load_factory, load_object
from vision_agents.core.loopback import is_loopback

from .host import CallHost
from .launcher import AgentLauncher
from .options import ServeOptions
from .session import CallRequest, End

if TYPE_CHECKING:
    from .server import Address

_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")

MISSING = 'serving needs the extra `serve` ({error}): pip install "interruptible-agents[serve]"'


class Runner:
    """Gives a program a command line: `python my_agent.py run` for one call, `python my_agent.py serve` for many.

        if __name__ == "__main__":
            Runner(AgentLauncher(create_agent=create_agent, join_call=join_call)).cli()

    Args:
        launcher: makes the agents.
        serve_options: who may do what, and what it takes, for `serve`.
    """

    def __init__(self, launcher: AgentLauncher, serve_options: ServeOptions | None = None) -> None:
        self.launcher = launcher
        self.options = serve_options or ServeOptions()

    @cached_property
    def host(self) -> CallHost:
        """The holder of this process's calls."""
        return CallHost(self.launcher, self.options.limits, self.options.traces, private=self.options.open)

    @cached_property
    def fast_api(self) -> Any:
        """The FastAPI application, for a server of your own: `uvicorn my_agent:runner.fast_api`."""
        try:
            from .http import make_app
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError(MISSING.format(error=error), name=error.name) from error
        return make_app(self.host, self.options)

    def cli(self, argv: Sequence[str] | None = None) -> None:
        """Do what the command line says. Raises SystemExit as argparse does, and with a sentence for what fails."""
        args = _parser().parse_args(argv)
        try:
            if args.command == "run":
                self.run(args.call_type, args.call_id, debug=args.debug, log_level=args.log_level)
            else:
                self.serve(
                    args.host,
                    args.port,
                    agents_log_level=args.agents_log_level,
                    http_log_level=args.http_log_level,
                    debug=args.debug,
                    certificate=args.tls_cert,
                    key=args.tls_key,
                )
        except (OSError, ValueError, RuntimeError, ImportError) as error:
            if args.debug:
                raise
            sys.exit(f"error: {error}")

    def run(
        self,
        call_type: str = "default",
        call_id: str | None = None,
        *,
        debug: bool = False,
        log_level: str = "INFO",
    ) -> None:
        """Have one agent join a call, a new one by default. Returns when that is over, or after Ctrl-C,
        SIGTERM or SIGHUP.
        """
        logging.basicConfig(level=log_level)
        with contextlib.suppress(KeyboardInterrupt):
            interrupts.run(self._run(call_type, call_id or str(uuid.uuid4())), debug=debug)

    def serve(
        self,
        host: str = "127.0.0.1",
        port: int = 8000,
        *,
        agents_log_level: str = "INFO",
        http_log_level: str = "INFO",
        debug: bool = False,
        certificate: Path | None = None,
        key: Path | None = None,
    ) -> None:
        """Serve until SIGTERM, and then until the calls are over; or until Ctrl-C.

        Raises ValueError if others could start agents without a token, OSError if nothing can be served there, and
        what is wrong with the agent.
        """
        logging.basicConfig(level=agents_log_level)
        logging.getLogger("uvicorn").setLevel(http_log_level)
        self.options.check_exposure(host)
        self.host.private = is_loopback(host)
        app = self.fast_api
        from .server import Address

        asyncio.run(self._serve(app, Address(host, port, Certificate.of(certificate, key))), debug=debug)

    async def _serve(self, app: Any, address: Address) -> None:
        from .server import serve

        bound = address.bind()
        try:
            await self.host.start()
            await serve(
                app,
                self.host,
                bound,
                address=address,
                drain=self.options.drain,
                farewell=self.options.farewell,
                started=lambda: print(f"Serving at {address.url(bound)} (Ctrl-C ends it)", flush=True),
            )
        finally:
            bound.close()
            await self.host.close()

    async def _run(self, call_type: str, call_id: str) -> None:
        await self.host.start()
        try:
            edge: Any = _page() if self.launcher.takes_edge else None
            session = await self.host.begin(CallRequest(call_id, call_type, edge=edge))
            assert session.agent is not None
            url = getattr(session.agent.edge, "url", None)
            print(f"The agent is at {url}" if url else f"The agent is in the call {call_type}:{call_id}", flush=True)
            await session.wait()
            if session.end is End.FAILED:
                raise RuntimeError(session.error)
        finally:
            await self.host.close()


def load_runner(spec: str, sessions: int | None, changes: Mapping[str, Any]) -> Runner:
    """Import the Runner, AgentLauncher or agent factory that `module:name` names, as a Runner.

    Args:
        spec: the name.
        sessions: calls at a time, at most; None for what the launcher says.
        changes: options that are to be others, by their names in ServeOptions.

    Raises ValueError if there is no such thing, or a number cannot be one.
    """
    found = load_object(spec, "the argument")
    if isinstance(found, Runner):
        launcher, options = found.launcher, found.options
    elif isinstance(found, AgentLauncher):
        launcher, options = found, ServeOptions()
    else:
        launcher, options = AgentLauncher(load_factory(spec)), ServeOptions()
    if sessions is not None:
        if sessions < 1:
            raise ValueError(f"--sessions is 1 or more, not {sessions}")
        launcher.max_concurrent_sessions = sessions
    return Runner(launcher, dataclasses.replace(options, **changes))


def _page() -> Any:
    from vision_agents.plugins import local

    return local.Edge()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Run a voice agent in one call, or serve many.")
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="have one agent join one call")
    run.add_argument(
        "--call-type", default="default", help="its type, where the edge's provider has types (default: default)"
    )
    run.add_argument("--call-id", default=None, help="by default a new one")
    run.add_argument(
        "--log-level", type=str.upper, choices=_LEVELS, default="INFO", help="what is logged (default: INFO)"
    )
    run.add_argument(
        "--no-demo",
        action="store_true",
        help="without effect, for command lines of other versions: no page is opened in any case",
    )
    serve = commands.add_parser("serve", help="have agents join calls as they are asked to over HTTP")
    serve.add_argument("--host", default="127.0.0.1", help="the address to serve at (default: 127.0.0.1)")
    serve.add_argument("--port", type=int, default=8000, help="its port, 0 for any free one (default: 8000)")
    serve.add_argument(
        "--agents-log-level", type=str.upper, choices=_LEVELS, default="INFO", help="what is logged (default: INFO)"
    )
    serve.add_argument(
        "--http-log-level",
        type=str.upper,
        choices=_LEVELS,
        default="INFO",
        help="what is logged of requests (default: INFO)",
    )
    serve.add_argument("--tls-cert", type=Path, metavar="FILE", help="serve https, with this certificate (PEM)")
    serve.add_argument("--tls-key", type=Path, metavar="FILE", help="the certificate's key (PEM)")
    for each in (run, serve):
        each.add_argument("--debug", action="store_true", help="asyncio's debug mode, and errors with where they are")
        each.add_argument(
            "--no-splash",
            action="store_true",
            help="without effect, for command lines of other versions: there is no splash",
        )
    return parser
