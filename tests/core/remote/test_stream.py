"""A stream for each participant: opened when needed, fed, and closed with all that is theirs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio

from vision_agents.core import Participant
from vision_agents.core.audio import PcmData
from vision_agents.core.remote import Connection, Link, LinkError, RemoteSTT
from vision_agents.core.remote.link import CLOSE_TIMEOUT, PAUSE

pytestmark = pytest.mark.virtual_time

ANNA = Participant("anna")
BERT = Participant("bert")
AUDIO = PcmData.silence(0.02, 16_000)


class WrongKeyError(Exception):
    """Trying again cannot mend it."""


class Service:
    """The other end: whether it `refuses` connections, and, if it is not `polite`, says no goodbye until it is cut."""

    def __init__(self) -> None:
        self.refuses = False
        self.polite = True
        self.made = 0
        self.open = 0

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[asyncio.Event]:
        if self.refuses:
            raise WrongKeyError
        cut = asyncio.Event()
        self.made += 1
        self.open += 1
        try:
            yield cut
        finally:
            if not self.polite:
                await cut.wait()
            self.open -= 1


class ScriptedStream:
    """A stream that writes down what is asked of it."""

    def __init__(self, service: Service) -> None:
        self.participant: Participant | None = None
        self.asked: list[str] = []
        self.link: Link[asyncio.Event] = Link(
            "the service",
            lambda over: Connection("the service", service.connect(), self._read, asyncio.Event.set, over),
            lambda error: "use another key" if isinstance(error, WrongKeyError) else None,
            lambda _: None,
        )

    def assign(self, participant: Participant) -> None:
        assert self.participant is None, "it is somebody's already"
        self.participant = participant

    async def take(self, audio: PcmData) -> None:
        await self.link.get()
        self.asked.append("take")

    async def finish(self) -> None:
        await asyncio.sleep(0.1)
        self.asked.append("finish")

    def discard(self) -> None:
        self.asked.append("discard")

    async def _read(self, session: asyncio.Event) -> None:
        await session.wait()


class Ears(RemoteSTT[ScriptedStream]):
    """A recogniser at the service, and the streams it ever had."""

    def __init__(self) -> None:
        super().__init__()
        self.service = Service()
        self.made: list[ScriptedStream] = []

    def _new_stream(self) -> ScriptedStream:
        self.made.append(ScriptedStream(self.service))
        return self.made[-1]

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
    with pytest.raises(LinkError, match="use another key"):
        await ears.start()


async def test_who_begins_to_speak_has_a_connection_tried_again(ears: Ears):
    ears.service.refuses = True
    with pytest.raises(LinkError):
        await ears.process_audio(AUDIO, ANNA)
    ears.service.refuses = False
    await asyncio.sleep(PAUSE / 2)
    with pytest.raises(LinkError):
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


async def test_streams_that_have_more_to_end_end_it():
    closed: list[tuple[str, Participant | None]] = []

    class More(Ears):
        def _close_soon(self, stream: ScriptedStream) -> None:
            closed.append(("soon", stream.participant))
            super()._close_soon(stream)

        async def _close(self, stream: ScriptedStream) -> None:
            closed.append(("now", stream.participant))
            await super()._close(stream)

    ears = More()
    await ears.process_audio(AUDIO, ANNA)
    await ears.process_audio(AUDIO, BERT)
    ears.forget(ANNA)
    await ears.close()
    assert closed == [("soon", ANNA), ("now", BERT)]
