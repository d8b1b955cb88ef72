"""Translates a stream's events into reports to the agent.

The model's work on one prompt (a text, a spoken turn) is a `Response`. The service does not name it; this is how its
parts are known:

- Everything is in contents, each with an id, a role and a type. What the assistant says belongs to the `current`
  response, which begins with its first content and ends with audio that ends in END_TURN, or where it calls functions.
  Then it is the `calling` one, and what the service makes of their results is another response to the same prompt.
- An interruption is told twice: by a text `{ "interrupted" : true }` and by a content that ends in INTERRUPTED. Either
  counts, once a response. It also comes when all of it has long been sent, but the service reckons that it still plays.
- Words of the user come when the service judges that the turn is over. What begins after them answers them.
- Texts and results are answered in the order in which they were sent. No id tells which of them something answers: what
  the service says has ids of its own contents and one `completionId` for all of a prompt, and never names what was
  sent.

Nothing cancels a response. What still comes of one that nobody wants is dropped, and a stream on which that takes too
long is renewed, see `Session`.
"""

from __future__ import annotations

import base64
import json
from collections import deque
from collections.abc import Callable
from dataclasses import InitVar, dataclass, field
from itertools import count

from vision_agents.core import llm
from vision_agents.core.audio import PcmData
from vision_agents.core.conversation import ToolCall

from .client import SERVICE_NAME, AWSError
from .responses import Content, Response, ResponseRequest, is_interruption
from .usage import token_usage
from .user_turns import UserTurns
from .wire import OUTPUT_SAMPLE_RATE, Json

# Seconds within which the answer to a text begins; later the service has let it be.
REQUEST_TIMEOUT = 20.0

# Texts that wait for their answers; at the limit the oldest is given up.
REQUEST_LIMIT = 16

ANSWERS_IN_TEXT = (
    f"{SERVICE_NAME}: an answer is complete and had text alone, which nobody hears. Use a model that speaks, such as "
    "amazon.nova-2-sonic-v1:0."
)

_numbers = count(1)


@dataclass(slots=True)
class Dialogue:
    """Takes the events of a stream, and reports through `model` what they mean.

    `call` runs a function for a response. `now`, `turn_over`: see `UserTurns`. `name`: of the model.
    """

    model: llm.Realtime
    call: Callable[[ToolCall, Response], None]
    now: Callable[[], float]
    turn_over: InitVar[Callable[[], tuple[float, float]]]
    name: str = ""
    current: Response | None = None
    calling: Response | None = None
    requests: deque[ResponseRequest] = field(default_factory=lambda: deque(maxlen=REQUEST_LIMIT))
    turns: UserTurns = field(init=False)
    _contents: dict[str, Content] = field(default_factory=dict)
    # The last answer of which something was reported, and until when it plays if it plays without a break.
    _last: Response | None = None
    _plays_until: float = 0.0

    def __post_init__(self, turn_over: Callable[[], tuple[float, float]]) -> None:
        self.turns = UserTurns(self.model, self.now, turn_over)

    # What we do.

    def asked(self, text: str, key: int | None) -> None:
        """A text is sent to be answered."""
        during = self.current or self.calling
        self.requests.append(ResponseRequest(text, key, self.model.epoch, self.now(), during))

    def result_sent(self, response: Response) -> None:
        """The result of one of its functions is sent: after the last one the model goes on."""
        response.pending -= 1
        if response is not self.calling or response.pending or self._open(response, "TOOL"):
            return
        self.calling = None
        # Of a lost one too: the model answers that nothing came of a call, and nobody wants to hear it.
        request = ResponseRequest(None, response.key, response.epoch, self.now(), None, response.dropped)
        if self.current is None and not self.requests:
            self.current = self._answer_to(request)
        else:
            self.requests.append(request)

    def cancel(self, responses: set[str]) -> None:
        """These are not wanted any more, whatever their epoch."""
        for response in self._at_work:
            response.dropped |= response.id in responses

    @property
    def unwanted(self) -> bool:
        """Return whether the service is at something, or was asked for something, that nobody wants any more."""
        self._forget_old_requests()
        all_work: list[Response | ResponseRequest] = [*self._at_work, *self.requests]
        return any(map(self._lost, all_work)) or any(
            one.unclear and one.epoch < self.model.epoch for one in self._contents.values()
        )

    @property
    def wanted(self) -> bool:
        """Return whether the service is at something that is still wanted."""
        return any(not self._lost(response) for response in self._at_work) or self.turns.unanswered

    @property
    def _at_work(self) -> list[Response]:
        """The responses that the service is at: the one that is said, and the one that waits for functions."""
        return [response for response in (self.current, self.calling) if response is not None]

    @property
    def idle(self) -> bool:
        """Return whether nobody says anything, and no answer is awaited."""
        self._forget_old_requests()
        busy = self._at_work or self.requests or self.turns.unanswered
        return not busy and self.now() >= self._plays_until

    def end(self) -> list[ResponseRequest]:
        """The stream is gone, and everything on it. Returns the texts still to be answered."""
        wanted = [request for request in self.requests if not self._lost(request)]
        unanswered = [request for request in wanted if request.text is not None]
        self.requests.clear()
        self._contents.clear()
        lost = next((response for response in self._at_work if not self._lost(response)), None)
        for response in self._at_work:
            self._finish(response)
        self.calling = None
        # What functions find is told by itself: asked to go on, one that knows nothing of them would call them again.
        owed = lost or next((request for request in wanted if request.text is None), None)
        if owed is not None and not self.model.function_calls.deliver:
            started = lost.id if lost is not None and lost.started else None
            self.model.report_answer_lost(started, request=owed.key)
        elif self.turns.understood:
            self.model.report_answer_lost()
        self.turns.answered()
        # The service of the next stream does not know that this plays, and will not say when it is interrupted.
        self._last = None
        return unanswered

    # What the service says.

    def take(self, event: Json) -> None:
        """Handle an event. Raises what is wrong with it."""
        for name, fields in event.items():
            handler = _HANDLERS.get(name)
            if handler is not None:
                handler(self, fields)

    def _on_content_start(self, fields: Json) -> None:
        try:
            role, kind = str(fields["role"]), str(fields["type"])
        except KeyError:
            # It cannot be read; if it is the answer to a text, the next answer is none to that.
            if self.current is None and self.requests:
                self.requests.popleft()
            raise
        extra = json.loads(fields.get("additionalModelFields") or "{}")
        final = extra.get("generationStage") == "FINAL"
        content = Content(role, kind, final, self.model.epoch)
        if kind == "TOOL" and self.current is None and self.calling is not None:
            content.response = self.calling  # One more function.
        elif final and role != "USER":
            content.response = self._last or self.current  # It tells once more what was said.
        elif role != "USER" and kind == "TEXT" and self.current is None:
            content.unclear = True
        elif role != "USER":
            content.response = self._answering(content)
        self._contents[str(fields["contentId"])] = content

    def _on_text(self, fields: Json) -> None:
        content = self._contents.get(str(fields["contentId"]))
        text = str(fields["content"])
        if content is None:
            return
        if is_interruption(text):
            content.unclear = False
            content.response = self._newest
            self._interrupted(content.response)
            return
        self._clear_up(content)
        if content.role == "USER":
            self._heard(text.strip())
        elif content.response is not None and text and not (content.final and content.response.text):
            self._say(content.response, text)

    def _on_audio(self, fields: Json) -> None:
        content = self._contents.get(str(fields["contentId"]))
        if content is None or content.response is None or content.response.over or content.response.dropped:
            return
        audio = PcmData.from_bytes(base64.b64decode(fields["content"], validate=True), OUTPUT_SAMPLE_RATE)
        self._begin(content.response)
        content.response.audible = True
        if not self._lost(content.response):
            self._plays_until = max(self._plays_until, self.now()) + audio.duration
        self.model.report_audio(content.response.id, audio)

    def _on_tool_use(self, fields: Json) -> None:
        content = self._contents.get(str(fields["contentId"]))
        if content is not None and content.response is not None:
            number, name = str(fields["toolUseId"]), str(fields["toolName"])
            content.call = ToolCall.from_json(number, name, str(fields.get("content") or ""))

    def _on_content_end(self, fields: Json) -> None:
        content = self._contents.pop(str(fields["contentId"]), None)
        if content is None:
            return
        self._clear_up(content)
        reason, response = fields.get("stopReason"), content.response
        if reason == "INTERRUPTED":
            self._interrupted(response)
        elif content.call is not None and response is not None and response in self._at_work:
            self._pause(response)
            self.call(content.call, response)
        elif reason == "END_TURN" and response not in (None, self.calling) and content.role != "USER":
            assert response is not None
            if response.text and not (response.audible or self._lost(response) or response.interrupted):
                self.model.report_mute(AWSError(ANSWERS_IN_TEXT))
            self._complete(response)
        self._end_part()

    def _on_completion_end(self, _: Json) -> None:
        if self.current is not None:
            self._complete(self.current)

    def _on_usage(self, fields: Json) -> None:
        usage = token_usage(fields, self.name)
        if usage.total_tokens:
            self.model.report_usage(usage)

    # Responses.

    @property
    def _playing(self) -> bool:
        last = self._last
        return last is not None and not last.interrupted and not self._lost(last) and self.now() < self._plays_until

    @property
    def _newest(self) -> Response | None:
        """The response that the service began last: an interruption stops it, where nothing else tells."""
        return max((*self._at_work, *([self._last] if self._last else [])), key=lambda one: one.number, default=None)

    def _lost(self, one: Response | ResponseRequest) -> bool:
        return one.dropped or one.epoch < self.model.epoch

    def _open(self, response: Response, kind: str) -> bool:
        return any(one.response is response and one.kind == kind for one in self._contents.values())

    def _clear_up(self, content: Content) -> None:
        if content.unclear:
            content.unclear, content.response = False, self._answering(content)

    def _answer_to(self, request: ResponseRequest) -> Response:
        return Response(next(_numbers), request.epoch, request.key, dropped=request.dropped)

    def _answering(self, content: Content) -> Response:
        if self.current is None:
            request = self._asked()
            self.current = Response(next(_numbers), content.epoch) if request is None else self._answer_to(request)
            self.turns.answered()
        return self.current

    def _asked(self) -> ResponseRequest | None:
        """The text that the answer which begins now is to, None if that is a spoken turn."""
        self._forget_old_requests()
        return self.requests.popleft() if self.requests and not self.turns.understood else None

    def _begin(self, response: Response) -> None:
        if not response.started:
            response.started = True
            self._last = response
            self._plays_until = self.now()
            self.model.report_response_started(response.id, response.epoch, response.key)

    def _say(self, response: Response, text: str) -> None:
        if response.dropped or (response.over and not response.text):
            return
        self._begin(response)
        # Each content is a sentence, without the space between it and the one before.
        gap = " " if response.text and not text[0].isspace() else ""
        response.text += gap + text
        self.model.report_response_text(response.id, gap + text)

    def _pause(self, response: Response) -> None:
        """It calls a function."""
        response.pending += 1
        if response is self.current:
            self.current, self.calling = None, response

    def _end_part(self) -> None:
        """End what the model said before it called functions, once all of it came: it is a part by itself, since a
        function may have something said before the model goes on."""
        if self.calling is not None and not self._open(self.calling, "AUDIO"):
            self._end(self.calling, more=True)

    def _complete(self, response: Response) -> None:
        """The service says no more of it: of one that was wanted something should have come."""
        if not (response.started or response.over or response.interrupted or self._lost(response)):
            if self.model.owes_words:
                self.model.report_answer_lost(request=response.key)
            else:
                self._begin(response)
        self._finish(response)

    def _finish(self, response: Response) -> None:
        if response is self.current:
            self.current = None
        if response is self.calling:
            self.calling = None
        self._end(response)

    def _end(self, response: Response, more: bool = False) -> None:
        if response.over:
            return
        response.over = True
        if response.started:
            self.model.report_response_done(response.id, more)

    def _interrupted(self, response: Response | None) -> None:
        response = response or self._newest
        about_it = response is not None and (not response.over or self._lost(response) or self._playing)
        if self.turns.understood and not about_it:
            if any(request.text is not None for request in self.requests):
                return  # That is what a text that we sent has stopped, which is answered next.
            # It has stopped what it was about to answer, of which nothing has come.
            self.turns.answered()
            self.turns.noticed()
            self.model.report_answer_lost()
            return
        if response is None or response.interrupted:
            return
        # A text that we sent stops the model too; then nobody has spoken, and functions go on.
        ours = any(request.during is response for request in self.requests)
        if ours and response is self.calling:
            return
        response.interrupted = True
        current = response in self._at_work or response is self._last
        if current and not ours and not self._lost(response):
            self.turns.noticed()
            if response.pending or not response.over:
                self.model.report_answer_lost(response.id if response.started else None, request=response.key)
        if current:
            self._plays_until = self.now()
        self._finish(response)

    def _forget_old_requests(self) -> None:
        while self.requests and self.now() - self.requests[0].at > REQUEST_TIMEOUT:
            self.requests.popleft()

    def _heard(self, words: str) -> None:
        if not words:
            return
        for response in self._at_work:
            if self._lost(response):
                self._finish(response)  # What begins from now on answers these words.
        for request in [one for one in self.requests if one.text is None and self._lost(one)]:
            self.requests.remove(request)
        self.turns.heard(words, over_model=bool(self._at_work) or self._playing)


_HANDLERS: dict[str, Callable[[Dialogue, Json], None]] = {
    "contentStart": Dialogue._on_content_start,
    "textOutput": Dialogue._on_text,
    "audioOutput": Dialogue._on_audio,
    "toolUse": Dialogue._on_tool_use,
    "contentEnd": Dialogue._on_content_end,
    "completionEnd": Dialogue._on_completion_end,
    "usageEvent": Dialogue._on_usage,
}
