# ruff: noqa: I001  (as it stands in the guide)
"""Handlers of one's own for what happens in a call: here they log, and count. Needs OPENAI_API_KEY.

Try it: `vision-agents demo --agent examples.custom_behavior:make_agent`.
"""

import logging
from collections import Counter

from vision_agents.core import Agent, User
from vision_agents.plugins import openai
from vision_agents.core.turn_detection.events import TurnStartedEvent, TurnEndedEvent

logger = logging.getLogger(__name__)


class Metrics:
    """Stands for the service that you send your figures to."""

    def __init__(self):
        self.counts = Counter()

    def increment(self, name):
        self.counts[name] += 1


metrics = Metrics()


async def make_agent(edge):
    agent = Agent(
        edge=edge,
        agent_user=User(name="Assistant", id="agent"),
        instructions="You're a helpful voice assistant.",
        llm=openai.Realtime(),
    )

    @agent.events.subscribe
    async def on_interruption(event: TurnStartedEvent):
        if event.participant and event.participant.user_id != "agent":
            logger.info(f"User {event.participant.user_id} interrupted the agent")
            metrics.increment("user_interruptions")

    @agent.events.subscribe
    async def on_turn_complete(event: TurnEndedEvent):
        if event.participant and event.participant.user_id != "agent":
            logger.info(f"User finished speaking (duration: {event.duration_ms}ms)")

    return agent
