"""The interface between a session and the two ways to speak."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Literal, Protocol

from ..conversation import Message
from ..llm import Confirmation, FunctionCall, Tool
from .transcript import HeardText, ReplyTranscript

NEWS_PROMPT = "What you called before is done, and I was not told of it. Tell me now, in a sentence, what came of it."
"""Sent to a realtime model to have it tell what a function found whose answer was interrupted, behind that."""

CONTINUE_PROMPT = (
    "You were cut off by a noise, not by me. Go on exactly where you stopped; if you had not begun yet, answer me now."
)
"""Sent to a model to resume a reply that was cut off by mistake, by a noise or a broken connection."""

MadeStage = Literal["first_token", "first_sentence", "first_audio"]
"""What of a reply there is for the first time: text of a model, a sentence to be spoken, audio."""


@dataclass(frozen=True, slots=True)
class SpeechRequest:
    """A text that code wants the agent to speak, or to answer."""

    text: str
    # True: these very words. False: the model answers to them.
    verbatim: bool
    interruptible: bool = True
    # What the agent is saying is cut off for it.
    interrupts: bool = False
    # Who typed it; None: code asks.
    participant: str | None = None
    # It is the rest of a reply that was cut off for nothing while the model was still writing: it goes on after that.
    unfinished: bool = False
    # It stands in the history already, since it is asked once more.
    known: bool = False
    # The call of a function in which it was asked for.
    caller: FunctionCall | None = field(default=None, compare=False)
    # Set when a model was told to say it, or will not be.
    begun: asyncio.Event = field(default_factory=asyncio.Event, compare=False, repr=False)


@dataclass(slots=True)
class SpokenReply:
    """A reply in the making: its epoch, its words, and how they were last shown.

    `written`: the model has nothing to add to them. `broken`: the making of it failed, or some words could not be said.
    `late`: it did not sound in time. `superseded`: the model gave it up for what a function says. `confirmation`: of
    the turn that it answers; before it nobody hears, or is told, of the reply. `places`: of its words in the history,
    by the parts of its transcript, once one of their words was heard. `follows`: the requested reply that it is a
    further part of, since functions were called in between. `more`: so were they in this one, and another part follows.
    `again`: a part has failed at what it is to say before. `lost`: a realtime model has not finished it.
    """

    number: int
    epoch: int
    transcript: ReplyTranscript = field(default_factory=ReplyTranscript)
    shown: HeardText | None = None
    written: bool = False
    broken: bool = False
    late: bool = False
    superseded: bool = False
    confirmation: Confirmation = field(default_factory=Confirmation)
    places: dict[int, int] = field(default_factory=dict)
    follows: int | None = None
    more: bool = False
    again: bool = False
    lost: bool = False


class VoiceListener(Protocol):
    """Hears from a voice. Every method returns at once and never raises."""

    def new_reply(self) -> int:
        """A number for a reply that the model begins of its own accord."""

    def reply_started(self, reply: SpokenReply) -> None:
        """A model began a reply of its own accord."""

    def reply_made(self, reply: int, stage: MadeStage) -> None:
        """There is something of the reply. Only the first report of each stage counts."""

    def reply_failed(self, reply: int, component: str, error: BaseException | None) -> None:
        """The reply cannot be made, or no more of it. No `error`: `words_failed` has told it."""

    def words_failed(self, reply: int, component: str, error: BaseException) -> None:
        """A sentence of the reply cannot be said; it goes on behind that."""

    def reply_superseded(self, reply: int) -> None:
        """The model has given up a reply for what one of its functions says; what that finds is told by itself."""

    def answer_lost(self, reply: int, *, begun: bool = True) -> None:
        """The model will say no more of this reply, which is not finished; 0: of one that had not begun. `begun`: it
        has begun the reply, and its end will be told."""

    def insertion_over(self, number: int, heard: bool) -> None:
        """The part that was inserted into a reply under this number is over: `heard`, or with a sentence left out."""

    def function_started(self, reply: int, tool: Tool | None, *, spoken: bool) -> None:
        """A function that the reply needs was called; 0: of the reply nothing has begun. `spoken`: it says something
        before."""

    def function_ended(self, reply: int) -> None:
        """It returned, failed or was given up."""

    def function_found(self, epoch: int, *, known: bool) -> None:
        """A function that was called for an answer of `epoch` has returned when nobody waited for it any more. `known`:
        the model is told of it."""

    def model_interrupted(self) -> None:
        """The model stopped by itself because it heard somebody speak."""


class Voice(Protocol):
    """A way to speak: makes replies and writes them, chunk by chunk, to the playout."""

    async def start(self) -> None:
        """Load and connect."""

    def begin(self, reply: SpokenReply, request: SpeechRequest | None) -> None:
        """Begin to make a reply: to `request`, or an answer to the history if None. Returns at once.

        What functions found that no answer has told is told by it, if a model makes it.
        """

    @property
    def has_news(self) -> bool:
        """Return whether functions found something that no answer has told."""

    def waits_for(self, call: FunctionCall) -> int | None:
        """Return the reply that waits for this call, 0 if nothing of it has begun yet, None if none does."""

    def insert(self, reply: int, number: int, request: SpeechRequest) -> bool:
        """Say what a function wants inside the reply that waits for it, as `number`. Return False if that is over."""

    def tell_news(self, reply: int, later: int = 0) -> None:
        """Count as told what functions found, but the `later` latest things: by this reply, which a model makes by
        itself."""

    def maker(self, reply: int) -> str:
        """Return the name of the component that is at work for a reply."""

    def prepare(self, reply: SpokenReply, history: tuple[Message, ...]) -> None:
        """Begin to make an answer to `history`. It is kept from being heard, and known, until `confirm`."""

    def confirm(self, reply: int) -> None:
        """Let a prepared reply be heard, and known."""

    def instruct(self, instructions: str) -> None:
        """Make what is begun from now on by these instructions. Raises NotImplementedError where that cannot be."""

    def abandon_calls(self, why: str) -> None:
        """Wait for no function any more: whom they were called for has gone, and took nothing back."""

    def end_calls(self) -> None:
        """Call nothing any more: the call is over. What runs is abandoned."""

    def cancel(self, heard: dict[int, tuple[float, str]]) -> None:
        """Stop making everything. `heard`: for each reply that was cut off, the seconds and the words heard of it."""

    def drop(self, reply: int, heard: tuple[float, str]) -> None:
        """Stop making this one reply, of which so much was heard."""

    async def close(self) -> None:
        """Stop everything and free it."""
