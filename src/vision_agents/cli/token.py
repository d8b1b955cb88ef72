"""`vision-agents token`: make a token for the sessions of a call."""

from __future__ import annotations

import argparse
import re
from typing import TYPE_CHECKING

from vision_agents.serving.tokens import ANY_CALL, LIFETIME, NAME, RIGHTS, SECRET, make_token, secret_from_environment

from .arguments import seconds
from .errors import OK, CommandError

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

LONGEST = 10 * 365 * 24 * 3600.0
"""Seconds for which a token may be good."""


def add_arguments(subparsers: Subparsers) -> None:
    """Add `token` to the command line."""
    parser = subparsers.add_parser(
        "token",
        help="make a token for a server's sessions",
        description=f"Sign a token with the secret in {SECRET}, and print it. Whoever has it may start, see and end "
        "the sessions of one call until it expires.",
    )
    parser.add_argument("--call", required=True, metavar="ID", help=f"the id of the call; {ANY_CALL!r} for all calls")
    parser.add_argument(
        "--expires",
        type=seconds(1, LONGEST),
        default=LIFETIME,
        metavar="SECONDS",
        help=f"its lifetime (default: {LIFETIME:.0f})",
    )
    parser.add_argument(
        "--may", nargs="+", choices=RIGHTS, default=list(RIGHTS), metavar="RIGHT", help=f"of {', '.join(RIGHTS)}"
    )
    parser.add_argument("--subject", default="", metavar="NAME", help="whom it is for")


def run(args: argparse.Namespace) -> int:
    """Print the token. Raises CommandError if there is no secret to sign it with."""
    if args.call != ANY_CALL and not re.fullmatch(NAME, args.call):
        raise CommandError(
            f"a token is for the sessions of one call: give --call its id, or {ANY_CALL!r} for all calls; "
            f"{args.call!r} is the id of none"
        )
    try:
        secret = secret_from_environment()
        if secret is None:
            raise CommandError(f"there is no secret: set {SECRET}, as the server has it")
        print(make_token(secret, args.call, rights=args.may, lifetime=args.expires, subject=args.subject))
    except ValueError as error:
        raise CommandError(str(error)) from None
    return OK
