"""`vision-agents replay`: run a recorded call's decisions again, or under another policy."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vision_agents.core.floor import InterruptionPolicy
from vision_agents.core.observability.reader import recording_offset
from vision_agents.core.observability.what_if import Change, what_if
from vision_agents.core.trace import Difference, TraceError, read_records, read_trace, recorded_policy, replay
from vision_agents.core.trace.codec import Json

from .errors import FAILED, OK, CommandError
from .policy import add_policy, changed_policy, unseen

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

# A trace that is wrong from one point on differs everywhere after it: the first ones tell.
MOST_SHOWN = 20


def add_arguments(subparsers: Subparsers) -> None:
    """Add `replay` to the command line."""
    parser = subparsers.add_parser(
        "replay",
        help="run a recorded call's decisions again, or ask what another policy would have done",
        description="Run the floor, which decides who may speak, over the recorded events again, and say whether every "
        "effect is the same (exit status 0) or which are not (1). With --policy, tell what would have happened. Times "
        "are those of the recording.",
    )
    parser.add_argument("trace", type=Path, metavar="TRACE", help="trace.jsonl of a call, or the folder it is in")
    add_policy(parser)


def run(args: argparse.Namespace) -> int:
    """Replay, print, and return the exit status."""
    path = args.trace / "trace.jsonl" if args.trace.is_dir() else args.trace
    if not path.is_file():
        raise CommandError(f"there is no file {path}; give the trace.jsonl that `vision-agents call --out DIR` wrote")
    try:
        records = read_trace(path)
        recorded = recorded_policy(records)
        if not args.policy:
            return _compare(records, list(replay(records)))
        policy = changed_policy(recorded, args.policy)
        changes = what_if(records, policy)
    except (TraceError, UnicodeDecodeError) as error:
        raise CommandError(
            f"{path} cannot be read as the trace of a call: {error}; what can is the trace.jsonl that "
            "`vision-agents call --out DIR` wrote"
        ) from None
    _tell(recorded, policy, changes, recording_offset(read_records(records)))
    return OK


# The same again?


def _compare(records: list[Json], differences: list[Difference]) -> int:
    events = sum("event" in record for record in records)
    effects = sum("effect" in record for record in records)
    if not differences:
        print(f"{events} events, {effects} effects: every effect is the same")
        return OK
    print(f"{events} events, {effects} effects: {len(differences)} events have other effects than recorded")
    offset = recording_offset(read_records(records))
    for difference in differences[:MOST_SHOWN]:
        print(f"\n{difference.t - offset:9.3f} s  {_call(difference.event)}")
        print(f"     recorded  {_calls(difference.recorded)}")
        print(f"     replayed  {_calls(difference.replayed)}")
    if len(differences) > MOST_SHOWN:
        print(f"\n… and {len(differences) - MOST_SHOWN} more after these")
    return FAILED


def _calls(effects: Iterable[Json]) -> str:
    return ("\n" + " " * 15).join(_call(effect) for effect in effects) or "nothing"


def _call(record: Json) -> str:
    facts = {key: value for key, value in record.items() if key not in ("t", "at", "event", "effect")}
    written = ", ".join(f"{key}={_short(value)}" for key, value in facts.items())
    return f"{record.get('event') or record.get('effect')}({written})"


def _short(value: Any) -> str:
    return f"{value:.3f}".rstrip("0").rstrip(".") if isinstance(value, float) else repr(value)


# What if?


def _tell(recorded: InterruptionPolicy, policy: InterruptionPolicy, changes: list[Change], offset: float) -> None:
    names = [name for name in policy.__dataclass_fields__ if getattr(policy, name) != getattr(recorded, name)]
    settings = ", ".join(f"{name} {getattr(recorded, name)} → {getattr(policy, name)}" for name in names)
    print(settings or "the policy is the recorded one")
    if beyond := unseen(names):
        print(beyond)
    for change in changes:
        print(f"{change.mark} {change.t - offset:9.3f} s  {_sentence(change.effect)}")
    gone, new = (sum(change.mark == mark for change in changes) for mark in "-+")
    if gone or new:
        print(f"- {gone} would not have happened, + {new} would have; what people said is as it was")
    else:
        print("nothing would have been different" if changes else "nobody spoke over the agent: nothing to decide")


def _sentence(effect: Json) -> str:
    match effect:
        case {"effect": "Hold", "reply": reply, "participant": participant}:
            return f"hold    reply {reply}, for {participant}"
        case {"effect": "Resume", "reply": reply, "reason": reason}:
            return f"resume  reply {reply}: {reason}"
        case {"effect": "Commit", "reply": reply, "epoch": epoch, "reason": reason}:
            what = f"reply {reply}" if reply is not None else "no reply"
            return f"commit  {what}, epoch {epoch}: {reason}"
        case _:
            return f"drop    reply {effect.get('reply')}: {effect.get('reason')}"
