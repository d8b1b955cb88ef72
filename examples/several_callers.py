"""A program that serves a page to several callers at once, each with an agent of their own. No key.

Try it: `python -m examples.several_callers`, and open the page in two browsers. They share the models' memory, and
nothing that either says.
"""

import asyncio
from contextlib import suppress

from vision_agents.core import Agent, User, warm_up
from vision_agents.plugins import llama, local, moonshine, piper, smart_turn


async def make_agent(edge):
    """Called for each caller: what is made here is theirs alone."""
    return Agent(
        edge=edge,
        agent_user=User(name="Assistant", id="agent"),
        instructions="You're a helpful voice assistant.",
        llm=llama.LLM(),
        stt=moonshine.STT(),
        tts=piper.TTS(),
        turn_detection=smart_turn.TurnDetection(),
    )


async def main(port=8000):
    # Fetched and loaded before the first caller comes.
    await warm_up(lambda: make_agent(edge=local.Edge(port=0)), freeze=True)
    async with local.PageServer(make_agent, max_callers=4, port=port) as page:
        print(f"Talk to the agents at {page.url}", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(main())
