"""`vision-agents demo`: talk to an agent in the browser, and interrupt it."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import sys
import threading
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING

from vision_agents.core import Agent, interrupts, warm_up
from vision_agents.core.address import AddressError, Certificate
from vision_agents.core.agents.factory import load_factory
from vision_agents.core.models import ModelError

from . import language_model
from .agent_factory import add_agent_argument, fetch_models, make_agent
from .arguments import port
from .errors import OK, CommandError
from .recorded_caller import RecordedCaller

if TYPE_CHECKING:
    from vision_agents.core.edge import EdgeTransport
    from vision_agents.plugins.local import PageServer
    from vision_agents.plugins.local.page_server import CreateAgent

    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]


def add_arguments(subparsers: Subparsers) -> None:
    """Add `demo` to the command line."""
    parser = subparsers.add_parser(
        "demo",
        help="talk to an agent in the browser, and interrupt it",
        description="Serve a page on this machine on which you talk with an agent. Each tab has a conversation and an "
        "agent of its own. Ctrl-C ends it.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="the address to serve the page at (default: 127.0.0.1)")
    parser.add_argument("--port", type=port, default=8000, help="its port, 0 for any free one (default: 8000)")
    parser.add_argument("--tls-cert", type=Path, metavar="FILE", help="serve https, with this certificate (PEM)")
    parser.add_argument("--tls-key", type=Path, metavar="FILE", help="the certificate's key (PEM)")
    parser.add_argument(
        "--max-callers",
        type=_callers,
        default=8,
        metavar="N",
        help="conversations at a time; beyond it callers are told that there is no place (default: 8)",
    )
    parser.add_argument("--no-open", action="store_true", help="do not open the page in a browser")
    parser.add_argument(
        "--workbench",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="callers see and change their agent's settings, and have trace, recording and report of their own call "
        "(default: where the page is for this machine alone)",
    )
    add_agent_argument(parser)
    language_model.add_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Serve the page until Ctrl-C. Returns 0; raises CommandError for what keeps it from starting."""
    # Everything that can be wrong is found before anything is fetched or loaded.
    load_factory(args.agent)
    from vision_agents.plugins.local.page_server import PageServer
    from vision_agents.plugins.local.server import check_address

    try:
        certificate = Certificate.of(args.tls_cert, args.tls_key)
        check_address(args.host, args.port)
        if certificate is not None:
            certificate.context()
        model = language_model.chosen(args)
        fetch_models(args.agent, thinks=model is None)
        caller = RecordedCaller() if RecordedCaller.available() else None

        async def create_agent(edge: EdgeTransport) -> Agent:
            parts = {} if model is None else {"llm": model.make()}
            return await make_agent(args.agent, edge, **parts)

        page = PageServer(
            create_agent,
            max_callers=args.max_callers,
            host=args.host,
            port=args.port,
            caller=caller,
            certificate=certificate,
            workbench=args.workbench,
        )
        _serve_until_interrupted(args, page, create_agent, caller)
    except (AddressError, ModelError) as error:
        raise CommandError(str(error)) from error
    return OK


def _serve_until_interrupted(
    args: argparse.Namespace, page: PageServer, create_agent: CreateAgent, caller: RecordedCaller | None
) -> None:
    # Ctrl-C, or what stands for it, is how a demo ends. While models are fetched it is not: that is left to the caller.
    with contextlib.suppress(KeyboardInterrupt):
        interrupts.run(_serve(args, page, create_agent, caller))


async def _serve(
    args: argparse.Namespace, page: PageServer, create_agent: CreateAgent, caller: RecordedCaller | None
) -> None:
    from vision_agents.plugins.local.caller_edge import CallerEdge

    async def rehearse() -> Agent:
        agent: Agent = await create_agent(CallerEdge())
        page.name = agent.agent_user.name or agent.agent_user.id
        return agent

    if sys.stderr.isatty():
        print("Loading the agent…", file=sys.stderr)
    # One is made before there is a caller: what is wrong with it shows now, and all that it needs is loaded. A full
    # round of the garbage collector over that would be as long as a frame.
    await warm_up(rehearse, freeze=True)
    async with page:
        print(f"Talk to the agent at {page.url} (Ctrl-C ends it)", flush=True)
        if not page.microphone_allowed:
            print(
                "Browsers on other machines give the page no microphone over http: add --tls-cert and --tls-key",
                file=sys.stderr,
            )
        if not args.no_open and _has_screen():
            # A daemon: some browsers keep whoever opens a page waiting until they are closed.
            threading.Thread(target=webbrowser.open, args=(page.url,), daemon=True).start()
        preparing = asyncio.create_task(_prepare(caller), name="recorded caller")
        try:
            await asyncio.Event().wait()
        finally:
            preparing.cancel()


async def _prepare(caller: RecordedCaller | None) -> None:
    """Make what the caller says while the page is looked at. What goes wrong is told when somebody asks for it."""
    if caller is not None:
        with contextlib.suppress(Exception):
            await caller.prepare()


def _has_screen() -> bool:
    """Return whether a browser would open a window: one that runs in the terminal can neither hear nor speak."""
    if sys.platform in ("darwin", "win32"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _callers(value: str) -> int:
    callers = int(value) if value.isdecimal() else 0
    if callers < 1:
        raise argparse.ArgumentTypeError(f"{value} is not a number of callers: take one from 1 on")
    return callers
