"""Recorded calls for pages: what a trace shows, and what another policy would have done."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from vision_agents.core.observability.reader import recording_offset
from vision_agents.core.observability.what_if import what_if
from vision_agents.core.trace import TraceError, read_records, recorded_policy
from vision_agents.core.trace.files import read_lines

from .protocol import PageRecords
from .refused import RefusedError
from .settings import overridden, policy_form

# Of a trace: some hours of talk.
LONGEST = 32 * 1024 * 1024


class Replays:
    """Reads and replays traces in a thread, one at a time: each keeps a core busy on which calls keep their time."""

    def __init__(self) -> None:
        self._one = asyncio.Semaphore(1)

    async def answer(self, body: bytes, policy: str | None) -> dict[str, Any]:
        """Read a trace file, see `read_call`; or, if settings of a policy are given in JSON, see `ask`.

        Raises RefusedError for what is no trace of this version, and no policy.
        """
        try:
            wanted: Any = None if policy is None else json.loads(policy)
        except (ValueError, RecursionError):
            raise RefusedError(400, 'policy is JSON, as {"commit_speech": "0.5"}') from None
        async with self._one:
            try:
                if policy is None:
                    return await asyncio.to_thread(read_call, body)
                return await asyncio.to_thread(ask, body, wanted)
            except TraceError as error:
                raise RefusedError(422, f"that is no trace of a call: {error}") from error


def read_call(body: bytes) -> dict[str, Any]:
    """The `records` of a trace that pages show, its `policy`, and the `offset` of its recording in seconds."""
    records = read_lines(body.decode(errors="replace"), "the trace")
    policy = policy_form(recorded_policy(records))
    offset = recording_offset(read_records(records))
    screen = PageRecords()
    shown = [picked for record in records if (picked := screen.pick(record)) is not None]
    return {"records": shown, "policy": policy, "offset": offset}


def ask(body: bytes, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The `changes` that other settings of the policy would have made: each an `effect` with a `mark` and `t`."""
    records = read_lines(body.decode(errors="replace"), "the trace")
    changes = what_if(records, overridden(recorded_policy(records), wanted))
    return {"changes": [{"mark": change.mark, "t": change.t, "effect": change.effect} for change in changes]}
