"""A realtime model that needs no provider: it hears loudness, says what is scripted, and speaks in tones."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from functools import partial
from itertools import count

from vision_agents.core.audio import PcmData
from vision_agents.core.conversation import ToolCall
from vision_agents.core.llm import PlayedResponse, Realtime
from vision_agents.core.participants import Participant
from vision_agents.core.tts import Word

from .parts import tone

# A text, a call of a function, or a text and then a call.
Answer = str | ToolCall | tuple[str, ToolCall]


class ScriptedRealtime(Realtime):
    """Answers with the given texts and calls in turn (the last one again and again), each word a tone.

    An answer may be both, a text and then a call. Audio above `level` is speech, `silence` seconds without end the
    turn, whose words are taken from `words`, in turn. `transcript_delays`: seconds after the turn in which its words
    are known, in turn (the last one again and again), None for never. `delay`: seconds before each word. `stopped`
    tells what was heard of the responses that were cut off; `asked` the texts, the users' words and the results of
    functions that were answered.
    """

    def __init__(
        self,
        answers: Iterable[Answer] = ("Hello.",),
        words: Iterable[str] = (),
        *,
        word_seconds: float = 0.3,
        delay: float = 0.0,
        silence: float = 0.5,
        level: int = 500,
        transcript_delays: Iterable[float | None] = (0.0,),
    ) -> None:
        super().__init__()
        self.answers = list(answers)
        self.words = list(words)
        self.asked: list[str] = []
        self.stopped: list[PlayedResponse] = []
        self._word_seconds = word_seconds
        self._delay = delay
        self._silence = silence
        self._level = level
        self._quiet: float | None = None
        self.instructions = ""
        self._names = count(1)
        self._transcript_delays = list(transcript_delays)
        # Of the turn that runs.
        self._place = 0
        # Responses in the making, and the epoch in which each was asked for.
        self._tasks: dict[str, tuple[asyncio.Task[None], int]] = {}

    async def connect(self, instructions: str) -> None:
        self.instructions = instructions

    def instruct(self, instructions: str) -> None:
        self.instructions = instructions

    async def send_audio(self, audio: PcmData, participant: Participant) -> None:
        loud = bool((abs(audio.samples.astype("i4")) > self._level).any())
        if loud and self._quiet is None:
            self._cancel(self._tasks)
            self._place = self.conversation.place()
            self.report_turn_started(participant)
        if loud:
            self._quiet = 0.0
        elif self._quiet is not None:
            self._quiet += audio.duration
            if self._quiet >= self._silence:
                trailing, self._quiet = self._quiet, None
                self.report_turn_ended(participant, 1.0, None, trailing)
                self._understand(participant)

    async def send_text(self, text: str, request: int | None = None) -> None:
        self.respond(text, request)

    async def stop_response(self, heard: tuple[PlayedResponse, ...]) -> None:
        self.stopped.extend(heard)
        cut = {one.response for one in heard}
        self._cancel([name for name, (_, asked_in) in self._tasks.items() if name in cut or asked_in < self.epoch])

    async def close(self) -> None:
        self._cancel(self._tasks)

    def respond(self, text: str, request: int | None = None) -> None:
        """Begin a response to a text."""
        self.asked.append(text)
        name = f"response {next(self._names)}"
        task = asyncio.get_running_loop().create_task(self._respond(name, self.epoch, request), name=name)
        self._tasks[name] = (task, self.epoch)
        task.add_done_callback(lambda _: self._tasks.pop(name, None))

    def next_answer(self) -> Answer:
        """Returns what to answer now."""
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    async def pause(self) -> None:
        """Wait before the next word."""
        await asyncio.sleep(self._delay)

    def _understand(self, participant: Participant) -> None:
        text = self.words.pop(0) if self.words else ""
        delays = self._transcript_delays
        delay = delays.pop(0) if len(delays) > 1 else delays[0]
        if text and delay == 0.0:
            self.report_words(participant, text, final=True, place=self._place)
        elif text and delay is not None:
            report = partial(self.report_words, participant, text, final=True, place=self._place)
            asyncio.get_running_loop().call_later(delay, report)
        self.respond(text)

    async def _respond(self, name: str, asked_in: int, request: int | None) -> None:
        text, call = _parts(self.next_answer())
        if text:
            await self._speak(name, text, asked_in, request, more=call is not None)
        if call is not None:
            result = await self.call_function(call, asked_in)
            if asked_in == self.epoch:
                self.respond(result, request)

    async def _speak(self, name: str, text: str, asked_in: int, request: int | None, more: bool) -> None:
        started = False
        try:
            for index, word in enumerate(text.split()):
                await self.pause()
                if not started:
                    self.report_response_started(name, asked_in, request)
                    started = True
                start = index * self._word_seconds
                times = Word(word, start, start + self._word_seconds)
                self.report_response_text(name, word + " ", (times,))
                self.report_audio(name, tone(self._word_seconds, 24_000))
        finally:
            if started:
                self.report_response_done(name, more)

    def _cancel(self, names: Iterable[str]) -> None:
        for name in list(names):
            self._tasks[name][0].cancel()


def _parts(answer: Answer) -> tuple[str, ToolCall | None]:
    if isinstance(answer, str):
        return answer, None
    return ("", answer) if isinstance(answer, ToolCall) else answer
