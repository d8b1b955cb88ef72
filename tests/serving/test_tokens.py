"""Tokens: for one call or all, with some rights, until a time; and everything that is none."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision_agents.serving.tokens import (
    ANY_CALL,
    RIGHTS,
    SECRET,
    TokenError,
    check_token,
    make_token,
    secret_from_environment,
)

KEY = "a secret of some length"
NOW = 1_000_000.0


def refused(token: str | None, call: str = "table", right: str = "start", secret: str = KEY, now: float = NOW) -> int:
    with pytest.raises(TokenError) as raised:
        check_token(secret, token, call, right, now)
    return raised.value.status


@given(st.text(max_size=60), st.sampled_from(RIGHTS), st.floats(1, 1e6), st.text(max_size=20))
def test_a_token_is_good_for_its_call_and_right_until_its_time(
    call: str, right: str, lifetime: float, subject: str
) -> None:
    token = make_token(KEY, call, rights=[right], lifetime=lifetime, subject=subject, now=NOW)
    grant = check_token(KEY, token, call, right, NOW)
    assert (grant.call, grant.rights, grant.subject) == (call, {right}, subject)
    assert refused(token, call, right, now=NOW + lifetime + 0.01) == 401


def test_a_token_for_all_calls_is_good_for_each() -> None:
    token = make_token(KEY, ANY_CALL, now=NOW)
    for call in ("table", "other", ANY_CALL):
        for right in RIGHTS:
            check_token(KEY, token, call, right, NOW)


def test_another_call_and_another_right_are_forbidden() -> None:
    token = make_token(KEY, "table", rights=["view"], now=NOW)
    assert refused(token, "other", "view") == 403
    assert refused(token, "table", "start") == 403
    assert refused(token, ANY_CALL, "view") == 403


def test_the_time_is_said_before_the_call() -> None:
    token = make_token(KEY, "table", lifetime=10, now=NOW)
    assert refused(token, "other", now=NOW + 11) == 401


@given(st.integers(0, 500), st.characters(min_codepoint=33, max_codepoint=0x2FF))
def test_a_token_that_was_changed_anywhere_is_none(place: int, character: str) -> None:
    token = make_token(KEY, "table", now=NOW)
    place %= len(token)
    changed = token[:place] + character + token[place + 1 :]
    if changed != token:
        assert refused(changed) == 401


@given(st.one_of(st.none(), st.text(max_size=2000)))
def test_anything_else_is_none(token: str | None) -> None:
    assert refused(token) == 401


def test_of_another_secret_it_is_none() -> None:
    assert refused(make_token("another secret altogether", "table", now=NOW)) == 401


def test_facts_that_are_none_are_refused_even_if_they_are_signed() -> None:
    from vision_agents.serving.tokens import _sign

    for facts in (b"[]", b"{}", b"no json", b'{"call":"table","may":3,"exp":"x"}', json.dumps({"call": "t"}).encode()):
        body = f"v1.{base64.urlsafe_b64encode(facts).decode().rstrip('=')}"
        assert refused(f"{body}.{_sign(KEY, body)}") == 401
    assert refused(f"v2.e30.{_sign(KEY, 'v2.e30')}") == 401


def test_what_cannot_be_signed_is_said() -> None:
    with pytest.raises(ValueError, match="no right fly"):
        make_token(KEY, "table", rights=["fly"])
    for lifetime in (0.0, -1.0, float("nan")):
        with pytest.raises(ValueError, match="seconds above 0"):
            make_token(KEY, "table", lifetime=lifetime)


def test_the_secret_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SECRET, raising=False)
    assert secret_from_environment() is None
    monkeypatch.setenv(SECRET, KEY)
    assert secret_from_environment() == KEY
    monkeypatch.setenv(SECRET, "short")
    with pytest.raises(ValueError, match="16 or more"):
        secret_from_environment()
