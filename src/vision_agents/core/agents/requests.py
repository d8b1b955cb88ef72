"""Requests of code that the agent says something, and whether what was asked for was heard."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ..conversation import comparable_words
from ..llm.function_call import TOOL_TIMEOUT
from ..remote import words_beyond
from ..voice import HeardText, SpeechRequest, SpokenReply

# Seconds after a part of an answer in which the next one begins: a function may run in between, and the model takes
# some time. Then there will be none.
NEXT_PART_TIMEOUT = TOOL_TIMEOUT + 20.0


@dataclass(eq=False, slots=True)
class PendingRequest:
    """A request that is not answered yet.

    `playing`: the replies that are made for it and not over. `cut`: one that was cut off, whose rest may still be said.
    `within`: the reply that it is said inside, instead. `sounded`: something was made for it.
    `timer`: runs while the next part of the answer is to come, see `SpokenReply.more`.
    """

    request: SpeechRequest
    done: asyncio.Future[bool]
    heard: list[str] = field(default_factory=list)
    playing: set[int] = field(default_factory=set)
    cut: int | None = None
    within: int | None = None
    sounded: bool = False
    timer: asyncio.TimerHandle | None = None


class PendingRequests:
    """The requests that are not answered yet, by the numbers of all replies that were made for them.

    `may_continue`: whether the rest of a reply that was cut off may still be said. `compare`: the model may say other
    words than those that it was asked for.
    """

    def __init__(self, may_continue: Callable[[int], bool], *, compare: bool) -> None:
        self._may_continue = may_continue
        self._compare = compare
        self._pending: dict[int, PendingRequest] = {}

    def add(self, number: int, request: SpeechRequest) -> asyncio.Future[bool]:
        """Add a request to be answered by the reply of that number. The future tells whether all of it was heard."""
        done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._pending[number] = PendingRequest(request, done, playing={number})
        if request.caller is not None:
            request.caller.waits_for(request.begun)
        return done

    def get(self, number: int) -> SpeechRequest | None:
        """Returns what a reply was asked for with, if it was."""
        pending = self._pending.get(number)
        return pending.request if pending is not None else None

    def rest(self, number: int) -> str:
        """Returns the words that a reply was asked to say, and that were not heard of it and those before it."""
        pending = self._pending.get(number)
        if pending is None or not pending.request.verbatim:
            return ""
        return words_beyond(pending.request.text, comparable_words(" ".join(pending.heard)))

    def unanswered(self, number: int) -> str:
        """Returns the text that a reply was to answer, if nothing of an answer to it was heard."""
        pending = self._pending.get(number)
        if pending is None or pending.request.verbatim or any(pending.heard) or pending.sounded:
            return ""
        return pending.request.text

    def insert(self, number: int, within: int) -> SpeechRequest | None:
        """Take note that it is said inside a reply, and lost with it. Returns it, None if nobody waits for it."""
        pending = self._pending.get(number)
        if pending is None:
            return None
        pending.within = within
        return pending.request

    def inserted(self, number: int, heard: bool) -> None:
        """Answer one that was said inside a reply: it was heard, or could not be made."""
        if (pending := self._pending.get(number)) is not None and pending.within is not None:
            self._answer(pending, heard)

    def follow(self, number: int, before: int | None) -> None:
        """A reply begins that goes on with the one before: another part of the answer, or the rest of what was cut."""
        pending = self._pending.get(before) if before is not None else None
        if pending is None or before == number:
            return
        self._stop_timer(pending)
        pending.cut = None
        pending.playing.add(number)
        self._pending[number] = pending

    def ended(self, number: int, reply: SpokenReply | None, text: HeardText, interrupted: bool) -> None:
        """A reply is over, of which this was heard."""
        for inner in [pending for pending in self._all() if pending.within == number]:
            self._answer(inner, False)
        pending = self._pending.get(number)
        if pending is None:
            return
        pending.playing.discard(number)
        pending.heard.append(text.heard)
        broken = reply is not None and (reply.broken or reply.lost)
        pending.sounded |= reply is not None and any(said.length for said in reply.transcript.utterances)
        if self._may_continue(number):
            # It was cut off, or lost by a model, and its rest may still be said.
            pending.cut = number
        elif interrupted or broken or text.unheard:
            self._answer(pending, False)
        elif not pending.playing and reply is not None and reply.more:
            loop = asyncio.get_running_loop()
            pending.timer = loop.call_later(NEXT_PART_TIMEOUT, self._answer, pending, False)
        elif not pending.playing:
            self._answer(pending, self._was_said(pending))

    def interrupted(self) -> None:
        """Everything that was being made is interrupted: no next part of an answer will come."""
        for pending in self._all():
            if pending.timer is not None:
                self._answer(pending, False)

    def settle(self) -> None:
        """Answer those that were cut off and whose rest will not be said."""
        for pending in self._all():
            if pending.cut is not None and not pending.playing and not self._may_continue(pending.cut):
                self._answer(pending, False)

    def abandon(self) -> None:
        """The call is over: nobody will hear the rest."""
        for pending in self._all():
            self._answer(pending, False)

    def _all(self) -> Sequence[PendingRequest]:
        return list(dict.fromkeys(self._pending.values()))

    def _answer(self, pending: PendingRequest, heard: bool) -> None:
        self._stop_timer(pending)
        pending.request.begun.set()
        if pending.request.caller is not None:
            pending.request.caller.cut_off |= not heard
        self._pending = {number: other for number, other in self._pending.items() if other is not pending}
        tell(pending.done, heard)

    def _stop_timer(self, pending: PendingRequest) -> None:
        if pending.timer is not None:
            pending.timer.cancel()
            pending.timer = None

    def _was_said(self, pending: PendingRequest) -> bool:
        if not (self._compare and pending.request.verbatim):
            return True
        said = " ".join(pending.heard)
        if not said.strip():
            return pending.sounded  # Some services do not say what they said.
        return contains(said, pending.request.text)


def contains(said: str, wanted: str) -> bool:
    """Returns whether the words of `wanted` are in `said`, in a row; case, punctuation and the like do not count."""
    words, sought = comparable_words(said), comparable_words(wanted)
    if "".join(words) == "".join(sought):
        return True  # "goodbye" is "good-bye".
    return any(words[at : at + len(sought)] == sought for at in range(len(words) - len(sought) + 1))


def follow(future: asyncio.Future[bool], result: asyncio.Future[bool]) -> None:
    """Give `result` what `future` will have."""
    future.add_done_callback(lambda done: tell(result, not done.cancelled() and done.result()))


def tell(future: asyncio.Future[bool], result: bool) -> None:
    """Give a future its result, unless it has one, or nobody waits for it."""
    if not future.done():
        future.set_result(result)
