"""An agent that speaks first: it greets who comes into the call. No key.

Try it: `vision-agents demo --agent examples.greeting:make_agent`.
"""

from vision_agents.core import Agent, User
from vision_agents.core.edge.events import ParticipantJoinedEvent
from vision_agents.plugins import llama, moonshine, piper, smart_turn

GREETING = "Hello, and welcome. What can I do for you?"


async def make_agent(edge):
    agent = Agent(
        edge=edge,
        agent_user=User(name="Assistant", id="agent"),
        instructions="You're a helpful voice assistant.",
        llm=llama.LLM(),
        stt=moonshine.STT(),
        tts=piper.TTS(),
        turn_detection=smart_turn.TurnDetection(),
    )

    @agent.events.subscribe
    async def on_joined(event: ParticipantJoinedEvent):
        # Who comes back, after a reload say, goes on with their conversation.
        if not agent.conversation.messages:
            # Interrupted like any answer, and in the history as far as it was heard.
            await agent.say(GREETING)

    return agent
