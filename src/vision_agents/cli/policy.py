"""`--policy NAME=VALUE`: settings of the interruption policy."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from dataclasses import fields

from vision_agents.core.floor import InterruptionPolicy
from vision_agents.core.floor.policy import BEYOND
from vision_agents.core.suggestions import did_you_mean

from .errors import CommandError


def add_policy(parser: argparse.ArgumentParser) -> None:
    """Add `--policy NAME=VALUE …`."""
    parser.add_argument(
        "--policy",
        nargs="+",
        action="extend",
        default=[],
        metavar="NAME=VALUE",
        help="settings of the interruption policy, as in --policy commit_speech=0.5 rewind=exact",
    )


def changed_policy(policy: InterruptionPolicy, settings: Sequence[str]) -> InterruptionPolicy:
    """The policy with what `--policy` says. Raises CommandError for a wrong name or value."""
    wanted = policy_settings(settings)
    known = [setting.name for setting in fields(policy)]
    for name in wanted:
        if name not in known and (meant := did_you_mean(name, known)):
            raise CommandError(f"the policy has no {name}.{meant}")
    try:
        return policy.override(wanted)
    except ValueError as error:
        raise CommandError(str(error)) from None


def policy_settings(settings: Sequence[str]) -> dict[str, str]:
    """The settings of `--policy`, as text. Raises CommandError for one that is not NAME=VALUE."""
    pairs = [setting.partition("=") for setting in settings]
    wrong = next((name for name, sign, _ in pairs if not sign), None)
    if wrong is not None:
        raise CommandError(f"--policy takes NAME=VALUE, as in commit_speech=0.5, not {wrong!r}")
    return {name: value for name, _, value in pairs}


def unseen(names: Iterable[str]) -> str:
    """A sentence on those of these settings of which a replay of decisions shows nothing; empty without any."""
    return "\n".join(f"{name} is not to be seen here: {BEYOND[name]}" for name in names if name in BEYOND)
