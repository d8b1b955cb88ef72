"""`vision-agents call`: a recorded user calls an agent; the call and a report on it are kept."""

from __future__ import annotations

import argparse
import errno
import sys
from pathlib import Path
from shutil import disk_usage
from typing import TYPE_CHECKING

from vision_agents.core import interrupts, warm_up
from vision_agents.core.agents.factory import load_factory
from vision_agents.core.audio.files import AudioFileError, read_audio
from vision_agents.core.observability.facts import Report
from vision_agents.core.observability.folder import CallFolder
from vision_agents.core.observability.recorder import TraceWriter
from vision_agents.core.trace import TraceError
from vision_agents.core.trace.notes import ClockLate, RecordingEnded, RecordingStarted

from .agent_factory import add_agent_argument, fetch_models, make_agent
from .arguments import seconds
from .call_progress import CallProgress
from .errors import FAILED, INTERRUPTED, OK, CommandError
from .summary import summary

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]


# Of a recording: two sides, 48,000 samples a second, two bytes each.
RECORDING_BYTES = 192_000


def add_arguments(subparsers: Subparsers) -> None:
    """Add `call` to the command line."""
    parser = subparsers.add_parser(
        "call",
        help="play a recorded user to an agent; keep the call and a report on its interruptions",
        description="Play a recording to an agent in real time, as if its speaker were on the line, and write to DIR: "
        "call.wav (left the user, right what the agent really played), trace.jsonl (every event and decision), "
        "report.json and report.html.",
    )
    parser.add_argument("user", type=Path, metavar="USER.wav", help="the user's side: WAV, FLAC and others, any rate")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="a new folder for what comes of it")
    parser.add_argument(
        "--tail",
        type=seconds(0, 60),
        default=3.0,
        metavar="SECONDS",
        help="hang up when both have been quiet for so long after the recording's end (default: 3)",
    )
    add_agent_argument(parser)


def run(args: argparse.Namespace) -> int:
    """Hold the call, write the report, print the summary; what there is by then is kept, however it ends."""
    # Everything that can be wrong is found before anything is loaded or written.
    load_factory(args.agent)
    seconds = _check_audio(args.user)
    fetch_models(args.agent)
    folder = _prepare(args.out, seconds)
    try:
        problems = interrupts.run(_call(args, folder, seconds))
    except BaseException as error:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise _unwritable(args.out, error) from None  # The disk was filled up between our look and our writing.
        report = _finish(folder)
        if not isinstance(error, KeyboardInterrupt):
            raise
        if report is not None:
            print(summary(report))
        print(f"vision-agents: interrupted; what there is of the call is in {folder.path}", file=sys.stderr)
        return INTERRUPTED
    report = _finish(folder)
    if report is not None:
        print(f"{summary(report)}\n\n{folder.html}")
    for problem in problems:
        print(f"vision-agents: error: the call is not complete: {problem}", file=sys.stderr)
    return FAILED if problems or report is None or report.errors else OK


async def _call(args: argparse.Namespace, folder: CallFolder, seconds: float) -> list[str]:
    """The call itself. Returns what kept it from being recorded to its end."""
    from vision_agents.plugins.local import FileEdge

    edge = FileEdge(args.user, folder.wav, tail=args.tail)
    agent = await make_agent(args.agent, edge)
    # A full round of the garbage collector over all that was loaded would be as long as a frame.
    await warm_up(agent, freeze=True)
    with TraceWriter(folder.trace) as trace:
        agent.observe(trace)
        progress = CallProgress(sys.stderr, seconds)
        agent.observe(progress)
        async with agent.join():
            assert edge.started is not None
            # Ties the trace's times to the recording's samples.
            agent.trace.note(RecordingStarted(folder.wav.name), at=edge.started)
            edge.on_late = lambda at, lasted, delay: agent.trace.note(ClockLate(lasted, delay), at=at)
            try:
                await agent.finish()
            finally:
                agent.trace.note(RecordingEnded(edge.worst_delay))
                progress.close()
    return [str(error) for error in (trace.error, edge.recording_error) if error is not None]


def _finish(folder: CallFolder) -> Report | None:
    """Make the report, as far as the call got. None if it never began, or if there is no room for it."""
    if not folder.wav.exists():
        folder.discard()
        return None
    try:
        return folder.write_report()
    except (TraceError, OSError) as error:
        print(f"vision-agents: no report was made: {error}", file=sys.stderr)
        return None


def _check_audio(path: Path) -> float:
    """Return its length in seconds."""
    try:
        return read_audio(path).duration
    except AudioFileError as error:
        raise CommandError(str(error)) from None


def _prepare(path: Path, seconds: float) -> CallFolder:
    folder = CallFolder(path)
    try:
        folder.prepare()
    except FileExistsError:
        raise CommandError(f"{path} exists already and is not an empty folder: choose another --out") from None
    except OSError as error:
        raise _unwritable(path, error) from None
    needed, free = seconds * RECORDING_BYTES, disk_usage(path).free
    if free < needed:
        folder.discard()
        raise CommandError(
            f"there is no room for the call in {path}: it takes {needed / 1e6:.1f} MB, and {free / 1e6:.1f} MB are "
            "free; choose another --out"
        )
    return folder


def _unwritable(path: Path, error: OSError) -> CommandError:
    return CommandError(f"{path} cannot be written: {error.strerror or error}; choose another --out")
