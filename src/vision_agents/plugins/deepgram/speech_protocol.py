"""The two protocols by which Deepgram speaks, Aura (speak v1) and Flux (speak v2): what is sent and what comes back."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from enum import Enum
from typing import TYPE_CHECKING, Any
from typing import Protocol as TypingProtocol

if TYPE_CHECKING:
    from deepgram import AsyncDeepgramClient

# Deepgram refuses longer texts in one message.
TEXT_LIMIT = 2000

# Seconds over which Deepgram counts.
WINDOW = 60.0


class Sign(Enum):
    """The meaning of a message for the text that is being spoken."""

    NOTHING = "nothing"
    # Audio that follows is of a new text; all of the text's audio has come; what was interrupted is over.
    BEGUN = "begun"
    DONE = "done"
    STOPPED = "stopped"
    FAILED = "failed"


class Protocol(TypingProtocol):
    """The messages of one of Deepgram's ways to speak: one text at a time on a connection."""

    # Texts that a connection takes within `WINDOW` seconds.
    budget: int
    # Whether audio comes between `BEGUN` and `DONE` only.
    bracketed: bool
    # The sample rates in Hz that there are of uncompressed audio.
    rates: tuple[int, ...]

    def connect(self, client: AsyncDeepgramClient, parameters: Mapping[str, Any]) -> AbstractAsyncContextManager[Any]:
        """Open one of the SDK's sessions."""

    async def say(self, session: Any, text: str) -> None:
        """Have all of a text spoken."""

    async def stop(self, session: Any) -> None:
        """Interrupt it."""

    def read(self, message: Any) -> Sign:
        """Understand a message that is no audio."""


class Aura:
    """Text, `Flush`, audio, `Flushed`; on interruption `Clear`, and the `Cleared` behind which no old audio comes."""

    # Deepgram's own limit for `Flush`. What is beyond it is ignored with a warning, and the text would never end.
    budget = 20
    bracketed = False
    rates: tuple[int, ...] = (8000, 16000, 24000, 32000, 48000)

    def connect(self, client: AsyncDeepgramClient, parameters: Mapping[str, Any]) -> AbstractAsyncContextManager[Any]:
        session: AbstractAsyncContextManager[Any] = client.speak.v1.connect(**parameters)
        return session

    async def say(self, session: Any, text: str) -> None:
        from deepgram.speak.v1 import SpeakV1Text

        for piece in pieces(text):
            await session.send_text(SpeakV1Text(type="Speak", text=piece))
        await session.send_flush()

    async def stop(self, session: Any) -> None:
        await session.send_clear()

    def read(self, message: Any) -> Sign:
        # By the type's name: the SDK makes one class of `Flushed` and `Cleared`.
        return _AURA_SIGNS.get(getattr(message, "type", ""), Sign.NOTHING)


class Flux:
    """Text, `Flush`, `SpeechStarted`, audio, `SpeechMetadata`; on interruption `Interrupt` and `SpeechInterrupted`.

    `Interrupt` goes without a playback offset: what was heard is known here to the sample, from what was pulled.
    """

    budget = 1_000_000
    bracketed = True
    rates: tuple[int, ...] = (8000, 16000, 24000, 32000, 44100, 48000)

    def connect(self, client: AsyncDeepgramClient, parameters: Mapping[str, Any]) -> AbstractAsyncContextManager[Any]:
        session: AbstractAsyncContextManager[Any] = client.speak.v2.connect(**parameters)
        return session

    async def say(self, session: Any, text: str) -> None:
        from deepgram.speak.v2 import SpeakV2Speak

        for piece in pieces(text):
            await session.send_speak(SpeakV2Speak(type="Speak", text=piece))
        await session.send_flush()

    async def stop(self, session: Any) -> None:
        await session.send_interrupt()

    def read(self, message: Any) -> Sign:
        kind = getattr(message, "type", "")
        if kind == "Warning":
            # Nothing was being spoken any more when the interruption came.
            return Sign.STOPPED if message.code == "NO_ACTIVE_SPEECH" else Sign.NOTHING
        return _FLUX_SIGNS.get(kind, Sign.NOTHING)


_AURA_SIGNS = {"Flushed": Sign.DONE, "Cleared": Sign.STOPPED, "Error": Sign.FAILED}
_FLUX_SIGNS = {
    "SpeechStarted": Sign.BEGUN,
    "SpeechMetadata": Sign.DONE,
    "SpeechInterrupted": Sign.STOPPED,
    "Error": Sign.FAILED,
}


def protocol_of(model: str) -> Protocol:
    """Returns the protocol by which a model speaks."""
    return Flux() if model.startswith("flux") else Aura()


def pieces(text: str) -> list[str]:
    """Returns `text` in pieces that Deepgram takes, cut between words where there are any."""
    found = []
    while len(text) > TEXT_LIMIT:
        cut = text.rfind(" ", 0, TEXT_LIMIT) + 1 or TEXT_LIMIT
        found.append(text[:cut])
        text = text[cut:]
    return [*found, text]
