"""One call: events to the floor, effects to the parts. The floor decides; this only carries out.

Everything here runs on the event loop's thread. `post` is synchronous from the event to its last effect, so that the
first window of a user's speech has silenced the gate before anything else can run.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from functools import partial

from ..audio import PcmData, Playout, Samples
from ..audio.playout import SAMPLE_RATE
from ..conversation import Conversation
from ..edge import CallEndedEvent, ParticipantJoinedEvent, ParticipantLeftEvent
from ..epoch import Epoch
from ..events import EventManager
from ..floor import Clearance, Floor, InterruptionPolicy
from ..floor import events as ev
from ..llm import Tool
from ..part import Attachment
from ..participants import Participant
from ..redaction import redacted
from ..tasks import together
from ..trace import Trace
from ..trace.notes import (
    CallEnded,
    ParticipantJoined,
    ResponseRequested,
    StaleAudio,
    TokensUsed,
    VoiceStarted,
    VoiceStopped,
)
from ..usage import TokenUsage
from ..voice import MadeStage, RealtimeVoice, SpeechRequest, SpokenReply
from .barrier import Barrier
from .deadline import DeadlineTimer
from .effect_runner import EffectRunner
from .events import AgentStateEvent
from .hearing_adapter import HearingAdapter
from .latency import AnswerLatency
from .parts import Parts
from .replies import Replies
from .requests import follow, tell
from .roster import Roster
from .rules import NO_FILLER, Rules

# Of what the agent said, so many words may be the question that is answered, or come back as an echo.
WORDS_REMEMBERED = 30


class Session:
    """Implements what the edge, the playout and the voice report to; the ears report to `HearingAdapter`."""

    def __init__(
        self,
        parts: Parts,
        rules: Rules,
        epoch: Epoch,
        events: EventManager,
        conversation: Conversation,
        instructions: str,
        agent: str,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._epoch = epoch
        self._events = events
        self.floor = Floor(rules.policy, answers=not parts.realtime, vocabulary=rules.vocabulary, apology=rules.apology)
        # What the floor was last told of the agent's words.
        self._said = ""
        self.trace = Trace(self.floor, self._loop.time)
        self.playout = Playout(epoch, self)
        self.barrier = Barrier(self._clearance, self._calls_wait)
        self._voice = parts.voice(self.playout, conversation, instructions, self)
        self.replies = Replies(
            self.playout,
            self._voice,
            conversation,
            events,
            self.trace,
            epoch,
            self.floor.may_continue,
            parts.realtime,
        )
        self._parts = parts
        self._instructions = instructions
        self._roster = Roster()
        self._participants = self._roster.present
        self._filler = rules.filler
        self._accompanied = asyncio.Event()
        self._listening = HearingAdapter(
            parts, rules, self.floor, self._roster, self.post, events, self.trace, lambda: conversation.latest
        )
        self._ears = self._listening.ears
        self._effects = EffectRunner(
            self.floor,
            self.replies,
            self._voice,
            self._listening,
            self._roster,
            conversation,
            events,
            self.post,
            self.trace.now,
        )
        self._latency = AnswerLatency(self.trace, self._participants, events, answers=self.floor.answers)
        output = self._voice if isinstance(self._voice, RealtimeVoice) else None
        # The parts are attached to it before `start`.
        self.attachment = Attachment(
            epoch,
            events,
            conversation,
            self._listening,
            output,
            agent,
            self.barrier,
            self._tokens_used,
            lambda: self.playout.ahead,
        )
        self._inbox: deque[ev.FloorEvent] = deque()
        self._draining = False
        self._timer = DeadlineTimer(self._time_passed)
        self.over = asyncio.Event()
        # Frames pulled so far, and the reply in whose voice the last of them ended.
        self._frames = 0
        self._sounding: int | None = None
        self.on_pull: Callable[[], None] | None = None

    # Life.

    async def start(self) -> None:
        """Load and connect every part, at the same time. Raises what a part raises."""
        self.trace.open(time.time())
        self._epoch.observe(self._epoch_advanced)
        self._epoch.observe_dropped(self._audio_dropped)
        # A part may have been interrupted before the call: the floor begins where the epoch is.
        self._epoch_advanced(self._epoch.value)
        await together(self._parts.start_listening(), self._voice.start())
        if self._parts.model is not None:
            model = self._parts.model
            await model.at_work(partial(model.connect, self._instructions), f"connecting {type(model).__name__}")

    async def stop(self) -> None:
        """End everything that belongs to the call. Harmless twice."""
        self.ended()
        try:
            await self._voice.close()
        finally:
            await self._listening.close()

    @property
    def participants(self) -> tuple[Participant, ...]:
        """The others in the call, in the order in which they came."""
        return tuple(self._participants.values())

    async def wait_for_participant(self, timeout: float | None) -> bool:
        """Wait until somebody is there, the call is over, or `timeout` seconds. Returns False after the last."""
        waiting = [asyncio.ensure_future(event.wait()) for event in (self._accompanied, self.over)]
        try:
            done, _ = await asyncio.wait(waiting, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waiting:
                task.cancel()
        return bool(done)

    def _tokens_used(self, usage: TokenUsage) -> None:
        self.trace.note(TokensUsed(usage))

    # What the agent's code wants.

    def request(self, request: SpeechRequest) -> asyncio.Future[bool]:
        """Have something said when the floor is free. The future tells whether all of it was heard."""
        if self.over.is_set():
            nobody_hears = self._loop.create_future()
            nobody_hears.set_result(False)
            return nobody_hears
        if request.caller is None or request.caller.confirmation.certain:
            return self._request(request)
        # A function of an answer that is only prepared says something: not before that is certain, if it ever is.
        heard: asyncio.Future[bool] = self._loop.create_future()
        request.caller.confirmation.then(lambda: follow(self._request(request), heard), lambda: tell(heard, False))
        return heard

    def _request(self, request: SpeechRequest) -> asyncio.Future[bool]:
        within = self._voice.waits_for(request.caller) if request.caller is not None else None
        number = self.floor.last_reply + 1
        future = self.replies.requested(number, request)
        if not request.verbatim:
            self.trace.note(ResponseRequested(number, request.text, request.participant))
        self.post(ev.ReplyRequested(self.trace.now(), number, request.interruptible, request.interrupts, within))
        return future

    def instruct(self, instructions: str) -> None:
        """Have everything answered by these instructions from now on; in a call that is over, nothing."""
        if self.over.is_set():
            return  # The model may be in another agent's call.
        self._voice.instruct(instructions)
        self.replies.discard()
        self._instructions = instructions

    def judge_by(self, policy: InterruptionPolicy) -> None:
        """Have interruptions judged by this policy from now on."""
        self.post(ev.PolicySet(self.trace.now(), policy))

    def interrupt(self) -> None:
        """Stop the agent now."""
        self.post(ev.InterruptRequested(self.trace.now()))

    def _epoch_advanced(self, epoch: int) -> None:
        # Somebody called `interrupt()` on a component: the gate is shut, the floor is told why.
        if epoch > self.floor.epoch:
            self.post(ev.InterruptRequested(self.trace.now(), epoch))

    def _audio_dropped(self, born: int, seconds: float) -> None:
        if self.over.is_set():
            return
        self.trace.note(StaleAudio(born, 1, round(seconds * SAMPLE_RATE)))

    # The floor.

    def post(self, event: ev.FloorEvent) -> None:
        """Give an event to the floor and carry out its effects, all of them before this returns."""
        if self.over.is_set() and not isinstance(event, ev.TranscriptReceived):
            return  # In a call that is over nobody has the floor; what was said in it is still put down.
        self._inbox.append(event)
        if self._draining:
            return  # An effect led to this event: it is handled after the effects before it.
        self._draining = True
        try:
            while self._inbox:
                event = self._inbox.popleft()
                before = self.floor.state
                effects = self.floor.handle(event)
                self.trace.event(event, effects)
                self._latency.take(event, effects)
                if (state := self.floor.state) is not before:
                    self._events.send(AgentStateEvent(state=state, previous=before))
                for effect in effects:
                    self._effects.run(effect)
        finally:
            self._draining = False
        self.replies.settle()
        self.barrier.moved()
        self._timer.set(None if self.over.is_set() else self.floor.deadline)

    def _clearance(self, epoch: int, reply: int | None) -> Clearance:
        # In a call that is over nothing begins: what waits is given up.
        return Clearance.WAIT if self.over.is_set() else self.floor.clearance(epoch, reply)

    def _calls_wait(self, count: int) -> None:
        self.post(ev.CallsWait(self.trace.now(), count))

    def _time_passed(self, deadline: float) -> None:
        # The loop may wake a clock tick early; the floor must find its deadline due.
        self.post(ev.TimePassed(max(deadline, self.trace.now())))

    # CallSink: the edge.

    def pull(self) -> Samples:
        if self.on_pull is not None:
            self.on_pull()
        frame = self.playout.pull()
        self._ears.played(frame)
        sounding = self.floor.reply if self.playout.sounding else None
        if sounding != self._sounding:
            self._note_voice(sounding)
        self._frames += 1
        if self.replies.held.falling_silent:
            self.replies.held.pulled()
        return frame

    def _note_voice(self, sounding: int | None) -> None:
        self._sounding = sounding
        self.trace.note(VoiceStopped(self._frames) if sounding is None else VoiceStarted(sounding, self._frames))

    def audio(self, audio: PcmData, participant: Participant) -> None:
        if self.over.is_set():
            return
        if self._roster.has_left(participant.id):
            return  # It was on its way when they left.
        self.participant_joined(participant)
        self._ears.hear(audio, self._participants[participant.id])

    def participant_joined(self, participant: Participant) -> None:
        if self._roster.join(participant):
            self._listening.welcome(participant)
            self._accompanied.set()
            self.trace.note(ParticipantJoined(participant.id, participant.name))
            self.post(ev.ParticipantJoined(self.trace.now(), participant.id))
            self._events.send(ParticipantJoinedEvent(participant=participant))

    def participant_left(self, participant: Participant) -> None:
        if participant.id not in self._participants:
            return
        # While it is still known who that was: the end of their turn is announced.
        self.post(ev.ParticipantLeft(self.trace.now(), participant.id))
        participant = self._participants[participant.id]
        self._roster.leave(participant.id)
        self._listening.leave(participant)
        self._events.send(ParticipantLeftEvent(participant=participant))

    def ended(self, error: BaseException | None = None) -> None:
        if self.over.is_set():
            return
        if self._draining:
            # An effect led to it: the floor hears of it after the effects before it, and then the call is over.
            self._loop.call_soon(self.ended, error)
            return
        self._voice.end_calls()
        self.post(ev.CallOver(self.trace.now()))
        self.over.set()
        self._timer.set(None)
        self._latency.finish()
        self.replies.abandon()
        self.playout.close()
        why = redacted(str(error)) if error else None
        self.trace.note(CallEnded(why))
        self._events.send(CallEndedEvent(error=why))

    # PlayoutListener: what was played.

    def audio_started(self, reply: int) -> None:
        self.post(ev.AudioStarted(self.trace.now(), reply))
        self._tell_words(reply, "")
        self.replies.started(reply)

    def audio_progressed(self, reply: int) -> None:
        self.post(ev.AudioProgressed(self.trace.now(), reply))
        self._tell_words(reply, " ".join(self.replies.progressed(reply)[-WORDS_REMEMBERED:]))

    def audio_drained(self, reply: int, heard: int) -> None:
        more = self.replies.drained(reply, heard)
        self.post(ev.AudioDrained(self.trace.now(), reply, more))

    # VoiceListener: what is being made.

    def new_reply(self) -> int:
        return self.floor.last_reply + 1

    def reply_started(self, reply: SpokenReply) -> None:
        self.replies.adopt(reply)
        self.post(ev.ReplyStarted(self.trace.now(), reply.number))

    def reply_made(self, reply: int, stage: MadeStage) -> None:
        self._latency.made(reply, stage)

    def reply_failed(self, reply: int, component: str, error: BaseException | None) -> None:
        if error is not None:
            self._listening.failed(component, error)
        self.replies.failed(reply)
        begun = self.floor.answers and self.playout.written(reply) > 0  # Nobody says where a realtime model's ends.
        self.post(ev.ReplyFailed(self.trace.now(), reply, begun=begun, again=True))

    def words_failed(self, reply: int, component: str, error: BaseException) -> None:
        self._listening.failed(component, error)
        self.replies.failed(reply)

    def reply_superseded(self, reply: int) -> None:
        self.replies.superseded(reply)
        self.post(ev.ReplyFailed(self.trace.now(), reply))

    def answer_lost(self, reply: int, *, begun: bool = True) -> None:
        if not begun:
            self.replies.failed(reply)
        self.post(ev.AnswerLost(self.trace.now(), reply, begun))

    def insertion_over(self, number: int, heard: bool) -> None:
        self.replies.insertion_over(number, heard)
        self.post(ev.AudioDrained(self.trace.now(), number))

    def function_started(self, reply: int, tool: Tool | None, *, spoken: bool) -> None:
        filler = NO_FILLER if tool is None else tool.filler or self._filler
        # A realtime model is told of each result, and answers it.
        told = not self.floor.answers or (tool is not None and tool.on_interrupt == "finish" and tool.deliver)
        self.post(ev.FunctionStarted(self.trace.now(), reply, filler.text, filler.after, spoken, told))

    def function_found(self, epoch: int, *, known: bool) -> None:
        self.post(ev.FunctionFound(self.trace.now(), epoch, known))

    def function_ended(self, reply: int) -> None:
        self.post(ev.FunctionEnded(self.trace.now(), reply))

    def model_interrupted(self) -> None:
        # Whoever spoke, the model has stopped: so does the voice.
        self.post(ev.InterruptRequested(self.trace.now(), by_model=True))

    # Helpers.

    def _tell_words(self, reply: int, said: str) -> None:
        """Tell the floor what was last heard of the agent, if that is news."""
        if said != self._said:
            self._said = said
            self.post(ev.AgentWordsPlayed(self.trace.now(), reply, said))
