"""The calls of one model's functions, and what an interruption does to them: see `Tools.register`."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from ..conversation import Conversation, Message, Role, ToolCall
from ..epoch import Epoch
from ..events import EventManager
from ..listeners import CallBarrier
from ..tasks import OUTSIDE
from .confirmation import Confirmation
from .function_call import INTERRUPTED, FunctionCall, Phase, Show, Speaker, calling_function
from .provider_calls import TAKE_BACK_LIMIT, ProviderCall, Repeats
from .tools import NOTHING, Tools

logger = logging.getLogger(__name__)

# How long a function may take to notice that it is cancelled at the end, in seconds.
LAST_GRACE = 1.0

GIVEN_UP = "the answer was given up"
CALL_ENDED = "the call ended"
NOT_AWAITED = "nobody waited for it any more"


class AnswerCalls:
    """The calls that are made for one answer, and their place in the history.

    The history has a call from its beginning, with an output that says that it runs, and never a second one: what
    becomes of the call takes the place of that.

    Args:
        epoch: of the answer.
        conversation: the history; None if nobody wants one.
        speaker: speaks what the functions say.
        reply: the number of the answer, if it has one.
        confirmation: of the turn that is answered. Before it, functions without effects run, and the history has none.
    """

    def __init__(
        self,
        epoch: int,
        conversation: Conversation | None = None,
        speaker: Speaker | None = None,
        reply: int | None = None,
        confirmation: Confirmation | None = None,
    ) -> None:
        self.epoch = epoch
        self.reply = reply
        self.confirmation = confirmation if confirmation is not None else Confirmation()
        self._conversation = conversation if conversation is not None else Conversation()
        self._speaker = speaker if speaker is not None else Speaker()
        self._calls: list[FunctionCall] = []
        # Those of the message that is being made.
        self._awaited: list[FunctionCall] = []
        self._maker: FunctionCalls | None = None
        # Nobody waits for the answer any more: no further call is made for it.
        self.over = False
        # What `make` has returned last.
        self.told: tuple[Message, ...] = ()

    def interrupt(self) -> None:
        """The user interrupted the answer: what runs ends as its tool wants it, what is to be undone is. Harmless
        twice, and when the call is over."""
        if not self._ends() or self._maker is None or self._maker.over:
            return
        for call in self._calls:
            call.interrupt()

    def give_up(self, why: str = GIVEN_UP) -> None:
        """The answer is not made any more, though nobody interrupted it: what has returned stays. Harmless twice."""
        if self._ends():
            for call in self._calls:
                call.give_up(why)

    def abandon(self, why: str) -> None:
        """Nobody is left to hear the answer: what has returned stays, and what runs may finish. Harmless twice."""
        if self._ends():
            for call in self._calls:
                call.abandon(why)

    def _ends(self) -> bool:
        """Return whether somebody has waited for the answer until now."""
        over, self.over = self.over, True
        return not over

    async def make(self, calls: list[ToolCall], maker: FunctionCalls, said: str = "") -> tuple[Message, ...]:
        """Make the calls of one message, one after the other, and return that message and the outputs.

        `said`: what the model wrote before it called them. It is in the message; in the history it is put down by
        whoever speaks it, as it is heard.

        Returns as soon as nobody waits for them any more; what still runs then does so in the background. What the
        functions have said comes before that message, or in it. For an answer that is `over` already nothing is made,
        and nothing returned.
        """
        if self.over or maker.over:
            self.over = True
            return ()
        self._maker = maker
        self._speaker.calling()
        asked = Message(Role.ASSISTANT, "", tool_calls=tuple(calls))
        self.confirmation.then(partial(self._conversation.add, asked))
        self._awaited = made = [self._prepare(call, maker) for call in calls]
        try:
            for call in made:
                if not call.free.is_set():
                    call.begin()
                    await call.free.wait()
            self._awaited = []
            words = await self._speaker.called()
        except asyncio.CancelledError:
            self.give_up()
            raise
        finally:
            self._awaited = []
        outputs = (Message(Role.TOOL, call.output, tool_call_id=call.call.id) for call in made)
        self.told = (*_asked(said, words, calls), *outputs)
        return self.told

    def awaits(self, call: FunctionCall) -> bool:
        """Return whether the answer waits for this call, or for another one of the same message."""
        return call in self._awaited and not self.over

    def _prepare(self, call: ToolCall, maker: FunctionCalls) -> FunctionCall:
        output = _Output(self._conversation, call.id)
        made = maker.prepare(call, self.epoch, output.show, self._speaker, self.reply)
        made.confirmation = self.confirmation
        self.confirmation.then(partial(output.begin, made))
        self._calls.append(made)
        return made


def _asked(said: str, words: tuple[Message, ...], calls: list[ToolCall]) -> list[Message]:
    """Return the message that makes the calls, with what was said before their results; questions stand alone."""
    told: list[Message] = []
    for message in words:
        if message.role is Role.ASSISTANT:
            said = f"{said.rstrip()} {message.text}".lstrip()
        else:
            told += [Message(Role.ASSISTANT, said)] if said.strip() else []
            told.append(message)
            said = ""
    return [*told, Message(Role.ASSISTANT, said, tool_calls=tuple(calls))]


@dataclass(slots=True)
class _Output:
    """The one output of a call in the history."""

    conversation: Conversation
    call_id: str
    # None before it is in the history.
    place: int | None = None

    def begin(self, call: FunctionCall) -> None:
        self.place = self.conversation.place()
        self.show(call.output)

    def show(self, text: str) -> None:
        if self.place is None:
            return
        self.conversation.put(self.place, Message(Role.TOOL, text, tool_call_id=self.call_id))


class FunctionCalls:
    """Makes the function calls of one model. `epoch`: the one that the model has now, which the agent may replace.

    `ended_late`: see `FunctionCaller.function_ended_late`. `barrier`: where functions with effects wait.
    `conversation`: what a realtime model was asked.
    """

    def __init__(
        self,
        tools: Tools,
        events: EventManager,
        epoch: Callable[[], Epoch],
        ended_late: Callable[[ToolCall, str], None],
        barrier: Callable[[], CallBarrier | None] = lambda: None,
        conversation: Callable[[], Conversation] = Conversation,
    ) -> None:
        self._tools = tools
        self._events = events
        self._epoch = epoch
        self._ended_late = ended_late
        self._barrier = barrier
        # Who speaks for a realtime model.
        self.speaker = Speaker()
        self._watched: Epoch | None = None
        # The call is over: nothing more is called, unless another agent takes the model.
        self.over = False
        # With something that still runs.
        self._running: set[FunctionCall] = set()
        # Answers that are being made: an interruption ends their calls in the same instant.
        self._open: set[AnswerCalls] = set()
        # Of a realtime model: its calls, and the last response that it began to say.
        self._provider_calls: deque[ProviderCall] = deque(maxlen=TAKE_BACK_LIMIT)
        self._last_response: str | None = None
        self.repeats = Repeats(conversation)

    def prepare(
        self, call: ToolCall, epoch: int, show: Show, speaker: Speaker | None = None, reply: int | None = None
    ) -> FunctionCall:
        """A call that can begin. `show` is told each new output, `speaker` what the answer must know."""
        self._watch()
        speaker = self.speaker if speaker is None else speaker
        passed = partial(self._passed, epoch, reply)
        return FunctionCall(call, epoch, self._tools, self._events, show, self._track, passed, speaker)

    async def _passed(self, epoch: int, reply: int | None) -> bool:
        """Wait where a function with effects has to, in a call. Returns False if it is not to be called."""
        barrier = self._barrier()
        return barrier is None or await barrier.passed(epoch, reply)

    def _track(self, call: FunctionCall) -> None:
        # A new set: this may come while somebody goes through the old one.
        self._running = {call, *(running for running in self._running if running.tasks)}

    def end(self) -> None:
        """The call is over: nothing is called any more, and what runs is abandoned. Harmless twice."""
        self._watch()
        self.over = True
        self.abandon(CALL_ENDED)
        # Nothing of this call is interrupted in the next one.
        self._last_response = None

    async def close(self, timeout: float) -> None:
        """End, and wait for what runs: what is to finish has `timeout` seconds for it, everything else is cancelled.

        A function that has ended the call itself waits for this, and is not waited for.
        """
        self.end()
        self._running = {call for call in self._running if call is not calling_function()}
        for call in self._running:
            call.abandon(CALL_ENDED)
        if await self._ended(timeout):
            return
        # What is half done is taken back; for all else there is no more time.
        for call in self._running:
            (call.give_up if call.undoable else call.stop)(CALL_ENDED)
        grace = min(timeout, LAST_GRACE)
        if await self._ended(grace):
            return
        undoing = [call for call in self._running if call.phase is Phase.TAKING_BACK]
        for call in undoing:
            call.stop(CALL_ENDED)
        if not (undoing and await self._ended(grace)):
            names = sorted({call.call.name for call in self._running if call.tasks})
            logger.warning("functions that ignore that they are cancelled are left behind: %s", ", ".join(names))

    async def _ended(self, timeout: float) -> bool:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        while tasks := [task for call in self._running for task in call.tasks]:
            if loop.time() >= deadline:
                return False
            await asyncio.wait(tasks, timeout=deadline - loop.time())
            await asyncio.sleep(0)  # Their callbacks, and what these begin.
        return True

    def abandon(self, why: str) -> None:
        """Nobody is left to hear what calls were made for; they took nothing back."""
        for calls in list(self._open):
            calls.abandon(why)
        for entry in self._provider_calls:
            entry.made.abandon(why)
        self._open = set()
        self._provider_calls.clear()
        self.repeats.clear()

    # Text models.

    @contextmanager
    def answering(self, calls: AnswerCalls) -> Iterator[None]:
        """An answer is being made. What is made may be spoken for long: then the speaker interrupts the calls."""
        self._watch()
        self._open.add(calls)
        try:
            yield
        finally:
            self._open.discard(calls)

    # Realtime models.

    async def make(self, call: ToolCall, epoch: int) -> str:
        """See `FunctionCaller.call_function`."""
        self._watch()
        # What the user wants is certain behind the barrier, as is whether it was asked for once more.
        if await self.repeats.repeated(call) is not None and await self._passed(epoch, None):
            first = self.repeats.find(call)
            if first is not None:
                first.broken_off = False
                self._wait_again(first)
                await self._result(first)
                if first.made.stands:
                    return first.told_again
        entry = ProviderCall(call, self._before(), partial(self._tell, self._watched))
        entry.made = made = self.prepare(call, epoch, entry.show)
        if self.over or epoch < self._epoch().value:
            made.give_up(CALL_ENDED if self.over else INTERRUPTED)
            return made.output
        self._provider_calls.append(entry)
        self.repeats.add(entry)
        made.begin()
        return await self._result(entry)

    def _wait_again(self, entry: ProviderCall) -> None:
        """The model waits once more for a call that it was broken off in."""
        entry.responses |= self._before()
        entry.awaited, entry.late = True, False
        if entry not in self._provider_calls:
            self._provider_calls.append(entry)
        entry.made.wait_again()

    def _before(self) -> set[str]:
        """Return what the model said just before a call that it makes now."""
        return set() if self._last_response is None else {self._last_response}

    async def _result(self, entry: ProviderCall) -> str:
        made = entry.made
        try:
            await made.ended()
        except asyncio.CancelledError:
            entry.broken_off = True
            if self.over:
                made.abandon(CALL_ENDED)
            elif made.speaks:
                made.leave()  # Some services take a call back when something is said meanwhile.
            elif not made.free.is_set():
                made.give_up(NOT_AWAITED)
            if made.phase is Phase.RETURNED:
                entry.tell(entry.call, made.output)  # In this very moment.
            raise
        finally:
            entry.late = True
        return made.output

    def awaits(self, call: FunctionCall) -> bool:
        """Return whether a realtime model waits for this call."""
        return any(entry.made is call and not entry.late for entry in self._provider_calls)

    @property
    def nothing_to_tell(self) -> bool:
        """Return whether a realtime model need not say anything to what it has called: it returned nothing (None)."""
        made = [entry.made for entry in self._provider_calls if entry.awaited]
        return bool(made) and all(call.tool and call.tool.effects and call.output == NOTHING for call in made)

    @property
    def deliver(self) -> bool:
        """Return whether a realtime model waits for something that is told by itself if it waits no more."""
        return any(entry.made.delivers for entry in self._provider_calls if not entry.late)

    def response_began(self, response: str) -> None:
        """The model begins to say something: the calls before it were made for it."""
        self._last_response = response
        for entry in self._provider_calls:
            if entry.awaited:
                entry.awaited = False
                entry.responses.add(response)

    def responses_cut(self, responses: Iterable[str]) -> None:
        """These were interrupted before they were played to their end."""
        cut = set(responses)
        self._interrupt([entry for entry in self._provider_calls if entry.responses & cut])

    def _interrupt(self, interrupted: list[ProviderCall]) -> None:
        for entry in interrupted:
            self._provider_calls.remove(entry)
            entry.made.interrupt()

    def _tell(self, made_in: Epoch | None, call: ToolCall, output: str) -> None:
        # The model may be in another agent's call by now, which has nothing to do with it.
        if self.over or made_in is not self._watched:
            return
        try:
            self._ended_late(call, output)
        except OUTSIDE:
            raise
        except BaseException:
            # Others are told in the same step, and the voice is silenced in it.
            logger.exception("the model could not be told what %s returned late", call.name)

    # Interruption.

    def _watch(self) -> None:
        epoch = self._epoch()
        if self._watched is not epoch:
            self._watched, self.over = epoch, False
            epoch.observe(self._epoch_advanced)

    def _epoch_advanced(self, epoch: int) -> None:
        self.repeats.interrupted()
        for calls in [calls for calls in self._open if calls.epoch < epoch]:
            calls.interrupt()
        # Of what a realtime model has begun to say, `responses_cut` tells how much was heard.
        older = [entry for entry in self._provider_calls if entry.made.epoch < epoch]
        self._interrupt([entry for entry in older if entry.awaited or entry.made.phase is Phase.RUNNING])
