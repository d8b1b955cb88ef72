"""The model's responses: which of them what comes belongs to, and what plays of them.

The service's messages name no responses; they are told apart by order alone.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

from vision_agents.core import llm
from vision_agents.core.audio import PcmData

from .client import GeminiError

FELL_SILENT = "Gemini Live: the model fell silent in the middle of a sentence. It is asked to go on."

# After `interrupted` the end of the turn follows at once. If it does not within this time, in seconds, it was missed.
STOPPED_LIMIT = 1.5

# Seconds after the cancellation of a response that is generated in which the service ends its turn.
TURN_LIMIT = 20.0

# Seconds of silence, after all that came has played, in which nothing more comes: the response is over. The service
# makes speech faster than it is played, and tells of the end as late as it likes.
PLAYED_OUT = 2.0

# What a sentence ends with, and what may stand behind that.
_STOPS = tuple(".!?…。！？؟।")
_CLOSING = "\"'”’»)]*」』 \n"


@dataclass(slots=True)
class Response:
    """The model's work on one prompt. `epoch`: when it was asked for. `text`: what was asked, until it is answered.

    `key`: of the text that it answers, as the agent asked for it.
    """

    id: str
    epoch: int
    # It answers a text or a function's result; or it is known whose voice it answers.
    asked: bool = False
    text: str | None = None
    key: int | None = None
    # It was asked when the service may have been at the answer to a voice, of which nothing had come: our text stops
    # that, and the service says so before it begins this one.
    behind: bool = False
    # It called functions; and those of them whose results are not sent yet.
    called: bool = False
    pending: int = 0
    # It was reported that it began; and that it is done, which the service may not have said yet.
    started: bool = False
    over: bool = False
    # The service says that no more of it is made, though its turn goes on.
    generated: bool = False
    # Some of it can be heard; and its words, as far as they came.
    audible: bool = False
    words: str = ""
    # When it was cancelled, and when the service said that it has stopped.
    cancelled_at: float | None = None
    stopped_at: float | None = None


@dataclass(slots=True)
class Responses:
    """The `current` response, and those in `closing`, which are cancelled and whose end the service owes.

    `calling`: one whose turn is complete, and which goes on when its functions have returned. `now`: a clock, in
    seconds.
    """

    model: llm.Realtime
    now: Callable[[], float]
    current: Response | None = None
    calling: Response | None = None
    closing: deque[Response] = field(default_factory=deque)
    # The last response of which something was reported, and until when it plays if it is played without a break.
    last: str | None = None
    _plays_until: float = 0.0
    # Answers end with a full stop or its like, as far as is known.
    _punctuated: bool = True
    _names: count[int] = field(default_factory=lambda: count(1))

    def new(self, asked: bool = False) -> Response:
        """Make the current response another one."""
        self.calling = None
        self.current = Response(f"answer {next(self._names)}", self.model.epoch, asked)
        return self.current

    def following(self, before: Response) -> Response:
        """Make it the model's further work on the same prompt, which is no newer than that."""
        self.calling = None
        self.current = Response(f"answer {next(self._names)}", before.epoch, asked=True, key=before.key)
        return self.current

    def begin(self, response: Response) -> None:
        """Report that something of it came. Without effect twice."""
        if not response.started:
            response.started, response.text = True, None
            self.last = response.id
            self.model.report_response_started(response.id, response.epoch, response.key)

    def finish(self, response: Response, more: bool = False) -> None:
        """Report that it is done, if it had begun. Without effect twice."""
        if response.started and not response.over:
            response.over = True
            self.model.report_response_done(response.id, more)

    def audio(self, response: Response, audio: PcmData) -> None:
        """Report a piece of its speech."""
        response.audible = True
        self._plays_until = max(self._plays_until, self.now()) + audio.duration
        self.model.report_audio(response.id, audio)

    def say(self, response: Response, text: str) -> None:
        """Report words of it."""
        response.words += text
        self.model.report_response_text(response.id, text)

    def generated(self, response: Response) -> None:
        """All of it is made."""
        response.generated = True
        if response.words:
            self._punctuated = _ends_a_sentence(response.words)

    @property
    def played_out_at(self) -> float | None:
        """Return when the current response has long fallen silent, unless more of it comes."""
        current = self.unfinished
        if current is None or current.called or not current.audible:
            return None
        return self._plays_until + PLAYED_OUT

    def finish_if_played_out(self) -> None:
        """Finish the current response if it has long fallen silent. In mid-sentence it is lost, where sentences can be
        told by their full stops."""
        at, current = self.played_out_at, self.current
        if at is None or current is None or self.now() < at:
            return
        cut = current.words and self._punctuated and not _ends_a_sentence(current.words)
        if cut and current.epoch == self.model.epoch:
            self.model.report_failure(GeminiError(FELL_SILENT))
            self.model.report_answer_lost(current.id, request=current.key)
        self.finish(current)

    def close(self, response: Response, *, cancelled: bool) -> None:
        """Give it up, because it is to be `cancelled`, or because the service has stopped it."""
        at = self.now()
        response.cancelled_at, response.stopped_at = (at, None) if cancelled else (None, at)
        self.closing.append(response)
        self.current = None
        self._plays_until = at

    def stop_unseen(self) -> None:
        """Take note that the service has stopped something of which nothing had come, because of what was asked."""
        name = f"answer {next(self._names)}"
        self.closing.append(Response(name, self.model.epoch, stopped_at=self.now()))

    def late(self, made: bool = False) -> bool:
        """Return whether what comes now belongs to a response that was given up. `made`: it is something that the
        model makes, which nothing is of a response that the service has called generated."""
        while self.closing and self._missed(self.closing[0]):
            self.finish(self.closing.popleft())
        return any(not (made and response.generated) for response in self.closing)

    def _missed(self, response: Response) -> bool:
        """Return whether its end should have come."""
        if response.stopped_at is not None:
            return self.now() - response.stopped_at >= STOPPED_LIMIT
        return response.generated and response.cancelled_at is not None and self._since(response) >= TURN_LIMIT

    def _since(self, response: Response) -> float:
        return self.now() - (response.cancelled_at or 0.0)

    def confirm(self) -> bool:
        """Take note that the service has stopped; returns whether that was because of us."""
        for response in self.closing:
            # Of what is generated there is nothing to stop: the service may say so at once, or not at all.
            if response.stopped_at is None and not (response.generated and self._since(response) >= STOPPED_LIMIT):
                response.stopped_at = self.now()
                return True
        return False

    def clear(self) -> None:
        """The session is gone, and everything in it."""
        for response in (*self.closing, *([self.current] if self.current else [])):
            self.finish(response)
        self.closing.clear()
        self.current = self.calling = None

    @property
    def unfinished(self) -> Response | None:
        """The one of which more is to come."""
        return self.current if self.current is not None and not self.current.over else None

    @property
    def making(self) -> bool:
        """Return whether the model is making something that it says."""
        unfinished = self.unfinished
        return unfinished is not None and unfinished.started

    @property
    def unanswered(self) -> Response | None:
        """The one of which more is to come, if only once its functions have returned."""
        current = self.current or self.calling
        return current if current is not None and (not current.over or current.pending) else None

    @property
    def plays(self) -> bool:
        """Return whether something is playing, if it is played without a break."""
        return self.last is not None and self.now() < self._plays_until

    @property
    def silent(self) -> bool:
        """Return whether the agent certainly says nothing."""
        return not self.making and (not self.plays or (self.last is not None and self.model.stale(self.last)))

    @property
    def unconfirmed_since(self) -> float | None:
        """The time of the oldest cancellation that the service has not confirmed."""
        waiting = (response for response in self.closing if response.stopped_at is None and not response.generated)
        return min((at for response in waiting if (at := response.cancelled_at) is not None), default=None)


def _ends_a_sentence(text: str) -> bool:
    return text.rstrip(_CLOSING).endswith(_STOPS)
