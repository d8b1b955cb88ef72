"""Numbers that parts are set to."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from vision_agents.core.settings import check_function, check_list, check_number


@pytest.mark.parametrize("value", [0, 1, 0.5, np.float32(0.25)])
def test_numbers_in_range_are_taken(value: Any) -> None:
    check_number("share", value, 0.0, 1.0)
    check_number("share", value)


def test_none_is_taken_where_a_number_need_not_be_given() -> None:
    check_number("share", None, 0.0, 1.0, optional=True)
    with pytest.raises(ValueError, match="share is a number from 0 to 1, not 2"):
        check_number("share", 2, 0.0, 1.0, optional=True)


@pytest.mark.parametrize(
    ("value", "limits", "error", "says"),
    [
        (1.5, {"low": 0.0, "high": 1.0}, ValueError, "share is a number from 0 to 1, not 1.5"),
        (float("nan"), {"low": 0.0}, ValueError, "share is a number from 0 on, not nan"),
        (float("inf"), {}, ValueError, "share is a number, not inf"),
        (3, {"high": 2}, ValueError, "share is a number up to 2, not 3"),
        (0.0, {"above": 0.0}, ValueError, "share is a number above 0, not 0.0"),
        (11, {"above": 0.0, "high": 10.0}, ValueError, "share is a number above 0 and at most 10, not 11"),
        pytest.param(10**400, {}, ValueError, "share is a number, not one of that size", id="401 digits"),
        pytest.param(  # Of more digits than Python writes down.
            -(10**5000),
            {"low": 1, "whole": True},
            ValueError,
            "share is a whole number from 1 on, not one of that size",
            id="5000 digits",
        ),
        ("0.5", {"low": 0.0, "high": 1.0}, TypeError, "share is a number from 0 to 1, without quotes, not '0.5'"),
        (None, {}, TypeError, "share is a number, not None"),
        (True, {}, TypeError, "share is a number, not True"),
        (0.5, {"whole": True, "low": 1}, TypeError, "share is a whole number from 1 on, not 0.5"),
    ],
)
def test_others_are_refused_by_name(value: Any, limits: dict[str, Any], error: type[Exception], says: str) -> None:
    with pytest.raises(error) as raised:
        check_number("share", value, **limits)
    assert str(raised.value) == says


def test_a_text_is_no_list() -> None:
    check_list("keyterm", ["one", "two"])
    check_list("keyterm", None)
    with pytest.raises(TypeError, match=r"^keyterm is a list, as in \['one'\], not 'one'$"):
        check_list("keyterm", "one")


def test_what_cannot_be_called_is_no_function() -> None:
    check_function("create_agent", lambda: None, "an Agent")
    with pytest.raises(TypeError, match=r"^create_agent is a function that returns an Agent, not None$"):
        check_function("create_agent", None, "an Agent")
