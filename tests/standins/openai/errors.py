"""How the service says no."""

from __future__ import annotations

from typing import Any

from vision_agents.testing.contract import Answer

MODELS = {"gpt-5.4", "gpt-realtime-2.1"}


class Refusal(Exception):
    """A request that is refused, with the fields that the service's errors have."""

    def __init__(
        self,
        status: int,
        message: str,
        kind: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.body: dict[str, Any] = {"message": message, "type": kind, "code": code, "param": param}


def required(body: dict[str, Any], *names: str, where: str = "") -> None:
    """Refuse a body without one of these."""
    for name in names:
        if name not in body:
            path = f"{where}{name}"
            raise Refusal(400, f"Missing required parameter: '{path}'.", code="missing_required_parameter", param=path)


def only(body: dict[str, Any], *names: str, where: str = "") -> None:
    """Refuse a body with anything else than these."""
    for name in body:
        if name not in names:
            path = f"{where}{name}"
            raise Refusal(400, f"Unknown parameter: '{path}'.", code="unknown_parameter", param=path)


def one_of(value: object, *options: object, where: str) -> None:
    """Refuse any other value."""
    if value not in options:
        raise Refusal(
            400, f"Invalid value: {value!r}. Supported values are: {options}.", code="invalid_value", param=where
        )


def of_type(value: object, kind: type | tuple[type, ...], where: str) -> None:
    """Refuse a value of another type."""
    if not isinstance(value, kind) or isinstance(value, bool):
        raise Refusal(400, f"Invalid type for '{where}': {value!r}.", code="invalid_type", param=where)


def check_model(model: object) -> None:
    """Refuse a model that does not exist."""
    if model not in MODELS:
        text = f"The model `{model}` does not exist or you do not have access to it."
        raise Refusal(404, text, "invalid_request_error", "model_not_found", "model")


def check_failure(answer: Answer) -> None:
    """Fail as the case wants it, unless it wants something unreadable."""
    if answer.failure == "error":
        raise Refusal(500, "The server had an error while processing your request.", "server_error")
    if answer.failure == "quota":
        text = "You exceeded your current quota, please check your plan and billing details."
        raise Refusal(429, text, "insufficient_quota", "insufficient_quota")
