"""The entry point. Only the module of the chosen command is imported, so that `--help` is quick and needs no extras.

A command is a module beside this one with `add_arguments(subparsers)` and `run(args) -> int`; `errors` lists what the
numbers mean.
"""

from __future__ import annotations

import argparse
import logging
import os
import select
import sys
from collections.abc import Callable, Sequence
from importlib import import_module, metadata

from .arguments import Parser
from .errors import FAILED, INTERRUPTED, UNUSABLE, CommandError
from .keywords import misspelt

COMMANDS = {
    "init": "make a project: an agent, and tests of it that pass",
    "demo": "talk to an agent in the browser, and interrupt it",
    "call": "play a recorded user to an agent; keep the call and a report on its interruptions",
    "replay": "run a recorded call's decisions again, or ask what another policy would have done",
    "report": "make the report of a recorded call again",
    "serve": "hold many calls at once, started over HTTP",
    "load": "call a server with many recorded callers, and measure what they notice",
    "token": "make a token for a server's sessions",
    "lab": "measure how right interruptions are judged, over hundreds of cases",
    "models": "list, fetch and check the local models",
    "doctor": "check this machine and an agent, and say what to change",
}

EPILOG = """\
exit status: 0 all is well; 1 something went wrong on the way (replay: the effects differ);
2 it could not start; 130 stopped by Ctrl-C
"""

# What extras bring: a command that misses one of these says how to get it.
_EXTRAS = {
    "local": {"aiohttp", "aiortc", "av", "onnxruntime", "piper", "soundfile", "xllamacpp"},
    "serve": {"fastapi", "fastapi_offline", "h11", "prometheus_client", "uvicorn"},
    "openai": {"openai"},
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status. Raises SystemExit where argparse does: `--help`, wrong arguments."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in arguments
    try:
        command, args = _parse(arguments)
        logging.basicConfig(
            level=logging.DEBUG if debug else logging.WARNING, format="%(levelname)s %(name)s: %(message)s"
        )
        status = command(args)
        if sys.stdout is not None:  # It is where it was closed before, as `>&-` does.
            sys.stdout.flush()
        return status
    except KeyboardInterrupt:
        _say("interrupted")
        return INTERRUPTED
    except Exception as error:
        if isinstance(error, BrokenPipeError) and _nobody_reads():
            return FAILED
        if debug:
            raise
        _say(f"error: {describe(error)}")
        return _status(error)


def _status(error: Exception) -> int:
    if isinstance(error, CommandError):
        return error.status
    # Here, because `--help` need not wait for the core.
    from vision_agents.core.agents.factory import AgentFactoryError

    return UNUSABLE if isinstance(error, AgentFactoryError) else FAILED


def _parse(arguments: list[str]) -> tuple[Callable[[argparse.Namespace], int], argparse.Namespace]:
    parser = Parser(
        prog="vision-agents",
        description="Voice agents that people can interrupt.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"vision-agents {_version()}")
    parser.add_argument("--debug", action="store_true", help="log everything, and show where an error comes from")
    subparsers = parser.add_subparsers(dest="command", metavar="command")
    chosen = next((argument for argument in arguments if not argument.startswith("-")), None)
    for name, summary in COMMANDS.items():
        if name != chosen:
            subparsers.add_parser(name, help=summary)
    if chosen not in COMMANDS:
        if chosen is not None:
            _refuse_misspelt(parser, chosen)
        parser.parse_args(arguments)
        parser.print_help()
        raise SystemExit(UNUSABLE)
    module = import_module(f".{chosen}", __package__)
    module.add_arguments(subparsers)
    subparsers.choices[chosen].add_argument(
        "--debug", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS
    )
    return module.run, parser.parse_args(arguments)


def _refuse_misspelt(parser: Parser, chosen: str) -> None:
    """End with a word on the command that was probably meant; return where no name is near."""
    # Here, as in `_status`.
    from vision_agents.core.suggestions import did_you_mean

    if meant := did_you_mean(chosen, COMMANDS):
        parser.error(f"there is no command {chosen}.{meant}")


def _version() -> str:
    try:
        return metadata.version("interruptible-agents")
    except metadata.PackageNotFoundError:
        return "(not installed)"


def describe(error: BaseException) -> str:
    """An error in one line, with what to do next."""
    if isinstance(error, CommandError):
        return str(error)
    if isinstance(error, ModuleNotFoundError):
        package = (error.name or "").partition(".")[0]
        extra = next((extra for extra, packages in _EXTRAS.items() if package in packages), None)
        if extra is not None:
            return f"the Python package {package} is not installed; run: pip install 'interruptible-agents[{extra}]'"
    # Here, as in `_status`.
    from vision_agents.core.failures import explains_itself

    if wrong := misspelt(error):
        return str(wrong)
    text = " ".join(str(error).split()) or "no details"
    if explains_itself(error):
        return text
    return f"{type(error).__name__}: {text} (add --debug to see where)"


def _nobody_reads() -> bool:
    """Return whether stdout is a pipe that was closed, as `| head` does when it has seen enough."""
    try:
        stdout = sys.stdout.fileno()
        poll = select.poll()
    except (OSError, ValueError, AttributeError):
        return False  # No file, or a system without `poll`.
    # Asked for nothing, it still tells of an error at the other end.
    poll.register(stdout, 0)
    if not poll.poll(0):
        return False
    # Python would complain again when it flushes stdout at exit.
    os.dup2(os.open(os.devnull, os.O_WRONLY), stdout)
    return True


def _say(text: str) -> None:
    print(f"vision-agents: {text}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
