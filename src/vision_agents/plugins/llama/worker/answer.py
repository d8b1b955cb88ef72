"""One request's way through the model: what does not fit is dropped, what the model writes is passed on."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Protocol

from .precedence import STRETCH, Precedence, is_ahead

Json = dict[str, Any]

# Room for a reply, in tokens, below which an answer is not worth beginning.
LEAST_REPLY = 32


class Completing(Protocol):
    """The part of `Model` that is used here."""

    def complete(self, slot: int, body: Json, take: Callable[[Json], bool]) -> None: ...


class Answer:
    """A request that is being answered in a slot.

    Args:
        request: as the worker reads it.
        context: tokens that prompt and reply may have together.
        send: takes the messages that answer the request.
        fits: told how many tokens prompt and reply may have, as soon as that is known.
        precedence: of the worker's answers.
    """

    def __init__(
        self,
        request: Json,
        context: int,
        send: Callable[[Json], None],
        fits: Callable[[int], None],
        precedence: Precedence,
    ) -> None:
        self.cancelled = False
        """To be set from any thread: it then ends at the next step of the model."""
        self.tokens = 0
        """That the slot holds by now; 0 when nothing was read yet."""
        self.number: int = request["id"]
        self._keep: int = request["keep"]
        self._most: int = request["max_tokens"]
        self._body: Json = request["body"]
        self._pausable: bool = request["pausable"]
        self._context = context
        self._send = send
        self._fits = fits
        self._precedence = precedence
        self._written: list[str] = []
        self._ahead = False
        self._resumed_at = 0

    def run(self, model: Completing, slot: int) -> Json:
        """Have the model answer; blocks. Returns the message that ends the answer."""
        body, dropped = self._body, 0
        while True:
            messages = body["messages"]
            last = len(turns(messages, self._keep)) < 2
            room = self._context - (min(LEAST_REPLY, self._most) if last else self._most)
            attempt = Attempt(self, room)
            error = self._attempt(model, slot, body, attempt)
            if error is None and attempt.paused:
                error = self._resume(model, slot, body, attempt)
            if error is None and not attempt.too_long:
                return {"id": self.number, "done": attempt.summary() | {"dropped": dropped}}
            if error is None and last:
                error = (
                    f"the instructions, the examples and the last message alone are {attempt.tokens} tokens long, "
                    f"and the context holds {self._context}: raise `context`, or shorten them"
                )
            if error is not None:
                return {"id": self.number, "error": error}
            kept = drop_oldest(messages, self._keep, 1 - room / attempt.tokens)
            dropped += len(messages) - len(kept)
            body = body | {"messages": kept}

    def _resume(self, model: Completing, slot: int, body: Json, first: Attempt) -> str | None:
        """After each pause have the model write on from what it wrote: all of that is in the slot already."""
        while True:
            if len(self._written) >= self._most:
                first.reason = "length"
                return None
            self._precedence.pause(lambda: self.cancelled)
            self._resumed_at = len(self._written)
            attempt = Attempt(self, self._context)
            so_far = {"role": "assistant", "content": "".join(self._written)}
            error = self._attempt(model, slot, body | {"messages": [*body["messages"], so_far]}, attempt)
            first.reason = attempt.reason
            first.written += attempt.written
            if error is not None or not attempt.paused:
                return error

    def _attempt(self, model: Completing, slot: int, body: Json, attempt: Attempt) -> str | None:
        most = min(self._most, self._context) - len(self._written)
        try:
            if not self.cancelled and most > 0:
                model.complete(slot, body | {"max_tokens": most}, attempt)
        except Exception as error:  # xllamacpp refuses bad requests so
            return f"{type(error).__name__}: {error}"
        self.tokens = attempt.tokens + attempt.written or self.tokens
        return attempt.error

    def send(self, message: Json) -> None:
        """Pass a message on, as one that answers this request."""
        self._send({"id": self.number} | message)

    def read(self, prompt: int) -> None:
        """The prompt's length in tokens is known, and fits."""
        if not self._written:
            self._fits(min(self._context, prompt + self._most))

    def write(self, text: str) -> bool:
        """The model wrote a piece of text. Returns whether it shall pause, since others wait for their first words."""
        self._written.append(text)
        self.send({"text": text})
        if not self._ahead and is_ahead(self._written):
            self._ahead, self._resumed_at = True, len(self._written) - STRETCH
            self._precedence.end(self.number)
        return self._pausable and self._ahead and self._precedence.waits(len(self._written) - self._resumed_at)


class Attempt:
    """Takes what the model does with one prompt. Being called returns whether it shall stop."""

    def __init__(self, answer: Answer, room: int) -> None:
        self.error: str | None = None
        self.tokens = 0  # of the prompt
        self.written = 0
        self.too_long = False
        self.paused = False
        self.reason = "cancelled"
        self._answer = answer
        self._room = room
        self._cached = 0
        self._calls: dict[int, Json] = {}

    def __call__(self, chunk: Json) -> bool:
        try:
            return self._answer.cancelled or self._take(chunk)
        except Exception as error:  # it must not go through the C++ frames that called us
            self.error = f"{type(error).__name__}: {error}"
            return True

    def _take(self, chunk: Json) -> bool:
        if "error" in chunk:
            self._take_error(chunk["error"])
            return True
        if progress := chunk.get("prompt_progress"):
            self._take_progress(progress)
            return self.too_long
        for choice in chunk.get("choices", ()):
            self._take_choice(choice)
        return self.paused

    def _take_progress(self, progress: Json) -> None:
        first = not self.tokens
        self.tokens, self._cached = progress["total"], progress["cache"]
        self.too_long = self.tokens > self._room
        if not self.too_long:
            if first:
                self._answer.read(self.tokens)
            self._answer.send({"progress": progress["processed"]})

    def _take_error(self, error: Json) -> None:
        if error.get("type") == "exceed_context_size_error":
            self.tokens, self.too_long = error["n_prompt_tokens"], True
        else:
            self.error = str(error.get("message", error))

    def _take_choice(self, choice: Json) -> None:
        delta = choice.get("delta", {})
        if text := delta.get("content"):
            self.written += 1
            self.paused = self._answer.write(text)
        for piece in delta.get("tool_calls") or ():
            self.written += 1
            call = self._calls.setdefault(piece["index"], {"id": "", "name": "", "arguments": ""})
            function = piece.get("function", {})
            call["id"] = call["id"] or piece.get("id", "")
            call["name"] += function.get("name") or ""
            call["arguments"] += function.get("arguments") or ""
        if reason := choice.get("finish_reason"):
            self.paused, self.reason = False, reason
            for call in self._calls.values():
                self._answer.send({"call": call})

    def summary(self) -> Json:
        """Sum up: why it ended, and the tokens of the prompt, of that in the cache, and of the reply."""
        counts = {"prompt_tokens": self.tokens, "cached_tokens": self._cached, "written_tokens": self.written}
        return {"reason": self.reason, **counts}


def turns(messages: list[Json], keep: int) -> list[list[Json]]:
    """The messages after the first `keep` as turns: each a user's message and all that follows from it."""
    found: list[list[Json]] = []
    for message in messages[keep:]:
        if message["role"] == "user" or not found:
            found.append([])
        found[-1].append(message)
    return found


def drop_oldest(messages: list[Json], keep: int, share: float) -> list[Json]:
    """Leave out the oldest turns, one at least and never the last, until about `share` (0…1) of the text is gone."""
    rest = turns(messages, keep)
    surplus = share * sum(map(_length, messages))
    while len(rest) > 1:
        surplus -= sum(map(_length, rest.pop(0)))
        if surplus <= 0:
            break
    return messages[:keep] + [message for turn in rest for message in turn]


def _length(message: Json) -> int:
    return len(json.dumps(message))
