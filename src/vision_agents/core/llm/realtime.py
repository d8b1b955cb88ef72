"""The base class of realtime speech models: audio in, audio out, turns decided by the model."""

from __future__ import annotations

import abc
from dataclasses import dataclass

from ..audio import PcmData, Word
from ..conversation import Conversation, Message, recent, spoken_messages
from ..hearing import Hearing
from ..interruptible import Interruptible
from ..listeners import OutputListener
from ..part import Attachment
from ..participants import Participant
from .events import RealtimeAudioOutputEvent
from .function_caller import FunctionCaller
from .microphones import Microphones
from .usage import UsageReporter

# Responses whose birth epoch is remembered, for audio that comes after its response was cancelled.
RESPONSES_REMEMBERED = 64

# Tokens of history that a new connection is told by default.
HISTORY_TOKENS = 8_000


@dataclass(frozen=True, slots=True)
class PlayedResponse:
    """The part of a response that was played when it was cut off: `seconds` of its audio, and the words in them."""

    response: str
    seconds: float
    text: str


class Realtime(Hearing, UsageReporter, FunctionCaller, abc.ABC):
    """A model that hears and speaks.

    A subclass implements `connect`, `send_audio`, `send_text`, `stop_response` and `close`, and calls `report_…` for
    what it gets from its provider. `report_speech_started`, `report_turn_started`, `report_turn_ended` and
    `report_words` are about the user. What helps it: `history` (what a new connection must be told), `microphones`
    (several participants as one stream), `call_function`, and `stale`.

    `conversation` is the agent's history, kept by the agent. A user's words may be known long after their turn, when
    it is answered already: take their place in it (`conversation.place()`) when the turn begins, before that is
    reported, and report them with it.
    """

    # The rate in Hz at which `send_audio` gets its audio.
    input_sample_rate: int = 24_000

    # Whether it can say something while it waits for a function. If not, it says no fillers, and the service takes a
    # call back during which the agent says something; what came of it is told afterwards.
    speaks_during_calls: bool = True

    # Whether it is told what functions found for an answer that was interrupted, without having to answer that. If not,
    # the agent always has it say so.
    learns_late: bool = True

    # Whether an answer without a word to what it was asked is one, since the model has chosen to say nothing. Otherwise
    # it has failed, unless functions with effects that it called have returned None.
    may_be_silent: bool = False

    # The tokens, by estimate, of the history that a new connection is told; older messages are left out.
    history_tokens: int = HISTORY_TOKENS

    def __init__(self) -> None:
        Interruptible.__init__(self)
        FunctionCaller.__init__(self, lambda: self.conversation)
        self.tools.changed = self.functions_changed
        self._own_conversation = Conversation()
        self.microphones = Microphones()
        self._born: dict[str, int] = {}
        # What was heard of responses that were cut off and that the provider has not been told of yet.
        self._cut: tuple[PlayedResponse, ...] = ()
        self._mute_reported = False

    @abc.abstractmethod
    async def connect(self, instructions: str) -> None:
        """Open the session, which goes on from `history`. Raises what the provider raises, in words that say what to
        do."""

    @abc.abstractmethod
    async def send_audio(self, audio: PcmData, participant: Participant) -> None:
        """Send the next piece of a participant's audio, speech or not: `input_sample_rate`, usually 20 ms.

        With more than one participant, `self.microphones.mix` makes one stream of theirs.
        """

    @abc.abstractmethod
    async def send_text(self, text: str, request: int | None = None) -> None:
        """Put a text before the model as if a user had said it, and have it answered.

        `request`: the key to the answer, to be handed to `report_response_started` with the response to this text, and
        with those that follow when functions that it called have returned. Without that, who asked waits in vain.
        """

    @abc.abstractmethod
    async def stop_response(self, heard: tuple[PlayedResponse, ...]) -> None:
        """Cancel at the provider what is `stale` or in `heard`, and cut its record of the latter to what was heard.

        `heard` has every response that was cut off before it was played to its end, oldest first; it may be empty, and
        this may be called twice for one interruption. May be slow or raise; nothing waits for it.
        """

    @abc.abstractmethod
    async def close(self) -> None:
        """Close the session. Harmless twice."""

    def instruct(self, instructions: str) -> None:
        """Go on by other instructions. Returns at once. Raises NotImplementedError unless a subclass can do it."""
        raise NotImplementedError(
            f"{type(self).__name__} takes no other instructions in a call: set them before the agent joins, or "
            "tell the model by simple_response()"
        )

    def functions_changed(self) -> None:
        """A function was registered, perhaps in a call: a subclass tells its session, if there is one."""

    @property
    def conversation(self) -> Conversation:
        """The history of the call that the model is in, else one of its own."""
        return self._own_conversation if self._attachment is None else self._attachment.conversation

    @property
    def history(self) -> tuple[Message, ...]:
        """The messages that a new connection is told: what was said until now and heard of it, or is being played."""
        return recent(spoken_messages(self.conversation), self.history_tokens)

    def forget(self, participant: Participant) -> None:
        """The participant left."""
        self.microphones.forget(participant)

    @property
    def _output(self) -> OutputListener | None:
        return self._attachment.output if self._attachment is not None else None

    def detach(self, attachment: Attachment) -> None:
        super().detach(attachment)
        # Of a session that is closed nothing more comes, and the next one may count its responses anew.
        self._born.clear()
        self._cut = ()
        self._mute_reported = False

    # Interruption.

    def cut_off(self, *heard: PlayedResponse) -> None:
        """Tell what was heard of the responses that the next cancellation stops, oldest first."""
        self._cut += heard
        self.function_calls.responses_cut(one.response for one in heard)

    async def cancel_work(self) -> None:
        heard, self._cut = self._cut, ()
        await self.stop_response(heard)

    def stale(self, response: str) -> bool:
        """Return whether the response began, or was asked for, before the last interruption."""
        return self._born.get(response, self.epoch) < self.epoch

    @property
    def owes_words(self) -> bool:
        """Return whether an answer of which nothing is said is lost, and not over."""
        return not (self.may_be_silent or self.function_calls.nothing_to_tell)

    # What a subclass reports.

    def report_speech_started(self, participant: Participant, confidence: float, onset_delay: float = 0.0) -> None:
        self.function_calls.repeats.heard()
        super().report_speech_started(participant, confidence, onset_delay)

    def report_turn_started(self, participant: Participant, confidence: float = 1.0) -> None:
        self.function_calls.repeats.heard()
        super().report_turn_started(participant, confidence)

    def report_words(
        self,
        participant: Participant,
        text: str,
        final: bool,
        confidence: float | None = None,
        alternative: str = "",
        place: int | None = None,
    ) -> None:
        """Report words of the user. Final ones without a text say that there are none: it was a noise."""
        super().report_words(participant, text, final, confidence, alternative, place)
        if final:
            self.function_calls.repeats.words_known(place)

    def report_unread_words(self, place: int, seconds: float) -> None:
        """Report that somebody was heard for so long, and that nobody will know what they said: it could not be written
        down."""
        self.function_calls.repeats.unread(place, seconds)

    def report_session_lost(self) -> None:
        """Report that a session is over: what is asked in the next one may be what was done in this one."""
        self.function_calls.repeats.broken_off()

    def report_response_started(self, response: str, asked_in: int | None = None, request: int | None = None) -> None:
        """A response begins. Its epoch is `asked_in`, the one in which it was asked for, if that is known: then one
        that was asked for before an interruption and begins after it is stale from its birth. Otherwise it is the
        current one. What is known already keeps its epoch, however often it is announced. `request`: the key of the
        text that it answers, see `send_text`; None if it answers what somebody said."""
        if response in self._born:
            return
        born = self.epoch if asked_in is None else min(asked_in, self.epoch)
        self._born[response] = born
        while len(self._born) > RESPONSES_REMEMBERED:
            del self._born[next(iter(self._born))]
        if born < self.epoch:
            return
        self.function_calls.response_began(response)
        if (output := self._output) is not None:
            output.response_started(response, born, request)

    def report_audio(self, response: str, audio: PcmData) -> None:
        """A piece of a response's speech. Of a response that is stale it is dropped."""
        if response not in self._born:
            self.report_response_started(response)
        if self.stale(response):
            self._epoch.dropped(self._born[response], audio.duration)
            return
        epoch = self._born[response]
        if self.events.has_subscribers(RealtimeAudioOutputEvent):
            self.events.send(RealtimeAudioOutputEvent(data=audio, epoch=epoch))
        if (output := self._output) is not None:
            output.response_audio(response, audio, epoch)

    def report_response_text(self, response: str, delta: str, words: tuple[Word, ...] = ()) -> None:
        """The next piece of what the response says, with the words' times where they are known."""
        if self.stale(response):
            return
        if (output := self._output) is not None:
            output.response_text(response, delta, words)

    def report_response_done(self, response: str, more: bool = False) -> None:
        """No more of the response will come, for whatever reason. What came may still be playing. `more`: the answer
        goes on in another response, since functions were called in this one."""
        if (output := self._output) is not None:
            output.response_done(response, more)

    def report_mute(self, error: Exception) -> None:
        """Report that the model answers in a way that nobody hears, such as in text: `error` says so, and what to do.

        It is told once a call, however many answers are lost in this way.
        """
        if not self._mute_reported:
            self._mute_reported = True
            self.report_failure(error)

    def report_answer_lost(self, response: str | None = None, *, request: int | None = None) -> None:
        """Report that the model gave up an answer that is still wanted: this response, or one that had not begun.
        `request`: the key of the text that this was to answer, if it was one.

        That is so where its connection broke, and where it stopped for a noise before it had said anything. When nobody
        speaks, and no words come that it answers, it is asked to go on.
        """
        self.function_calls.repeats.broken_off()
        if (output := self._output) is not None and (response is None or not self.stale(response)):
            output.answer_lost(response, request)

    def report_interrupted(self) -> None:
        """The model stopped because it heard somebody, and does not say who: the agent stops too."""
        if (output := self._output) is not None:
            output.interrupted()
