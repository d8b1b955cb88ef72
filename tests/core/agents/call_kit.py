"""An agent of scripted parts in a call with itself, for the tests of what goes wrong in one."""

import asyncio

from vision_agents.core import Agent, Participant, User
from vision_agents.core.events import Event
from vision_agents.testing.parts import LoopEdge, ScriptedDetector, ScriptedLLM, ScriptedSTT, ToneTTS

ANNA = Participant("anna")
LONG = "one two three four five six seven eight nine ten."


class Call:
    """`async with Call(words, answers) as call`: `anna` is there, and `events` has all that the agent sent."""

    def __init__(self, words=(), answers=(LONG,), **parts):
        self.edge = parts.pop("edge", None) or LoopEdge()
        self.detector = parts.pop("turn_detection", None) or ScriptedDetector()
        self.stt = parts.pop("stt", None) or ScriptedSTT(words)
        self.llm = parts.pop("llm", None) or ScriptedLLM(answers)
        self.tts = parts.pop("tts", None) or ToneTTS()
        self.agent = Agent(
            edge=self.edge,
            llm=self.llm,
            agent_user=User("agent"),
            stt=self.stt,
            tts=self.tts,
            turn_detection=self.detector,
            **parts,
        )
        self.events: list[Event] = []

        @self.agent.events.subscribe
        async def note(event: Event):
            self.events.append(event)

    async def __aenter__(self):
        await self.agent.join()
        self.edge.sink.participant_joined(ANNA)
        return self

    async def __aexit__(self, *_):
        await self.agent.close()

    def of(self, kind):
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def history(self):
        return [(message.role.value, message.text) for message in self.agent.conversation]

    async def until(self, condition, seconds=60.0):
        async with asyncio.timeout(seconds):
            while not condition():
                await asyncio.sleep(0.02)

    async def until_state(self, state):
        await self.until(lambda: self.agent.state is state)


def others() -> set[asyncio.Task]:
    """The tasks that are alive, but for this one."""
    return asyncio.all_tasks() - {asyncio.current_task()}
