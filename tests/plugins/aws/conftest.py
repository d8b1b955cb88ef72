"""The service on loopback."""

from __future__ import annotations

import importlib.util
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

if TYPE_CHECKING:
    from ...standins.aws.server import StandIn

MISSING = [
    name for name in ("aws_sdk_bedrock_runtime", "awscrt", "h2", "trustme") if importlib.util.find_spec(name) is None
]
CANCEL = "Nova Sonic knows no message that cancels an answer; what comes of it is dropped, or the stream renewed"


@pytest_asyncio.fixture
async def provider(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[StandIn]:
    """The service, its certificate trusted, and the account in the environment."""
    if MISSING:
        pytest.skip(f"needs Python 3.12 or newer with {', '.join(MISSING)}")
    from ...standins.aws.server import KEY_ID, REGION, SECRET, StandIn

    async with StandIn(cannot={"cancel": CANCEL}) as service:
        authority = tmp_path / "authority.pem"
        authority.write_bytes(service.ca_pem)
        monkeypatch.setenv("SSL_CERT_FILE", str(authority))
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY_ID)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
        monkeypatch.setenv("AWS_REGION", REGION)
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", service.url)
        yield service
