"""Deepgram as the ears of an agent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

from websockets.exceptions import ConnectionClosed

from vision_agents.core.remote import RemoteSTT
from vision_agents.core.settings import check_list, check_number

from .account import make_client, query
from .flux import FluxStream
from .nova import NovaStream, NovaTurnsStream
from .stream import SAMPLE_RATE, Stream

if TYPE_CHECKING:
    from deepgram import AsyncDeepgramClient, DeepgramClientEnvironment

# Deepgram closes a Nova connection after 10 s without audio; a muted microphone sends none.
KEEP_ALIVE = 4.0

NOVA_MODEL = "nova-3"
FLUX_MODEL = "flux-general-en"

# Of Flux's 0.3 to 0.9: early enough to be worth it, and seldom taken back.
EAGER_THRESHOLD = 0.5


class STT(RemoteSTT[Stream]):
    """Deepgram's streaming recognition, over one connection for each participant.

    With a Nova model turns are detected elsewhere (`smart_turn.TurnDetection()`), unless `utterance_end_ms` is given:
    then Deepgram's words begin a turn, its `UtteranceEnd` ends it, and its `SpeechStarted` holds the agent's voice.
    With a Flux model (`model="flux-general-en"`) turns are built in: `turn_detection` is True.

    A connection that is lost is replaced, with growing delays; audio waits for it meanwhile. A turn that was open ends
    with the words known so far.

    Args:
        api_key: by default the environment variable `DEEPGRAM_API_KEY`.
        model: a Nova or a Flux model; by default "nova-3", or "flux-general-en" with `eager_turn_detection`.
        eager_turn_detection: prepare the answer before the end of a turn is certain (Flux): the same as an
            `eager_eot_threshold` of 0.5, unless that is given.
        language: BCP-47 tag (Nova).
        language_hint: languages to expect (Flux, multilingual).
        keyterm: terms to listen for.
        endpointing: ms of silence after which Nova's words are final, 300 by default; False for never.
        utterance_end_ms: ms without words that end a turn (Nova; at least 1000).
        eot_threshold: confidence that ends a turn (Flux; 0.5 to 1.0, Deepgram's default 0.7).
        eager_eot_threshold: confidence from which the end of a turn is expected (Flux; 0.3 to 0.9): the agent prepares
            the answer, of which nothing is heard or done before the end is certain. None never does so.
        eot_timeout_ms: ms of silence that end a turn whatever the confidence (Flux; 500 to 60000, default 5000).
        smart_format, numerals, profanity_filter, mip_opt_out, tag: as Deepgram's.
        options: any other parameters of the SDK's `connect`.
        environment: the SDK's, for another server.
        client: an SDK client of your own, in place of `api_key` and `environment`.

    Raises:
        ValueError: there is no key, a parameter belongs to the other kind of model, or a number is out of its range.
    """

    def __init__(
        self,
        *,
        api_key: str | None = None,
        model: str | None = None,
        eager_turn_detection: bool = False,
        language: str | None = None,
        language_hint: Sequence[str] | None = None,
        keyterm: Sequence[str] | None = None,
        endpointing: int | bool | None = None,
        utterance_end_ms: int | None = None,
        eot_threshold: float | None = None,
        eager_eot_threshold: float | None = None,
        eot_timeout_ms: int | None = None,
        smart_format: bool | None = None,
        numerals: bool | None = None,
        profanity_filter: bool | None = None,
        mip_opt_out: bool | None = None,
        tag: str | None = None,
        options: Mapping[str, Any] | None = None,
        environment: DeepgramClientEnvironment | None = None,
        client: AsyncDeepgramClient | None = None,
    ) -> None:
        check_list("language_hint", language_hint)
        check_list("keyterm", keyterm)
        # False is for never, True for Deepgram's own.
        if not isinstance(endpointing, bool):
            check_number("endpointing", endpointing, 0, whole=True, optional=True)
        check_number("utterance_end_ms", utterance_end_ms, 1000, whole=True, optional=True)
        check_number("eot_threshold", eot_threshold, 0.5, 1.0, optional=True)
        check_number("eager_eot_threshold", eager_eot_threshold, 0.3, 0.9, optional=True)
        check_number("eot_timeout_ms", eot_timeout_ms, 500, 60_000, whole=True, optional=True)
        super().__init__()
        if model is None:
            model = FLUX_MODEL if eager_turn_detection else NOVA_MODEL
        if eager_turn_detection and eager_eot_threshold is None:
            eager_eot_threshold = EAGER_THRESHOLD
        self._client = make_client(client, api_key, environment)
        self.model = model
        self._flux = model.startswith("flux")
        nova = {
            "language": language,
            "endpointing": endpointing,
            "utterance_end_ms": utterance_end_ms,
            "smart_format": smart_format,
        }
        flux = {
            "eot_threshold": eot_threshold,
            "eager_eot_threshold": eager_eot_threshold,
            "eot_timeout_ms": eot_timeout_ms,
            "language_hint": list(language_hint) if language_hint else None,
        }
        own, foreign = (flux, nova) if self._flux else (nova, flux)
        wrong = [name for name, value in foreign.items() if value is not None]
        if wrong:
            raise ValueError(f"{model} does not take {', '.join(wrong)}: that is for {_OTHER[self._flux]}")
        self._turns = utterance_end_ms is not None
        self.turn_detection = self._flux or self._turns
        self._parameters = query(
            model=model,
            encoding="linear16",
            sample_rate=SAMPLE_RATE,
            keyterm=list(keyterm) if keyterm else None,
            numerals=numerals,
            profanity_filter=profanity_filter,
            mip_opt_out=mip_opt_out,
            tag=tag,
            **own,
            **(options or {}),
        )
        if not self._flux:
            # Half a second of a wait for an end that is no turn's end costs nothing; a word finalised too early does.
            self._parameters.setdefault("endpointing", 300)
            self._parameters["interim_results"] = "true"
            if self._turns:
                self._parameters["vad_events"] = "true"

    def _new_stream(self) -> Stream:
        if self._flux:
            return FluxStream(self, self._connect_flux)
        kind = NovaTurnsStream if self._turns else NovaStream
        return kind(self, self._connect_nova)

    def _connect_flux(self) -> AbstractAsyncContextManager[Any]:
        session: AbstractAsyncContextManager[Any] = self._client.listen.v2.connect(**self._parameters)
        return session

    @asynccontextmanager
    async def _connect_nova(self) -> AsyncIterator[Any]:
        async with self._client.listen.v1.connect(**self._parameters) as session:
            alive = asyncio.create_task(_keep_alive(session), name="Deepgram keep-alive")
            try:
                yield session
            finally:
                alive.cancel()


_OTHER = {True: "Nova models", False: "Flux models"}


async def _keep_alive(session: Any) -> None:
    """Sent where audio comes, too: Deepgram does not mind."""
    with suppress(ConnectionClosed):
        while True:
            await asyncio.sleep(KEEP_ALIVE)
            await session.send_keep_alive()
