"""Deepgram as the voice of an agent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from websockets.exceptions import ConnectionClosed

from vision_agents.core.remote import RemoteTTS
from vision_agents.core.settings import check_number
from vision_agents.core.tts import VoiceTuning

from .account import make_client, query, refusal
from .speech_line import Line
from .speech_protocol import Protocol, protocol_of

if TYPE_CHECKING:
    from deepgram import AsyncDeepgramClient, DeepgramClientEnvironment


class TTS(RemoteTTS[Line]):
    """Deepgram's streaming speech over a websocket that is kept open between texts.

    Deepgram tells no word times, so what was heard of an interrupted sentence is estimated. On interruption Deepgram is
    told to stop (`Clear`, for Flux voices `Interrupt`), and only when it has confirmed that the same connection speaks
    again; without a confirmation within a second it is closed. An Aura connection takes 20 texts a minute; then
    another takes over.

    `stream_audio` raises NoConnectionError if there is no connection to be had, SpeechLostError if it is lost in the
    midst of the text, DeepgramError for an error that Deepgram reports, TimeoutError if it falls silent.

    Args:
        api_key: by default the environment variable `DEEPGRAM_API_KEY`.
        model: an Aura voice (`aura-2-thalia-en`) or a Flux voice (`flux-alexis-en`).
        sample_rate: of the audio in Hz; 8000, 16000, 24000, 32000 or 48000, and of a Flux voice 44100, too.
        speed: factor on the voice's pace.
        mip_opt_out: as Deepgram's.
        options: any other parameters of the SDK's `connect`.
        environment: the SDK's, for another server.
        client: an SDK client of your own, in place of `api_key` and `environment`.

    Raises:
        ValueError: there is no key, or a number is none that it takes.
    """

    def __init__(
        self,
        *,
        api_key: str | None = None,
        model: str = "aura-2-thalia-en",
        sample_rate: int = 24_000,
        speed: float | None = None,
        mip_opt_out: bool | None = None,
        options: Mapping[str, Any] | None = None,
        environment: DeepgramClientEnvironment | None = None,
        client: AsyncDeepgramClient | None = None,
    ) -> None:
        check_number("speed", speed, above=0.0, optional=True)
        super().__init__("Deepgram", refusal, ConnectionClosed)
        self._client = make_client(client, api_key, environment)
        self._sample_rate = sample_rate
        self._protocol = self._protocol_of(model)
        self._parameters = query(
            model=model,
            encoding="linear16",
            sample_rate=sample_rate,
            speed=speed,
            mip_opt_out=mip_opt_out,
            **(options or {}),
        )

    def tuning(self) -> VoiceTuning:
        return VoiceTuning(voice=self._parameters["model"], pace=self._parameters.get("speed", 1.0))

    def tune(self, voice: str | None = None, pace: float | None = None) -> None:
        if pace is not None and not pace > 0:
            raise ValueError(f"the pace of a voice is above 0, not {pace}")
        if voice is not None and not voice.strip():
            raise ValueError("a voice of Deepgram is named by its model, such as aura-2-thalia-en")
        protocol = self._protocol_of(self._parameters["model"] if voice is None else voice)
        self._parameters |= query(model=voice, speed=pace)
        self._protocol = protocol
        self._renew()

    def _new_line(self) -> Line:
        return Line(self._protocol, self._protocol.connect(self._client, self._parameters), self._sample_rate)

    def _protocol_of(self, model: str) -> Protocol:
        """The protocol by which a model speaks. Raises ValueError if it does not at our rate."""
        protocol = protocol_of(model)
        if self._sample_rate not in protocol.rates:
            rates = ", ".join(map(str, protocol.rates))
            raise ValueError(f"sample_rate is {rates} for {model}, not {self._sample_rate!r}")
        return protocol
