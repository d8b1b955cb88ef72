"""The calls of one model's functions, and what an interruption does to them: see `Tools.register`."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial

from ..conversation import Conversation, ToolCall
from ..epoch import Epoch
from ..events import EventManager
from ..listeners import CallBarrier
from ..tasks import OUTSIDE
from .answer_calls import AnswerCalls
from .function_call import INTERRUPTED, FunctionCall, Phase, Show, Speaker, calling_function
from .provider_calls import TAKE_BACK_LIMIT, ProviderCall, Repeats
from .tools import NOTHING, Tools

logger = logging.getLogger(__name__)

# How long a function may take to notice that it is cancelled at the end, in seconds.
LAST_GRACE = 1.0

CALL_ENDED = "the call ended"
NOT_AWAITED = "nobody waited for it any more"


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
