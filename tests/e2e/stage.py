"""The page on a stage: served, with an agent, and a browser that opens it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock, patch

from vision_agents.core import Agent, InterruptionPolicy, Participant
from vision_agents.core.audio import PcmData
from vision_agents.core.tts import VoiceTuning
from vision_agents.plugins.local import Edge, PageServer
from vision_agents.plugins.local import recorded_call as recorded_call_module
from vision_agents.plugins.local.caller_edge import CallerEdge
from vision_agents.testing import virtual_time
from vision_agents.testing.parts import ScriptedDetector, ScriptedLLM, ScriptedSTT, ToneTTS

from ..core.observability.spoken_call import hold_call, user_wav
from ..plugins.local.browser_kit import AGENT, NotingSink, tone_of
from .devtools import Browser, Tab, chromium

IN_CALL = "!['off', 'connecting'].includes(document.querySelector('#state').dataset.state)"

# What the agents of `Places` hear, and answer to that and to what is typed.
QUESTION = "When do you open?"
ANSWERS = ("We open at nine.", "On Sundays we are closed.", "Yes, behind the house.")

# What the page shows is of its own call.
MICROPHONE = ("--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream")


def recorded_call(folder: Path) -> Path:
    """A folder with the `trace.jsonl` and `call.wav` of a call, in which somebody interrupts. Takes virtual time."""
    records: list[Any] = []
    wav = user_wav(folder / "user.wav")
    virtual_time.run(hold_call(wav, folder / "call.wav", records.append))
    lines = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
    (folder / "trace.jsonl").write_text(lines, encoding="utf-8")
    return folder


def records_of(folder: Path) -> list[dict[str, Any]]:
    """The records of such a call."""
    return [json.loads(line) for line in (folder / "trace.jsonl").read_text(encoding="utf-8").splitlines()]


def records_without_end(folder: Path) -> list[dict[str, Any]]:
    """The same, as of a call that goes on."""
    return [record for record in records_of(folder) if record.get("note") != "CallEnded"]


class Speaker:
    """A voice that can be tuned."""

    def __init__(self) -> None:
        self.voices: tuple[str, ...] = ("Ann", "Bob")
        self.voice, self.pace = "Ann", 1.0

    def tuning(self) -> VoiceTuning:
        return VoiceTuning(self.voices, self.voice, self.pace)

    def tune(self, voice: str | None = None, pace: float | None = None) -> None:
        self.voice, self.pace = voice or self.voice, pace or self.pace


class Controls:
    """An agent as far as pages change it; what is typed to it is kept."""

    def __init__(self) -> None:
        self.instructions = "You are a lighthouse keeper. Answer in one sentence."
        self.policy = InterruptionPolicy()
        self.tts: Speaker | None = Speaker()
        self.typed: list[str] = []

    async def simple_response(
        self, text: str, interrupt: bool = True, *, participant: Participant | None = None
    ) -> bool:
        self.typed.append(text)
        return True


class Places:
    """A page for several callers, each with an agent of their own that hears and says what is scripted."""

    def __init__(self, most: int) -> None:
        self.page = PageServer(self._make, port=0, max_callers=most)
        self.agents: list[Agent] = []
        # Why the next agents cannot begin.
        self.fault: Exception | None = None

    async def _make(self, edge: CallerEdge) -> Agent:
        stt = ScriptedSTT([QUESTION])
        if self.fault is not None:
            stt.start = AsyncMock(side_effect=self.fault)  # type: ignore[method-assign]
        agent = Agent(
            edge=edge,
            agent_user=AGENT,
            llm=ScriptedLLM(ANSWERS),
            stt=stt,
            tts=ToneTTS(),
            turn_detection=ScriptedDetector(),
        )
        self.agents.append(agent)
        return agent


@dataclass
class Stage:
    """A page that is served, with an agent that plays a quiet tone, and a browser to look at it."""

    browser: Browser
    edge: Edge
    agent: Controls
    folder: Path
    # What else is served, until the stage is left.
    served: AsyncExitStack

    async def places(self, most: int) -> Places:
        """Serve a page for so many callers, too."""
        places = Places(most)
        await self.served.enter_async_context(places.page)
        return places

    async def seen(self, script: str = "", url: str = "") -> Tab:
        """The page, by default that of the edge; `script` runs in it first."""
        tab = await self.browser.tab()
        await tab.send("Page.enable")
        await tab.send("Page.addScriptToEvaluateOnNewDocument", source=script)
        await tab.open(url or self.edge.url)
        return tab

    async def opened(self, script: str = "", url: str = "") -> Tab:
        """The page, ready to talk."""
        tab = await self.seen(script, url)
        await tab.until("!document.querySelector('#talk').disabled")
        return tab

    async def in_call(self, script: str = "", url: str = "") -> Tab:
        """The page in a call."""
        tab = await self.opened(script, url)
        await talk(tab)
        return tab

    async def shown(self, tab: Tab, records: list[dict[str, Any]]) -> None:
        """Have the page show these records, as if they had just happened."""
        observe = self.edge.observe
        # The quickest record tells the page how the agent's clock relates to its own: so the last is told first.
        observe({"t": records[-1]["t"], "state": "thinking"})
        for record in records:
            observe(record)
        # In the order in which they came: when this is there, so are they.
        observe({"t": records[-1]["t"], "effect": "RecordOverheard", "participant": "user", "text": "(end)"})
        await tab.until("document.querySelector('#events').textContent.includes('(end)')")


async def talk(tab: Tab) -> None:
    """Press Talk, and wait for the call."""
    await tab.click("#talk")
    await tab.until(IN_CALL)


@asynccontextmanager
async def stage(folder: Path, *flags: str) -> AsyncIterator[Stage]:
    """Serve the page and start a browser. `folder`: what `recorded_call` made."""

    async def caller(name: str) -> PcmData:
        return PcmData(tone_of(20), 48_000)

    edge, agent = Edge(port=0, caller=caller), Controls()
    edge.lend(agent)
    await edge.join(AGENT, None, NotingSink(level=300))
    try:
        # Where other tests want the cores, too, a trace is not read within the time that people have.
        with patch.object(recorded_call_module, "DEADLINE", 300.0):
            async with chromium(*MICROPHONE, *flags) as browser, AsyncExitStack() as served:
                yield Stage(browser, edge, agent, folder, served)
    finally:
        await edge.leave()
