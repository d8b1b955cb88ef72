"""A call with a recorded user: the file goes in as from a microphone, what the agent plays comes out, in real time.

Real time is the event loop's: on a loop whose clock jumps, the same call takes milliseconds.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from vision_agents.core.audio import PcmData, Samples
from vision_agents.core.audio.files import WavWriter, map_wav, read_audio
from vision_agents.core.edge import FRAME_SAMPLES, FRAME_SECONDS, OUTPUT_SAMPLE_RATE, CallSink, EdgeTransport
from vision_agents.core.participants import Participant, User
from vision_agents.core.settings import check_number

logger = logging.getLogger(__name__)

# Two frames: something kept the event loop, or the machine was busy with something else.
LATE = 0.04

CALLER = Participant("user", name="Recorded user")


class FileEdge(EdgeTransport):
    """Plays a recording to the agent, whatever the agent does, and hangs up when both are quiet.

    After its end the recording goes on as silence, until `tail` seconds have passed since anybody was last heard and
    no turn or reply is still on its way, but for `limit` seconds at most; then the call is over.

    Frame n of the agent is pulled when it begins to sound, at `started + n * 0.02` on the loop's clock. The user's
    audio is handed over in frames that are complete half a frame after that: a microphone and a loudspeaker have clocks
    of their own, and half a frame apart is what they are on average. So the recording tells true delays, neither
    flattered nor worsened by the order of two calls. A late tick is made up for at once; none is skipped.

    Args:
        path: the user's audio, in any format that `read_audio` takes.
        out: a WAV file to write, stereo at 48 kHz, left the user, right what the agent played, aligned to the sample;
            it is complete up to the last second at any moment.
        tail: seconds without anything to hear, after the recording's end, until the call is over.
        limit: seconds after the recording's end at which it is over in any case.
        participant: who the user is in the call.
    """

    def __init__(
        self,
        path: str | Path,
        out: str | Path | None = None,
        *,
        tail: float = 3.0,
        limit: float = 60.0,
        participant: Participant = CALLER,
    ) -> None:
        check_number("tail", tail, 0.0)
        check_number("limit", limit, 0.0)
        self.path = Path(path)
        self.out = Path(out) if out is not None else None
        self.tail = tail
        self.limit = limit
        self.participant = participant
        # When the first sample was due, on the loop's clock.
        self.started: float | None = None
        # Called after each stretch of ticks later than `LATE`: when it began on the loop's clock, how long it lasted,
        # and the longest delay in it, both in seconds.
        self.on_late: Callable[[float, float, float], None] | None = None
        self._punctuality = _TickLateness()
        self._tape: _Tape | None = None
        self._courtesy = _HangupCondition()
        self._call: asyncio.Task[None] | None = None

    async def join(self, agent_user: User, call: Any, sink: CallSink) -> None:
        """Begin to play. `call` is not used: the recording is the call.

        Raises AudioFileError if the recording cannot be read, OSError if `out` cannot be written, RuntimeError if the
        edge is in a call already.
        """
        if self._call is not None:
            raise RuntimeError("this FileEdge is in a call already; leave it first, or make another")
        audio = await asyncio.to_thread(read_audio, self.path, OUTPUT_SAMPLE_RATE)
        self._tape = _Tape(self.out) if self.out is not None else None
        self._courtesy = _HangupCondition()
        self.started = start = asyncio.get_running_loop().time()
        self._punctuality = _TickLateness()
        run = self._run(audio.samples, start, sink)
        self._call = asyncio.create_task(run, name=f"call of {self.path.name}")

    async def leave(self) -> None:
        """Stop playing and complete the recording."""
        call, self._call = self._call, None
        if call is not None:
            call.cancel()
            await asyncio.wait([call])
        self._close_tape()

    def observe(self, record: Mapping[str, Any]) -> None:
        """Learn from the trace whether something is still on its way, so as not to hang up on it."""
        self._courtesy.observe(record)

    @property
    def worst_delay(self) -> float:
        """The latest that a tick was ever late, in seconds: how far the recording's times can be trusted."""
        return self._punctuality.worst

    @property
    def recording_error(self) -> OSError | None:
        """The error that kept `out` from being written to the end, as a full disk does; the call went on without it."""
        return self._tape.error if self._tape is not None else None

    def recording(self) -> Samples:
        """The content of `out` so far: int16 of shape (n, 2), 48 kHz, left the user, right the agent.

        Raises ValueError if there is no `out`.
        """
        if self.out is None:
            raise ValueError("this FileEdge keeps no recording: give it `out`")
        return map_wav(self.out)[0]

    async def _run(self, user: Samples, start: float, sink: CallSink) -> None:
        error: Exception | None = None
        sink.participant_joined(self.participant)
        try:
            await self._play(user, start, sink)
        except Exception as failure:
            logger.exception("the call of %s broke", self.path.name)
            error = failure
        self._close_tape()
        sink.participant_left(self.participant)
        sink.ended(error)

    async def _play(self, user: Samples, start: float, sink: CallSink) -> None:
        half = FRAME_SAMPLES // 2
        length = -(-(len(user) + half) // FRAME_SAMPLES)
        for n in count():
            due = start + n * FRAME_SECONDS
            await self._until(due)
            agent = sink.pull()
            if self._tape is not None:
                self._tape.add(_cut(user, n * FRAME_SAMPLES), agent)
            if agent.any():
                self._courtesy.heard_at = n
            if self._over(n, length):
                return
            await self._until(due + FRAME_SECONDS / 2)
            captured = _cut(user, n * FRAME_SAMPLES - half)
            sink.audio(PcmData(captured, OUTPUT_SAMPLE_RATE), self.participant)

    async def _until(self, due: float) -> None:
        """Sleep until `due`; also when that is past, let the others run."""
        loop = asyncio.get_running_loop()
        await asyncio.sleep(max(0.0, due - loop.time()))
        spell = self._punctuality.tick(due, loop.time())
        if spell is not None and self.on_late is not None:
            self.on_late(*spell)

    def _over(self, n: int, length: int) -> bool:
        """Return whether the user, whose recording has `length` frames, hangs up after frame n."""
        if n < length:
            return False
        quiet = n - max(length, self._courtesy.heard_at)
        done = quiet * FRAME_SECONDS >= self.tail and not self._courtesy.waits
        return done or (n - length) * FRAME_SECONDS >= self.limit

    def _close_tape(self) -> None:
        if self._tape is not None:
            self._tape.close()


def _cut(samples: Samples, start: int) -> Samples:
    """The frame that begins at `start`; what lies before the first or after the last sample is silence."""
    piece = samples[max(0, start) : max(0, start + FRAME_SAMPLES)]
    if len(piece) == FRAME_SAMPLES:
        return piece
    frame = np.zeros(FRAME_SAMPLES, dtype=np.int16)
    offset = max(0, -start)
    frame[offset : offset + len(piece)] = piece
    return frame


class _HangupCondition:
    """The condition for hanging up: when the agent was last heard (in frames), and whether it still owes something."""

    def __init__(self) -> None:
        self.heard_at = 0
        self._turns: set[str] = set()
        self._replies: set[int] = set()

    @property
    def waits(self) -> bool:
        """Return whether a turn of somebody or a reply of the agent is on its way."""
        return bool(self._turns or self._replies)

    def observe(self, record: Mapping[str, Any]) -> None:
        match record:
            case {"effect": "BeginTurn" | "FinishTurn", "participant": participant}:
                self._turns.add(participant)
            case {"effect": "AnnounceTurnEnded" | "RecordTurn" | "DiscardTurn", "participant": participant}:
                self._turns.discard(participant)
            case {"effect": "BeginReply", "reply": reply} | {"event": "ReplyStarted", "reply": reply}:
                self._replies.add(reply)
            case {"effect": "DropReply" | "Commit", "reply": reply}:
                self._replies.discard(reply)
            case {"event": "AudioDrained" | "ReplyFailed", "reply": reply}:
                self._replies.discard(reply)


class _TickLateness:
    """Lateness of ticks: `worst` in seconds, and the stretches in which they are much too late."""

    def __init__(self) -> None:
        self.worst = 0.0
        self._since: float | None = None
        self._longest = 0.0

    def tick(self, due: float, now: float) -> tuple[float, float, float] | None:
        """Note a tick. If it ends a late stretch: when that began, how long it lasted, its longest delay."""
        delay = now - due
        self.worst = max(self.worst, delay)
        if delay > LATE:
            self._since = due if self._since is None else self._since
            self._longest = max(self._longest, delay)
            return None
        if self._since is None:
            return None
        spell = (self._since, now - self._since, self._longest)
        self._since, self._longest = None, 0.0
        return spell


class _Tape:
    """Both sides of the call in one WAV. A disk that fails costs the rest of the recording and not the call."""

    def __init__(self, path: Path) -> None:
        self.error: OSError | None = None
        self._writer = WavWriter(path, OUTPUT_SAMPLE_RATE, channels=2)
        self._frame = np.zeros((FRAME_SAMPLES, 2), dtype=np.int16)

    def add(self, user: Samples, agent: Samples) -> None:
        if self.error is not None:
            return
        self._frame[:, 0] = user
        self._frame[:, 1] = agent
        try:
            self._writer.write(self._frame)
        except OSError as error:
            self._fail(error)

    def close(self) -> None:
        try:
            self._writer.close()
        except OSError as error:
            self._fail(error)

    def _fail(self, error: OSError) -> None:
        if self.error is None:
            self.error = error
            logger.error("the call is no longer recorded: %s", error)
