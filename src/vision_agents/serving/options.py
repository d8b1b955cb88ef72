"""The options of a server: who may do what, how much it takes, and how it ends."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from vision_agents.core.loopback import is_loopback, origin_of
from vision_agents.core.redaction import keep_secret
from vision_agents.core.settings import check_list, check_number

from .admission import Limits
from .tokens import checked_secret, secret_from_environment

NOT_OPEN = (
    "whoever reaches {host} could start agents there: set VISION_AGENTS_SECRET to a secret, as `openssl rand -hex 32` "
    "makes, and give tokens (`vision-agents token`) to those who may"
)

PROXIES = "trusted_proxies is a list of addresses and networks, as ['10.0.0.0/8']: {}"

# A FastAPI dependency: it may have dependencies of its own, and raises HTTPException to refuse.
Permission = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """The options of `Runner.serve`.

    A permission is a FastAPI dependency, which raises `HTTPException` to refuse. Where you give none, tokens decide.
    """

    can_start_session: Permission | None = None
    """Decides who may start a session."""
    can_close_session: Permission | None = None
    """Decides who may end one."""
    can_view_session: Permission | None = None
    """Decides who may see that one is there."""
    can_view_metrics: Permission | None = None
    """Decides who may see the figures of one, and those of the process."""
    get_current_user: Permission | None = None
    """A FastAPI dependency that returns whoever asks; a session keeps it as `created_by`, but under
    Ray, where it would have to be sent to another process."""
    cors_allow_origins: Sequence[str] = ()
    """Other sites whose pages may use this server from browsers; none by default."""
    cors_allow_methods: Sequence[str] = ("GET", "POST", "DELETE")
    """What they may ask for."""
    cors_allow_headers: Sequence[str] = ("Authorization", "Content-Type")
    """What they may send."""
    cors_allow_credentials: bool = False
    """Their requests may bring cookies."""
    secret: str | None = field(default=None, repr=False)
    """What tokens are signed with. None for that of the environment's `VISION_AGENTS_SECRET`, if it has one."""
    starts_per_second: float = 20.0
    """Sessions that one client may start in a second, in the long run."""
    start_burst: int = 200
    """Sessions that one client may start at once."""
    trusted_proxies: Sequence[str] = ()
    """Addresses and networks of the proxies before this server, which say by `X-Forwarded-For` who asks, and by
    `X-Forwarded-Proto` whether by https; by default nobody is believed. A client is whoever asked the first of them."""
    limits: Limits | None = None
    """What must be left to take a call; None for the defaults."""
    drain: float = 3600.0
    """Seconds that calls may go on after SIGTERM."""
    farewell: str = ""
    """What is said to those who are still there then; nothing by default."""
    workbench: bool | None = None
    """Callers on the page see and change the settings of their agent, and have the trace, a recording and a report of
    their own conversation. None: on loopback without a secret only."""
    traces: Path | None = None
    """A folder for the traces of calls; None for none."""
    fast_api: Any = None
    """A FastAPI application of your own, in which the routes of this server are put; None for a new one."""

    def __post_init__(self) -> None:
        check_list("cors_allow_origins", self.cors_allow_origins)
        check_list("cors_allow_methods", self.cors_allow_methods)
        check_list("cors_allow_headers", self.cors_allow_headers)
        check_number("starts_per_second", self.starts_per_second, above=0.0)
        check_number("start_burst", self.start_burst, 1, whole=True)
        check_number("drain", self.drain, 0.0)
        given = secret_from_environment() if self.secret is None else checked_secret(self.secret)
        keep_secret(given)
        object.__setattr__(self, "secret", given)
        object.__setattr__(self, "cors_allow_origins", tuple(map(_as_sent, self.cors_allow_origins)))
        _ = self.proxies

    @property
    def proxies(self) -> list[str]:
        """The trusted proxies as networks; those of IPv4 also as a socket sees them that takes both (`--host ::`)."""
        if isinstance(self.trusted_proxies, str):
            raise ValueError(PROXIES.format(f"{self.trusted_proxies!r} is no list"))
        try:
            networks = [ip_network(proxy) for proxy in self.trusted_proxies]
        except ValueError as error:
            raise ValueError(PROXIES.format(error)) from None
        mapped = [f"::ffff:{net.network_address}/{96 + net.prefixlen}" for net in networks if net.version == 4]
        return [*map(str, networks), *mapped]

    @property
    def open(self) -> bool:
        """Return whether nothing decides who may do what, so that the server is for this machine alone."""
        return self.secret is None and not all(self._permissions)

    @property
    def asked_by_program(self) -> bool:
        """Return whether requests may have parameters that only the program knows, in what it has given."""
        return any((*self._permissions, self.get_current_user, self.fast_api))

    @property
    def _permissions(self) -> tuple[Permission | None, ...]:
        return self.can_start_session, self.can_close_session, self.can_view_session, self.can_view_metrics

    def check_exposure(self, host: str) -> None:
        """Raise ValueError if `host` can be reached by others, and nothing decides who may do what."""
        if self.open and not is_loopback(host):
            raise ValueError(NOT_OPEN.format(host=host))


def _as_sent(origin: str) -> str:
    """The origin as browsers send it; what is no site's ("*", "null") stays what it is."""
    try:
        return origin_of(origin)
    except ValueError:
        return origin
