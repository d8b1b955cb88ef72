# ruff: noqa: I001, RET504  (as it stands in the guide)
"""STT, LLM and TTS, where the STT knows whose turn it is. Needs OPENAI_API_KEY and ELEVENLABS_API_KEY.

Try it: `vision-agents demo --agent examples.stt_with_turns:make_agent`.
"""

from vision_agents.core import Agent, User
from vision_agents.plugins import openai, getstream, elevenlabs


async def make_agent(edge=None):
    # ElevenLabs STT has built-in VAD turn detection — no extra plugin needed
    agent = Agent(
        edge=edge or getstream.Edge(),
        agent_user=User(name="Assistant", id="agent"),
        instructions="You're a helpful voice assistant.",
        llm=openai.LLM(model="gpt-5.4"),
        stt=elevenlabs.STT(),
        tts=elevenlabs.TTS(),
    )
    return agent
