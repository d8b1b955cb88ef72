"""Settings of parts: a number that is none, or out of its range, and a text for a list are refused by name."""

from __future__ import annotations

import math
from numbers import Integral, Real


def check_number(
    name: str,
    value: object,
    low: float = -math.inf,
    high: float = math.inf,
    *,
    above: float | None = None,
    whole: bool = False,
    optional: bool = False,
) -> None:
    """Raise TypeError if `value` is no number, ValueError if it is not finite, or not from `low` to `high`.

    `above`: a limit that is itself too low. `whole`: it has no fraction. `optional`: None is taken, too.
    """
    if value is None and optional:
        return
    kind = "a whole number" if whole else "a number"
    if isinstance(value, bool) or not isinstance(value, Integral if whole else Real):
        hint = ", without quotes" if isinstance(value, str) else ""
        raise TypeError(f"{name} is {kind}{_range(low, high, above)}{hint}, not {value!r}")
    try:
        number = float(value)
    except OverflowError:  # Of so many digits that they are not shown, either.
        raise ValueError(f"{name} is {kind}{_range(low, high, above)}, not one of that size") from None
    if not (math.isfinite(number) and low <= number <= high) or (above is not None and number <= above):
        raise ValueError(f"{name} is {kind}{_range(low, high, above)}, not {value!r}")


def check_list(name: str, value: object) -> None:
    """Raise TypeError if `value` is a text: it would be taken for the list of its letters. None is a list not given."""
    if isinstance(value, str | bytes):
        raise TypeError(f"{name} is a list, as in [{value!r}], not {value!r}")


def check_function(name: str, value: object, returns: str) -> None:
    """Raise TypeError if `value` cannot be called."""
    if not callable(value):
        raise TypeError(f"{name} is a function that returns {returns}, not {value!r}")


def _range(low: float, high: float, above: float | None) -> str:
    if above is not None:
        return f" above {above:g}" + (f" and at most {high:g}" if math.isfinite(high) else "")
    if math.isfinite(low) and math.isfinite(high):
        return f" from {low:g} to {high:g}"
    return f" from {low:g} on" if math.isfinite(low) else f" up to {high:g}" if math.isfinite(high) else ""
