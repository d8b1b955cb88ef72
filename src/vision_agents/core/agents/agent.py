"""The agent: takes the parts, joins a call, owns the life of everything in it."""

from __future__ import annotations

import asyncio
import enum
import logging
from collections.abc import Callable, Coroutine, Generator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from types import TracebackType
from typing import Any, Self

from ..conversation import Conversation, has_words
from ..echo import EchoCanceller
from ..edge import EdgeTransport
from ..epoch import Epoch
from ..events import EventManager
from ..floor import FloorState, InterruptionPolicy
from ..floor.vocabulary import ALL, Vocabulary
from ..llm import LLM, Filler, Realtime, calling_function
from ..models.networks import NetworkSpec
from ..part import Attachment
from ..participants import Participant, User
from ..shed import Shed
from ..stt import STT
from ..tasks import GRACE, InnerCancellationError, bounded, logged_once, own_errors
from ..trace import Trace
from ..tts import TTS
from ..turn_detection import TurnDetector
from ..vad import VAD
from ..voice import SpeechRequest
from ..voiceprint import Voiceprint
from .arguments import check
from .parts import fit
from .rules import NO_FILLER, MayInterrupt, Rules
from .session import Session
from .strategy import Strategy

logger = logging.getLogger(__name__)

Observer = Callable[[Mapping[str, Any]], None]


class Default(enum.Enum):
    """Stands for an argument that was not given, where None means something."""

    VALUE = "default"


class Agent:
    """A voice agent that people can interrupt.

    Args:
        edge: the way into a call.
        llm: a text model (then `stt` and `tts` are needed, and `turn_detection` unless the STT does that) or a realtime
            model (then those are ignored).
        agent_user: who the agent is in the call. The model knows only what `instructions` say of it, its name too.
        instructions: what the model is told before everything else.
        vad: makes the agent hold at the first window of speech where turns are decided by an STT or a realtime model.
        interruption: how interruptions are judged; by default as `turn_detection` wants it.
        vocabulary: the words by which an "uh-huh" is told from an interruption, by default those of all languages that
            are known.
        strategies: what else has a vote on it.
        may_interrupt: called with a participant who begins to speak, says whether their speech may interrupt the agent
            at all. What others say is answered after.
        echo_cancellation: for callers who send the agent's own voice back.
        voiceprint: tells another voice at the same microphone from the one in conversation.
        conversation: a history to go on from.
        filler: what is said, once, if an answer has said nothing when its functions have run for two seconds, such as
            "One moment, please."; `Filler(text, after=…)` for another time. A function may have its own.
        apology: what is said when the agent's words cannot be made, since a part fails at them, or is late, and so it
            was when they were asked for once more (`InterruptionPolicy.retries`), such as "Sorry, something went wrong.
            Please say that again." Without one only `ErrorEvent` tells of it.
        processors: none: they are what other frameworks look at video with. An empty list is taken, for their programs.

    An agent takes part in one call, and so do its parts: `join` takes them, and refuses one that is in another agent's
    running call. After the call they may serve another agent. Until it joins, an agent takes nothing.

    Raises ValueError for parts that do not fit together, TypeError for an argument of another kind.
    """

    def __init__(
        self,
        edge: EdgeTransport,
        llm: LLM | Realtime,
        agent_user: User,
        instructions: str = "",
        stt: STT | None = None,
        tts: TTS | None = None,
        turn_detection: TurnDetector | None = None,
        vad: VAD | None = None,
        interruption: InterruptionPolicy | None = None,
        vocabulary: Vocabulary = ALL,
        strategies: Sequence[Strategy] = (),
        may_interrupt: MayInterrupt | None = None,
        echo_cancellation: EchoCanceller | None = None,
        voiceprint: Voiceprint | None = None,
        conversation: Conversation | None = None,
        filler: str | Filler = "",
        apology: str = "",
        processors: Sequence[object] = (),
    ) -> None:
        check(locals())
        if processors:
            raise ValueError("there are no processors here: an agent takes part in a call by voice alone")
        self.edge = edge
        self.agent_user = agent_user
        self._instructions = instructions
        self.conversation = Conversation() if conversation is None else conversation
        self.events = EventManager()
        self.llm = llm
        self._parts = fit(edge, llm, stt, tts, turn_detection, vad, echo_cancellation, voiceprint)
        self.stt, self.tts = self._parts.stt, self._parts.tts
        self.turn_detection = turn_detection if turn_detection in self._parts.detectors else None
        self.rules = Rules(
            self._parts.policy if interruption is None else interruption,
            vocabulary,
            tuple(strategies),
            may_interrupt,
            Filler.of(filler) or NO_FILLER,
            apology,
        )
        self.processors: list[object] = []
        # Set while the agent is in the call, before `join` waits for others.
        self.entered = asyncio.Event()
        # What `join` waits for others by default, in seconds; the launcher of a server sets it.
        self.participant_wait_timeout: float | None = 0.0
        # Called at each pull of a frame, if set before `join`; it must return at once.
        self.on_pull: Callable[[], None] | None = None
        self._observers: list[Observer] = []
        self._shed = Shed.NOTHING
        self._epoch = Epoch()
        self._session: Session | None = None
        self._entering: asyncio.Task[None] | None = None
        self._closing: asyncio.Task[None] | None = None

    # What is seen from outside.

    @property
    def policy(self) -> InterruptionPolicy:
        """The policy by which interruptions are judged. Another one may be set in a call: it holds from then on."""
        return self.rules.policy

    @policy.setter
    def policy(self, policy: InterruptionPolicy) -> None:
        check({"interruption": policy}, optional=False)
        self.rules = replace(self.rules, policy=policy)
        if self._session is not None:
            self._session.judge_by(policy)

    @property
    def networks(self) -> tuple[NetworkSpec[Any], ...]:
        """The networks of this process that its parts use; `warm_up` loads them."""
        return self._parts.networks

    @property
    def instructions(self) -> str:
        """The text that the model is told before everything else.

        Another one may be set in a call: it holds for whatever is answered from then on (some realtime services take it
        only in the next pause). Raises NotImplementedError in a call with a realtime model that can take none.
        """
        return self._instructions

    @instructions.setter
    def instructions(self, instructions: str) -> None:
        check({"instructions": instructions}, optional=False)
        if self._session is not None:
            self._session.instruct(instructions)
        self._instructions = instructions

    @property
    def epoch(self) -> int:
        """The number of interruptions so far."""
        return self._epoch.value

    @property
    def state(self) -> FloorState:
        """The state of the floor."""
        return self._joined().floor.state

    @property
    def trace(self) -> Trace:
        """Everything that happens in the call, as records; see `core/trace/records.py`."""
        return self._joined().trace

    @property
    def participants(self) -> tuple[Participant, ...]:
        """The others in the call, in the order in which they came."""
        return self._joined().participants

    def shed(self, level: Shed) -> None:
        """Have the parts leave out as much as `level` says, because the process is late; see `core.shed`."""
        self._shed = level
        if self._session is not None:
            self._parts.shed(level, self._session.attachment)

    def observe(self, observer: Observer) -> None:
        """Call `observer(record)` with each record of the trace; before `join`, from the very first one."""
        self._observers.append(observer)
        if self._session is not None:
            self._session.trace.observe(observer)

    # A call.

    async def create_call(self, call_type: str, call_id: str) -> Any:
        """Return what `join` takes to enter the call of this type and id. Raises ValueError for bad names."""
        return await own_errors(self.edge.create_call(call_type, call_id), f"{type(self.edge).__name__}.create_call")

    def join(self, call: Any = None, *, participant_wait_timeout: float | Default | None = Default.VALUE) -> Joining:
        """Enter a call: `async with agent.join(call):` leaves it at the end, `await agent.join(call)` stays.

        `participant_wait_timeout`: how many seconds to wait in the call until somebody else is there, None for as long
        as it takes; then it goes on alone. By default 0, or what the server that made the agent waits.

        Raises PartError if a part is in another call; the agent may join later. Otherwise raises what the edge or a
        part raises, or RuntimeError if the agent was closed meanwhile; the agent is then closed.
        """
        wait = participant_wait_timeout
        entering: Any = self._join(call, self.participant_wait_timeout if isinstance(wait, Default) else wait)
        entering.__qualname__ = "Agent.join"  # By this name Python warns of it if it is never awaited.
        return Joining(self, entering)

    async def finish(self) -> None:
        """Wait until the call is over: the others left, or it broke, or somebody called `close`."""
        await self._joined().over.wait()

    async def close(self) -> None:
        """Leave the call and free everything, also while `join` is under way. Harmless twice.

        A part that fails or hangs here is left behind. Parts that are in another agent's call stay as they are.
        """
        if self._closing is None:
            self._closing = asyncio.create_task(self._close(), name="closing the agent")
        # Whoever waits for it may be cancelled, as a handler of events is by what it waits for: this goes on.
        await asyncio.shield(self._closing)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    # Speaking.

    async def say(self, text: str, *, interruptible: bool = True) -> bool:
        """Say these very words when the floor is free. Returns when it is over: True if all of it was heard.

        With `interruptible=False` the user's voice does not stop it; what the user says meanwhile is answered after. A
        realtime service that stops all the same answers that first, and is then asked for the rest.

        In a function that the model waits for it belongs to the model's answer: it is said inside that, before what the
        model makes of the result.

        Raises ValueError for a text without a letter or a digit, which no voice can say.
        """
        if not has_words(text):
            raise ValueError(f"say() has nothing to say in {text!r}: give it words")
        request = SpeechRequest(text, verbatim=True, interruptible=interruptible, caller=calling_function())
        return await self._joined().request(request)

    async def simple_response(
        self, text: str, interrupt: bool = True, *, interruptible: bool = True, participant: Participant | None = None
    ) -> bool:
        """Have the model answer `text` as if a user had said it. Returns like `say`.

        `participant` is who typed it; None: code asks, and pages show the caller nothing of it.

        What the agent is saying is cut off within a frame; with `interrupt=False` the answer waits until it is said. It
        waits in any case until nobody speaks. In a function that the model waits for it cuts nothing off: it is
        answered inside the model's answer, without calling functions.

        Raises ValueError for a blank text, to which there is no answer.
        """
        if not text.strip():
            raise ValueError(
                "simple_response() has nothing to answer: tell the model what to say ('Greet the user.'), or have the "
                "agent say() it"
            )
        caller = calling_function()
        typist = participant.id if participant is not None else None
        request = SpeechRequest(
            text, False, interruptible=interruptible, interrupts=interrupt, participant=typist, caller=caller
        )
        return await self._joined().request(request)

    def interrupt(self) -> None:
        """Stop speaking now. When this returns, no sample of what was being said can be played any more."""
        self._joined().interrupt()

    # Inside.

    async def _close(self) -> None:
        async with AsyncExitStack() as stack:  # Each step, also if this is cancelled at whatever it waits for.
            stack.push_async_callback(self.events.close)
            stack.push_async_callback(self._close_parts)
            if self._session is not None:
                stack.push_async_callback(self._session.stop)
            if (entering := self._entering) is not None and not entering.done():
                entering.cancel()
                await asyncio.wait([entering], timeout=GRACE)

    async def _close_parts(self) -> None:
        if self._session is not None:
            attachment = self._session.attachment
        else:
            attachment = Attachment(agent=self.agent_user.id)
            self._parts.attach_free(attachment)
        entering = self._entering is not None and not self._entering.done()
        await self._parts.close(attachment, entering=entering)

    async def _join(self, call: Any, wait: float | None) -> Agent:
        if self._session is not None or self._closing is not None:
            raise RuntimeError("an agent takes part in one call: make a new Agent for another one")
        session = Session(
            *(self._parts, self.rules, self._epoch, self.events, self.conversation, self.instructions),
            self.agent_user.id,
        )
        self._parts.attach(session.attachment)
        self._session = session
        self._parts.shed(self._shed, session.attachment)
        if self.on_pull is not None:
            session.on_pull = logged_once(self.on_pull, "what is called at each pull")
        if self.edge.observes:
            session.trace.observe(self.edge.observe)
        for observer in self._observers:
            session.trace.observe(observer)
        # In a task of its own, which `close` can end.
        self._entering = asyncio.create_task(self._enter(session, call), name="joining a call")
        try:
            await own_errors(self._entering, "joining")
        except BaseException as error:
            closed = self._closing is not None and isinstance(error, InnerCancellationError)
            await self.close()
            if not closed:
                raise
        await self._wait_for_others(session, wait)
        return self

    async def _wait_for_others(self, session: Session, timeout: float | None) -> None:
        self._check_open()
        self.entered.set()
        if timeout is not None and timeout <= 0.0:
            return
        try:
            if not await session.wait_for_participant(timeout):
                logger.info("nobody else came within %s s; the agent goes on alone", timeout)
        except BaseException:
            await self.close()  # Whoever enters by `async with` never leaves what they did not enter.
            raise
        self._check_open()

    def _check_open(self) -> None:
        if self._closing is not None:
            raise RuntimeError("the agent was closed while it was joining the call")

    async def _enter(self, session: Session, call: Any) -> None:
        try:
            # Not before the parts are taken: until then another agent may be in a call with them.
            self.edge.lend(self)
            await session.start()
            if self._closing is None:
                joining = self.edge.join(self.agent_user, call, session)
                await own_errors(joining, f"joining by {type(self.edge).__name__}")
        finally:
            if self._closing is not None:  # It may be in the call all the same, or half in it.
                await bounded(self._parts.leave(session.attachment), f"leaving by {type(self.edge).__name__}")

    def _joined(self) -> Session:
        if self._session is None:
            raise RuntimeError("the agent is in no call yet: use `async with agent.join(call):` first")
        return self._session


class Joining:
    """Entering a call: to be awaited, or to be used as an async context manager.

    One that is dropped enters nothing, and Python warns of it as of any coroutine that was never awaited.
    """

    def __init__(self, agent: Agent, entering: Coroutine[Any, Any, Agent]) -> None:
        self._agent = agent
        self._entering = entering

    def __await__(self) -> Generator[Any, None, Agent]:
        return self._entering.__await__()

    async def __aenter__(self) -> Agent:
        return await self._entering

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._agent.close()
