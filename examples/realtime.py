# ruff: noqa: I001, RET504  (as it stands in the guide)
"""A realtime model: it hears, speaks and handles interruptions by itself. Needs OPENAI_API_KEY.

Try it: `vision-agents demo --agent examples.realtime:make_agent`.

Without `edge` the agent joins Stream calls.
"""

from vision_agents.core import Agent, User
from vision_agents.plugins import openai, getstream


async def make_agent(edge=None):
    agent = Agent(
        edge=edge or getstream.Edge(),
        agent_user=User(name="Assistant", id="agent"),
        instructions="You're a helpful voice assistant.",
        llm=openai.Realtime(),  # Built-in interruption handling
    )
    return agent
