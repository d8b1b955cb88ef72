"""Fixtures of the tests of a cluster without Ray's processes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest_asyncio

if TYPE_CHECKING:
    from .fleet_kit import Fleet


@pytest_asyncio.fixture
async def fleet() -> AsyncIterator[Fleet]:
    from . import fleet_kit  # Where Ray is not installed these tests are skipped, and there is nothing to import.

    fleet = fleet_kit.Fleet()
    await asyncio.sleep(fleet_kit.LEARN)  # It waits for nobody to report before it answers.
    yield fleet
    await fleet.close()
