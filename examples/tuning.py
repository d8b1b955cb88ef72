"""How much it takes to interrupt the agent: three settings of the turn detector, on an agent of local models.

Try it: `vision-agents demo --agent examples.tuning:more_sensitive`.
"""

from vision_agents.core import Agent, User
from vision_agents.plugins import llama, moonshine, piper, smart_turn


async def more_sensitive(edge):
    """For quiet rooms: at once, and at any sound."""
    # fmt: off
    turn_detection = smart_turn.TurnDetection(
        buffer_in_seconds=0.5,
        confidence_threshold=0.3
    )
    # fmt: on
    return _agent(edge, turn_detection)


async def less_sensitive(edge):
    """For noisy rooms, and for people who think while they speak."""
    # fmt: off
    turn_detection = smart_turn.TurnDetection(
        buffer_in_seconds=2.0,
        confidence_threshold=0.7
    )
    # fmt: on
    return _agent(edge, turn_detection)


async def recommended(edge):
    """Where to begin."""
    # fmt: off
    turn_detection = smart_turn.TurnDetection(
        buffer_in_seconds=1.5,
        confidence_threshold=0.5
    )
    # fmt: on
    return _agent(edge, turn_detection)


def _agent(edge, turn_detection):
    return Agent(
        edge=edge,
        agent_user=User(name="Assistant", id="agent"),
        instructions="You're a helpful voice assistant.",
        llm=llama.LLM(),
        stt=moonshine.STT(),
        tts=piper.TTS(),
        turn_detection=turn_detection,
    )
