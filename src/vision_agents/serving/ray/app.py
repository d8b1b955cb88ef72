"""The application that Serve runs: hosts and fronts, as many as are wanted."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import ray
from ray import serve
from ray.serve.config import AutoscalingConfig, AutoscalingPolicy
from ray.serve.schema import LoggingConfig

from ..http import WAIT
from ..runner import load_runner
from .autoscaling import by_share
from .book import Release
from .front import Front
from .host import Host, Load
from .releases import new_release

logger = logging.getLogger(__name__)

# Serve's own log: a line for each request would be dear, and say addresses with tokens.
QUIET = LoggingConfig(log_level="WARNING", enable_access_log=False)

# The version of Ray whose interface for routers, which is alpha, is the one that `router` is written for.
TRIED = "2.60"
UNTRIED = (
    "Ray %s chooses the hosts of calls itself: our choice was tried with %s alone. A host that hangs may be offered "
    "calls for up to 10 s more, and some are refused though another one has room; install the Ray that the extra `ray` "
    "names"
)

# Calls on a host at a time where the program names no number: more than any processor keeps up with.
MANY = 200

# Processes that answer HTTP: one may die.
FRONTS = 2

# Seconds that the front of an old release has for its requests: the longest waits for the end of a session. Serve looks
# whether there are some each two seconds, and waits no longer than a minute until an application is deleted.
LAST_REQUESTS = WAIT + 5.0

# Requests at a front at a time: each wait for the end of a session is one.
REQUESTS = 10_000

# Starts of one front that may wait for a place; each for a moment only.
QUEUE = 200

# Seconds between two health checks of a host, for an answer, and until a start that lasts too long is given up.
HEALTH_PERIOD = 2.0
HEALTH_TIMEOUT = 3.0


@dataclass(frozen=True, slots=True)
class Fleet:
    """The processes of a cluster."""

    least: int = 1
    """Hosts, at least."""
    most: int = 1
    """Hosts, at most; between them the measured load decides."""
    fronts: int = FRONTS
    """Processes that answer HTTP."""
    processors: float = 1.0
    """Processors that a host takes of its node; above 1 a whole number."""
    patience: float = 120.0
    """Seconds for which fewer hosts have to be enough before some end."""
    private: bool = False
    """Calls by WebRTC have no port that can be reached from outside of the machine."""

    def __post_init__(self) -> None:
        if not 1 <= self.least <= self.most:
            raise ValueError(f"the number of hosts is N, or LEAST:MOST with 1 or more, not {self.least}:{self.most}")
        if not self.processors > 0 or (self.processors > 1 and self.processors % 1):
            raise ValueError(f"the processors of a host are a whole number, or a part of one, not {self.processors:g}")


def hosts_of(text: str) -> tuple[int, int]:
    """The numbers of `N` or `LEAST:MOST`. Raises ValueError."""
    least, colon, most = text.partition(":")
    try:
        return int(least), int(most if colon else least)
    except ValueError:
        raise ValueError(f"the number of hosts is N, or LEAST:MOST, not {text!r}") from None


def routing() -> dict[str, Any]:
    """The choice of hosts, as an option of their deployment: none with a Ray whose interface for it is not known."""
    if not ray.__version__.startswith(f"{TRIED}."):
        logger.warning(UNTRIED, ray.__version__, TRIED)
        return {}
    from ray.serve.config import RequestRouterConfig  # deferred: these names may be others in another version

    from .router import Router

    return {"request_router_config": RequestRouterConfig(request_router_class=Router)}  # type: ignore[arg-type]


def application(load: Load, fleet: Fleet, release: Release) -> serve.Application:
    """The application that serves the program that `load` makes."""
    program = load()
    options, slots = program.options, program.launcher.max_concurrent_sessions
    scale: dict[str, Any] = {"num_replicas": fleet.least}
    if fleet.most > fleet.least:
        policy = AutoscalingPolicy(policy_function=by_share)  # type: ignore[no-untyped-call]
        scaling = AutoscalingConfig(
            min_replicas=fleet.least,
            max_replicas=fleet.most,
            initial_replicas=fleet.least,
            metrics_interval_s=1.0,
            look_back_period_s=5.0,
            upscale_delay_s=2.0,
            downscale_delay_s=fleet.patience,
            policy=policy,
        )
        scale = {"autoscaling_config": scaling}
    hosts: Any = serve.deployment(
        Host,
        name="CallHost",
        max_ongoing_requests=slots or MANY,
        max_queued_requests=QUEUE,
        graceful_shutdown_timeout_s=options.drain,
        health_check_period_s=HEALTH_PERIOD,
        health_check_timeout_s=HEALTH_TIMEOUT,
        ray_actor_options={"num_cpus": fleet.processors},
        logging_config=QUIET,
        **routing(),
        **scale,
    )
    front: Any = serve.deployment(
        serve.ingress()(Front),
        name="Front",
        num_replicas=fleet.fronts,
        max_ongoing_requests=REQUESTS,
        graceful_shutdown_timeout_s=LAST_REQUESTS,
        ray_actor_options={"num_cpus": 0},
        logging_config=QUIET,
    )
    bound: serve.Application = front.bind(hosts.bind(load, release, private=fleet.private), load)
    return bound


# What Serve's own configuration may say to `app`.
ARGUMENTS = ("agent", "hosts", "sessions", "drain", "farewell", "fronts", "trusted_proxies", "processors")


def app(args: Mapping[str, Any]) -> serve.Application:
    """The application for Serve's own configuration: `import_path: vision_agents.serving.ray:app`.

    Args:
        args: `agent`, as the command line has it; and, if wanted, `hosts` (N or LEAST:MOST), `sessions`, `drain`,
            `farewell`, `fronts`, `processors` (of each host), and `trusted_proxies` (a list).

    Raises ValueError for other names, and for numbers that cannot be ones.
    """
    if (unknown := sorted(set(args) - set(ARGUMENTS))) or "agent" not in args:
        wrong = f"does not know {', '.join(unknown)}" if unknown else "wants `agent`"
        raise ValueError(f"the application {wrong}: its args are {', '.join(ARGUMENTS)}")
    # YAML has numbers where they are written without quotes.
    given = {name: str(value) for name, value in args.items()}
    changes: dict[str, Any] = {name: given[name] for name in ("farewell",) if name in given}
    if "trusted_proxies" in args:
        changes["trusted_proxies"] = args["trusted_proxies"]
    if "drain" in given:
        changes["drain"] = float(given["drain"])
    sessions = int(given["sessions"]) if "sessions" in given else None
    least, most = hosts_of(given.get("hosts", "1"))
    fleet = Fleet(least, most, int(given.get("fronts", FRONTS)), float(given.get("processors", 1.0)))
    return application(partial(load_runner, given["agent"], sessions, changes), fleet, new_release(fleet.least))
