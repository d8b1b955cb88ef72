"""What is secret is in no log record, whoever logs it and whoever handles it."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator

import pytest

from vision_agents.core import redaction
from vision_agents.core.redaction import HIDDEN, keep_secret, redact, redacted
from vision_agents.core.remote import NoConnectionError, RemoteError
from vision_agents.serving.tokens import make_token

SECRET = "sk-very/secret+key"


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What a handler of the root logger writes, made before the secret was known."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    logging.getLogger().addHandler(handler)
    keep_secret(SECRET)
    yield written
    logging.getLogger().removeHandler(handler)


def test_messages_and_their_arguments(log: io.StringIO) -> None:
    logging.getLogger("some.sdk").error("> %s: %s", "Authorization", f"Bearer {SECRET}")
    logging.getLogger("some.sdk").error("GET /listen?key=sk-very%2Fsecret%2Bkey HTTP/1.1")
    assert log.getvalue() == f"> Authorization: Bearer {HIDDEN}\nGET /listen?key={HIDDEN} HTTP/1.1\n"


def test_tracebacks_and_what_caused_them(log: io.StringIO) -> None:
    try:
        try:
            raise OSError(f"wss://example.com/?key={SECRET}")
        except OSError as error:
            raise ValueError("no connection") from error
    except ValueError:
        logging.getLogger("some.sdk").exception("failed")
    assert SECRET not in log.getvalue()
    assert f"OSError: wss://example.com/?key={HIDDEN}" in log.getvalue()
    assert "ValueError: no connection" in log.getvalue()


@pytest.mark.parametrize(
    "token",
    [
        "eyJhbGciOiJIUzI1NiJ9.eyJ1c2VyX2lkIjoiYSJ9.c2lnbmF0dXJlLW9mLWl0",
        make_token("a secret of this server", "support"),
    ],
    ids=["jwt", "ours"],
)
def test_tokens_made_of_a_secret(log: io.StringIO, token: str) -> None:
    logging.getLogger("some.sdk").error("token %s", token)
    assert log.getvalue() == f"token {HIDDEN}\n"


def test_a_secret_out_of_a_file_with_line_ends(log: io.StringIO) -> None:
    keep_secret("key-of-one\r\nkey-of-another\n")
    logging.getLogger("some.sdk").error("Illegal header value %r", b"Bearer key-of-one\r\nkey-of-another\n")
    assert log.getvalue() == f"Illegal header value b'Bearer {HIDDEN}\\r\\n{HIDDEN}\\n'\n"


def test_what_has_no_secret_is_as_it_was(log: io.StringIO) -> None:
    records: list[logging.LogRecord] = []
    handler = logging.Handler()
    handler.emit = records.append  # type: ignore[method-assign]
    logger = logging.getLogger("some.sdk")
    logger.addHandler(handler)
    try:
        logger.error("%d of %s", 1, "two")
    finally:
        logger.removeHandler(handler)
    wrong = logging.getLogRecordFactory()("some.sdk", logging.ERROR, "file.py", 1, "too few: %s %s", (1,), None)
    told = [(record.msg, record.args) for record in (*records, wrong)]
    assert told == [("%d of %s", (1, "two")), ("too few: %s %s", (1,))]


def test_errors(log: io.StringIO) -> None:
    for error in (RemoteError(f"no such key: {SECRET}"), NoConnectionError(f"no such key: {SECRET}")):
        assert str(error) == f"no such key: {HIDDEN}"


def test_errors_of_others(log: io.StringIO) -> None:
    class Refused(Exception):
        def __init__(self, body: dict[str, list[str]]) -> None:
            super().__init__(f"refused: {body}")
            self.body = body

    error = Refused({"wrong": [SECRET]})
    error.__cause__ = OSError(f"?key={SECRET}")
    error.__cause__.__context__ = error  # A circle.
    assert redact(error) is error
    assert (str(error), error.body) == (f"refused: {{'wrong': ['{HIDDEN}']}}", {"wrong": [HIDDEN]})
    assert str(error.__cause__) == f"?key={HIDDEN}"


def test_what_is_no_secret(log: io.StringIO) -> None:
    keep_secret(None, "", "none")
    assert redacted("none of it") == "none of it"


def test_a_process_keeps_a_limited_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redaction, "LIMIT", 2)
    monkeypatch.setattr(redaction, "_secrets", redaction._secrets.__class__())
    keep_secret("first-secret", "second-secret")
    keep_secret("first-secret")
    keep_secret("third-secret")
    assert redacted("first-secret second-secret third-secret") == f"{HIDDEN} second-secret {HIDDEN}"
