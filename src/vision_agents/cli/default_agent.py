"""The agent that the commands use when no other is named: local models, no account, no key."""

from __future__ import annotations

from dataclasses import replace

from vision_agents.core import Agent, User
from vision_agents.core.edge import EdgeTransport
from vision_agents.core.llm import LLM

# What `demo` and `call` need on disk for it.
LANGUAGE_MODEL = "smollm2-135m"
MODELS = ("silero-vad", "smart-turn", "moonshine-tiny-en", "piper-en-us-joe", LANGUAGE_MODEL, "ge2e")

INSTRUCTIONS = (
    "You are a friendly voice assistant. Answer in two or three short sentences of plain spoken English, "
    "without lists, symbols or emojis."
)


async def local_agent(edge: EdgeTransport, llm: LLM | None = None) -> Agent:
    """An agent of local plugins: Moonshine hears, SmolLM2 thinks, Piper speaks, Smart Turn knows whose turn it is.

    And Resemblyzer whose voice: the television's is not the caller's. Answers are prepared before a turn is certain to
    be over, which costs a local model nothing but work. `llm`: what thinks in SmolLM2's place, and prepares nothing,
    since it may be paid for.
    """
    # The plugins import their runtimes; a command's help does not need those.
    from vision_agents.plugins import llama, moonshine, piper, resemblyzer, smart_turn

    detector = smart_turn.TurnDetection()
    return Agent(
        edge=edge,
        llm=llm or llama.LLM(),
        agent_user=User(id="agent", name="Assistant"),
        instructions=INSTRUCTIONS,
        stt=moonshine.STT(),
        tts=piper.TTS(),
        turn_detection=detector,
        interruption=replace(detector.policy, prepare=llm is None),
        apology="Sorry, something went wrong. Please say that again.",
        voiceprint=resemblyzer.Voiceprint(),
    )
