"""Recorded calls for pages: what a trace shows, and what another policy would have done.

As a program it is the process that answers one question: a trace on stdin, the policy's settings as its argument.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import subprocess
import sys
from collections.abc import AsyncIterable, Mapping
from typing import Any

from vision_agents.core.floor.policy import BEYOND
from vision_agents.core.observability.reader import recording_offset
from vision_agents.core.observability.what_if import what_if
from vision_agents.core.trace import TraceError, read_records, recorded_policy
from vision_agents.core.trace.files import read_lines

from .protocol import PageRecords
from .refused import RefusedError
from .settings import overridden, policy_form

logger = logging.getLogger(__name__)

# Of a trace, in bytes: some hours of talk. `recorded.js` knows it too.
LONGEST = 32 * 1024 * 1024

# Requests at a time, of which each holds a trace in memory: the one that is worked on, and those that wait.
MOST = 4

# Seconds in which all of a trace has to come, and in which it is answered.
BODY_TIMEOUT = 60.0
DEADLINE = 30.0

# How far the process gives way to those of calls.
_NICENESS = 10

# What the process exits with if what it prints is a refusal.
_REFUSED = 3


class Replays:
    """Has traces read and replayed, one at a time, by a process of its own: it takes no time of calls, and can be ended
    if a trace is made to keep it busy.
    """

    def __init__(self) -> None:
        self._one = asyncio.Semaphore(1)
        self._asked = 0

    async def answer(self, pieces: AsyncIterable[bytes], policy: str | None) -> bytes:
        """Read a trace file that comes in pieces, see `read_call`; or, if settings of a policy are given in JSON, see
        `ask`. Returns the answer as JSON.

        Raises RefusedError for what is no trace of this version, and no policy; for a trace that is too long or takes
        too long, to come or to be answered; and if others wait already.
        """
        try:
            wanted: Any = None if policy is None else json.loads(policy)
        except (ValueError, RecursionError):
            raise RefusedError(400, 'policy is JSON, as {"commit_speech": "0.5"}') from None
        if self._asked >= MOST:
            raise RefusedError(503, "other recorded calls are being read; try again in a moment")
        self._asked += 1
        try:
            trace = await _read(pieces)
            async with self._one:
                return await _work(trace, [] if policy is None else [json.dumps(wanted)])
        finally:
            self._asked -= 1


async def _read(pieces: AsyncIterable[bytes]) -> bytes:
    trace = bytearray()
    try:
        async with asyncio.timeout(BODY_TIMEOUT):
            async for piece in pieces:
                trace += piece
                if len(trace) > LONGEST:
                    raise RefusedError(413, f"a trace has at most {LONGEST} bytes")
    except TimeoutError:
        raise RefusedError(408, f"the trace did not come within {BODY_TIMEOUT:.0f} s") from None
    return bytes(trace)


async def _work(trace: bytes, arguments: list[str]) -> bytes:
    """Run the process once, and return what it prints. Raises RefusedError."""
    process = _begin(arguments)
    try:
        printed, complaint = await asyncio.to_thread(_finish, process, trace)
    finally:
        process.kill()  # Nobody waits for it any more; harmless if it is over.
    if process.returncode == _REFUSED:
        refused = json.loads(printed)
        raise RefusedError(refused["status"], refused["error"])
    if process.returncode != 0:
        logger.error("a trace could not be read: %s", complaint.decode(errors="replace"))
        raise RefusedError(422, "that cannot be read as the trace of a call: the log of the server says why")
    return printed


def _begin(arguments: list[str]) -> subprocess.Popen[bytes]:
    # It finds its modules where this process found them.
    places = {"PYTHONPATH": os.pathsep.join(place for place in sys.path if place)}
    return subprocess.Popen(
        [sys.executable, "-P", "-m", __name__, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, **places},
    )


def _finish(process: subprocess.Popen[bytes], trace: bytes) -> tuple[bytes, bytes]:
    with process:
        try:
            return process.communicate(trace, DEADLINE)
        except subprocess.TimeoutExpired:
            process.kill()
            raise RefusedError(422, f"that trace took more than {DEADLINE:.0f} s to read and was given up") from None


def read_call(body: bytes) -> dict[str, Any]:
    """The `records` of a trace that pages show, its `policy` as far as it can be asked about, and the `offset` of its
    recording in seconds."""
    records = read_lines(body.decode(errors="replace"), "the trace")
    policy = [setting for setting in policy_form(recorded_policy(records)) if setting["name"] not in BEYOND]
    offset = recording_offset(read_records(records))
    screen = PageRecords()
    shown = [picked for record in records if (picked := screen.pick(record)) is not None]
    return {"records": shown, "policy": policy, "offset": offset}


def ask(body: bytes, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The `changes` that other settings of the policy would have made: each an `effect` with a `mark` and `t`."""
    records = read_lines(body.decode(errors="replace"), "the trace")
    changes = what_if(records, overridden(recorded_policy(records), wanted))
    return {"changes": [{"mark": change.mark, "t": change.t, "effect": change.effect} for change in changes]}


def main() -> int:
    """Answer once, see above; the exit status says whether what is printed is a refusal."""
    if hasattr(os, "nice"):
        os.nice(_NICENESS)
    trace, arguments = sys.stdin.buffer.read(), sys.argv[1:]
    try:
        print(json.dumps(ask(trace, json.loads(arguments[0])) if arguments else read_call(trace)))
    except RefusedError as refused:
        return _refuse(refused.status, refused.sentence)
    except TraceError as error:
        return _refuse(422, f"that cannot be read as the trace of a call: {error}")
    return 0


def _refuse(status: int, sentence: str) -> int:
    print(json.dumps({"status": status, "error": sentence}))
    return _REFUSED


if __name__ == "__main__":
    sys.exit(main())
