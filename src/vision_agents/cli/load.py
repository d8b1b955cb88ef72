"""`vision-agents load`: recorded callers against a server, as many at a time as wanted, and what they notice."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from vision_agents.core import interrupts
from vision_agents.core.agents.factory import load_factory, load_object
from vision_agents.core.audio import PcmData
from vision_agents.core.audio.files import AudioFileError
from vision_agents.core.models import ModelError
from vision_agents.core.observability.explain import counted
from vision_agents.load_test.clips import Clips, Kind, recorded, spoken
from vision_agents.load_test.picture import picture
from vision_agents.load_test.row import Row
from vision_agents.load_test.run import Plan
from vision_agents.load_test.run import run as run_plan
from vision_agents.load_test.server import Server, ServerError, is_here, session
from vision_agents.load_test.table import table
from vision_agents.load_test.target import InProcess, OnServer
from vision_agents.serving import CreateAgentError

from .agent_factory import fetch, fetch_models
from .arguments import seconds
from .errors import FAILED, INTERRUPTED, OK, UNUSABLE, CommandError
from .recorded_caller import VOICE, speak

if TYPE_CHECKING:
    from vision_agents.serving import AgentLauncher

    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

TOKEN = "VISION_AGENTS_TOKEN"

MOST_CALLERS = 2000

# What is said without --audio.
LINES = {
    Kind.QUESTION: (
        "Hello! Could you tell me something about the weather on the coast tomorrow?",
        "I would like to book a table for four people. What do I have to do?",
        "How long does it take until the money is back on my card?",
        "Can you explain to me how I change the password of my phone?",
        "My order has not come yet. Where could it be?",
    ),
    Kind.INTERRUPTION: (
        "Wait, stop. I wanted to know something else.",
        "Sorry, let me stop you there. That is not what I meant.",
        "No, please look for a train that leaves in the afternoon.",
    ),
    Kind.BACKCHANNEL: ("Uh-huh.", "Okay."),
}


def add_arguments(subparsers: Subparsers) -> None:
    """Add `load` to the command line."""
    parser = subparsers.add_parser(
        "load",
        help="call a server with many recorded callers, and measure what they notice",
        description="Call a server by WebRTC with recorded callers, who ask, interrupt, cough, hang up and call again. "
        "Everything is measured at their end, in the sound that comes back. Prints a table, a row for each number of "
        "callers, and draws a picture of it. Ctrl-C ends it, with what was measured by then.",
    )
    parser.add_argument("url", nargs="?", metavar="URL", help="the server, as in http://127.0.0.1:8000")
    parser.add_argument(
        "--in-process",
        metavar="MODULE:NAME",
        help="agents in this process in place of a server, without WebRTC: as `serve` takes them",
    )
    parser.add_argument(
        "--callers",
        type=_numbers,
        default=(10,),
        metavar="N[,N…]",
        help="callers at a time, one number after the other (default: 10)",
    )
    parser.add_argument(
        "--seconds",
        type=seconds(5, 3600),
        default=30.0,
        help="for each number of callers (default: 30)",
        metavar="SECONDS",
    )
    parser.add_argument(
        "--audio",
        type=Path,
        metavar="PATH",
        help="what is said: a recording, or a folder of them; names may begin with question, interruption, "
        "backchannel or cough (default: a synthetic voice)",
    )
    parser.add_argument(
        "--token", metavar="TOKEN", help=f"of `vision-agents token --call '*'` (default: that in {TOKEN})"
    )
    parser.add_argument(
        "--out", type=Path, default=Path("load.html"), metavar="FILE", help="the picture (default: load.html)"
    )


def run(args: argparse.Namespace) -> int:
    """Run the callers, print the table, write the picture; what there is by then, however it ends."""
    if (args.url is None) is (args.in_process is None):
        raise CommandError("give the URL of a server, or --in-process MODULE:NAME, and not both")
    if args.out.is_dir() or not args.out.parent.is_dir():
        raise CommandError(f"{args.out} cannot be written: give --out the name of a file in a folder that is there")
    launcher = None if args.in_process is None else _launcher(args.in_process)
    rows: list[Row] = []
    try:
        interrupts.run(_calls(args, launcher, rows))
    except KeyboardInterrupt:
        _show(args, rows)
        print("vision-agents: interrupted", file=sys.stderr)
        return INTERRUPTED
    except (ServerError, AudioFileError, ModelError, CreateAgentError) as error:
        _show(args, rows)
        raise CommandError(str(error), FAILED if rows else UNUSABLE) from None
    _show(args, rows)
    return FAILED if any(row.lost or row.failed for row in rows) else OK


async def _calls(args: argparse.Namespace, launcher: AgentLauncher | None, rows: list[Row]) -> None:
    plan = Plan(args.callers, args.seconds)

    def begun(row: Row) -> None:
        rows.append(row)
        print(f"{counted(row.callers, 'caller')} for {plan.seconds:.0f} s …", file=sys.stderr, flush=True)

    if launcher is not None:
        await _in_process(launcher, await _clips(args.audio), plan, begun)
        return
    here = is_here(args.url)
    async with session() as http:
        server = Server(http, args.url, args.token or os.environ.get(TOKEN))
        await server.check()
        await run_plan(OnServer(server, here=here), await _clips(args.audio), plan, begun)


async def _in_process(launcher: AgentLauncher, clips: Clips, plan: Plan, begun: Callable[[Row], None]) -> None:
    from vision_agents.serving import CallHost

    host = CallHost(launcher)
    await host.start()
    try:
        await run_plan(InProcess(host), clips, plan, begun)
    finally:
        await host.close()


def _launcher(spec: str) -> AgentLauncher:
    from vision_agents.serving import AgentLauncher, Runner

    found = load_object(spec, "--in-process")
    if isinstance(found, Runner):
        return found.launcher
    fetch_models(spec)
    return found if isinstance(found, AgentLauncher) else AgentLauncher(load_factory(spec))


async def _clips(audio: Path | None) -> Clips:
    if audio is not None:
        return await asyncio.to_thread(recorded, audio)
    fetch([VOICE])
    said = await speak({line: line for lines in LINES.values() for line in lines})
    return spoken({kind: _of(said, lines) for kind, lines in LINES.items()})


def _of(said: dict[str, PcmData], lines: tuple[str, ...]) -> dict[str, PcmData]:
    return {line: said[line] for line in lines}


def _show(args: argparse.Namespace, rows: list[Row]) -> None:
    """Print the table and write the picture of whatever was measured."""
    measured = [row for row in rows if row.calls]
    if not measured:
        return
    print(table(measured))
    against = args.url or args.in_process
    try:
        args.out.write_text(picture(measured, f"{against} under load"), encoding="utf-8")
    except OSError as error:
        raise CommandError(f"{args.out} cannot be written: {error.strerror or error}", FAILED) from None
    print(f"\n{args.out}")


def _numbers(value: str) -> tuple[int, ...]:
    numbers = tuple(int(part) if part.strip().isdecimal() else 0 for part in value.split(","))
    if not all(1 <= number <= MOST_CALLERS for number in numbers):
        raise argparse.ArgumentTypeError(f"{value!r} is not numbers from 1 to {MOST_CALLERS}, as in 1,10,50")
    return numbers
