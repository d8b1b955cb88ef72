"""The base class of realtime speech models: audio in, audio out, turns decided by the model."""

from __future__ import annotations

import abc
from dataclasses import dataclass
from typing import Protocol

from ..audio import PcmData
from ..conversation import Message
from ..ears.listener import Hearing
from ..epoch import Interruptible
from ..events import EventManager
from ..participants import Participant
from ..tts import Word
from .events import RealtimeAudioOutputEvent
from .tools import Tools

# Responses whose birth epoch is remembered, for audio that comes after its response was cancelled.
RESPONSES_REMEMBERED = 64


@dataclass(frozen=True, slots=True)
class Heard:
    """How much of a response was played when it was cut off: `seconds` of its audio, and the words in them."""

    response: str
    seconds: float
    text: str


class RealtimeListener(Protocol):
    """Takes what a realtime model says. Every method returns at once and never raises."""

    def response_started(self, response: str, epoch: int) -> None:
        """The model begins a response of its own accord or when asked."""

    def response_audio(self, response: str, audio: PcmData, epoch: int) -> None:
        """The next piece of the response's speech."""

    def response_text(self, response: str, delta: str, words: tuple[Word, ...]) -> None:
        """The next piece of the transcript of the response's speech, with the words' times where the model has them."""

    def response_done(self, response: str) -> None:
        """No more audio of the response will come. What was sent may still be playing."""

    def interrupted(self) -> None:
        """The model stopped by itself because it heard somebody speak."""


class Realtime(Hearing, Interruptible, abc.ABC):
    """A model that hears and speaks.

    A subclass implements `connect`, `send_audio`, `send_text`, `stop_response` and `close`, and calls `report_…` for
    what it gets from its provider. `report_speech_started`, `report_turn_started`, `report_turn_ended` and
    `report_words` are about the user.
    """

    # The rate in Hz at which `send_audio` gets its audio.
    input_sample_rate: int = 24_000

    def __init__(self) -> None:
        Hearing.__init__(self)
        Interruptible.__init__(self)
        self.events = EventManager()
        self.tools = Tools()
        self.speaker: RealtimeListener | None = None
        self._born: dict[str, int] = {}

    @abc.abstractmethod
    async def connect(self, instructions: str, history: tuple[Message, ...]) -> None:
        """Open the session. Raises what the provider raises, in words that say what to do."""

    @abc.abstractmethod
    async def send_audio(self, audio: PcmData, participant: Participant) -> None:
        """Send the next piece of a participant's audio, at `input_sample_rate`."""

    @abc.abstractmethod
    async def send_text(self, text: str) -> None:
        """Put a text before the model as if a user had said it, and have it answered."""

    @abc.abstractmethod
    async def stop_response(self, heard: Heard | None) -> None:
        """Cancel the running response at the provider and cut its record of it down to what was heard.

        `heard` is None if nothing was playing. May be slow or raise; nothing waits for it.
        """

    @abc.abstractmethod
    async def close(self) -> None:
        """Close the session."""

    async def cancel_work(self) -> None:
        await self.stop_response(self._heard)

    # What was heard of the response that is being cancelled; set by the agent just before `cancel`.
    _heard: Heard | None = None

    def cut_off(self, heard: Heard | None) -> None:
        """Tell how much was heard of the response that the next cancellation stops."""
        self._heard = heard

    def report_response_started(self, response: str) -> None:
        """A response begins; it takes the current epoch."""
        self._born[response] = self.epoch
        while len(self._born) > RESPONSES_REMEMBERED:
            del self._born[next(iter(self._born))]
        if self.speaker is not None:
            self.speaker.response_started(response, self.epoch)

    def report_audio(self, response: str, audio: PcmData) -> None:
        """A piece of a response's speech. Of a response cancelled in the meantime it is dropped."""
        if response not in self._born:
            self.report_response_started(response)
        epoch = self._born[response]
        if epoch < self.epoch:
            return
        if self.events.has_subscribers(RealtimeAudioOutputEvent):
            self.events.send(RealtimeAudioOutputEvent(data=audio, epoch=epoch))
        if self.speaker is not None:
            self.speaker.response_audio(response, audio, epoch)

    def report_response_text(self, response: str, delta: str, words: tuple[Word, ...] = ()) -> None:
        if self.speaker is not None:
            self.speaker.response_text(response, delta, words)

    def report_response_done(self, response: str) -> None:
        if self.speaker is not None:
            self.speaker.response_done(response)

    def report_interrupted(self) -> None:
        if self.speaker is not None:
            self.speaker.interrupted()
