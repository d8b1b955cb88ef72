"""One conversation: what is sent, what comes, and what becomes of it when a connection ends."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Iterable
from functools import partial

from google import genai
from google.genai import types
from google.genai.live import AsyncSession

from vision_agents.core import llm
from vision_agents.core.audio import PcmData
from vision_agents.core.conversation import ToolCall, without_asked
from vision_agents.core.llm import PlayedResponse
from vision_agents.core.remote import RealtimeSession, RemoteError

from .config import Setup, content, note, turns
from .dialogue import Dialogue
from .link import Link
from .responses import Response
from .usage import token_usage

logger = logging.getLogger(__name__)

# Seconds within which the service must confirm a cancellation. Then the session is renewed: the Live API does not say
# what an answer belongs to, but in a new session nothing old can come.
CONFIRM_TIMEOUT = 3.0

# After `goAway` the session is renewed at the next pause, but so many seconds before its end in any case.
GO_AWAY_MARGIN = 2.0
GO_AWAY_DEFAULT = 10.0

# Notes on calls that may wait until the model can be told something; the oldest are forgotten.
CALL_NOTES = 16


class Session(RealtimeSession):
    """Implements `LiveListener` for `model`. `setup` and `instructions` hold for all of its connections."""

    _link: Link

    def __init__(self, model: llm.Realtime, client: genai.Client, name: str, setup: Setup, instructions: str) -> None:
        super().__init__(model)
        self._name = name
        self._setup = setup
        self._instructions = instructions
        self._dialogue = Dialogue(model, self._loop.time)
        self._link = Link(client, name, self)
        # What was heard of answers that were cut off, and that the model was not told yet.
        self._untold: list[PlayedResponse] = []
        # What became of calls that the service does not wait for, and that the model was not told yet.
        self._call_notes: deque[str] = deque(maxlen=CALL_NOTES)
        # A text whose answer had not begun when the session was gone, and that the next one is asked.
        self._again: Response | None = None
        self._silence_timer: asyncio.TimerHandle | None = None

    # What we send.

    def hear(self, audio: PcmData) -> None:
        """Send audio, as soon as there is a connection."""
        self._dialogue.hear(audio)
        if self._untold or self._call_notes:
            self._send_waiting()
        self._link.send_audio(audio)

    async def close(self) -> None:
        self._dialogue.closed()
        await super().close()

    def reconfigure(self, instructions: str | None = None) -> None:
        self._instructions = self._instructions if instructions is None else instructions
        # What is resumed goes on as it was configured.
        self._link.resume_with(None)
        self._renew_in_a_pause(self._pausing)

    def stop(self, heard: tuple[PlayedResponse, ...]) -> None:
        """Cancel what is stale or was heard in part, and tell the model how much was."""
        cancelled = self._dialogue.cancel({one.response for one in heard})
        self._untold.extend(heard)
        self._watch(CONFIRM_TIMEOUT)
        if cancelled or self._untold:
            self._send_note()

    def note(self, call: ToolCall, output: str) -> None:
        """Tell the model what became of a call that the service does not wait for."""
        self._call_notes.append(llm.call_note(call, output))
        if self._link.up:
            self._send_note()

    def _send_note(self) -> None:
        # Any content stops the model: what was asked for in the meantime is spared, and takes the note along.
        if self._dialogue.current is None:
            self._link.send(partial(_send_content, turns=self._note(), turn_complete=False))

    def _send_waiting(self) -> None:
        """Send notes that were held back for an answer, unless the next one may be due."""
        if self._link.up and self._dialogue.quiet:
            self._send_note()

    def _ask(self, text: str, request: int | None) -> None:
        self._dialogue.asked(text, request)
        self._watch(CONFIRM_TIMEOUT)
        turns = [*self._note(), content("user", text)]
        self._link.send(partial(_send_content, turns=turns, turn_complete=True))

    def _note(self) -> list[types.Content]:
        untold, self._untold = self._untold, []
        calls = [content("user", f"({text})") for text in self._call_notes]
        self._call_notes.clear()
        return [*([note(untold)] if untold else []), *calls]

    @property
    def _unconfirmed_since(self) -> float | None:
        return self._dialogue.unconfirmed_since

    # LiveListener.

    def config(self, handle: str | None) -> types.LiveConnectConfig:
        return self._setup.session(self._instructions, self._model.tools, handle)

    def history(self) -> list[types.Content]:
        asked = [self._again.text] if self._again is not None and self._again.text is not None else []
        return turns(without_asked(self._model.history, asked))

    def opened(self) -> None:
        super().opened()
        self._dialogue.opened()
        again, self._again = self._again, None
        if again is not None and again.text is not None and again.epoch == self._model.epoch:
            self._ask(again.text, again.key)

    def message(self, message: types.LiveServerMessage) -> None:
        update = message.session_resumption_update
        if update is not None and update.resumable and update.new_handle:
            self._link.resume_with(update.new_handle if self._pause_timer is None else None)
        if message.usage_metadata is not None:
            self._model.report_usage(token_usage(message.usage_metadata, self._name))
        if message.voice_activity is not None:
            self._activity(message.voice_activity.voice_activity_type)
        if message.server_content is not None:
            self._dialogue.take(message.server_content)
        if message.tool_call_cancellation is not None:
            self._cancel_calls(tuple(message.tool_call_cancellation.ids or ()))
        if message.tool_call is not None:
            self._call(message.tool_call.function_calls or ())
        if message.go_away is not None:
            self._leave(message.go_away.time_left)
        self._watch_silence()

    def lost(self, error: RemoteError | None, again: bool) -> None:
        super().lost(error, again)
        unheard = self._dialogue.unanswered
        # Until the service calls a turn complete its handle is from before that.
        incomplete = self._dialogue.current is not None
        unfinished = self._dialogue.end(again=again)
        self._cancel_calls()
        wanted = unfinished is not None and unfinished.epoch == self._model.epoch
        if unheard or incomplete or unfinished is not None:
            self._link.start_anew()
        if wanted and unfinished is not None and unfinished.text is not None:
            self._again = unfinished
        if error is not None and (wanted or unheard or not again):
            self._model.report_failure(error)
        elif error is not None:
            logger.warning("%s It is opened again.", error)
        if not self._asks_again(error, again) and self._again is not None:
            unanswered, self._again = self._again, None
            if unanswered.epoch == self._model.epoch:
                self._model.report_answer_lost(request=unanswered.key)

    # What comes.

    def _watch_silence(self) -> None:
        at = self._dialogue.played_out_at
        if at is not None and self._silence_timer is None:
            self._silence_timer = self._loop.call_at(at, self._silent)

    def _silent(self) -> None:
        self._silence_timer = None
        self._dialogue.finish_if_played_out()
        self._watch_silence()

    def _stop_timer(self) -> None:
        super()._stop_timer()
        if self._silence_timer is not None:
            self._silence_timer.cancel()
            self._silence_timer = None

    def _activity(self, kind: types.VoiceActivityType | None) -> None:
        if kind is types.VoiceActivityType.ACTIVITY_START:
            self._dialogue.activity(True, self._setup.interrupts)
        elif kind is types.VoiceActivityType.ACTIVITY_END:
            self._dialogue.activity(False, self._setup.interrupts)

    def _leave(self, time_left: str | None) -> None:
        at_last = max(0.0, _seconds(time_left) - GO_AWAY_MARGIN)
        # Of somebody who speaks nothing is known at first but the sound.
        self._link.renew_in_a_pause(0.0, at_last, lambda: self._pausing() and self._dialogue.quiet)

    def _pausing(self) -> bool:
        return self._dialogue.idle and not self._calls

    # Functions.

    def _call(self, calls: Iterable[types.FunctionCall]) -> None:
        calls = list(calls)
        caller = self._dialogue.called(len(calls))
        if caller is None:
            return
        for call in calls:
            name = call.name or ""
            asked = ToolCall(call.id or name, name, call.args or {})
            self._run(asked, self._answer(asked, caller))

    async def _answer(self, call: ToolCall, caller: Response) -> None:
        result = await self._model.call_function(call, caller.epoch)
        if caller.epoch != self._model.epoch:
            # Nobody waits for it: what the model was at has been cancelled, and its calls with it.
            self.note(call, result)
            return
        self._dialogue.result_sent(caller)
        response = types.FunctionResponse(id=call.id, name=call.name, response={"output": result})
        self._link.send(partial(_send_result, response=response))


async def _send_content(session: AsyncSession, turns: list[types.Content], turn_complete: bool) -> None:
    await session.send_client_content(turns=list(turns) or None, turn_complete=turn_complete)


async def _send_result(session: AsyncSession, response: types.FunctionResponse) -> None:
    await session.send_tool_response(function_responses=response)


def _seconds(duration: str | None) -> float:
    """A duration as the service writes it: "9.5s"."""
    try:
        return float((duration or "").removesuffix("s"))
    except ValueError:
        return GO_AWAY_DEFAULT
