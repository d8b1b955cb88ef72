"""Several people on the page at once, in real browsers: each talks with an agent of their own, alone."""

from __future__ import annotations

import asyncio
import os
from contextlib import asynccontextmanager

import pytest

from vision_agents.core import Agent, User
from vision_agents.plugins.local import PageServer
from vision_agents.testing.parts import ScriptedLLM, ScriptedSTT, ToneTTS

from .devtools import WAIT_TIMEOUT, chromium, fake_microphone, find_chromium
from .test_browser import NOTICE, STATE, LoudnessDetector, in_call, opened, voice, write

pytestmark = [
    pytest.mark.browser,
    # In CI a browser that is missing is a failure.
    pytest.mark.skipif(
        find_chromium() is None and "CI" not in os.environ, reason="no browser here; on Debian: apt install chromium"
    ),
]

CAPTIONS = "document.querySelector('#captions').textContent"
HEARD = "[...document.querySelectorAll('#captions .heard')].map((words) => words.textContent).join(' ')"
FRESH = "document.querySelector('#fresh')"


@asynccontextmanager
async def serving(**terms):
    """The page, and the agents that were made: each has heard another caller, and answers with its own number."""
    agents = []

    async def make_agent(edge):
        number = len(agents) + 1
        agent = Agent(
            edge=edge,
            llm=ScriptedLLM([" ".join(f"answer{number}.{word}" for word in range(60))]),
            agent_user=User("agent", "Ada"),
            stt=ScriptedSTT([f"secret{number}"] * 9),
            tts=ToneTTS(),
            turn_detection=LoudnessDetector(),
        )
        agents.append(agent)
        return agent

    async with PageServer(make_agent, port=0, **terms) as page:
        yield page, agents


async def until(condition):
    async with asyncio.timeout(WAIT_TIMEOUT):
        while not condition():
            await asyncio.sleep(0.02)


async def answered(tab, number):
    """Wait until the caller has heard some words of that agent's answer."""
    await tab.until(f"{CAPTIONS}.includes('secret{number}') && {HEARD}.includes('answer{number}.3')")


async def test_two_browsers_at_once_have_two_conversations_and_a_third_finds_no_place(tmp_path):
    recording = write(tmp_path / "user.wav", 3.0, voice(1.0), 90.0)
    flags = fake_microphone(recording)
    async with serving(max_callers=2) as (page, agents), chromium(*flags) as one, chromium(*flags) as two:
        first, second = await opened(one, page.url), await opened(two, page.url)
        await in_call(first)
        await in_call(second)
        await answered(first, 1)
        await answered(second, 2)
        assert [len(agent.participants) for agent in agents] == [1, 1]
        for tab, other in ((first, 2), (second, 1)):
            texts = await tab.run("document.body.textContent")
            assert f"secret{other}" not in texts
            assert f"answer{other}" not in texts

        # A tab of a browser that is in a call already is somebody else, and there are two places.
        third = await one.tab()
        await third.open(page.url)
        await third.until("document.querySelector('#state-hint').textContent.includes('All 2 places are taken')")
        assert await third.run("document.querySelector('#talk').disabled")
        refused = await third.run(
            "fetch('offer', {method: 'POST', body: JSON.stringify({type: 'offer', sdp: ''})})"
            ".then(async (response) => [response.status, (await response.json()).error])"
        )
        assert refused == [503, "All 2 places are taken. Try again in a moment."]

        # Who hangs up makes room.
        await second.click("#talk")
        await third.until("!document.querySelector('#talk').disabled")
        await in_call(third)
        assert await first.run(STATE) != "off"
        assert len(agents) == 3
        assert first.console == second.console == []


async def test_a_new_conversation_begins_without_a_reload_and_knows_nothing_of_the_one_before(tmp_path):
    recording = write(tmp_path / "user.wav", 3.0, voice(1.0), 90.0)
    async with serving(max_callers=1) as (page, agents), chromium(*fake_microphone(recording)) as browser:
        tab = await opened(browser, page.url)
        assert await tab.run(f"{FRESH}.hidden"), "there is none to be replaced"
        await in_call(tab)
        await answered(tab, 1)
        await tab.click("#fresh")
        await tab.until(f"{STATE} !== 'off' && {STATE} !== 'connecting' && !{CAPTIONS}.includes('1')")
        assert len(agents) == 2
        assert not await tab.run("document.querySelectorAll('#events li').length > 3")
        await answered(tab, 2)
        assert "secret1" not in await tab.run("document.body.textContent")
        assert await tab.run(NOTICE) is False
        # After hanging up, too.
        await tab.click("#talk")
        await tab.until(f"{STATE} === 'off'")
        await tab.click("#fresh")
        await answered(tab, 3)
        assert tab.console == []


async def test_a_reload_in_mid_answer_goes_on_with_the_conversation_and_not_with_the_sentence(tmp_path):
    recording = write(tmp_path / "user.wav", 3.0, voice(1.0), 90.0)
    async with serving() as (page, agents), chromium(*fake_microphone(recording)) as browser:
        tab = await opened(browser, page.url)
        await in_call(tab)
        await answered(tab, 1)
        await tab.open(f"{page.url}/?again")
        await tab.until(
            "document.querySelector('#state-hint').textContent === 'Press Talk: your conversation goes on.'"
        )
        # The new page may be there before the news that the old one is gone.
        await until(lambda: not agents[0].participants)
        assert len(agents[0].conversation) == 2
        assert agents[0].conversation.messages[-1].interrupted
        await in_call(tab)
        # The browser's recorded microphone begins again: the same caller asks again, of the same agent.
        await until(lambda: len(agents[0].conversation) > 2)
        assert len(agents) == 1
        assert [message.role.value for message in agents[0].conversation][:3] == ["user", "assistant", "user"]
        assert tab.console == []
