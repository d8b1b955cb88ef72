"""A stream for each participant: opened when needed, fed, and closed with all that is theirs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio

from vision_agents.core import Participant
from vision_agents.core.audio import PcmData
from vision_agents.core.hearing import Hearing
from vision_agents.core.remote import Connection, NoConnectionError, RemoteStream, RemoteSTT
from vision_agents.core.remote.connection import CLOSE_TIMEOUT, PAUSE

pytestmark = pytest.mark.virtual_time

ANNA = Participant("anna")
BERT = Participant("bert")
AUDIO = PcmData.silence(0.02, 16_000)


class WrongKeyError(Exception):
    """Trying again cannot mend it."""


class Service:
    """The other end: whether it `refuses` connections, and, if it is not `polite`, says no goodbye until it is cut.

    `breaks`: how many more pieces of audio break the connection. `reason`: why it ends connections.
    """

    def __init__(self) -> None:
        self.refuses = False
        self.polite = True
        self.breaks = 0
        self.reason: Exception | None = None
        self.sessions: list[asyncio.Event] = []
        self.made = 0
        self.open = 0

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[asyncio.Event]:
        if self.refuses:
            raise WrongKeyError
        cut = asyncio.Event()
        self.sessions.append(cut)
        self.made += 1
        self.open += 1
        try:
            yield cut
        finally:
            if not self.polite:
                await cut.wait()
            self.open -= 1


class ScriptedStream(RemoteStream[asyncio.Event]):
    """A stream that writes down what is asked of it."""

    participant: Participant | None = None

    def __init__(self, hearing: Hearing, service: Service) -> None:
        super().__init__("the service", hearing, refusal, ConnectionResetError)
        self.service = service
        self.asked: list[str] = []

    def assign(self, participant: Participant) -> None:
        assert self.participant is None, "it is somebody's already"
        super().assign(participant)
        self.participant = participant

    async def take(self, audio: PcmData) -> None:
        await self.send(audio)

    async def finish(self) -> None:
        await asyncio.sleep(0.1)
        self.asked.append("finish")

    def discard(self) -> None:
        self.asked.append("discard")

    def _connection(self, over: Callable[[Connection[asyncio.Event]], None]) -> Connection[asyncio.Event]:
        return Connection("the service", self.service.connect(), self._read, asyncio.Event.set, over)

    async def _read(self, session: asyncio.Event) -> None:
        await session.wait()
        if self.service.reason is not None:
            raise self.service.reason

    async def _send_audio(self, session: asyncio.Event, audio: PcmData) -> None:
        if self.service.breaks:
            self.service.breaks -= 1
            session.set()
            raise ConnectionResetError
        self.asked.append("take")

    def _interrupted(self) -> None:
        self.asked.append("interrupted")

    def _complaint(self, error: BaseException | None) -> Exception | None:
        return error if isinstance(error, WrongKeyError) else None


def refusal(error: BaseException) -> str | None:
    return "use another key" if isinstance(error, WrongKeyError) else None


class Ears(RemoteSTT[ScriptedStream]):
    """A recogniser at the service, and the streams it ever had."""

    def __init__(self) -> None:
        super().__init__()
        self.service = Service()
        self.made: list[ScriptedStream] = []
        self.failures: list[BaseException] = []

    def _new_stream(self) -> ScriptedStream:
        self.made.append(ScriptedStream(self, self.service))
        return self.made[-1]

    def report_failure(self, error: BaseException) -> None:
        self.failures.append(error)

    @property
    def story(self) -> list[tuple[Participant | None, list[str]]]:
        """Of each stream whose it is, and what was asked of it."""
        return [(stream.participant, stream.asked) for stream in self.made]


@pytest_asyncio.fixture
async def ears() -> AsyncIterator[Ears]:
    ears = Ears()
    yield ears
    await ears.close()


async def test_the_first_to_speak_has_the_connection_that_was_made_at_the_start(ears: Ears):
    await ears.start()
    assert (ears.service.made, ears.made[0].participant) == (1, None)
    await ears.process_audio(AUDIO, ANNA)
    assert ears.service.made == 1
    await ears.process_audio(AUDIO, BERT)
    assert ears.service.made == 2
    assert ears.story == [(ANNA, ["take"]), (BERT, ["take"])]


async def test_it_connects_by_itself_and_once(ears: Ears):
    await ears.process_audio(AUDIO, ANNA)
    await ears.start()
    await ears.process_audio(AUDIO, ANNA)
    assert ears.service.made == 1
    assert ears.story == [(ANNA, ["take", "take"])]


async def test_started_twice_it_connects_once(ears: Ears):
    await ears.start()
    await ears.start()
    assert ears.service.made == len(ears.made) == 1


async def test_turns_are_those_of_whose_they_are(ears: Ears):
    await ears.process_audio(AUDIO, ANNA)
    await ears.process_audio(AUDIO, BERT)
    finishing = asyncio.create_task(ears.finish_turn(ANNA))
    await asyncio.sleep(0.05)
    assert not finishing.done(), "it waits for the stream"
    ears.discard_turn(BERT)
    await finishing
    assert ears.story == [(ANNA, ["take", "finish"]), (BERT, ["take", "discard"])]


async def test_who_was_never_heard_has_nothing_to_end(ears: Ears):
    await ears.start()
    await ears.finish_turn(ANNA)
    ears.discard_turn(ANNA)
    ears.forget(ANNA)
    assert ears.story == [(None, [])]
    assert ears.service.open == 1


async def test_a_refusal_is_told_at_the_start(ears: Ears):
    ears.service.refuses = True
    with pytest.raises(NoConnectionError, match="use another key"):
        await ears.start()


async def test_who_begins_to_speak_has_a_connection_tried_again(ears: Ears):
    ears.service.refuses = True
    with pytest.raises(NoConnectionError):
        await ears.process_audio(AUDIO, ANNA)
    ears.service.refuses = False
    await asyncio.sleep(PAUSE / 2)
    with pytest.raises(NoConnectionError):
        await ears.process_audio(AUDIO, ANNA)
    ears.begin_turn(ANNA)
    await ears.process_audio(AUDIO, ANNA)
    assert ears.story == [(ANNA, ["take"])]


async def test_who_left_is_forgotten_and_may_come_back(ears: Ears):
    await ears.process_audio(AUDIO, ANNA)
    await ears.process_audio(AUDIO, BERT)
    ears.forget(ANNA)
    await asyncio.sleep(0.01)
    assert ears.service.open == 1
    await ears.process_audio(AUDIO, ANNA)
    assert ears.story == [(ANNA, ["take"]), (BERT, ["take"]), (ANNA, ["take"])]


@pytest.mark.parametrize("spoken", [(), (ANNA,), (ANNA, BERT)])
async def test_nothing_is_open_after_the_end_and_nothing_opened(ears: Ears, spoken: tuple[Participant, ...]):
    await ears.start()
    for participant in spoken:
        await ears.process_audio(AUDIO, participant)
    assert ears.service.open == max(1, len(spoken))
    await ears.close()
    made = ears.service.made
    await ears.process_audio(AUDIO, ANNA)
    assert (ears.service.open, ears.service.made) == (0, made)


async def test_a_service_without_goodbyes_is_left_in_time_by_all_at_once(ears: Ears):
    ears.service.polite = False
    for number in range(5):
        await ears.process_audio(AUDIO, Participant(str(number)))
    begun = asyncio.get_running_loop().time()
    await ears.close()
    assert asyncio.get_running_loop().time() - begun < 2 * CLOSE_TIMEOUT
    assert ears.service.open == 0


async def test_streams_that_have_more_to_end_end_it(ears: Ears, monkeypatch: pytest.MonkeyPatch):
    closed: list[tuple[str, Participant | None]] = []

    class More(ScriptedStream):
        def close_soon(self) -> None:
            closed.append(("soon", self.participant))
            super().close_soon()

        async def close(self) -> None:
            closed.append(("now", self.participant))
            await super().close()

    monkeypatch.setattr(ears, "_new_stream", lambda: More(ears, ears.service))
    await ears.process_audio(AUDIO, ANNA)
    await ears.process_audio(AUDIO, BERT)
    ears.forget(ANNA)
    await ears.close()
    assert closed == [("soon", ANNA), ("now", BERT)]


async def test_audio_that_finds_the_connection_broken_goes_over_the_next_one(ears: Ears):
    ears.service.breaks = 1
    await ears.process_audio(AUDIO, ANNA)
    assert ears.service.made == 2
    assert ears.story == [(ANNA, ["interrupted", "take"])]


async def test_audio_that_finds_two_connections_broken_is_given_up(ears: Ears):
    ears.service.breaks = 2
    with pytest.raises(NoConnectionError, match="the service closed the connection twice"):
        await ears.process_audio(AUDIO, ANNA)
    assert ears.service.made == 2
    await ears.process_audio(AUDIO, ANNA)
    assert ears.story == [(ANNA, ["interrupted", "interrupted", "take"])]


@pytest.mark.parametrize("reason", [None, ConnectionResetError(), WrongKeyError()])
async def test_a_connection_lost_is_reported_where_it_is_a_complaint(ears: Ears, reason: Exception | None):
    await ears.process_audio(AUDIO, ANNA)
    ears.service.reason = reason
    ears.service.sessions[0].set()
    await asyncio.sleep(0.01)
    assert ears.story == [(ANNA, ["take", "interrupted"])]
    assert ears.failures == ([reason] if isinstance(reason, WrongKeyError) else [])


async def test_a_connection_lost_before_anybody_spoke_interrupts_nobody(ears: Ears):
    await ears.start()
    ears.service.reason = WrongKeyError()
    ears.service.sessions[0].set()
    await asyncio.sleep(0.01)
    assert ears.story == [(None, [])]
    assert ears.failures == [ears.service.reason]
