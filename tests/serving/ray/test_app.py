"""The application of Serve's own configuration, and how many hosts there are."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("ray")

from vision_agents.serving.http import WAIT
from vision_agents.serving.ray import app
from vision_agents.serving.ray.autoscaling import by_share

from . import kit

module: Any = sys.modules[app.__module__]


def wanted(shares: dict[str, float], now: int = 2, least: int = 1, most: int = 8) -> int:
    context: Any = SimpleNamespace(
        aggregated_metrics={"share": shares} if shares else {},
        target_num_replicas=now,
        capacity_adjusted_min_replicas=least,
        capacity_adjusted_max_replicas=most,
    )
    return by_share(context)[0]


def test_there_are_as_many_hosts_as_are_used_by_seven_tenths() -> None:
    assert wanted({"a": 0.0, "b": 0.0}) == 1
    assert wanted({"a": 0.7, "b": 0.7}) == 2
    assert wanted({"a": 0.8, "b": 0.7}) == 3
    # One that takes no more calls counts for more than it is.
    assert wanted({"a": 1.25}) == 2
    assert wanted({"a": 1.0, "b": 1.0}, most=2) == 2
    assert wanted({"a": 0.1}, least=3) == 3


def test_as_long_as_nothing_is_measured_nothing_changes() -> None:
    assert wanted({}, now=5) == 5


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"hosts": "1:4", "sessions": "20", "drain": "60", "farewell": "Bye.", "fronts": "1"},
        {"trusted_proxies": ["10.0.0.0/8"]},
        {"hosts": 2, "sessions": 20, "drain": 60, "fronts": 1},
    ],
)
def test_a_configuration_names_the_program(monkeypatch: pytest.MonkeyPatch, more: dict[str, Any]) -> None:
    monkeypatch.syspath_prepend(str(kit.HERE))
    assert app({"agent": "fleet_program:rooms", **more}) is not None


def test_the_front_of_an_old_release_has_time_for_its_longest_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(kit.HERE))
    front = app({"agent": "fleet_program:rooms"})._bound_deployment
    settings = front._deployment_config
    # Serve deletes an application in a minute, or says that it could not.
    assert WAIT + 2 * settings.graceful_shutdown_wait_loop_s <= settings.graceful_shutdown_timeout_s < 60


def test_a_configuration_with_a_number_that_is_none_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(kit.HERE))
    with pytest.raises(ValueError, match="LEAST:MOST"):
        app({"agent": "fleet_program:rooms", "hosts": "many"})
    with pytest.raises(ValueError, match="is a list"):
        app({"agent": "fleet_program:rooms", "trusted_proxies": "10.0.0.0/8"})


@pytest.mark.parametrize(("version", "ours"), [("2.60.0", True), ("2.60.3", True), ("2.61.0", False), ("2.6.0", False)])
def test_with_a_ray_that_was_not_tried_serve_chooses_hosts_and_a_sentence_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, version: str, ours: bool
) -> None:
    monkeypatch.setattr(module.ray, "__version__", version)
    if not ours:
        monkeypatch.setitem(sys.modules, "ray.serve.request_router", None)
        monkeypatch.delitem(sys.modules, "vision_agents.serving.ray.router", raising=False)
    monkeypatch.syspath_prepend(str(kit.HERE))
    assert app({"agent": "fleet_program:rooms"}) is not None
    assert ("request_router_config" in module.routing()) is ours
    assert any("install the Ray" in each for each in caplog.messages) is not ours


@pytest.mark.parametrize(
    ("agent", "says"),
    [("nowhere:rooms", "nowhere"), ("fleet_program:nobody", "nobody"), ("fleet_program", "fleet_program")],
)
def test_an_agent_that_is_not_there_is_an_error_that_names_it(
    monkeypatch: pytest.MonkeyPatch, agent: str, says: str
) -> None:
    monkeypatch.syspath_prepend(str(kit.HERE))
    with pytest.raises(ValueError, match=says):
        app({"agent": agent})


@pytest.mark.parametrize(
    ("args", "says"), [({"agent": "x:y", "host": 2, "drian": 5}, "does not know drian, host"), ({}, "wants `agent`")]
)
def test_a_configuration_with_other_names_is_an_error_that_names_those_there_are(args: Any, says: str) -> None:
    with pytest.raises(ValueError, match=f"{says}.* agent, hosts, sessions, drain, farewell, fronts"):
        app(args)
