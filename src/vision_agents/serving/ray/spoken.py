"""The language of the processes of a cluster: they send each other classes of ours, so all need the same ones."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from vision_agents.core import conversation
from vision_agents.core.distribution import version

# The packages whose classes are sent, and those that send them.
_FOLDERS = (Path(__file__).parents[1], Path(conversation.__file__).parent)


@cache
def spoken() -> str:
    """The version of the framework, and of the code itself: between two versions it has many states."""
    return f"{version()}+{_digest(*_FOLDERS)}"


def _digest(*folders: Path) -> str:
    digest = hashlib.sha256()
    for folder in folders:
        for path in sorted(folder.rglob("*.py")):
            code = path.read_bytes()
            digest.update(f"{path.relative_to(folder).as_posix()} {len(code)} ".encode() + code)
    return digest.hexdigest()[:12]
