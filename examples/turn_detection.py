# ruff: noqa: I001, RET504  (as it stands in the guide)
"""STT, LLM and TTS of three providers, with a turn detector on this machine.

Needs OPENAI_API_KEY, DEEPGRAM_API_KEY, ELEVENLABS_API_KEY, and the models: `vision-agents models pull silero-vad
smart-turn`.

Try it: `vision-agents demo --agent examples.turn_detection:make_agent`.
"""

from vision_agents.core import Agent, User
from vision_agents.plugins import openai, getstream, deepgram, elevenlabs, smart_turn


async def make_agent(edge=None):
    agent = Agent(
        edge=edge or getstream.Edge(),
        agent_user=User(name="Assistant", id="agent"),
        instructions="You're a helpful voice assistant.",
        llm=openai.LLM(model="gpt-5.4"),
        stt=deepgram.STT(),
        tts=elevenlabs.TTS(),
        turn_detection=smart_turn.TurnDetection(),
    )
    return agent
