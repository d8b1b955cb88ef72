"""What is kept of a conversation: its report."""

import asyncio
import threading

import pytest

from vision_agents.core.observability.folder import CallFolder
from vision_agents.core.trace import TraceError
from vision_agents.plugins.local.kept_call import KeptCall
from vision_agents.plugins.local.refused import RefusedError

pytestmark = pytest.mark.virtual_time


@pytest.fixture
def kept():
    made = [KeptCall(), KeptCall()]
    yield made
    for each in made:
        each.discard()


async def test_reports_are_made_one_at_a_time_and_a_conversation_waits_for_one(kept, monkeypatch):
    busy, most, go_on = 0, 0, threading.Event()

    def write_report(self, wav_address=""):
        nonlocal busy, most
        busy += 1
        most = max(most, busy)
        assert go_on.wait(30.0)
        busy -= 1
        self.html.write_text(wav_address)

    monkeypatch.setattr(CallFolder, "write_report", write_report)
    making = [asyncio.create_task(each.file("report.html", f"?page={n}")) for n, each in enumerate(kept)]
    await asyncio.sleep(0)
    with pytest.raises(RefusedError, match="being made already") as refused:
        await kept[0].file("report.html", "?page=another")
    assert refused.value.status == 503
    go_on.set()
    assert [path.read_text() for path in await asyncio.gather(*making)] == ["call.wav?page=0", "call.wav?page=1"]
    assert most == 1


async def test_a_report_that_cannot_be_made_can_be_asked_for_again(kept, monkeypatch):
    def fail(self, wav_address=""):
        raise TraceError("nothing was said")

    with monkeypatch.context() as failing:
        failing.setattr(CallFolder, "write_report", fail)
        for _ in range(2):
            with pytest.raises(RefusedError, match="there is no report yet: nothing was said"):
                await kept[0].file("report.html", "")
    monkeypatch.setattr(CallFolder, "write_report", lambda self, wav_address="": self.html.write_text("told"))
    assert (await kept[0].file("report.html", "")).read_text() == "told"
