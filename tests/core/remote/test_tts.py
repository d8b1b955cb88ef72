"""The base of synthesisers at a service: which line a text gets, and what an interruption does to lines."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from vision_agents.core.audio import PcmData
from vision_agents.core.remote import Connection, NoConnectionError, RemoteTTS, SpeechLine, SpeechLostError, Synthesis
from vision_agents.core.remote.tts import ROOM_PATIENCE
from vision_agents.core.tts import SpeechChunk
from vision_agents.testing.contract import Consumer

pytestmark = pytest.mark.virtual_time

PIECE = SpeechChunk(PcmData.silence(0.1, 16_000))


class Line(SpeechLine[Synthesis]):
    """A line with places for so many texts. `confirms_after`: seconds that a cancellation takes, None: it fails."""

    def __init__(self, places: int, confirms_after: float | None, opens_after: float) -> None:
        self.opens_after = opens_after
        self.places = places
        self.confirms_after = confirms_after
        self.texts: list[str] = []
        self.taken: list[Synthesis] = []
        self.broken = False
        self.connection: Connection[Any] = Connection("it", self._open(), self._read, lambda _: None)

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[Line]:
        await asyncio.sleep(self.opens_after)
        yield self

    async def _read(self, _: Line) -> None:
        await asyncio.get_running_loop().create_future()

    @property
    def room(self) -> bool:
        return self.connection.usable and len(self.taken) < self.places

    def place(self, text: str) -> Synthesis:
        self.texts.append(text)
        self.taken.append(Synthesis("it"))
        return self.taken[-1]

    async def speak(self, place: Synthesis, text: str) -> None:
        if self.broken:
            self.taken.remove(place)
            raise OSError("broken")
        place.inbox.put(PIECE)

    def occupied(self, place: Synthesis) -> bool:
        return place in self.taken

    async def cancel(self, place: Synthesis) -> bool:
        if self.confirms_after is None:
            return False
        await asyncio.sleep(self.confirms_after)
        self.taken.remove(place)
        return True

    def end(self) -> None:
        """The oldest text is spoken."""
        self.taken.pop(0).inbox.end()


class Made(RemoteTTS[Line]):
    """A synthesiser whose lines are made up. `broken`: so many of the next lines break at their first text;
    `opens_after`: seconds that the next ones take to be opened."""

    def __init__(self, places: int = 1, confirms_after: float | None = 0.1, refuses: bool = False) -> None:
        super().__init__("it", lambda error: "Ask somebody." if refuses else None, OSError)
        self.lines: list[Line] = []
        self.broken = 0
        self.opens_after = 0.0
        self._made = (places, confirms_after)

    def _new_line(self) -> Line:
        line = Line(*self._made, self.opens_after)
        line.broken, self.broken = self.broken > 0, self.broken - 1
        self.lines.append(line)
        return line

    @property
    def open(self) -> int:
        return sum(line.connection.usable for line in self.lines)


async def speaking(made: Made, text: str) -> Consumer[Any]:
    consumer = Consumer(made.synthesize(text))
    await consumer.some()
    return consumer


async def test_a_line_is_kept_for_the_next_text_and_nothing_is_left_when_it_is_closed() -> None:
    before = len(asyncio.all_tasks())
    made = Made()
    await made.start()
    for text in ("one", "two"):
        consumer = await speaking(made, text)
        made.lines[0].end()
        assert await consumer.end() == [PIECE]
    assert [line.texts for line in made.lines] == [["one", "two"]]
    await made.close()
    await made.close()
    assert len(asyncio.all_tasks()) == before
    with pytest.raises(RuntimeError, match="closed"):
        await speaking(made, "three")


async def test_a_text_waits_for_a_line_that_is_being_interrupted_but_not_for_long() -> None:
    loop = asyncio.get_running_loop()
    for takes, lines in ((ROOM_PATIENCE / 2, 1), (ROOM_PATIENCE * 2, 2)):
        made = Made(confirms_after=takes)
        await speaking(made, "one")
        began = loop.time()
        made.interrupt()
        await speaking(made, "two")
        assert loop.time() - began == pytest.approx(min(takes, ROOM_PATIENCE), abs=0.02)
        assert len(made.lines) == lines
        await made.close()


async def test_a_line_that_confirms_nothing_is_closed() -> None:
    made = Made(confirms_after=None)
    consumer = await speaking(made, "one")
    await made.interrupt()
    assert await consumer.end() == [PIECE]
    assert not made.lines[0].connection.usable
    await speaking(made, "two")
    assert made.open == 1
    await made.close()


async def test_texts_share_a_line_as_far_as_it_goes_and_one_line_is_left() -> None:
    made = Made(places=2)
    consumers = [await speaking(made, text) for text in ("one", "two", "three")]
    assert [line.texts for line in made.lines] == [["one", "two"], ["three"]]
    for line in (made.lines[0], made.lines[1], made.lines[0]):
        line.end()
    for consumer in consumers:
        await consumer.end()
    await asyncio.sleep(0.01)
    assert made.open == 1
    await made.close()


@pytest.mark.parametrize("by_text", [True, False])
async def test_a_line_that_was_being_opened_when_the_voice_was_tuned_says_nothing(by_text: bool) -> None:
    made = Made()
    made.opens_after = 1.0
    opening = asyncio.ensure_future(speaking(made, "one") if by_text else made.start())
    await asyncio.sleep(0.5)
    made._renew()
    await opening
    made.opens_after = 0.0
    if not by_text:
        await speaking(made, "one")
    assert [line.texts for line in made.lines] == [[], ["one"]]
    await asyncio.sleep(0.01)
    assert made.open == 1
    await made.close()


async def test_a_line_that_breaks_at_once_is_replaced_once() -> None:
    made = Made()
    made.broken = 1
    await speaking(made, "one")
    assert [line.texts for line in made.lines] == [["one"], ["one"]]
    await made.close()
    made = Made()
    made.broken = 2
    with pytest.raises(SpeechLostError, match="it closed two connections before it spoke"):
        await speaking(made, "one")
    await made.close()


async def test_an_interruption_stops_what_was_begun_before_it_and_not_what_came_after() -> None:
    made = Made(places=2)
    old = await speaking(made, "one")
    stopping = made.interrupt()
    new = await speaking(made, "two")
    await stopping
    assert await old.end() == [PIECE]
    made.lines[0].end()
    assert await new.end() == [PIECE]
    await made.close()


async def test_a_refusal_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Made(refuses=True)

    @asynccontextmanager
    async def refuse(self: Line) -> AsyncIterator[Line]:
        raise OSError("no")
        yield self

    monkeypatch.setattr(Line, "_open", refuse)
    with pytest.raises(NoConnectionError, match="Ask somebody"):
        await made.start()
    await made.close()
