"""Where each framework runs: an interpreter, and what is on its path."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# Versions are pinned: figures of another version are other figures.
PEERS = {
    "livekit": ("livekit-agents==1.8.9", "livekit-plugins-silero==1.8.9"),
    "pipecat": ("pipecat-ai[silero]==1.14.0",),
}


@dataclass(frozen=True, slots=True)
class Environment:
    """What runs a row: the module `on_…` of this package, by `python`, with `path` for imports."""

    name: str
    on: str
    python: Path
    path: tuple[Path, ...] = ()

    def variables(self) -> dict[str, str]:
        """The environment of the process: one thread for whatever multiplies matrices."""
        return {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(str(entry) for entry in (*self.path, ROOT)),
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
        }


def ours() -> Environment:
    """This working tree."""
    return Environment("vision_agents", "vision_agents", Path(sys.executable), (ROOT / "src",))


def baseline(revision: str, cache: Path) -> Environment:
    """The sources of another revision under this load. Raises CalledProcessError if git does not know it."""
    commit = _git("rev-parse", "--short", f"{revision}^{{commit}}")
    folder = cache / f"revision-{commit}"
    if not folder.exists():
        folder.mkdir(parents=True)
        archive = subprocess.run(["git", "-C", ROOT, "archive", commit, "src"], check=True, stdout=subprocess.PIPE)
        subprocess.run(["tar", "-x", "-C", folder], check=True, input=archive.stdout)
    return Environment(f"at {commit}", "vision_agents", Path(sys.executable), (folder / "src",))


def peer(name: str, cache: Path) -> Environment:
    """Another framework in an environment of its own, installed if it is not there yet."""
    folder = cache / f"{name}-{PEERS[name][0].split('==')[1]}"
    python = folder / "bin" / "python"
    if not (folder / "complete").exists():
        print(f"installing {' '.join(PEERS[name])} …", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        subprocess.run([python, "-m", "pip", "install", "-q", *PEERS[name]], check=True)
        (folder / "complete").touch()
    return Environment(name, name, python)


def _git(*arguments: str) -> str:
    return subprocess.run(["git", "-C", ROOT, *arguments], check=True, capture_output=True, text=True).stdout.strip()
