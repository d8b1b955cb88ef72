"""Servers that others wrote: installed once, at an exact version, into a cache of the user's own, and started.

What is not to be had (no npm, no registry) skips the test and says why.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

# Seconds for each command of an installation, and for a server's start.
INSTALL_TIMEOUT = 300.0
START_TIMEOUT = 90.0


async def npm_package(package: str, version: str) -> Path:
    """The folder of a package of npm's, without what it depends on having run anything."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("needs node and npm")
    place = _place(package, version)
    folder = place / "node_modules" / package
    if not (folder / "package.json").is_file():
        place.mkdir(parents=True, exist_ok=True)
        options = ("--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", f"--prefix={place}")
        await _run(npm, "install", *options, f"{package}@{version}")
    return folder


async def python_package(package: str, version: str, *needs: str) -> Path:
    """A Python interpreter that has a package of PyPI's and what it `needs` here, not all that it depends on."""
    place = _place(package, version)
    python = place / "bin" / "python"
    complete = place / "complete"
    if not complete.is_file():
        shutil.rmtree(place, ignore_errors=True)
        await _run(sys.executable, "-m", "venv", str(place))
        pip = (str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
        await _run(*pip, *needs)
        await _run(*pip, "--no-deps", f"{package}=={version}")
        complete.touch()
    return python


@asynccontextmanager
async def running(*command: str) -> AsyncIterator[str]:
    """A server that tells its address when it listens; that address."""
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    assert process.stdout is not None
    said = b""
    try:
        async with asyncio.timeout(START_TIMEOUT):
            while (found := re.search(rb"http://127\.0\.0\.1:\d+", said)) is None:
                line = await process.stdout.readline()
                assert line, f"{command[1]} ended: {said.decode(errors='replace')[-500:]}"
                said += line
        yield found[0].decode()
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


def _place(package: str, version: str) -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    return cache / "vision_agents" / "independent" / f"{package.replace('/', '-')}-{version}-{python}"


async def _run(*command: str) -> None:
    """Run a step of an installation; skip the test if it fails."""
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(INSTALL_TIMEOUT):
            _, errors = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.communicate()
        pytest.skip(f"not within {INSTALL_TIMEOUT:.0f} s: {' '.join(command)}")
    if process.returncode:
        pytest.skip(f"failed: {' '.join(command)}: {errors.decode(errors='replace').strip()[-300:]}")
