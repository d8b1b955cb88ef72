"""Checks of the machine: Python, the extras, and the way that audio takes.

Each check is a function that yields findings; `CHECKS` lists them. None of them talks to anyone but this machine.
"""

from __future__ import annotations

import ast
import re
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module, metadata
from importlib.util import find_spec
from pkgutil import iter_modules

import numpy as np

from vision_agents.core.audio import PcmData, Playout, Resampler
from vision_agents.core.distribution import DISTRIBUTION, NAMESAKE
from vision_agents.core.edge import FRAME_SAMPLES, OUTPUT_SAMPLE_RATE
from vision_agents.core.epoch import Epoch
from vision_agents.core.suggestions import did_you_mean

from .findings import Finding, Level, advice, fine, one_line, problem
from .pace import measure

Check = Callable[[], Iterator[Finding]]

OLDEST_PYTHON = (3, 11)

# Of the frames, as many may be late before a call is spoilt by it.
MOST_LATE = 0.05

# Seconds for the spectra of 8 s of speech. They take 0.007 where two cores carry eight calls of local models.
SLOW_SPECTRA = 0.05

# Not for agents.
_TOOLS = {"all", "docs", "test"}

_CORE = ("vision_agents", "core")

# What is wrong with a package of theirs is told of the extra that they bring it by.
_COLLECTIONS = {"lab"}

_REQUIREMENT = re.compile(r"(?P<name>[\w.-]+)(\[.*?\])?(==(?P<pin>[\w.]+))?.*?; .*extra == ['\"](?P<extra>[\w-]+)['\"]")


def python() -> Iterator[Finding]:
    """The interpreter."""
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < OLDEST_PYTHON:
        wanted = ".".join(map(str, OLDEST_PYTHON))
        yield problem("Python", f"{version} is too old", f"make an environment with Python {wanted} or newer")
    else:
        yield fine("Python", version + ("" if sys.version_info >= (3, 12) else " (aws alone needs 3.12)"))


def extras() -> Iterator[Finding]:
    """Check which extras are installed, and in the versions that they must have."""
    installed: list[str] = []
    missing: list[str] = []
    for extra, packages in requirements().items():
        lacking = [name for name, _ in packages if _version(name) is None]
        (missing if lacking else installed).append(extra)
        for name, pin in () if extra in _COLLECTIONS else packages:
            version = _version(name)
            if pin is not None and version not in (None, pin):
                what = f"{name} {version} is installed, and {pin} is needed"
                yield Finding(Level.PROBLEM, f"extra {extra}", what, extra=extra)
    if installed:
        yield fine("extras", f"installed: {', '.join(installed)}")
    if missing:
        names = ", ".join(missing).replace("_", "-")
        yield fine("extras", f"not installed: {names}")


def requirements() -> dict[str, list[tuple[str, str | None]]]:
    """Each extra's packages, and the version if it must be that one; of those that this Python can have."""
    found: dict[str, list[tuple[str, str | None]]] = {}
    try:
        lines = metadata.requires(DISTRIBUTION) or ()
    except metadata.PackageNotFoundError:
        return found
    for line in lines:
        match = _REQUIREMENT.match(line)
        if match is None or match["extra"] in _TOOLS:
            continue
        if "python_version >= '3.12'" in line and sys.version_info < (3, 12):
            continue
        found.setdefault(match["extra"].replace("-", "_"), []).append((match["name"], match["pin"]))
    return found


def packages() -> dict[str, list[str]]:
    """The names of each extra's packages."""
    return {extra: [name for name, _ in needed] for extra, needed in requirements().items()}


def gate() -> Iterator[Finding]:
    """The gate, and the resampling on the way to it: a tone has to come out as long as it was."""
    playout = Playout(Epoch(), _Nobody())
    frame = playout.pull()
    if len(frame) != FRAME_SAMPLES or frame.any():
        yield problem("audio gate", "an idle gate gives no silence", "install vision-agents anew")
        return
    for rate in (16_000, 22_050, 24_000):
        tone = PcmData.from_array(0.3 * np.sin(np.arange(rate // 10) * 2 * np.pi * 220 / rate), rate)
        resampler = Resampler(OUTPUT_SAMPLE_RATE)
        made = len(resampler.push(tone)) + len(resampler.flush())
        if abs(made - OUTPUT_SAMPLE_RATE // 10) > 1:
            yield problem(
                "audio gate",
                f"{rate} Hz does not become {OUTPUT_SAMPLE_RATE} Hz: {made} samples",
                "run: pip install --force-reinstall numpy soxr",
            )
            return
    yield fine("audio gate", f"{OUTPUT_SAMPLE_RATE:,} Hz in frames of 20 ms; 16, 22.05 and 24 kHz resample to it")


def browser_edge() -> Iterator[Finding]:
    """Check what `vision-agents demo` needs to talk with a browser here; no ffmpeg, PyAV brings its codecs."""
    lacking = [name for name in ("aiohttp", "aiortc", "av") if find_spec(name) is None]
    if lacking:
        what = f"`demo` cannot run: {', '.join(lacking)} not installed"
        yield Finding(Level.ADVICE, "edge local.Edge", what, extra="local")
        return
    av = import_module("av")
    try:
        av.Codec("libopus", "w")
    except Exception as error:
        yield problem(
            "edge local.Edge", f"PyAV has no Opus ({one_line(error)})", "run: pip install --force-reinstall av"
        )
        return
    yield from loopback(("127.0.0.1", 8000))


def loopback(address: tuple[str, int]) -> Iterator[Finding]:
    """Return whether the page can be served where `demo` does by default, and media can come in."""
    from vision_agents.core.address import AddressError
    from vision_agents.plugins.local.server import check_address

    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as media:
            media.bind((address[0], 0))
    except OSError as error:
        yield problem("edge local.Edge", f"no UDP on {address[0]} ({error})", "allow it: WebRTC's media goes over UDP")
        return
    try:
        check_address(*address)
    except AddressError as error:
        yield advice("edge local.Edge", one_line(error), "or end what runs there, if it is another `demo`")
        return
    yield fine("edge local.Edge", f"Opus, UDP and port {address[1]} on {address[0]} are there")


def file_edge() -> Iterator[Finding]:
    """Check what `vision-agents call` needs to read recordings."""
    try:
        version = import_module("soundfile").__libsndfile_version__
    except (ImportError, OSError) as error:
        what = f"recordings cannot be read: {one_line(error)}"
        yield Finding(Level.ADVICE, "edge local.FileEdge", what, extra="local")
        return
    yield fine("edge local.FileEdge", f"recordings are read by libsndfile {version}")


def namesakes() -> Iterator[Finding]:
    """Other distributions that bring the core of these packages, so that files of one stand in for the other's."""
    for distribution in metadata.distributions():
        name = distribution.metadata["Name"]
        if name == DISTRIBUTION:
            continue
        if name == NAMESAKE or any(file.parts[:2] == _CORE for file in distribution.files or ()):
            yield problem(
                f"distribution {name}",
                f"{distribution.version} has packages called vision_agents too: which are imported is left to chance",
                f"run: pip uninstall {name}, then install {DISTRIBUTION} again; or use an environment for each",
            )


def pace() -> Iterator[Finding]:
    """Pull frames and compute for three seconds: do they come in time, and is it fast enough for local models?"""
    found = measure()
    figures = (
        f"{found.late:.0%} of the frames late, the latest by {found.worst * 1000:.0f} ms; "
        f"8 s of speech take {found.spectra * 1000:.0f} ms"
    )
    if found.late > MOST_LATE:
        yield advice("pace", f"{figures}: callers hear gaps", "end what else runs here, or take a faster machine")
    elif found.spectra > SLOW_SPECTRA:
        yield advice(
            "pace",
            f"{figures}: too slow for local models",
            "take a faster machine for them, or parts that run at a provider",
        )
    else:
        yield fine("pace", figures)


CHECKS: tuple[Check, ...] = (python, namesakes, extras, gate, browser_edge, file_edge, pace)


def plugins(module: str) -> Iterator[Finding]:
    """The plugins that a module's source names, also inside functions: each has to be importable, and complete.

    What is not complete may do for what is used of it, and is advice.
    """
    extras = packages()
    for name in plugins_named(_source(module)):
        path, failure = f"vision_agents.plugins.{name}", None
        try:
            import_module(path)
        except ImportError as error:
            if isinstance(error, ModuleNotFoundError) and error.name == path:
                near = did_you_mean(name, _plugins_here())
                yield problem(
                    f"plugin {name}", "there is no such plugin", f"correct the import in {module}{near and '.'}{near}"
                )
                continue
            failure = error
        lacking = [package for package in extras.get(name, ()) if _version(package) is None]
        # Plugins say in words of their own what a module that is missing is the cause of.
        cause = failure and (failure.__cause__ or failure)
        if isinstance(cause, ModuleNotFoundError) and cause.name and name in extras:
            lacking = lacking or [cause.name]
        if lacking:
            level = Level.PROBLEM if failure else Level.ADVICE
            yield Finding(level, f"plugin {name}", f"{', '.join(lacking)} not installed", extra=name)
        elif failure is not None:
            what = f"cannot be imported: {one_line(failure)}"
            yield problem(f"plugin {name}", what, "install what it lacks, or leave it out")


def _plugins_here() -> list[str]:
    """The plugins that can be imported, those of other distributions too."""
    from vision_agents import plugins as package

    return [module.name for module in iter_modules(package.__path__)]


def plugins_named(source: str) -> Sequence[str]:
    """The names of the plugins that are imported in `source`, in order."""
    names: list[str] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module == "vision_agents.plugins":
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names += _plugin_of(node.module or "")
        elif isinstance(node, ast.Import):
            names += [name for alias in node.names for name in _plugin_of(alias.name)]
    return list(dict.fromkeys(names))


class _Nobody:
    """Hears of the gate's progress, and makes nothing of it."""

    def audio_started(self, reply: int) -> None:
        """Nothing to do."""

    def audio_progressed(self, reply: int) -> None:
        """Nothing to do."""

    def audio_drained(self, reply: int, heard: int) -> None:
        """Nothing to do."""


def _plugin_of(module: str) -> list[str]:
    parts = module.split(".")
    return parts[2:3] if parts[:2] == ["vision_agents", "plugins"] else []


def _source(module: str) -> str:
    """A module's source, "" if it has none. The packages around it are imported, itself it is not."""
    try:
        spec = find_spec(module)
    except (ImportError, ValueError):
        return ""
    source = getattr(spec.loader, "get_source", None) if spec is not None else None
    return (source(module) or "") if source is not None else ""


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
