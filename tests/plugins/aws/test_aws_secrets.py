"""No secret of an account is in a log record of any level, in an error, or in a part's repr."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from vision_agents.core.remote import realtime_link
from vision_agents.plugins import aws
from vision_agents.plugins.aws.client import Account

from ..secrecy import WRONG, attempt, everything_logged, mute_server

if TYPE_CHECKING:
    from ...standins.aws.server import StandIn

TOKEN = "a-session-token-0123456789"


async def test_a_secret_is_nowhere(provider: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    from ...standins.aws.server import KEY_ID, SECRET

    def given(key: str, secret: str, port: str) -> aws.Realtime:
        return aws.Realtime(
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            aws_session_token=TOKEN,
            endpoint_uri=f"https://localhost:{port}",
        )

    port = provider.url.rpartition(":")[2]
    with everything_logged() as journal:
        assert await attempt(aws.Realtime, journal, provider.disconnect)
        assert await attempt(lambda: given(KEY_ID, SECRET, port), journal)
        await attempt(lambda: given("AKIAWRONG", WRONG, port), journal)
        assert not await attempt(lambda: given(KEY_ID, SECRET, "9"), journal)
        monkeypatch.setattr(realtime_link, "CONNECT_TIMEOUT", 1.0)
        async with mute_server() as mute:
            assert not await attempt(lambda: given(KEY_ID, SECRET, str(mute)), journal)
        journal.write(Account("eu-north-1", KEY_ID, SECRET, TOKEN))
    text = journal.text.getvalue()
    assert text.count("DEBUG") > 20
    for secret in (SECRET, WRONG, TOKEN):
        places = [line for line in text.splitlines() if secret in line]
        assert not places, places[:5]
