"""Stream in a network of its own, and nothing that leaves the machine."""

from __future__ import annotations

import importlib.util
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from ...standins.getstream.network import Namespace, obstacle

if TYPE_CHECKING:
    from ...standins.getstream.server import StreamService

MISSING = [name for name in ("getstream", "getstream_rtc", "aiortc") if importlib.util.find_spec(name) is None]


@pytest.fixture(scope="session")
def network() -> Iterator[Namespace]:
    """A namespace with a veth pair; skipped where the machine allows none."""
    if MISSING:
        pytest.skip(f"needs {', '.join(MISSING)}")
    if (why := obstacle()) is not None:
        pytest.skip(why)
    with Namespace() as namespace:
        yield namespace


@pytest.fixture
def sealed_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK asks a server in the internet where it is, over https, unless that fails. Here it fails at once."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")


@pytest_asyncio.fixture
async def provider(
    network: Namespace, sealed_off: None, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[StreamService]:
    """Stream, with the account in the environment as its documentation says."""
    from ...standins.getstream.coordinator import KEY, SECRET
    from ...standins.getstream.server import StreamService

    async with StreamService(network) as service:
        monkeypatch.setenv("STREAM_API_KEY", KEY)
        monkeypatch.setenv("STREAM_API_SECRET", SECRET)
        monkeypatch.setenv("STREAM_BASE_URL", service.url)
        yield service
