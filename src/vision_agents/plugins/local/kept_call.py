"""A conversation that is kept as long as its caller may ask for it: the trace, and what both sides sounded like."""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np

from vision_agents.core.audio import PcmData, Samples
from vision_agents.core.audio.files import WavWriter
from vision_agents.core.edge import FRAME_SAMPLES, FRAME_SECONDS, OUTPUT_SAMPLE_RATE, CallSink
from vision_agents.core.observability.folder import CallFolder
from vision_agents.core.observability.recorder import TraceWriter
from vision_agents.core.participants import Participant
from vision_agents.core.trace import TraceError, encode_record
from vision_agents.core.trace.notes import RecordingStarted

from .protocol import Record
from .refused import RefusedError

logger = logging.getLogger(__name__)

# Of a recording, silence included, which has 11.5 MB a minute; what comes later is not recorded, its trace goes on.
LONGEST = 1800.0

# Frames that a recording may be behind its call. Beyond it nobody pulled: the caller was gone, and there is silence.
BEHIND = 5

# Of the caller's audio, frames that wait for their place: as much as may come at once after a stall.
WAITING = 25

# Reports of all calls are made one at a time: each keeps a core busy on which calls keep their time.
_REPORTS = concurrent.futures.ThreadPoolExecutor(1, "report of a call")

FILES = ("trace.jsonl", "call.wav", "report.html")


class KeptCall:
    """The files of one conversation, in a folder of their own until `discard`. Raises OSError if there is no room."""

    def __init__(self) -> None:
        self._place = tempfile.TemporaryDirectory(prefix="vision-agents-call-", ignore_cleanup_errors=True)
        self._folder = CallFolder(Path(self._place.name))
        self._trace = TraceWriter(self._folder.trace)
        self._tape: Tape | None = None
        # Bytes of its files, once it is closed.
        self.size = 0
        # When the session began, on the loop's clock.
        self._start: float | None = None
        self._reporting = False

    def observe(self, record: Record) -> None:
        """Keep a record of the trace."""
        if self._start is None and "at" in record:
            self._start = record["at"] - record["t"]
        if self._tape is not None and record.get("note") in ("VoiceStarted", "VoiceStopped"):
            # Frames of the recording, which goes on where nobody pulls.
            record = {**record, "frame": record["frame"] + self._tape.filled}
        self._trace(record)

    def taped(self, sink: CallSink) -> CallSink:
        """Return `sink` for the next connection of the caller, with a tape running."""
        if self._tape is None:
            self._tape = Tape(self._folder.wav, self._recording_started)
        self._tape.sink = sink
        return self._tape

    def _recording_started(self, at: float) -> None:
        t = 0.0 if self._start is None else at - self._start
        self._trace(encode_record(t, RecordingStarted(self._folder.wav.name)))

    async def file(self, name: str, query: str) -> Path:
        """The file of this name, complete up to now. Raises RefusedError if there is none.

        `query`: what the address of a file ends with.
        """
        if name not in FILES:
            raise RefusedError(404, f"there is no {name} of a call: there are {', '.join(FILES)}")
        if name == self._folder.html.name:
            await self._report(f"{self._folder.wav.name}{query}")
        path = self._folder.path / name
        if not path.exists():
            raise RefusedError(404, f"there is no {name} yet: nothing was heard")
        return path

    async def _report(self, wav_address: str) -> None:
        if self._reporting:
            raise RefusedError(503, "a report of this conversation is being made already; try again in a moment")
        self._reporting = True
        try:
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(_REPORTS, self._folder.write_report, wav_address)
        except (TraceError, OSError) as error:
            raise RefusedError(404, f"there is no report yet: {error}") from error
        finally:
            self._reporting = False

    def close(self) -> None:
        """The conversation is over; its files stay."""
        self._trace.close()
        if self._tape is not None:
            self._tape.close()
        # A system that tidies up may have taken them.
        with suppress(OSError):
            self.size = sum(file.stat().st_size for file in self._folder.path.iterdir())

    def discard(self) -> None:
        """Delete everything."""
        self.close()
        self._place.cleanup()


class Tape(CallSink):
    """Hands a caller's audio on, and writes both sides of it: stereo at 48 kHz, left the caller, right the agent.

    Frame n begins n * 20 ms after the first one was pulled; what nobody pulled is silence. `started(at)` is called with
    the first one. A disk that fails costs the rest of the recording and not the call.
    """

    sink: CallSink

    def __init__(self, path: Path, started: Callable[[float], None]) -> None:
        self._path, self._told = path, started
        self._now = asyncio.get_running_loop().time
        self._started: float | None = None
        self._writer: WavWriter | None = None
        self._caller: Samples = np.zeros(0, dtype=np.int16)
        self._frame = np.zeros((FRAME_SAMPLES, 2), dtype=np.int16)
        self._frames = 0
        # Frames of silence in the place of what was never pulled.
        self.filled = 0

    def pull(self) -> Samples:
        """Write the frame that is pulled, beside what was heard meanwhile."""
        now = self._now()
        if self._started is None:
            self._begin(now)
        assert self._started is not None
        behind = int((now - self._started) / FRAME_SECONDS) - self._frames
        if behind > BEHIND:
            self._skip(behind)
        frame = self.sink.pull()
        caller, self._caller = self._caller[:FRAME_SAMPLES], self._caller[FRAME_SAMPLES:]
        self._frame[: len(caller), 0], self._frame[len(caller) :, 0] = caller, 0
        self._frame[:, 1] = frame
        self._write(self._frame)
        return frame

    def audio(self, audio: PcmData, participant: Participant) -> None:
        """Keep what the caller says for the next frames."""
        self._caller = np.concatenate([self._caller, audio.samples])[-WAITING * FRAME_SAMPLES :]
        self.sink.audio(audio, participant)

    def participant_joined(self, participant: Participant) -> None:
        self.sink.participant_joined(participant)

    def participant_left(self, participant: Participant) -> None:
        self.sink.participant_left(participant)

    def ended(self, error: BaseException | None = None) -> None:
        self.sink.ended(error)

    def close(self) -> None:
        """Complete the file."""
        writer, self._writer = self._writer, None
        if writer is not None:
            try:
                writer.close()
            except OSError as error:
                logger.error("the recording of a call is not complete: %s", error)

    def _begin(self, now: float) -> None:
        self._started = now
        try:
            self._writer = WavWriter(self._path, OUTPUT_SAMPLE_RATE, channels=2)
        except OSError as error:
            logger.error("a call is not recorded: %s", error)
        self._told(now)

    def _skip(self, frames: int) -> None:
        """Leave silence in the place of frames that nobody pulled, of however long an absence, at no cost."""
        self._frames += frames
        self.filled += frames
        self._record(lambda writer, room: writer.write_silence(min(frames * FRAME_SAMPLES, room)))

    def _write(self, frame: Samples) -> None:
        self._frames += 1
        self._record(lambda writer, room: writer.write(frame[:room]))

    def _record(self, append: Callable[[WavWriter, int], None]) -> None:
        """Have something appended to the file, in which there is room for so many samples more."""
        if self._writer is None:
            return
        try:
            append(self._writer, max(0, round(LONGEST * OUTPUT_SAMPLE_RATE) - self._writer.frames))
        except OSError as error:
            logger.error("a call is no longer recorded: %s", error)
            self.close()
