"""A function of one's own that the model calls. Needs OPENAI_API_KEY: the smallest local model calls none.

Try it: `vision-agents demo --agent examples.own_tool:make_agent`, and ask when the shop is open on Sunday.
"""

from vision_agents.core import Agent, User
from vision_agents.plugins import moonshine, openai, piper, smart_turn

HOURS = {"saturday": "from ten to two", "sunday": "not at all"}


async def make_agent(edge, llm=None):
    """`llm`: in place of OpenAI's, `llama.LLM("model.gguf")` say, or `openai.ChatCompletionsLLM(…)` for a server."""
    agent = Agent(
        edge=edge,
        agent_user=User(name="Assistant", id="agent"),
        instructions="You answer the telephone of a shop. Look up when it is open, and answer in one sentence.",
        llm=llm or openai.LLM(model="gpt-5.4"),
        stt=moonshine.STT(),
        tts=piper.TTS(),
        turn_detection=smart_turn.TurnDetection(),
    )

    # It only looks something up: it may be called before it is certain that the user has finished.
    @agent.llm.register_function(effects=False)
    async def opening_hours(day: str) -> str:
        """When the shop is open on a day of the week."""
        return f"On {day} it is open {HOURS.get(day.lower(), 'from nine to six')}."

    return agent
