"""The distribution that brings these packages, and another one that brings packages of the same name."""

from __future__ import annotations

import warnings
from importlib import metadata

DISTRIBUTION = "interruptible-agents"
"""The name under which pip knows this project; its packages are imported as `vision_agents`."""

NAMESAKE = "vision-agents"
"""Another project's distribution, whose packages are imported as `vision_agents` too."""


def version() -> str:
    """Return the version of this project that is installed; "0" if none is."""
    try:
        return metadata.version(DISTRIBUTION)
    except metadata.PackageNotFoundError:
        return "0"


def warn_of_namesake() -> None:
    """Warn if the other distribution is installed as well: which of the two is imported is then left to chance."""
    try:
        version = metadata.version(NAMESAKE)
    except metadata.PackageNotFoundError:
        return
    warnings.warn(
        f"{NAMESAKE} {version}, another project whose packages are called vision_agents too, is installed beside "
        f"{DISTRIBUTION}, and files of one may stand in for the other's: run `pip uninstall {NAMESAKE}`, then install "
        f"{DISTRIBUTION} again, or use an environment for each.",
        stacklevel=3,
    )
