"""The base class of transports: how an agent takes part in a call."""

from __future__ import annotations

import abc
from collections.abc import Mapping
from typing import Any, Protocol

from ..audio import PcmData, Samples
from ..floor import InterruptionPolicy
from ..part import Part
from ..participants import Participant, User

# What an edge pulls: frames of 20 ms at 48 kHz, what WebRTC's Opus takes as it is (other rates cost aiortc 20 ms more).
OUTPUT_SAMPLE_RATE = 48_000
FRAME_SAMPLES = 960
FRAME_SECONDS = FRAME_SAMPLES / OUTPUT_SAMPLE_RATE


class CallSink(Protocol):
    """The agent's side of a call, as an edge sees it. All methods are called on the event loop and return at once."""

    def pull(self) -> Samples:
        """The next 20 ms that the agent plays: int16, shape (960,), 48 kHz; silence when it has nothing to say.

        Call it once for each 20 ms of real time, when the frame is about to be sent, never ahead: what was pulled
        counts as heard. Do not call it as long as nobody is there to hear it. The array is reused by the next pull:
        copy it if it is kept.
        """

    def audio(self, audio: PcmData, participant: Participant) -> None:
        """The next piece of a participant's audio: any rate, usually 20 ms."""

    def participant_joined(self, participant: Participant) -> None:
        """Somebody is there."""

    def participant_left(self, participant: Participant) -> None:
        """Somebody is gone, or their audio is. What comes of them late has no effect; they may join again."""

    def ended(self, error: BaseException | None = None) -> None:
        """The call is over; `error` if it broke."""


class AgentControls(Protocol):
    """The controls of an agent in a call, for people who do more than talk, as on a page. `Agent` has all of them."""

    instructions: str
    """The text that the model is told before everything else; another one holds from the next answer on."""

    policy: InterruptionPolicy
    """The policy by which interruptions are judged; another one holds from now on."""

    tts: Any
    """The synthesiser, None where a realtime model speaks. Those that are `TunableVoice`s take another voice."""

    async def simple_response(
        self, text: str, interrupt: bool = True, *, participant: Participant | None = None
    ) -> bool:
        """Have the model answer what `participant` typed as if it had been said; what is being said is cut off."""


class EdgeTransport(Part, abc.ABC):
    """A way into a call. One edge serves one agent, in one call at a time."""

    @abc.abstractmethod
    async def join(self, agent_user: User, call: Any, sink: CallSink) -> None:
        """Enter `call` (whatever the transport means by it, None for its default) and begin to serve `sink`.

        Returns when the agent is in the call. Raises with a message that says what to do.
        """

    async def create_call(self, call_type: str, call_id: str) -> Any:
        """Return what `join` takes for this call: here "type:id". Raises ValueError for bad names."""
        return f"{call_type}:{call_id}"

    @abc.abstractmethod
    async def leave(self) -> None:
        """Leave the call and free everything. Harmless if it was never joined or is over."""

    def lend(self, agent: AgentControls) -> None:
        """Take the controls of the agent that is about to join, for people who type or tune. Returns at once."""

    @property
    def observes(self) -> bool:
        """Return whether records are shown to anybody: they are not even made for an edge that leaves `observe` out."""
        return getattr(self.observe, "__func__", None) is not EdgeTransport.observe

    def observe(self, record: Mapping[str, Any]) -> None:
        """Take a record of what the agent does (trace, captions), JSON-ready, to show to people. Returns at once."""
