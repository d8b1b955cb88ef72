"""The code of the guide, as it is printed there: what stands here runs unchanged, and stands in `examples/`."""

REALTIME = """\
from vision_agents.core import Agent, User
from vision_agents.plugins import openai, getstream

agent = Agent(
    edge=getstream.Edge(),
    agent_user=User(name="Assistant", id="agent"),
    instructions="You're a helpful voice assistant.",
    llm=openai.Realtime(),  # Built-in interruption handling
)
"""

STT_WITH_TURNS = """\
from vision_agents.core import Agent, User
from vision_agents.plugins import openai, getstream, elevenlabs

# ElevenLabs STT has built-in VAD turn detection — no extra plugin needed
agent = Agent(
    edge=getstream.Edge(),
    agent_user=User(name="Assistant", id="agent"),
    instructions="You're a helpful voice assistant.",
    llm=openai.LLM(model="gpt-5.4"),
    stt=elevenlabs.STT(),
    tts=elevenlabs.TTS(),
)
"""

TURN_DETECTION = """\
from vision_agents.core import Agent, User
from vision_agents.plugins import openai, getstream, deepgram, elevenlabs, smart_turn

agent = Agent(
    edge=getstream.Edge(),
    agent_user=User(name="Assistant", id="agent"),
    instructions="You're a helpful voice assistant.",
    llm=openai.LLM(model="gpt-5.4"),
    stt=deepgram.STT(),
    tts=elevenlabs.TTS(),
    turn_detection=smart_turn.TurnDetection(),
)
"""

CUSTOM_BEHAVIOR = """\
from vision_agents.core.turn_detection.events import TurnStartedEvent, TurnEndedEvent

@agent.events.subscribe
async def on_interruption(event: TurnStartedEvent):
    if event.participant and event.participant.user_id != "agent":
        logger.info(f"User {event.participant.user_id} interrupted the agent")
        metrics.increment("user_interruptions")

@agent.events.subscribe
async def on_turn_complete(event: TurnEndedEvent):
    if event.participant and event.participant.user_id != "agent":
        logger.info(f"User finished speaking (duration: {event.duration_ms}ms)")
"""

MORE_SENSITIVE = """\
turn_detection = smart_turn.TurnDetection(
    buffer_in_seconds=0.5,
    confidence_threshold=0.3
)
"""

LESS_SENSITIVE = """\
turn_detection = smart_turn.TurnDetection(
    buffer_in_seconds=2.0,
    confidence_threshold=0.7
)
"""

RECOMMENDED = """\
turn_detection = smart_turn.TurnDetection(
    buffer_in_seconds=1.5,
    confidence_threshold=0.5
)
"""

CONCISE = """\
instructions="Keep responses under 2-3 sentences. Be concise."
"""

ACKNOWLEDGING = """\
instructions="If interrupted, briefly acknowledge and address the user's new question."
"""

FILTER = """\
if event.participant and event.participant.user_id == "agent":
    return
"""

# Which file has which blocks.
FILES = {
    "realtime": (REALTIME,),
    "stt_with_turns": (STT_WITH_TURNS,),
    "turn_detection": (TURN_DETECTION,),
    "custom_behavior": (CUSTOM_BEHAVIOR,),
    "tuning": (MORE_SENSITIVE, LESS_SENSITIVE, RECOMMENDED),
    "best_practices": (CONCISE, ACKNOWLEDGING, FILTER),
}
