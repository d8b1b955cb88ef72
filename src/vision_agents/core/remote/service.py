"""A service at the far end: its name, and its errors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from ..failures import reason_of
from ..redaction import redacted


class RemoteError(RuntimeError):
    """Raised when a service refuses something or a connection to it breaks. The message says why, and what to do next.

    `code`: what it is, as the service's plugin names it, or None.
    """

    final: ClassVar[frozenset[str]] = frozenset()
    """The codes of errors that trying again cannot mend."""

    def __init__(self, message: str, code: str | None = None) -> None:
        super().__init__(redacted(message))
        self.code = code

    @property
    def hopeless(self) -> bool:
        """Return whether another attempt is of no use until somebody does something about it."""
        return self.code in self.final

    @property
    def is_loss(self) -> bool:
        """Return whether a connection was lost, which says nothing of what was sent over it."""
        return self.code is None and self.__cause__ is not None and broke(self.__cause__)


# Codes with which a websocket ends where the far end has finished, goes away or is gone, whatever it was sent.
_GOING_AWAY = frozenset({1000, 1001, 1006, 1012, 1013})


class MissingKeyError(ValueError):
    """Raised when a part is made without what its service knows an account by.

    `parameter` takes it; else the first environment variable of `variables` that is set.
    """

    def __init__(self, service: str, parameter: str, *variables: str) -> None:
        names = " or ".join(variables)
        super().__init__(f"There is no {parameter} for {service}. Set the variable {names}, or pass {parameter}=…")


UNREACHED = "Check the network, and the address if it is one of your own."


def broke(error: BaseException) -> bool:
    """Return whether an error of a connection says that it broke, and not that something in it was refused."""
    if isinstance(error, OSError | EOFError):
        return True
    if hasattr(error, "rcvd"):  # What a websocket was closed with; None if it broke without a word.
        return error.rcvd is None or error.rcvd.code in _GOING_AWAY
    return getattr(error, "code", None) in _GOING_AWAY


def unreached(error: OSError) -> str:
    """Explain in a sentence a connection that was not made or has failed, and what to do about it."""
    of_file = f": {error.filename}" if error.filename else ""
    return f"the connection failed ({reason_of(error)}{of_file}). {UNREACHED}"


@dataclass(frozen=True, slots=True)
class Service:
    """A service at the far end: its name, and its errors.

    `error` makes an error of a message; `explained` makes one of an exception and of what was done when it came;
    `expected` are the exceptions that are not a fault of the plugin.
    """

    name: str
    error: type[RemoteError]
    explained: Callable[[BaseException, str], RemoteError]
    expected: tuple[type[BaseException], ...]

    def failure(self, text: str) -> RemoteError:
        """Returns an error that says where it happened."""
        return self.error(f"{self.name}: {text}")
