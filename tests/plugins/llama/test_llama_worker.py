import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision_agents.plugins.llama.worker import precedence
from vision_agents.plugins.llama.worker.answer import LEAST_REPLY, drop_oldest, turns
from vision_agents.plugins.llama.worker.main import PREFIXES, Worker, tokens_at_most
from vision_agents.plugins.llama.worker.model import MOST_BUSY, SLOTS, load
from vision_agents.plugins.llama.worker.precedence import AHEAD

Json = dict[str, Any]
CONTEXT = 200
CELLS = 24 * CONTEXT


def message(role: str, text: str) -> Json:
    return {"role": role, "content": text}


def progress(total: int, processed: int, cached: int = 0) -> Json:
    return {
        "choices": [{"delta": {"role": "assistant", "content": None}, "finish_reason": None}],
        "prompt_progress": {"total": total, "cache": cached, "processed": processed},
    }


def text(piece: str) -> Json:
    return {"choices": [{"delta": {"content": piece}, "finish_reason": None}]}


def finish(reason: str = "stop") -> Json:
    return {"choices": [{"delta": {}, "finish_reason": reason}]}


class WordModel:
    """Stands in for the model: a token is a word, the reply is scripted, and slots hold what was read and written."""

    def __init__(self, *reply: Json) -> None:
        self.reply = reply
        self.prompts: list[Json] = []
        self.on_chunk: Callable[[Json], None] = lambda chunk: None
        self.held: dict[int, list[str]] = {}
        self.kept: dict[str, list[str]] = {}
        self.log: list[tuple[str, int]] = []

    def complete(self, slot: int, body: Json, take: Callable[[Json], bool]) -> None:
        self.prompts.append(body)
        words = [word for m in body["messages"] for word in m["content"].split()]
        held = self.held.get(slot, [])
        same = next((n for n, pair in enumerate(zip(words, held, strict=False)) if len(set(pair)) > 1), None)
        cached = min(len(words), len(held)) if same is None else same
        self.held[slot] = words
        for chunk in self._chunks(len(words), cached):
            self.on_chunk(chunk)
            if take(chunk):
                return

    def save(self, slot: int, name: str) -> int:
        self.log.append(("save", slot))
        self.kept[name] = self.held[slot]
        return len(self.held[slot])

    def restore(self, slot: int, name: str) -> bool:
        self.log.append(("restore", slot))
        self.held[slot] = self.kept[name]
        return True

    def erase(self, slot: int) -> None:
        self.log.append(("erase", slot))
        self.held.pop(slot, None)

    def discard(self, name: str) -> None:
        del self.kept[name]

    def _chunks(self, tokens: int, cached: int) -> Iterator[Json]:
        if tokens > CONTEXT:
            too_long = {"type": "exceed_context_size_error", "message": "too long", "n_prompt_tokens": tokens}
            yield {"error": too_long}
            return
        yield progress(tokens, cached, cached)
        yield progress(tokens, tokens, cached)
        yield from self.reply


class Parent:
    """Writes to a worker and takes what it sends."""

    def __init__(self, model: WordModel, cells: int = CELLS) -> None:
        self.sent: list[Json] = []
        self.worker = Worker(model, CONTEXT, cells, self._take)
        self._came = threading.Condition()

    def say(self, *messages: Json) -> None:
        self.worker.read(json.dumps(message).encode() for message in messages)

    def ends(self, *numbers: int) -> list[Json]:
        """Wait until these requests are answered, and until the slots are idle; returns the ends, as ordered."""
        self.until(lambda: len(self._ends(numbers)) == len(numbers))
        self.until(lambda: not any(slot.busy for slot in self.worker._slots._slots) or len(self.worker._answers) > 0)
        return self._ends(numbers)

    def until(self, condition: Callable[[], bool]) -> None:
        """Wait for `condition`. It may be about slots too, of which the worker sends nothing: hence the short looks."""
        deadline = time.monotonic() + 60
        with self._came:
            while not condition():
                assert time.monotonic() < deadline
                self._came.wait(timeout=0.01)

    def of(self, number: int) -> list[Json]:
        return [message for message in self.sent if message["id"] == number]

    def _ends(self, numbers: tuple[int, ...]) -> list[Json]:
        return [m for number in numbers for m in self.of(number) if m.keys() & {"done", "error"}]

    def _take(self, message: Json) -> None:
        with self._came:
            self.sent.append(message)
            self._came.notify_all()


def answer(model: WordModel, *requests: Json) -> list[Json]:
    """Everything the worker sends for `requests`, but that they have begun."""
    parent = Parent(model)
    parent.say(*requests)
    parent.ends(*(request["id"] for request in requests))
    return [message for message in parent.sent if "begun" not in message]


def request(
    number: int = 1,
    *messages: Json,
    keep: int = 0,
    max_tokens: int = 50,
    session: int = 0,
    warm: bool = False,
    pausable: bool = False,
) -> Json:
    body = {"messages": list(messages) or [message("user", "hello")]}
    whole = {"id": number, "session": session, "keep": keep, "max_tokens": max_tokens, "warm": warm}
    return whole | {"pausable": pausable, "body": body}


def test_a_reply_is_progress_then_text_then_done() -> None:
    model = WordModel(text("Hello"), text(" there"), finish())
    sent = answer(model, request(7, message("user", "one two three")))
    assert sent == [
        {"id": 7, "progress": 0},
        {"id": 7, "progress": 3},
        {"id": 7, "text": "Hello"},
        {"id": 7, "text": " there"},
        {
            "id": 7,
            "done": {"reason": "stop", "prompt_tokens": 3, "cached_tokens": 0, "written_tokens": 2, "dropped": 0},
        },
    ]
    assert model.prompts[0]["max_tokens"] == 50


def test_requests_of_several_sessions_are_answered_side_by_side() -> None:
    model = WordModel(text("x"), finish())
    together = threading.Barrier(3, timeout=60)

    def on_chunk(chunk: Json) -> None:
        if chunk == text("x"):
            together.wait()

    model.on_chunk = on_chunk
    sent = answer(model, *(request(number, session=number) for number in range(3)))
    assert {m["id"] for m in sent if "done" in m} == {0, 1, 2}


class Gate:
    """Holds up every chunk until it is opened."""

    def __init__(self, model: WordModel) -> None:
        self.open = threading.Event()
        model.on_chunk = self._hold

    def _hold(self, chunk: Json) -> None:
        assert self.open.wait(timeout=60)


def test_further_requests_wait_for_their_turn() -> None:
    model = WordModel(text("x"), finish())
    gate = Gate(model)
    parent = Parent(model)
    numbers = range(MOST_BUSY + 3)
    parent.say(*(request(number, session=number) for number in numbers))
    parent.until(lambda: len(parent.sent) == MOST_BUSY)
    assert {m["id"] for m in parent.sent if "begun" in m} == set(range(MOST_BUSY))
    gate.open.set()
    assert all("done" in end for end in parent.ends(*numbers))


def test_a_request_cancelled_while_it_waits_never_reaches_the_model() -> None:
    model = WordModel(text("x"), finish())
    gate = Gate(model)
    parent = Parent(model)
    parent.say(*(request(number, session=number) for number in range(MOST_BUSY + 1)))
    parent.say({"cancel": [MOST_BUSY, 999]})
    (end,) = [m for m in parent.sent if "done" in m]
    assert (end["id"], end["done"]["reason"]) == (MOST_BUSY, "cancelled")
    gate.open.set()
    parent.ends(*range(MOST_BUSY))
    assert len(model.prompts) == MOST_BUSY


@pytest.mark.parametrize("stop_at", [0, 1, 2, 3, 4])
def test_a_cancelled_reply_stops_at_the_next_step_and_no_other_does(stop_at: int) -> None:
    model = WordModel(text("a"), text("b"), text("c"), finish())
    parent = Parent(model)
    seen: list[Json] = []

    def on_chunk(chunk: Json) -> None:
        if len(seen) == stop_at:
            parent.say({"cancel": [1]})
        seen.append(chunk)

    model.on_chunk = on_chunk
    parent.say(request(1, session=1))
    (end,) = parent.ends(1)
    assert end["done"]["reason"] == "cancelled"
    assert len(seen) == stop_at + 1
    assert len(parent.of(1)) == stop_at + 2  # it had begun, and it ended
    parent.say(request(2, session=1))
    assert parent.ends(2)[0]["done"]["reason"] == "stop"


# --- slots


def test_what_a_session_said_before_is_not_read_again() -> None:
    model = WordModel(text("ok"), finish())
    parent = Parent(model)
    for number in range(4):
        said = [message("user", f"{number % 2} question {n}") for n in range(number + 1)]
        parent.say(request(number, *said, session=number % 2))
        (end,) = parent.ends(number)
        assert end["done"]["cached_tokens"] == (3 * (number - 1) if number > 1 else 0)


def test_the_next_request_of_a_session_finds_its_slot_idle() -> None:
    model = WordModel(text("ok"), finish())
    parent = Parent(model)
    for number in range(50):
        parent.say(request(number, message("user", "the same again"), session=7))
        parent.until(lambda number=number: bool(parent._ends((number,))))
    assert set(model.held) == {0}


def test_a_beginning_is_read_once_for_all_sessions() -> None:
    model = WordModel(text("Hi"), finish())
    parent = Parent(model)
    first = message("system", "be very kind"), message("user", "hello there")
    parent.say(*(request(number, *first, keep=1, session=number, warm=True, max_tokens=1) for number in range(5)))
    parent.ends(*range(5))
    assert len(model.prompts) == 1
    assert [action for action, _ in model.log] == ["save"] + 4 * ["restore"]
    parent.say(*(request(9 + n, first[0], message("user", f"question {n}"), keep=1, session=n) for n in range(5)))
    assert [end["done"]["cached_tokens"] for end in parent.ends(*range(9, 14))] == 5 * [3]
    assert len(model.log) == 5


def test_a_session_that_lost_its_slot_gets_the_beginning_back() -> None:
    model = WordModel(text("Hi"), finish())
    parent = Parent(model)
    first = message("system", "be very kind"), message("user", "hello there")
    parent.say(request(0, *first, keep=1, session=0, warm=True, max_tokens=1))
    parent.ends(0)
    for number in range(1, SLOTS + 1):
        parent.say(request(number, message("user", "something else"), session=number))
        parent.ends(number)
    parent.say(request(99, *first, keep=1, session=0))
    assert parent.ends(99)[0]["done"]["cached_tokens"] == 5


def test_a_beginning_that_failed_or_was_cancelled_is_not_kept() -> None:
    model = WordModel({"error": {"message": "out of luck"}})
    parent = Parent(model)
    warm = request(1, message("system", "be kind"), message("user", "hi"), keep=1, warm=True)
    parent.say(warm)
    assert parent.ends(1)[0]["error"] == "out of luck"
    model.reply = text("Hi"), finish()
    parent.say(warm | {"id": 2})
    parent.ends(2)
    assert len(model.prompts) == 2
    assert len(model.kept) == 1


def test_only_so_many_beginnings_are_kept() -> None:
    model = WordModel(text("Hi"), finish())
    parent = Parent(model)
    for number in range(PREFIXES + 2):
        messages = message("system", f"be number {number}"), message("user", "hi")
        parent.say(request(number, *messages, keep=1, warm=True))
        parent.ends(number)
    assert len(model.kept) == PREFIXES


def test_what_a_session_said_is_erased_when_it_is_over() -> None:
    model = WordModel(text("ok"), finish())
    parent = Parent(model)
    parent.say(request(1, session=1))
    parent.ends(1)
    parent.say({"forget": 2})
    parent.say({"forget": 1})
    parent.say(request(2, session=2))
    parent.ends(2)
    assert model.log == [("erase", 0)]


def test_who_leaves_in_the_middle_of_a_reply_is_erased_after_it() -> None:
    model = WordModel(text("ok"), finish())
    parent = Parent(model)
    model.on_chunk = lambda chunk: parent.say({"forget": 1}) if chunk == text("ok") else None
    parent.say(request(1, session=1))
    parent.ends(1)
    parent.until(lambda: not model.held)
    assert model.log == [("erase", 0)]


def test_conversations_make_room_for_others_when_the_cells_are_used_up() -> None:
    model = WordModel(text("ok"), finish())
    parent = Parent(model, cells=2 * CONTEXT)
    for number in range(8):
        parent.say(request(number, message("user", f"{number} " + 60 * "w "), max_tokens=40, session=number))
        assert "done" in parent.ends(number)[0]
        assert sum(len(words) for words in model.held.values()) <= 2 * CONTEXT
    assert {action for action, _ in model.log} == {"erase"}


@given(st.lists(st.text(max_size=20), max_size=5))
def test_a_prompt_never_has_more_tokens_than_was_reckoned_with(texts: list[str]) -> None:
    reckoned = tokens_at_most([message("user", said) for said in texts])
    assert reckoned >= sum(len(said.encode("utf-8", "replace")) + 8 for said in texts)


# --- first words first


class Writer(WordModel):
    """Writes the same words for everybody, one a chunk, and goes on where a text that it is given ends."""

    words = tuple(f"w{n} " for n in range(60))

    def _chunks(self, tokens: int, cached: int) -> Iterator[Json]:
        yield progress(tokens, tokens, cached)
        last = self.prompts[-1]["messages"][-1]
        written = len(last["content"].split()) if last["role"] == "assistant" else 0
        for word in self.words[written : written + self.prompts[-1]["max_tokens"]]:
            yield text(word)
        yield finish()


def said(parent: Parent, number: int) -> str:
    return "".join(m["text"] for m in parent.of(number) if "text" in m)


@pytest.mark.parametrize(("most", "words"), [(100, 60), (AHEAD + 10, AHEAD + 10)])
def test_who_is_ahead_pauses_for_the_first_words_of_others_and_loses_none(most: int, words: int) -> None:
    model = Writer()
    parent = Parent(model)
    parent.worker._precedence.begin(99)  # somebody who writes no word for a while
    parent.say(request(1, pausable=True, max_tokens=most))
    parent.until(lambda: len(said(parent, 1).split()) == AHEAD)
    parent.worker._precedence.end(99)
    (end,) = parent.ends(1)
    assert said(parent, 1).split() == [word.strip() for word in Writer.words[:words]]
    assert end["done"]["prompt_tokens"] == 1
    assert end["done"]["reason"] == "stop"
    assert len(model.prompts) == 2
    assert model.prompts[1]["max_tokens"] == most - AHEAD


@pytest.mark.parametrize(
    ("pieces", "ahead"),
    [
        (["w "] * (AHEAD - 1), False),
        (["w "] * AHEAD, True),
        ([*["w "] * 8, "w.", " And"], True),
        ([*["w "] * 8, "w."], False),
        (["Yes.", " And"], False),
        ([*["w "] * 8, "3.", "5", " w"], False),
    ],
)
def test_an_answer_is_ahead_when_there_is_a_sentence_to_be_spoken(pieces: list[str], ahead: bool) -> None:
    assert precedence.is_ahead(pieces) is ahead


def test_who_is_at_its_end_does_not_pause() -> None:
    model = Writer()
    parent = Parent(model)
    parent.worker._precedence.begin(99)
    parent.say(request(1, pausable=True, max_tokens=AHEAD))
    assert parent.ends(1)[0]["done"]["reason"] == "length"
    assert len(model.prompts) == 1


def test_nobody_pauses_who_may_not_or_for_nobody() -> None:
    model = Writer()
    parent = Parent(model)
    parent.say(request(1, pausable=True))
    parent.ends(1)
    parent.worker._precedence.begin(99)
    parent.say(request(2))
    parent.ends(2)
    assert len(model.prompts) == 2


def test_a_pause_ends_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precedence, "LONGEST_PAUSE", 0.001)
    model = Writer()
    parent = Parent(model)
    parent.worker._precedence.begin(99)
    parent.say(request(1, pausable=True, max_tokens=60))
    parent.ends(1)
    assert len(said(parent, 1).split()) == 60
    assert len(model.prompts) == 1 + len(range(AHEAD, 60, precedence.STRETCH))


def test_who_is_cancelled_in_a_pause_ends_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precedence, "LONGEST_PAUSE", 60.0)
    model = Writer()
    parent = Parent(model)
    parent.worker._precedence.begin(99)
    parent.say(request(1, pausable=True))
    parent.until(lambda: len(said(parent, 1).split()) == AHEAD)
    parent.say({"cancel": [1]})
    assert parent.ends(1)[0]["done"]["reason"] == "cancelled"
    assert len(model.prompts) == 1


# --- the context


def test_oldest_turns_are_dropped_until_prompt_and_reply_fit() -> None:
    model = WordModel(text("ok"), finish())
    kept = [message("system", "be kind"), message("user", "example"), message("assistant", "answer")]
    old = [m for n in range(40) for m in (message("user", f"question {n} is"), message("assistant", f"{n} it is"))]
    last = message("user", "and now?")
    sent = answer(model, request(1, *kept, *old, last, keep=3, max_tokens=60))
    prompt = model.prompts[-1]["messages"]
    done = sent[-1]["done"]
    assert prompt[:3] == kept
    assert prompt[-1] == last
    assert prompt[3:] == [*old, last][-(len(prompt) - 3) :]
    assert prompt[3]["role"] == "user"
    assert done["prompt_tokens"] + 60 <= CONTEXT
    assert done["dropped"] == len(kept) + len(old) + 1 - len(prompt)
    assert len(model.prompts) <= 4  # it judges by length how much to drop, not turn by turn


def test_a_prompt_that_fits_without_room_for_the_whole_reply_is_answered_if_nothing_can_go() -> None:
    model = WordModel(text("ok"), finish())
    sent = answer(model, request(1, message("user", "w " * (CONTEXT - LEAST_REPLY)), max_tokens=100))
    assert sent[-1]["done"]["reason"] == "stop"


@pytest.mark.parametrize("words", [CONTEXT - LEAST_REPLY + 1, CONTEXT + 1, 50 * CONTEXT])
def test_what_can_never_fit_is_an_error_that_says_what_to_do(words: int) -> None:
    sent = answer(WordModel(finish()), request(1, message("user", "w " * words), max_tokens=100))
    assert f"{words} tokens" in sent[-1]["error"]
    assert "raise `context`" in sent[-1]["error"]


roles = st.sampled_from(["user", "assistant", "tool"])
histories = st.lists(st.builds(message, roles, st.text(max_size=30)), max_size=30)


@given(histories, st.integers(0, 5), st.floats(0, 1))
def test_dropping_takes_whole_turns_from_the_front_and_never_the_last(
    messages: list[Json], keep: int, share: float
) -> None:
    kept = drop_oldest(messages, keep, share)
    before, after = turns(messages, keep), turns(kept, keep)
    assert kept[:keep] == messages[:keep]
    assert after == before[len(before) - len(after) :]
    if before:
        assert after[-1] == before[-1]
        assert len(after) == 1 or len(after) < len(before)


# --- what goes wrong


def test_a_refused_request_is_an_error_and_the_next_one_is_answered() -> None:
    class Refusing(WordModel):
        def complete(self, slot: int, body: Json, take: Callable[[Json], bool]) -> None:
            if not self.prompts:
                self.prompts.append(body)
                raise ValueError("bad request")
            super().complete(slot, body, take)

    parent = Parent(Refusing(text("fine"), finish()))
    parent.say(request(1))
    assert parent.ends(1) == [{"id": 1, "error": "ValueError: bad request"}]
    parent.say(request(2))
    assert parent.ends(2)[0]["done"]["reason"] == "stop"


def test_an_error_in_the_stream_is_passed_on() -> None:
    sent = answer(WordModel(text("a"), {"error": {"type": "server_error", "message": "out of luck"}}), request())
    assert sent[-1] == {"id": 1, "error": "out of luck"}


def test_a_chunk_that_makes_no_sense_does_not_raise_through_native_code() -> None:
    sent = answer(WordModel({"choices": [{"delta": {"tool_calls": [{}]}}]}), request())
    assert "KeyError" in sent[-1]["error"]


def test_function_calls_are_put_together_from_their_pieces() -> None:
    def piece(index: int, **function: str) -> Json:
        call = {"index": index, "function": function} | ({"id": f"call{index}"} if "name" in function else {})
        return {"choices": [{"delta": {"tool_calls": [call]}, "finish_reason": None}]}

    sent = answer(
        WordModel(
            piece(0, name="weather", arguments=""),
            piece(0, arguments='{"city": '),
            piece(1, name="clock", arguments="{}"),
            piece(0, arguments='"Oslo"}'),
            finish("tool_calls"),
        ),
        request(),
    )
    assert [m["call"] for m in sent if "call" in m] == [
        {"id": "call0", "name": "weather", "arguments": '{"city": "Oslo"}'},
        {"id": "call1", "name": "clock", "arguments": "{}"},
    ]
    assert sent[-1]["done"]["reason"] == "tool_calls"


def test_the_model_is_loaded_quiet_and_its_http_server_locked(monkeypatch: pytest.MonkeyPatch) -> None:
    def params() -> SimpleNamespace:
        parts = {"model": SimpleNamespace(), "cpuparams": SimpleNamespace(), "cpuparams_batch": SimpleNamespace()}
        return SimpleNamespace(**parts, verbosity=3, api_keys=[], listening_address="http://127.0.0.1:1")

    module = ModuleType("xllamacpp")
    vars(module).update(CommonParams=params, Server=lambda params: params)
    monkeypatch.setitem(sys.modules, "xllamacpp", module)
    settings = {"model": "m.gguf", "context": 512, "cells": 1024, "n_threads": 2, "n_gpu_layers": 3, "folder": "f"}
    first, second = (load(settings)._server for _ in range(2))
    assert (first.model.path, first.n_ctx, first.kv_unified_per_slot, first.n_gpu_layers) == ("m.gguf", 1024, 512, 3)
    assert (first.cpuparams.n_threads, first.cpuparams_batch.n_threads) == (2, 2)
    assert first.verbosity == 1
    assert len(first.api_keys[0]) >= 32
    assert first.api_keys != second.api_keys
