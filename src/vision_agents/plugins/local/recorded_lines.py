"""The lines of the page's recorded caller, as WAV: made once, for everybody."""

from __future__ import annotations

import asyncio
import io
import logging
import wave
from collections.abc import Awaitable, Callable

from vision_agents.core.audio import PcmData

from .refused import RefusedError

logger = logging.getLogger(__name__)

Caller = Callable[[str], Awaitable[PcmData]]

# What the recorded caller can say.
LINES = ("question", "interruption")

# Making it, in seconds.
CALLER_TIMEOUT = 60.0


class RecordedLines:
    """Has the lines made by `caller`; without one there are none."""

    def __init__(self, caller: Caller | None) -> None:
        self._caller = caller
        self._made: dict[str, asyncio.Task[bytes]] = {}

    @property
    def available(self) -> bool:
        """Return whether there is a recorded caller."""
        return self._caller is not None

    async def wav(self, name: str) -> bytes:
        """Return the line `name` of `LINES` as a WAV file. Raises RefusedError if there is none, or it fails."""
        if self._caller is None or name not in LINES:
            raise RefusedError(404, f"there is no recorded {name}")
        making = self._made.get(name)
        if making is None or (making.done() and (making.cancelled() or making.exception())):
            making = self._made[name] = asyncio.create_task(_wav(self._caller, name), name=f"recorded {name}")
        try:
            return await asyncio.shield(making)
        except Exception as error:
            logger.exception("the recorded %s could not be made", name)
            reason = str(error) or type(error).__name__
            raise RefusedError(503, f"the recorded {name} could not be made: {reason}") from error

    async def close(self) -> None:
        """Give up what is being made."""
        for line in self._made.values():
            line.cancel()
        await asyncio.gather(*self._made.values(), return_exceptions=True)


async def _wav(caller: Caller, name: str) -> bytes:
    async with asyncio.timeout(CALLER_TIMEOUT):
        audio = await caller(name)
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(audio.sample_rate)
        file.writeframes(audio.to_bytes())
    return buffer.getvalue()
