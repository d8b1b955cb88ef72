"""The quickstart of the public guides, unchanged, in a Stream call, as its command line runs it."""

from __future__ import annotations

import asyncio
import runpy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

pytest.importorskip("getstream_rtc", reason="needs the extra getstream")

from vision_agents.core import AgentLauncher, Runner
from vision_agents.core.conversation import Role
from vision_agents.plugins import gemini
from vision_agents.plugins import getstream as real
from vision_agents.plugins.gemini import llm as gemini_llm
from vision_agents.testing.contract import until
from vision_agents.testing.parts import tone

from ...examples.conftest import services  # noqa: F401
from ...examples.scene import Services
from ...serving.test_quickstart import QUICKSTART, program
from ...standins.gemini.server import KEY
from ...standins.gemini.text import TextStandIn

if TYPE_CHECKING:
    from ...standins.getstream.server import StreamService

GREETING, ANSWER = "Honey never spoils.", "It is very dry."


def loudest(service: StreamService, since: int) -> int:
    """The loudest sample that Anna has heard since so many frames."""
    return max((int(np.abs(samples).max()) for _, samples in list(service.anna.heard)[since:]), default=0)


async def test_it_greets_whoever_comes_into_the_call_and_answers_them(
    provider: StreamService,
    services: Services,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Stream's network has a proxy that leads nowhere; the other providers are here.
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1,localhost")
    async with TextStandIn() as model:
        make = gemini_llm.make_client
        monkeypatch.setattr(gemini_llm, "make_client", lambda key, options: make(KEY, model.http_options))
        model.will_say(GREETING, ANSWER)
        services.deepgram.will_hear("why is that")
        names = runpy.run_path(str(program(tmp_path, QUICKSTART)), run_name="agent")
        made: list[Any] = []

        async def create_agent(**more: Any) -> Any:
            made.append(await names["create_agent"](**more))
            return made[-1]

        runner = Runner(AgentLauncher(create_agent=create_agent, join_call=names["join_call"]))
        # What `python agent.py run --call-id table` does.
        running = asyncio.create_task(runner._run("default", "table"))
        try:
            # The first is made to load what it needs.
            await until(lambda: len(made) == 2 and made[1].entered.is_set(), "the agent is in the call")
            agent = made[1]
            assert (type(agent.edge), type(agent.llm)) == (real.Edge, gemini.LLM)
            assert model.requests == 0
            await provider.enter()
            await until(lambda: loudest(provider, 0) > 1000, "Anna hears the greeting")
            await until(lambda: str(agent.state) == "idle", "the greeting is over")
            heard = len(provider.anna.heard)
            await provider.say(tone(1.0, 48_000, 500.0))
            await until(lambda: agent.conversation.messages[-1].text == ANSWER, "the answer is said")
            assert loudest(provider, heard) > 1000
            said = [(message.role, message.text) for message in agent.conversation][-3:]
            assert said == [(Role.ASSISTANT, GREETING), (Role.USER, "why is that"), (Role.ASSISTANT, ANSWER)]
        finally:
            running.cancel()
            await asyncio.wait([running])
