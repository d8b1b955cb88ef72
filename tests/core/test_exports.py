"""Every name that a package says it has is there, and its types are for everybody who uses it."""

from __future__ import annotations

import pkgutil
from importlib import import_module
from pathlib import Path

import pytest

import vision_agents


def _packages() -> list[str]:
    walked = pkgutil.walk_packages(vision_agents.__path__, "vision_agents.")
    return [
        module.name for module in walked if module.ispkg and not module.name.startswith("vision_agents.plugins.aws")
    ]


@pytest.mark.parametrize("package", _packages())
def test_a_package_has_the_names_that_it_exports(package: str) -> None:
    module = import_module(package)
    names = getattr(module, "__all__", [])
    assert [name for name in names if not hasattr(module, name)] == []
    assert len(set(names)) == len(names)


def test_type_checkers_of_other_programs_see_the_types() -> None:
    # A namespace has no marker of its own: each package in it needs one, or its names are Any to whoever imports them.
    ours = Path(__file__).parents[2] / "src" / "vision_agents"
    packages = [found.parent for found in (*ours.glob("*/__init__.py"), *ours.glob("plugins/*/__init__.py"))]
    assert packages
    assert [package.name for package in packages if not (package / "py.typed").exists()] == []
