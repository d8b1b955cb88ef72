"""The replies of a session: requests, their making, and how much of them was heard."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace

from ..audio import Playout
from ..audio.playout import SAMPLE_RATE
from ..conversation import Conversation, Message, Role
from ..epoch import Epoch
from ..events import EventManager
from ..floor.evidence import Vote
from ..llm import Confirmation
from ..participants import Participant
from ..trace import Trace
from ..trace.notes import AgentTranscript, ReplyPlayed, ReplyResumed
from ..voice import HeardText, SpeechRequest, SpokenReply, Voice
from .events import AgentSpeechEndedEvent, AgentSpeechStartedEvent
from .held_voice import HeldVoice
from .requests import PendingRequests

NOTHING = HeardText("", "", False)

# Words that begin between two reports of the playout, 0.2 s apart: the one being heard, and the next.
BEING_HEARD = 2


@dataclass(frozen=True, slots=True)
class CutReply:
    """A reply that was cut off, what of it was heard, and whether the model was still writing it."""

    spoken: SpokenReply
    text: HeardText
    unfinished: bool


@dataclass(frozen=True, slots=True)
class DraftReply:
    """A reply that is prepared, and the history that it was prepared for, without what was perhaps said."""

    spoken: SpokenReply
    history: tuple[Message, ...]


class Replies:
    """Carries out what the floor decides about the agent's voice, and keeps the history true to what was played."""

    def __init__(
        self,
        playout: Playout,
        voice: Voice,
        conversation: Conversation,
        events: EventManager,
        trace: Trace,
        epoch: Epoch,
        may_continue: Callable[[int], bool],
        realtime: bool,
    ) -> None:
        self._playout = playout
        self._voice = voice
        self._conversation = conversation
        self._events = events
        self._trace = trace
        self._epoch = epoch
        self._realtime = realtime
        self._spoken: dict[int, SpokenReply] = {}
        self._requests = PendingRequests(may_continue, compare=realtime)
        self._may_continue = may_continue
        self.held = HeldVoice(playout, events, trace, epoch)
        # Those whose rest may still be said, by their numbers.
        self._cut: dict[int, CutReply] = {}
        # The answer that is made before it is certain what it answers.
        self._draft: DraftReply | None = None

    # Beginning.

    def requested(self, number: int, request: SpeechRequest) -> asyncio.Future[bool]:
        """Remember what code asked for under the number that the floor will begin it with."""
        return self._requests.add(number, request)

    def begin(self, number: int, epoch: int, filler: str = "", *, again: bool = False) -> None:
        """Have a reply made: what was asked for under its number, an answer to the history, or a filler."""
        reply = SpokenReply(number, epoch, again=again)
        self.adopt(reply)
        self._voice.begin(reply, SpeechRequest(filler, verbatim=True) if filler else self._requests.get(number))

    def prepare(self, number: int, epoch: int, text: str, participant: str) -> None:
        """Have the answer to a turn made that is perhaps over, and perhaps has these words."""
        reply = SpokenReply(number, epoch, confirmation=Confirmation(certain=False))
        self._draft = DraftReply(reply, self._conversation.messages)
        self._voice.prepare(reply, (*self._draft.history, Message(Role.USER, text, participant=participant)))

    def begin_prepared(self, number: int) -> bool:
        """Let a prepared answer be heard. False if it does not fit the history, or there is none."""
        draft = self._draft
        if draft is None or draft.spoken.number != number or self._conversation.messages[:-1] != draft.history:
            return False
        self._draft = None
        self.adopt(draft.spoken)
        self._voice.confirm(number)
        return True

    def discard(self) -> None:
        """Throw away what is prepared, if there is anything."""
        draft, self._draft = self._draft, None
        if draft is not None:
            draft.spoken.confirmation.revoke()
            self._playout.drop(draft.spoken.number)
            self._voice.drop(draft.spoken.number, (0.0, ""))

    def go_on(self, number: int, epoch: int, cut: int, *, again: bool) -> bool:
        """Have the unheard rest of a reply said, which was cut off for nothing. False if there is none."""
        last, text = self._cut.pop(cut, None), NOTHING
        if last is not None:
            # Nobody interrupted: the model is not to think so.
            text = last.text
            heard = tuple((heard, "") for heard, _ in text.parts)
            self._put_down(last.spoken, HeardText(text.heard, "", text.estimated, heard))
        if (request := self._request_rest(cut, last, text)) is None:
            return False
        reply = SpokenReply(number, epoch, follows=cut, again=again)
        self.adopt(reply)
        self._voice.begin(reply, request)
        return True

    def insert(self, number: int, within: int, filler: str) -> bool:
        """Have something said inside a reply: what was asked for under its number, or a filler. False if it is over."""
        request = SpeechRequest(filler, verbatim=True) if filler else self._requests.insert(number, within)
        return request is not None and self._voice.insert(within, number, request)

    def insertion_over(self, number: int, heard: bool) -> None:
        """It was said: `heard` to its last word, or with a sentence left out."""
        self._requests.inserted(number, heard)

    def adopt(self, reply: SpokenReply) -> None:
        """Take a reply that is being made."""
        self._spoken[reply.number] = reply
        self._requests.follow(reply.number, reply.follows)

    # While it plays.

    def started(self, number: int) -> None:
        """Its first sample was pulled."""
        reply = self._spoken.get(number)
        if reply is not None:
            self._events.send(AgentSpeechStartedEvent(reply=number, epoch=reply.epoch))
            self._remember(reply, self._heard_of(number, self._playout.heard(number)))

    def progressed(self, number: int) -> list[str]:
        """More of it was pulled. Returns the words of it that were heard, and those that are being heard."""
        reply = self._spoken.get(number)
        if reply is None:
            return []
        text = self._heard_of(number, self._playout.heard(number))
        self._remember(reply, text)
        return text.heard.split() + text.unheard.split()[:BEING_HEARD]

    def hold(self, number: int, participant: Participant | None, onset: float) -> None:
        """Silence it, and keep the place. `onset`: when the sound began that it is held for."""
        self.held.begin(number, participant, onset, sounding=self._playout.sounding)
        self._playout.hold(number)

    def resume(self, number: int, rewind: str, limit: float, reason: str, evidence: tuple[Vote, ...]) -> None:
        """Let it go on."""
        position = self._playout.position(number)
        reply = self._spoken.get(number)
        if rewind == "word" and reply is not None:
            place = position / SAMPLE_RATE
            start = max(reply.transcript.start_of_word_at(place), place - limit)
            self._playout.resume(number, round(start * SAMPLE_RATE))
        else:
            self._playout.resume(number)
        text = self._heard_of(number, self._playout.heard(number))
        resumed_at = self._playout.position(number)
        self._trace.note(ReplyResumed(number, resumed_at, position - resumed_at, text.heard, text.unheard))
        self.held.decide("resume", number, reason, evidence, text)

    # Ending.

    def commit(
        self,
        epoch: int,
        number: int | None,
        participant: Participant | None,
        onset: float,
        reason: str,
        evidence: tuple[Vote, ...],
    ) -> None:
        """Interrupt: shut the gate, then cancel, then tell."""
        if self._draft is not None and self._draft.spoken.epoch < epoch:
            self.discard()
        sounding, before = self._playout.sounding, self._playout.dropped_samples
        self._epoch.advance(epoch)
        heard = self._playout.silence()
        dropped = self._playout.dropped_samples - before
        # All that is older, also what has no audio yet.
        older = [reply.number for reply in self._spoken.values() if reply.epoch < epoch]
        cut = {reply: heard.get(reply, 0) for reply in older}
        texts = {reply: self._heard_of(reply, samples) for reply, samples in cut.items()}
        self._voice.cancel({reply: (cut[reply] / SAMPLE_RATE, text.heard) for reply, text in texts.items()})
        if number is not None:
            text = texts.get(number, NOTHING)
            if number in texts:
                self._cut[number] = CutReply(self._spoken[number], text, self._unfinished(number))
            self.held.cut_off(number, participant, onset, sounding=sounding)
            self.held.decide("commit", number, reason, evidence, text, dropped)
        for reply, text in texts.items():
            self._end(reply, text, cut[reply], interrupted=True)
        self._requests.interrupted()

    def settle(self) -> None:
        """Forget what was cut off and will not be gone on with."""
        self._cut = {number: cut for number, cut in self._cut.items() if self._may_continue(number)}
        self._requests.settle()

    def drop(self, number: int) -> None:
        """Give it up: it never began, failed, or took too long."""
        samples = self._playout.heard(number)
        text = self._heard_of(number, samples)
        self._keep_rest(number, text)
        self._playout.drop(number)
        self._voice.drop(number, (samples / SAMPLE_RATE, text.heard))
        self._end(number, text, samples, interrupted=True)

    def drained(self, number: int, heard: int) -> bool:
        """All of it was played. Returns whether another part of the answer follows."""
        spoken = self._spoken.get(number)
        text = self._heard_of(number, heard)
        self._keep_rest(number, text)
        self._end(number, text, heard, interrupted=False)
        return spoken is not None and spoken.more

    def failed(self, number: int) -> None:
        """Not all of it could be made; what was made is still played."""
        reply = self._spoken.get(number)
        if reply is not None:
            reply.broken = True
        self._requests.inserted(number, False)

    def superseded(self, number: int) -> None:
        """The model has given it up for another: no part failed."""
        self.failed(number)
        if (reply := self._spoken.get(number)) is not None:
            reply.superseded = True

    def late(self, number: int) -> None:
        """It did not sound in time, and is about to be given up."""
        if (reply := self._spoken.get(number)) is not None:
            reply.late = True

    def abandon(self) -> None:
        """The call is over: nobody will hear the rest."""
        self.discard()
        for number in list(self._spoken):
            self.drop(number)
        self._requests.abandon()

    # Inside.

    def _request_rest(self, cut: int, last: CutReply | None, text: HeardText) -> SpeechRequest | None:
        rest = text.rest or self._requests.rest(cut)
        # A realtime model knows what it was sent, unless that failed; nobody knows whether it had more to say.
        sent = self._realtime and not (last is not None and last.spoken.broken)
        if not (sent or rest or text.heard) and (asked := self._requests.unanswered(cut)):
            return SpeechRequest(asked, verbatim=False, known=True)
        unfinished = (self._realtime and not rest) or (last is not None and last.unfinished)
        return SpeechRequest(rest, verbatim=True, unfinished=unfinished) if rest or unfinished else None

    def _keep_rest(self, number: int, text: HeardText) -> None:
        """Remember a reply that failed, if its rest is to be said."""
        if number in self._spoken and self._may_continue(number):
            # Of a realtime model there may have been more to come than is known of.
            known = replace(text, unheard="", rest="") if self._realtime else text
            self._cut[number] = CutReply(self._spoken[number], known, self._unfinished(number))

    def _unfinished(self, number: int) -> bool:
        """Return whether the model has not written all of the reply."""
        return not (self._realtime or self._spoken[number].written)

    def _heard_of(self, number: int, samples: int) -> HeardText:
        reply = self._spoken.get(number)
        return reply.transcript.at(samples / SAMPLE_RATE) if reply is not None else NOTHING

    def _end(self, number: int, text: HeardText, samples: int, interrupted: bool) -> None:
        self.held.ended(number)
        reply = self._spoken.pop(number, None)
        self._requests.ended(number, reply, text, interrupted)
        if reply is None:
            return
        self._remember(reply, text, interrupted=interrupted, done=True)
        self._trace.note(
            ReplyPlayed(
                reply=number,
                seconds=samples / SAMPLE_RATE,
                text=text.heard,
                estimated=text.estimated,
                stale_chunks=self._playout.stale_chunks,
                utterances=tuple(reply.transcript.utterances),
            )
        )
        self._events.send(
            AgentSpeechEndedEvent(
                reply=number,
                epoch=reply.epoch,
                heard=text.heard,
                unheard=text.unheard,
                interrupted=interrupted,
                failed=(reply.broken and not reply.superseded) or reply.late,
                estimated=text.estimated,
            )
        )

    def _remember(self, reply: SpokenReply, text: HeardText, *, interrupted: bool = False, done: bool = False) -> None:
        if reply.shown == text and not done:
            return
        reply.shown = text
        self._put_down(reply, text, interrupted=interrupted, playing=not done)
        self._trace.note(AgentTranscript(reply.number, text.heard, text.unheard, interrupted, done))

    def _put_down(
        self, reply: SpokenReply, text: HeardText, *, interrupted: bool = False, playing: bool = False
    ) -> None:
        """Tell the history. What is said takes its place there when its first word is heard: not before what the user
        said in the meantime."""
        cut = next((number for number, (_, unheard) in enumerate(text.parts) if unheard), len(text.parts) - 1)
        for number, (heard, unheard) in enumerate(text.parts):
            if heard and number not in reply.places:
                reply.places[number] = self._conversation.place()
            if number in reply.places:
                here = interrupted and number == cut
                message = Message(Role.ASSISTANT, heard, here, unheard, reply=reply.number, playing=playing)
                self._conversation.put(reply.places[number], message if heard else None)
