"""The folder that a recorded call is kept in."""

from __future__ import annotations

import os
from pathlib import Path

from ..audio.files import AudioFileError
from ..trace import TraceError, read_trace
from .acoustics import Recording
from .facts import Report
from .page import report_page
from .player import sound_of
from .reader import read_story
from .report import make_report, report_json


class CallFolder:
    """`call.wav` (left the user, right the agent), `trace.jsonl`, and the `report.json` and `report.html` of them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.wav = path / "call.wav"
        self.trace = path / "trace.jsonl"
        self.json = path / "report.json"
        self.html = path / "report.html"

    def prepare(self) -> None:
        """Make the folder. Raises FileExistsError if there is something in it, OSError if it cannot be written."""
        self.path.mkdir(parents=True, exist_ok=True)
        if any(self.path.iterdir()):
            raise FileExistsError(f"{self.path} is not empty")
        # Found out now and not after the call.
        self.trace.touch()

    def discard(self) -> None:
        """Take back what `prepare` made of a call that never began, so that the same folder can be used again."""
        self.trace.unlink(missing_ok=True)

    def write_report(self, wav_address: str = "") -> Report:
        """Make the reports from the trace and, if there is one, the recording; also of a call that broke off.

        `wav_address`: where a page that shows the report has the recording, if not beside it.

        Raises TraceError if the trace is missing or cannot be read, OSError if the reports cannot be written.
        """
        if not self.trace.is_file():
            raise TraceError(f"there is no {self.trace}; give the folder that `vision-agents call --out` made")
        story = read_story(read_trace(self.trace))
        try:
            recording: Recording | None = Recording.open(self.wav)
        except AudioFileError:
            recording = None
        report = make_report(story, recording)
        _put(self.json, report_json(report))
        sound = "" if recording is None else sound_of(self.wav, wav_address)
        page = report_page(report, story, recording, title=self.path.resolve().name, sound=sound)
        _put(self.html, page)
        return report


def _put(path: Path, text: str) -> None:
    """Write a file in one step: whoever reads the one of before reads that to its end."""
    part = path.with_name(f"{path.name}.part")
    part.write_text(text, encoding="utf-8")
    os.replace(part, path)
