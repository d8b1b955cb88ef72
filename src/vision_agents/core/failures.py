"""The log's account of failures: a sentence, and a traceback only where that is of use.

The errors of this project, and of plugins in its namespace, say what happened and what to do next: a service that
cannot be reached is one sentence. Where anybody else's error came from is worth seeing, as is any error with DEBUG.
"""

from __future__ import annotations

import logging


class StandInError(RuntimeError):
    """An error of ours that stands for somebody else's, which it has for its cause."""


def explains_itself(error: BaseException) -> bool:
    """Return whether the sentence of `error` is all that whoever reads it needs."""
    return type(error).__module__.startswith("vision_agents.") and not isinstance(error, StandInError)


def reason_of(error: BaseException) -> str:
    """Say in words why something failed: of the system's own errors without their number, and never nothing."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def log_failure(logger: logging.Logger, what: str, error: BaseException) -> None:
    """Log that `what` failed, as an error."""
    brief = explains_itself(error) and not logger.isEnabledFor(logging.DEBUG)
    logger.error("%s failed: %s", what, error, exc_info=None if brief else error)
