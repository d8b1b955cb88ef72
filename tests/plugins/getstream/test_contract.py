"""The Stream plugin keeps the contract of edges."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("getstream_rtc", reason="needs the extra getstream")

from vision_agents.plugins import getstream
from vision_agents.testing.contract import EdgeContract

if TYPE_CHECKING:
    from ...standins.getstream.server import StreamService


class TestEdge(EdgeContract):
    @pytest.fixture
    def provider(self, provider: StreamService) -> StreamService:
        return provider

    def make(self, provider: StreamService) -> getstream.Edge:
        return getstream.Edge()

    def call(self, provider: StreamService) -> Any:
        return "default:table"
