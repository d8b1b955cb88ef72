"""What names a call, and what errors mean."""

from __future__ import annotations

import logging
from typing import Any

import pytest

pytest.importorskip("getstream_rtc", reason="needs the extra getstream")

import getstream_rtc

from vision_agents.plugins.getstream import StreamError
from vision_agents.plugins.getstream.account import explained, make_account, name_of


class CallOfTheSdk:
    call_type = "audio_room"
    id = "stage"


@pytest.mark.parametrize(
    ("call", "name"),
    [
        ("table", ("default", "table")),
        ("audio_room:stage", ("audio_room", "stage")),
        (CallOfTheSdk(), ("audio_room", "stage")),
    ],
)
def test_a_call_is_named_in_several_ways(call: Any, name: tuple[str, str]):
    assert name_of(call) == name


def test_the_sdks_own_call_is_one():
    client = make_account("key", "a secret that is long enough for HS256", None, "http://127.0.0.1:1").client()
    assert name_of(client.video.call("livestream", "show")) == ("livestream", "show")


def test_no_call_is_a_new_one_each_time():
    (kind, first), (_, second) = name_of(None), name_of(None)
    assert kind == "default"
    assert first != second


@pytest.mark.parametrize("call", ["", "default:", ":table", "a b", "default:x:y", "x" * 65])
def test_what_stream_would_not_take_as_a_name_is_refused(call: str):
    with pytest.raises(ValueError, match="names no call"):
        name_of(call)


@pytest.mark.parametrize("call", [7, object(), b"table"])
def test_what_is_no_call_is_refused(call: Any):
    with pytest.raises(TypeError, match="a call of the Stream SDK"):
        name_of(call)


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (getstream_rtc.ApiError("text", 2, 401, "api_key not found", True), "STREAM_API_KEY"),
        (getstream_rtc.ApiError("text", 43, 401, "bad signature", True), "STREAM_API_SECRET"),
        (getstream_rtc.ApiError("text", 9, 429, "too many", False), "wait"),
        (getstream_rtc.ApiError("text", 4711, 400, "news", False), "api_errors_response"),
        (getstream_rtc.CoordinatorError("refused"), "STREAM_API_SECRET"),
        (getstream_rtc.PermissionDeniedError("no", "send-audio"), "send-audio"),
        (TimeoutError(), "network"),
        (OSError("no route"), "network"),
    ],
)
def test_errors_say_what_happened_where_and_what_to_do(error: Exception, advice: str):
    message = str(explained(error, "the call could not be joined"))
    assert message.startswith("the call could not be joined: ")
    assert advice in message.split(" - ")[1]


def test_what_is_explained_already_stays_as_it_is():
    error = StreamError("so it is")
    assert explained(error, "joining") is error


@pytest.mark.parametrize(
    ("base_url", "websocket"),
    [
        ("http://10.0.0.1:3030", "ws://10.0.0.1:3030/api/v2/connect"),
        ("https://stream.example/", "wss://stream.example/api/v2/connect"),
        ("https://chat.stream-io-api.com", None),
    ],
)
def test_the_websocket_is_where_the_api_is(base_url: str, websocket: str | None):
    from vision_agents.plugins.getstream.account import _websocket_url

    assert _websocket_url(base_url) == websocket


def test_a_secret_is_in_no_repr_log_or_error(caplog: pytest.LogCaptureFixture):
    caplog.set_level(0)
    secret, token = "secret-of-a-whole-application", "eyJhbGciOiJIUzI1NiJ9.eyJ1c2VyX2lkIjoiYSJ9.c2lnbmF0dXJlLW9mLWl0"
    account = make_account("key", secret, None, "http://127.0.0.1:9")
    assert secret not in repr(account)
    assert token not in repr(make_account("key", None, token, None))
    error = explained(OSError(f"GET https://127.0.0.1/?token={token}&secret={secret}"), "joining")
    logging.getLogger("httpx").info("GET https://127.0.0.1/?token=%s", token)
    for text in (str(error), caplog.text):
        assert "hidden" in text
        assert secret not in text
        assert token not in text
