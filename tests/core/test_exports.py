"""Every name that a package says it has is there."""

from __future__ import annotations

import pkgutil
from importlib import import_module

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
