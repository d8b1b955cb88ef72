"""What the tests of the voices share: a gate that is pulled by hand, and a listener that notes what it is told."""

import asyncio

import numpy as np

from vision_agents.core.audio.playout import Playout
from vision_agents.core.epoch import Epoch
from vision_agents.core.voice import SpokenReply


class Stand:
    """A playout and a listener for the voice under test."""

    def __init__(self):
        self.epoch = Epoch()
        self.playout = Playout(self.epoch, self)
        self.replies = 0
        self.begun: list[SpokenReply] = []
        self.failures: list[tuple[int, str, BaseException]] = []
        self.drained: dict[int, int] = {}
        self.left_out: list[tuple[str, BaseException]] = []
        self.interruptions = 0
        self.lost: list[int] = []

    # PlayoutListener.

    def audio_started(self, reply):
        pass

    def audio_progressed(self, reply):
        pass

    def audio_drained(self, reply, heard):
        self.drained[reply] = heard

    # VoiceListener.

    def new_reply(self):
        return self.replies + 1

    def reply_started(self, reply):
        self.replies = reply.number
        self.begun.append(reply)

    def reply_made(self, reply, stage):
        pass

    def words_failed(self, reply, component, error):
        self.left_out.append((component, error))

    def reply_failed(self, reply, component, error):
        self.failures.append((reply, component, error))

    def answer_lost(self, reply, *, begun=True):
        self.lost.append(reply)

    def function_started(self, reply, tool, *, spoken):
        pass

    def function_found(self, epoch):
        pass

    def insertion_over(self, number, heard):
        pass

    def function_ended(self, reply):
        pass

    def model_interrupted(self):
        self.interruptions += 1

    # For the test.

    def reply(self) -> SpokenReply:
        """A reply as the session makes one."""
        self.replies += 1
        return SpokenReply(self.replies, self.epoch.value)

    def interrupt(self) -> dict[int, int]:
        """What the session does first: shut the gate. Returns the samples heard of each reply."""
        self.epoch.advance()
        return self.playout.silence()

    async def play(self, seconds: float) -> np.ndarray:
        """Pull in (virtual) real time; return the samples."""
        frames = []
        for _ in range(round(seconds / 0.02)):
            await asyncio.sleep(0.02)
            frames.append(self.playout.pull().copy())
        return np.concatenate(frames)


async def settle():
    """Let everything happen that can happen now."""
    await asyncio.sleep(1e-6)


def others() -> set[asyncio.Task]:
    """The tasks that are alive, but for this one."""
    return asyncio.all_tasks() - {asyncio.current_task()}
