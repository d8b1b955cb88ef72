import json
import sys
import threading
from collections.abc import Callable, Iterator
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision_agents.plugins.llama.worker import LEAST_REPLY, Worker, drop_oldest, load, turns

Json = dict[str, Any]
CONTEXT = 200


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


class WordServer:
    """Stands in for xllamacpp's server: a token is a word, and the reply is scripted."""

    def __init__(self, *reply: Json) -> None:
        self.reply = reply
        self.prompts: list[Json] = []
        self.on_chunk: Callable[[Json], None] = lambda chunk: None

    def handle_chat_completions(self, prompt: Json, callback: Callable[[Json], bool]) -> None:
        self.prompts.append(prompt)
        tokens = sum(len(m["content"].split()) for m in prompt["messages"])
        for chunk in self._chunks(tokens):
            self.on_chunk(chunk)
            if callback(chunk):
                return

    def _chunks(self, tokens: int) -> Iterator[Json]:
        if tokens > CONTEXT:
            too_long = {"type": "exceed_context_size_error", "message": "too long", "n_prompt_tokens": tokens}
            yield {"error": too_long}
            return
        yield progress(tokens, 0)
        yield progress(tokens, tokens)
        yield from self.reply


def answer(server: WordServer, *requests: Json, cancel: tuple[int, ...] = ()) -> list[Json]:
    """Everything the worker sends for `requests`, of which `cancel` were cancelled before it began."""
    sent: list[Json] = []
    worker = Worker(server, CONTEXT, sent.append)
    lines = [*requests, *([{"cancel": list(cancel)}] if cancel else [])]
    run_with(worker, lines)
    return sent


def run_with(worker: Worker, lines: list[Json]) -> None:
    """Run until all of `lines` is answered; the end of the input comes only then, since it cancels."""
    answered = threading.Semaphore(0)
    send = worker._send

    def count(sent: Json) -> None:
        send(sent)
        if sent.keys() & {"done", "error"}:
            answered.release()

    worker._send = count
    requests = sum("cancel" not in line for line in lines)
    read_all = threading.Event()

    def stdin() -> Iterator[bytes]:
        for line in lines:
            yield json.dumps(line).encode()
        read_all.set()
        for _ in range(requests):
            assert answered.acquire(timeout=10)

    reader = threading.Thread(target=worker.read, args=(stdin(),))
    reader.start()
    assert read_all.wait(timeout=10)
    worker.run()
    reader.join(timeout=10)


def request(number: int = 1, *messages: Json, keep: int = 0, max_tokens: int = 50) -> Json:
    body = {"messages": list(messages) or [message("user", "hello")]}
    return {"id": number, "keep": keep, "max_tokens": max_tokens, "body": body}


def test_a_reply_is_progress_then_text_then_done() -> None:
    server = WordServer(text("Hello"), text(" there"), finish())
    sent = answer(server, request(7, message("user", "one two three")))
    assert sent == [
        {"id": 7, "progress": 0},
        {"id": 7, "progress": 3},
        {"id": 7, "text": "Hello"},
        {"id": 7, "text": " there"},
        {"id": 7, "done": {"reason": "stop", "prompt_tokens": 3, "cached_tokens": 0, "dropped": 0}},
    ]
    assert server.prompts[0]["stream"] is True
    assert server.prompts[0]["max_tokens"] == 50


def test_requests_are_answered_in_turn() -> None:
    sent = answer(WordServer(text("x"), finish()), request(1), request(2), request(3))
    assert [m["id"] for m in sent if "done" in m] == [1, 2, 3]


def test_a_request_cancelled_while_it_waits_never_reaches_the_model() -> None:
    server = WordServer(text("x"), finish())
    sent = answer(server, request(1), request(2), request(3), cancel=(1, 3))
    reasons = {m["id"]: m["done"]["reason"] for m in sent if "done" in m}
    assert reasons == {1: "cancelled", 2: "stop", 3: "cancelled"}
    assert len(server.prompts) == 1


@pytest.mark.parametrize("stop_at", [0, 1, 2, 3, 4])
def test_a_cancelled_reply_stops_at_the_next_step_of_prompt_or_text(stop_at: int) -> None:
    server = WordServer(text("a"), text("b"), text("c"), finish())
    sent: list[Json] = []
    worker = Worker(server, CONTEXT, sent.append)
    seen: list[Json] = []

    def on_chunk(chunk: Json) -> None:
        if len(seen) == stop_at:
            worker._cancelled.add(1)
        seen.append(chunk)

    server.on_chunk = on_chunk
    run_with(worker, [request(1), request(2)])
    first = [m for m in sent if m["id"] == 1]
    assert len(seen) - (5 + 1) == stop_at + 1  # of which the second request's are all
    assert first[-1]["done"]["reason"] == "cancelled"
    assert len(first) == stop_at + 1
    assert [m["done"]["reason"] for m in sent if m["id"] == 2 and "done" in m] == ["stop"]


def test_the_end_of_input_stops_the_running_reply_and_the_worker() -> None:
    server = WordServer(*(text(str(n)) for n in range(1000)), finish())
    sent: list[Json] = []
    worker = Worker(server, CONTEXT, sent.append)
    ended = threading.Event()

    def stdin() -> Iterator[bytes]:
        yield json.dumps(request(1)).encode()
        assert ended.wait(timeout=10)

    def on_chunk(chunk: Json) -> None:
        if chunk == text("5"):
            ended.set()
            reader.join(timeout=10)

    server.on_chunk = on_chunk
    reader = threading.Thread(target=worker.read, args=(stdin(),))
    reader.start()
    worker.run()
    assert [m["text"] for m in sent if "text" in m] == ["0", "1", "2", "3", "4"]


# --- the context


def test_oldest_turns_are_dropped_until_prompt_and_reply_fit() -> None:
    server = WordServer(text("ok"), finish())
    kept = [message("system", "be kind"), message("user", "example"), message("assistant", "answer")]
    old = [m for n in range(40) for m in (message("user", f"question {n} is"), message("assistant", f"{n} it is"))]
    last = message("user", "and now?")
    sent = answer(server, request(1, *kept, *old, last, keep=3, max_tokens=60))
    prompt = server.prompts[-1]["messages"]
    done = sent[-1]["done"]
    assert prompt[:3] == kept
    assert prompt[-1] == last
    assert prompt[3:] == [*old, last][-(len(prompt) - 3) :]
    assert prompt[3]["role"] == "user"
    assert done["prompt_tokens"] + 60 <= CONTEXT
    assert done["dropped"] == len(kept) + len(old) + 1 - len(prompt)
    assert len(server.prompts) <= 4  # it judges by length how much to drop, not turn by turn


def test_a_prompt_that_fits_without_room_for_the_whole_reply_is_answered_if_nothing_can_go() -> None:
    server = WordServer(text("ok"), finish())
    sent = answer(server, request(1, message("user", "w " * (CONTEXT - LEAST_REPLY)), max_tokens=100))
    assert sent[-1]["done"]["reason"] == "stop"


@pytest.mark.parametrize("words", [CONTEXT - LEAST_REPLY + 1, CONTEXT + 1, 50 * CONTEXT])
def test_what_can_never_fit_is_an_error_that_says_what_to_do(words: int) -> None:
    sent = answer(WordServer(finish()), request(1, message("user", "w " * words), max_tokens=100))
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
    class Refusing(WordServer):
        def handle_chat_completions(self, prompt: Json, callback: Callable[[Json], bool]) -> None:
            if not self.prompts:
                self.prompts.append(prompt)
                raise ValueError("bad request")
            super().handle_chat_completions(prompt, callback)

    sent = answer(Refusing(text("fine"), finish()), request(1), request(2))
    assert sent[0] == {"id": 1, "error": "ValueError: bad request"}
    assert sent[-1]["done"]["reason"] == "stop"


def test_an_error_in_the_stream_is_passed_on() -> None:
    sent = answer(WordServer(text("a"), {"error": {"type": "server_error", "message": "out of luck"}}), request())
    assert sent[-1] == {"id": 1, "error": "out of luck"}


def test_a_chunk_that_makes_no_sense_does_not_raise_through_native_code() -> None:
    sent = answer(WordServer({"choices": [{"delta": {"tool_calls": [{}]}}]}), request())
    assert "KeyError" in sent[-1]["error"]


def test_function_calls_are_put_together_from_their_pieces() -> None:
    def piece(index: int, **function: str) -> Json:
        call = {"index": index, "function": function} | ({"id": f"call{index}"} if "name" in function else {})
        return {"choices": [{"delta": {"tool_calls": [call]}, "finish_reason": None}]}

    sent = answer(
        WordServer(
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
        return SimpleNamespace(**parts, verbosity=3, api_keys=[])

    module = ModuleType("xllamacpp")
    vars(module).update(CommonParams=params, Server=lambda params: params)
    monkeypatch.setitem(sys.modules, "xllamacpp", module)
    settings = {"model": "m.gguf", "context": 512, "n_threads": 2, "n_gpu_layers": 3}
    first, second = (load(settings) for _ in range(2))
    assert isinstance(first, SimpleNamespace)
    assert isinstance(second, SimpleNamespace)
    assert (first.model.path, first.n_ctx, first.n_gpu_layers) == ("m.gguf", 512, 3)
    assert (first.cpuparams.n_threads, first.cpuparams_batch.n_threads) == (2, 2)
    assert first.verbosity == 1
    assert len(first.api_keys[0]) >= 32
    assert first.api_keys != second.api_keys
