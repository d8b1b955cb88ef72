"""A call in bad weather, and a witness who hears every sample of it.

Words are called w0, w1, … in each reply, and the samples of a word count on through the reply: so what was heard can
be read off what was pulled, and compared with what the agent says was heard.
"""

import asyncio
from random import Random

import numpy as np

from vision_agents.core import Agent, InterruptionPolicy, Participant, User
from vision_agents.core.agents import AgentSpeechEndedEvent
from vision_agents.core.audio import PcmData
from vision_agents.core.audio.playout import FADE_SAMPLES
from vision_agents.core.conversation import Role, ToolCall
from vision_agents.core.edge import FRAME_SECONDS, EdgeTransport
from vision_agents.core.events import Event
from vision_agents.core.floor import FloorState
from vision_agents.core.llm import LLM, Realtime
from vision_agents.core.llm.llm import LIMIT_PROMPT
from vision_agents.core.stt import STT
from vision_agents.core.tts import TTS, SpeechChunk, Word
from vision_agents.core.turn_detection import TurnStartedEvent
from vision_agents.core.voice import CONTINUE_PROMPT
from vision_agents.testing.hostile import HostileError, Mischief
from vision_agents.testing.parts import ScriptedDetector

RATE = 48_000
WORD = 9_600
GRAIN = 64
# What a model is asked besides what people say.
PROMPTS = (CONTINUE_PROMPT, LIMIT_PROMPT)
PEOPLE = (Participant("anna"), Participant("bert"))


def word_audio(number: int) -> PcmData:
    """0.2 s: sample i of the reply has the value 1 + i // 64."""
    places = np.arange(number * WORD, (number + 1) * WORD)
    return PcmData((1 + places // GRAIN).astype(np.int16), RATE)


def sentences(rng: Random, first: int = 0) -> str:
    """A text of up to 20 words, of which `first` is the number of the first."""
    last = first + rng.randint(1, 20) - 1
    return " ".join(f"w{n}." if n == last or rng.random() < 0.2 else f"w{n}" for n in range(first, last + 1))


class StormyLLM(LLM):
    """Answers with numbered words, and calls `functions` of these before, between or behind them."""

    def __init__(self, mischief, functions=()):
        super().__init__()
        self.mischief, self.names = mischief, functions
        self.calls = 0
        for name in functions:
            self.register_function(name, effects=name == "act")(self.function)

    async def function(self):
        await self.mischief.pause()
        return "done"

    async def stream(self, request):
        try:
            for word in sentences(self.mischief.rng, self.first(request)).split():
                await self.mischief.pause()
                if self.names and self.mischief.rng.random() < 0.1:
                    self.calls += 1
                    yield ToolCall(f"c{self.calls}", self.mischief.rng.choice(self.names), {})
                    if self.mischief.rng.random() < 0.7:
                        return
                yield word + " "
        finally:
            await self.mischief.clean_up()

    def first(self, request):
        """The number of its first word: it goes on where it stopped, if it is asked to, and behind its calls."""
        last = request.messages[-1]
        goes_on = last.role is Role.TOOL or last.text in PROMPTS
        for message in reversed(request.messages if goes_on else ()):
            if message.role is Role.USER and message.text not in PROMPTS:
                break
            if message.role is Role.ASSISTANT and message.text:
                return int(message.text.split()[-1].strip("w.")) + 1
        return 0

    async def cancel_work(self):
        await self.mischief.pause()


class StormyTTS(TTS):
    def __init__(self, mischief):
        super().__init__()
        self.mischief = mischief

    async def stream_audio(self, text):
        timed = not self.mischief.strikes(0.5)
        try:
            for index, word in enumerate(text.split()):
                await self.mischief.pause()
                times = Word(word, index * WORD / RATE, (index + 1) * WORD / RATE)
                yield SpeechChunk(word_audio(int(word.strip("w."))), (times,) if timed else ())
        finally:
            await self.mischief.clean_up()

    async def stop_audio(self):
        await self.mischief.pause()


class StormySTT(STT):
    def __init__(self, mischief):
        super().__init__()
        self.mischief = mischief

    async def process_audio(self, audio, participant):
        await self.mischief.pause()

    async def finish_turn(self, participant):
        await self.mischief.pause()
        self.report_words(participant, self.mischief.rng.choice(("", "go on", "and then")), final=True)

    def begin_turn(self, participant):
        if self.mischief.strikes(0.2):
            raise HostileError("cannot begin")

    async def close(self):
        await self.mischief.clean_up()


class StormyModel(Realtime):
    """Answers texts, and turns, by itself; it sends faster than it is played."""

    def __init__(self, mischief):
        super().__init__()
        self.mischief = mischief
        self.tasks = {}  # in their order, so that the same seed is the same run
        self.count = 0

    async def connect(self, instructions):
        pass

    async def send_audio(self, audio, participant):
        await self.mischief.pause()

    async def send_text(self, text, request=None):
        asked_in, sending = self.epoch, asyncio.current_task()
        self.tasks[sending] = None
        try:
            await self.mischief.pause()
            self.respond(asked_in, request)
        finally:
            self.tasks.pop(sending, None)

    def respond(self, asked_in=None, request=None):
        self.count += 1
        task = asyncio.get_running_loop().create_task(self.speak(f"r{self.count}", asked_in or self.epoch, request))
        self.tasks[task] = None
        task.add_done_callback(lambda over: self.tasks.pop(over, None))

    async def speak(self, name, asked_in, request):
        try:
            await self.mischief.pause()
            self.report_response_started(name, asked_in, request)
            for index, word in enumerate(sentences(self.mischief.rng).split()):
                await self.mischief.pause()
                times = Word(word, index * WORD / RATE, (index + 1) * WORD / RATE)
                self.report_response_text(name, word + " ", (times,))
                self.report_audio(name, word_audio(index))
        except HostileError as error:
            self.report_failure(error)
        finally:
            self.report_response_done(name)

    async def stop_response(self, heard):
        await self.mischief.pause()
        for task in list(self.tasks):
            if self.mischief.strikes():
                task.cancel()

    async def close(self):
        for task in list(self.tasks):
            task.cancel()
        await self.mischief.clean_up()


class Witness(EdgeTransport):
    """Pulls a frame each 20 ms and holds it up to what the agent says of itself; what does not fit is in `faults`."""

    def __init__(self):
        self.sink = None
        self.records = []
        self.faults = []
        # Of each reply, which values were pulled, and which of them as they are: a fade passes through all lower ones.
        self.seen = {}
        self.whole = {}
        self._task = None
        self._now = 0.0
        # The reply that sounds, and whether it is over; the one that is held, and for how many frames.
        self._playing = None
        self._over = True
        self._held = None
        self._held_frames = 0
        self._uninterruptible = set()
        # The number of each reply's first word: what goes on, or tells what functions did, begins with a later one.
        self._first = {}
        # The replies of which the stages were told.
        self._timed = set()
        # Who is there; everybody may have left.
        self._present = set()
        # What the agent says was heard, to be compared when the frame that it may have been said in is here.
        self._claims = []

    async def join(self, agent_user, call, sink):
        self.sink = sink
        self._task = asyncio.create_task(self._play(), name="witness")

    async def leave(self):
        self._task.cancel()
        await asyncio.wait([self._task])

    async def _play(self):
        loop = asyncio.get_running_loop()
        start = loop.time()
        for frame in range(10**9):
            self._now = loop.time()
            self.pull()
            await asyncio.sleep(start + (frame + 1) * FRAME_SECONDS - loop.time())

    def pull(self):
        if self._over:
            self._playing = None
        frame = self.sink.pull()
        if frame.any():
            self._hear(frame)
        if self._held is not None:
            self._held_frames += 1
        while self._claims:
            self._compare(self._claims.pop())

    def _hear(self, frame):
        if self._playing is None:
            self._fault("sound of no reply: it is over, or was interrupted")
            return
        if not self._present:
            self._fault("sound in an empty room")
        if self._held is not None and (self._held_frames or frame[FADE_SAMPLES:].any()):
            self._fault("sound while the voice is held")
        self.seen.setdefault(self._playing, np.zeros(2**15, dtype=bool))[frame] = True
        values, counts = np.unique(frame, return_counts=True)
        self.whole.setdefault(self._playing, np.zeros(2**15, dtype=bool))[values[counts >= GRAIN // 2]] = True

    def _fault(self, what):
        self.faults.append(f"at {self._now:.2f} s: {what}")

    def observe(self, record):
        self.records.append(dict(record))
        event, effect, note = record.get("event"), record.get("effect"), record.get("note")
        if event == "ParticipantJoined":
            self._present.add(record["participant"])
        elif event == "ParticipantLeft":
            self._present.discard(record["participant"])
        if event == "ReplyRequested" and not record["interruptible"]:
            self._uninterruptible.add(record["reply"])
        if event == "AudioStarted":
            self._playing, self._over = record["reply"], False
        if effect == "BeginReply" and record["continues"] in self._uninterruptible:
            self._uninterruptible.add(record["reply"])
        if event == "AudioDrained" or effect == "DropReply":
            self._end(record["reply"])
        elif effect == "Commit":
            self._end(self._playing)
            self._held = None
        elif effect == "Hold":
            self._held, self._held_frames = record["reply"], 0
        elif effect == "Resume":
            self._held = None
        elif note == "AnswerTimed":
            self._compare_stages(record)
        elif note == "ReplyPlayed":
            if record["seconds"] and record["reply"] not in self._timed:
                self._fault(f"reply {record['reply']} was heard, and nobody told of its stages")
            self._claims.append(record)
            words = " ".join(utterance["text"] for utterance in record["utterances"]).split()
            self._first[record["reply"]] = int(words[0].strip("w.")) if words else 0

    @property
    def may_be_interrupted(self):
        """Something sounds that speech may interrupt."""
        return not self._over and self._held is None and self._playing not in self._uninterruptible

    def _end(self, reply):
        self._over = self._over or reply == self._playing
        if reply == self._held:
            self._held = None

    def furthest(self, reply):
        """One past the last sample of the reply that was pulled, to within a grain and a fade."""
        seen = self.seen.get(reply)
        return 0 if seen is None else int(np.flatnonzero(seen).max()) * GRAIN

    def first(self, reply):
        """The number of the reply's first word, by its text: a fade passes through the samples of earlier ones."""
        return self._first.get(reply, 0)

    def _compare(self, record):
        """Law 5: what the agent says was heard, against what was pulled."""
        reply, samples = record["reply"], record["seconds"] * RATE
        first = self.first(reply)
        furthest = max(0, self.furthest(reply) - first * WORD)
        if not furthest - GRAIN <= samples <= furthest + GRAIN + FADE_SAMPLES:
            self._fault(f"of reply {reply} {furthest} samples were heard, not {samples:.0f}")
        words = [int(word.strip("w.")) for word in record["text"].split()]
        if words != list(range(first, first + len(words))):
            self._fault(f"the words heard of reply {reply} are no beginning of it: {record['text']}")
        # A word is heard when half of it was; at the very half either will do.
        halves = {round((samples + slack) / WORD) for slack in (-1, 1)}
        if not record["estimated"] and len(words) not in halves:
            self._fault(f"{samples:.0f} samples are not the words {record['text']!r}")

    def _compare_stages(self, record):
        """Each reply's stages are told once, when it is heard if it is, and add up to the whole."""
        reply, took, pulled = record["reply"], record["durations"].values(), record["stages"]["pulled"]
        if reply in self._timed:
            self._fault(f"the stages of reply {reply} are told twice")
        self._timed.add(reply)
        if min(took, default=0.0) < 0.0 or abs(sum(took) - (record["total"] or sum(took))) > 0.02:
            self._fault(f"the stages of reply {reply} do not add up: {record}")
        if pulled is not None and (reply != self._playing or abs(pulled - record["t"]) > 0.001):
            self._fault(f"reply {reply} is told to be heard at {pulled:.3f} s")

    def lost(self, reply):
        """The longest stretch, in samples, that was passed over in what was played of a reply."""
        first = self.first(reply) * WORD // GRAIN
        places = first + np.flatnonzero(self.whole[reply][1 + first :])
        return int(np.diff(places, prepend=first - 1).max() - 1) * GRAIN


class Storm:
    """An agent, its call, and the people in it."""

    def __init__(self, seed, realtime, functions=False):
        rng = Random(seed)
        self.mischief = Mischief(rng, evil=0.3)
        self.witness = Witness()
        self.detector = ScriptedDetector()
        self.model = StormyModel(self.mischief) if realtime else None
        self.functions = functions and not realtime
        self.requests = []
        self.ended = []
        policy = InterruptionPolicy(hold=rng.random() < 0.8, rewind=rng.choice(("word", "exact")))
        if realtime:
            parts = {"llm": self.model}
        else:
            parts = {
                "llm": StormyLLM(self.mischief, ("act", "look") if self.functions else ()),
                "tts": StormyTTS(self.mischief),
                "stt": StormySTT(self.mischief),
                "turn_detection": self.detector,
            }
        self.agent = Agent(edge=self.witness, agent_user=User("agent"), interruption=policy, **parts)
        self._subscribe()

    def _subscribe(self):
        @self.agent.events.subscribe
        async def note(event: AgentSpeechEndedEvent):
            self.ended.append(event)

        @self.agent.events.subscribe
        async def raises(event: Event):
            raise HostileError("a user's handler")

        @self.agent.events.subscribe
        async def hangs(event: TurnStartedEvent):
            await asyncio.Event().wait()

    @property
    def ear(self):
        return self.model or self.detector

    @property
    def queued(self):
        """Seconds of audio that wait at the gate, for the reply of which most waits."""
        return max((line.waiting for line in self.agent._session.playout._lines), default=0) / RATE

    @property
    def at_rest(self):
        """Nobody has the floor, and no response is still to come that was asked for in worse weather."""
        return self.agent.state is FloorState.IDLE and not (self.model and self.model.tasks)

    async def begin(self):
        await self.agent.join()
        for person in PEOPLE:
            self.witness.sink.participant_joined(person)

    def request(self, work):
        """Have something done that has to come to an end."""
        self.requests.append(asyncio.ensure_future(work))

    async def speak(self, person, seconds):
        """A person's speech, as a detector reports it, to its end."""
        window = ScriptedDetector.WINDOW
        self.ear.report_speech_started(person, 0.9, window)
        for number in range(1, round(seconds / window)):
            await asyncio.sleep(window)
            self.ear.report_speech_continued(person, 0.9, (number + 1) * window)
        await asyncio.sleep(0.16)
        self.ear.report_speech_ended(person, seconds, 0.16)
        await asyncio.sleep(0.04)
        self.ear.report_turn_ended(person, 0.9, None, 0.2)
        if self.model is not None:
            self.model.respond()

    async def calm(self):
        """The weather is fine again. Wait until the agent has nothing left to do."""
        self.mischief.evil = 0.0
        async with asyncio.timeout(600):
            await asyncio.gather(*self.requests)
            quiet = 0
            while quiet < 50:
                await asyncio.sleep(0.1)
                quiet = quiet + 1 if self.at_rest else 0

    async def answer(self):
        """A new turn, and what is heard in answer to it."""
        before = len(self.ended)
        async with asyncio.timeout(60):
            await self.speak(PEOPLE[0], 1.0)
            self.mischief.rng.seed(3)  # of which the recogniser's choice of words does not come out empty
            while len(self.ended) == before or not self.at_rest:
                await asyncio.sleep(0.1)
            await asyncio.sleep(0.1)  # for the last event to be delivered
        return self.ended[before:]

    def history(self):
        """What the agent has said, by reply: of each the parts, between which it called functions."""
        history = {}
        for message in self.agent.conversation:
            if message.role is Role.ASSISTANT and not message.tool_calls:
                history.setdefault(message.reply, []).append(message)
        return history

    async def end(self):
        """Leave the call; return the tasks that are alive a minute later."""
        await self.agent.close()
        await asyncio.sleep(120)
        return asyncio.all_tasks() - {asyncio.current_task()}
