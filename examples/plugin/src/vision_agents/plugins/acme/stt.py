"""Acme's recogniser: a connection for each participant."""

from __future__ import annotations

import asyncio

from vision_agents.core import stt
from vision_agents.core.audio import PcmData
from vision_agents.core.participants import Participant

from .wire import ADDRESS, AcmeError, Line, Lines, encoded


class STT(stt.STT):
    """Words from the service at `address` ("host:port"). It finds no turns: an agent needs a detector beside it."""

    def __init__(self, address: str = ADDRESS) -> None:
        super().__init__()
        self._lines = Lines(address)
        self._ears: dict[Participant, _Ear] = {}
        self._closed = False

    async def start(self) -> None:
        self._closed = False  # It may have served a call before.

    async def process_audio(self, audio: PcmData, participant: Participant) -> None:
        """Send the next piece, once more if the connection is found broken. Raises AcmeError if there is no other."""
        if self._closed:
            return
        ear = self._ear(participant)
        try:
            await ear.send(self._lines, audio)
        except AcmeError:
            await ear.send(self._lines, audio)

    async def finish_turn(self, participant: Participant) -> None:
        """Report the final words. Raises AcmeError if the connection is lost meanwhile."""
        ear = self._ear(participant)
        if ear.line is not None and ear.line.open:
            turn, ear.turn = ear.turn, ear.turn + 1
            ear.finished[turn] = finished = asyncio.get_running_loop().create_future()
            try:
                await ear.line.send(finish=turn)
                await finished
            finally:
                del ear.finished[turn]

    def discard_turn(self, participant: Participant) -> None:
        """Words of it that come later are of another turn than the present one, and are not reported."""
        self._ear(participant).turn += 1

    def forget(self, participant: Participant) -> None:
        ear = self._ears.pop(participant, None)
        if ear is not None:
            ear.close(self._lines)

    async def close(self) -> None:
        self._closed = True
        ears = list(self._ears.values())
        for ear in ears:
            ear.close(self._lines)
        self._lines.close()
        await asyncio.gather(*(ear.reading for ear in ears if ear.reading), return_exceptions=True)

    def _ear(self, participant: Participant) -> _Ear:
        return self._ears.setdefault(participant, _Ear(self, participant))


class _Ear:
    """One participant's connection, and the number of their turn."""

    def __init__(self, hearing: STT, participant: Participant) -> None:
        self._hearing = hearing
        self._participant = participant
        self.turn = 0
        # Turns whose final words are waited for.
        self.finished: dict[int, asyncio.Future[None]] = {}
        self.line: Line | None = None
        self.reading: asyncio.Task[None] | None = None

    async def send(self, lines: Lines, audio: PcmData) -> None:
        line = await self._connected(lines)
        try:
            await line.send(audio=encoded(audio), turn=self.turn)
        except AcmeError:
            line.close()
            raise

    async def _connected(self, lines: Lines) -> Line:
        if self.line is None or not self.line.open:
            self.close(lines)
            self.line = line = await lines.connect()
            await line.send(kind="listen", sample_rate=stt.SAMPLE_RATE)
            self.reading = asyncio.create_task(self._read(line), name=f"words of {self._participant.id}")
        return self.line

    def close(self, lines: Lines) -> None:
        if self.line is not None:
            lines.release(self.line)
        if self.reading is not None:
            self.reading.cancel()

    async def _read(self, line: Line) -> None:
        try:
            while True:
                self._take(await line.receive())
        except AcmeError as error:
            line.close()
            waiting = [future for future in self.finished.values() if not future.done()]
            for future in waiting:
                future.set_exception(error)
            if not waiting:
                self._hearing.report_failure(error)

    def _take(self, message: dict[str, object]) -> None:
        turn = message["turn"]
        assert isinstance(turn, int)
        finished = self.finished.get(turn)
        if finished is not None or turn == self.turn:
            final = bool(message.get("final"))
            if message["words"]:
                self._hearing.report_words(self._participant, str(message["words"]), final=final)
            if final and finished is not None and not finished.done():
                finished.set_result(None)
