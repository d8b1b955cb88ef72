"""Everything that a process logs, and what a part may do with its key, for tests that the key is nowhere."""

from __future__ import annotations

import asyncio
import io
import logging
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from vision_agents.core.conversation import Message, Role
from vision_agents.core.llm import LLM, LLMRequest, Realtime
from vision_agents.core.part import Attachment
from vision_agents.core.stt import SAMPLE_RATE, STT
from vision_agents.core.tts import TTS
from vision_agents.testing.contract import Player, until
from vision_agents.testing.contract.harness import HearingLog, close, give, spoken

from .realtime.kit import ANNA

WRONG = "wrong-key-0123456789abcdef"

Part = LLM | Realtime | STT | TTS


class Journal(logging.Handler):
    """All records of all loggers, at every level, as they would be written; and errors that a caller would see."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.text = io.StringIO()
        self._formatter = logging.Formatter("%(name)s %(levelname)s %(message)s")

    def emit(self, record: logging.LogRecord) -> None:
        self.text.write(self._formatter.format(record) + "\n" + repr(vars(record)) + "\n")

    def write(self, *things: object) -> None:
        """Add what somebody may print: an error with all that caused it, or a part."""
        for thing in things:
            if isinstance(thing, BaseException):
                traceback.print_exception(thing, file=self.text)
            self.text.write(repr(thing) + "\n")


@contextmanager
def everything_logged() -> Iterator[Journal]:
    """Every logger writes everything."""
    journal, root = Journal(), logging.getLogger()
    loggers = [root, *(one for one in logging.root.manager.loggerDict.values() if isinstance(one, logging.Logger))]
    before = [(one, one.level, one.disabled, one.propagate) for one in loggers]
    root.addHandler(journal)
    for one in loggers:
        one.setLevel(logging.DEBUG)
        one.disabled, one.propagate = False, True
    try:
        yield journal
    finally:
        root.removeHandler(journal)
        for one, level, disabled, propagate in before:
            one.setLevel(level)
            one.disabled, one.propagate = disabled, propagate


@asynccontextmanager
async def mute_server() -> AsyncIterator[int]:
    """A port at which somebody takes connections, and says nothing."""

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        server.close_clients() if hasattr(server, "close_clients") else None


async def use(part: Part, journal: Journal) -> HearingLog | None:
    """Have it do once what it is for."""
    if isinstance(part, LLM):
        await part.start()
        async for _ in part.respond(LLMRequest("Be brief.", (Message(Role.USER, "Hello."),))):
            pass
    elif isinstance(part, Realtime):
        player = Player(part)
        await part.connect("Be brief.")
        await part.send_text("Hello.")
        await until(lambda: player.failures or (player.responses and player.last.done), "the answer")
        return player
    elif isinstance(part, TTS):
        await part.start()
        async for _ in part.synthesize("One two three."):
            pass
    else:
        log = HearingLog()
        part.attach(Attachment(hearing=log))
        await part.start()
        part.begin_turn(ANNA)
        for piece in spoken(1.0, 1.5, SAMPLE_RATE):
            await give(part, piece, ANNA)
            await asyncio.sleep(0)
        await part.finish_turn(ANNA)
        await until(lambda: log.failures or log.final_words(ANNA), "words, or a failure")
        return log
    return None


async def attempt(
    make: Callable[[], Part], journal: Journal, breaks: Callable[[], Awaitable[Any]] | None = None
) -> bool:
    """Make a part and use it, and write down all that may be seen of that. Returns whether it went well.

    `breaks`: breaks its connections when it was used, after which it is used once more.
    """
    part = make()
    well = True
    try:
        log = await use(part, journal)
        if log is not None and log.failures:
            well = False
            journal.write(*log.failures)
        if breaks is not None:
            await breaks()
            if isinstance(part, LLM | TTS):
                await use(part, journal)
    except Exception as error:
        well = False
        journal.write(error)
    journal.write(part, vars(part))
    await close(part)
    return well
