"""What helps people and agents to talk: short answers, a word about the interruption, and handlers that know who spoke.

Try it: `vision-agents demo --agent examples.best_practices:concise`.
"""

from vision_agents.core import Agent, User
from vision_agents.core.turn_detection.events import TurnEndedEvent, TurnStartedEvent
from vision_agents.plugins import openai

turns = []
"""Whose turns began and ended, without the agent's own."""


async def concise(edge):
    """Short answers are seldom interrupted."""
    return _agent(
        edge,
        instructions="Keep responses under 2-3 sentences. Be concise.",
    )


async def acknowledging(edge):
    """Who interrupts wants to know that it was noticed."""
    return _agent(
        edge,
        instructions="If interrupted, briefly acknowledge and address the user's new question.",
    )


def _agent(edge, instructions):
    agent = Agent(
        edge=edge,
        agent_user=User(name="Assistant", id="agent"),
        instructions=instructions,
        llm=openai.Realtime(),
    )

    @agent.events.subscribe
    async def on_turn(event: TurnStartedEvent | TurnEndedEvent):
        if event.participant and event.participant.user_id == "agent":
            return
        turns.append(event)

    return agent
