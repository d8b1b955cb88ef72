"""`vision-agents serve --ray`: from its start to its end, and what keeps it from starting."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest

pytest.importorskip("ray")

from ray.serve.config import HTTPOptions

from vision_agents.serving import AgentLauncher, Runner, ServeOptions
from vision_agents.serving.ray import Fleet, cluster, hosts_of
from vision_agents.serving.ray.book import Release
from vision_agents.serving.server import Address
from vision_agents.serving.tokens import make_token

from . import kit

pytestmark = [pytest.mark.ray, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

SERVING = Path(__file__).parents[1]


def environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in ("VISION_AGENTS_SECRET", "RAY_ADDRESS")}
    return kept | {"PYTHONUNBUFFERED": "1"} | more


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "vision_agents.cli", "serve", *map(str, arguments)]


@contextmanager
def serving(*arguments: object, **environ: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    run = subprocess.Popen(
        command(*arguments), cwd=SERVING, env=environment(**environ), stdout=subprocess.PIPE, text=True
    )
    try:
        assert run.stdout is not None
        for line in run.stdout:
            if line.startswith("Serving at http"):
                yield run, line.split()[2]
                break
        else:
            raise AssertionError("it has not begun")
    finally:
        run.send_signal(signal.SIGINT)  # It ends its cluster then.
        run.wait(kit.PATIENCE)


KEY = "a secret that is long enough"


async def who_may(http: aiohttp.ClientSession, url: str) -> None:
    """Tokens decide at the fronts as they do in one process."""
    for token, status in (
        ("", 401),
        ("v1.nonsense.x", 401),
        (make_token(KEY, "table", now=0.0), 401),
        (make_token("another secret of others", "table"), 401),
        (make_token(KEY, "other"), 403),
        (make_token(KEY, "table", rights=["view"]), 403),
    ):
        assert (await kit.Client(http, url, token).start("table"))[0] == status


async def asked_by(http: aiohttp.ClientSession, url: str, *clients: str) -> list[int]:
    """The answers to starts of clients behind a proxy on this machine, as it says."""
    headers = {"Authorization": f"Bearer {make_token(KEY, '*')}"}
    statuses = []
    for number, client in enumerate(clients):
        start = http.post(f"{url}/calls/of-{number}/sessions", headers=headers | {"X-Forwarded-For": client})
        async with start as answer:
            statuses.append(answer.status)
    return statuses


async def test_behind_a_proxy_that_is_trusted_each_caller_is_a_client() -> None:
    arguments = ("served:slowed", "--ray", "--hosts", 1, "--port", 0, "--trusted-proxy", "127.0.0.1")
    with serving(*arguments, VISION_AGENTS_SECRET=KEY) as (_, url):
        async with aiohttp.ClientSession() as http:
            # Each front counts; nobody has more than twice what one gives.
            many = await asked_by(http, url, *["192.0.2.1"] * 24)
            assert many.count(429) >= 8
            assert await asked_by(http, url, "192.0.2.2", "203.0.113.7, 192.0.2.3") == [409, 409]
            # What a client writes there itself does not make it another one.
            assert 429 in await asked_by(http, url, *[f"203.0.113.{number}, 192.0.2.1" for number in range(9)])


async def test_told_to_end_it_lets_its_calls_go_on() -> None:
    arguments = ("served:slowed", "--ray", "--hosts", 1, "--port", 0)
    with serving(*arguments, VISION_AGENTS_SECRET=KEY) as (run, url):
        async with aiohttp.ClientSession() as http:
            await who_may(http, url)
            client = kit.Client(http, url, make_token(KEY, "*"))
            one = await client.started("table")
            run.send_signal(signal.SIGTERM)
            async with asyncio.timeout(kit.PATIENCE):
                while (await client.ask("GET", "/ready"))[0] != 503:
                    await asyncio.sleep(0.1)
            status, told = await client.start("other")
            assert (status, "about to end" in told["detail"]) == (503, True)
            # Nobody is believed to be a proxy unless it is said: they are one client.
            assert 429 in await asked_by(http, url, *[f"192.0.2.{number}" for number in range(16)])
            assert (await client.ask("GET", one))[0] == 200
            assert run.poll() is None
            assert (await client.ask("DELETE", one))[0] == 204
        assert await asyncio.to_thread(run.wait, kit.PATIENCE) == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--address", "127.0.0.1:{taken}"), "there is no Ray cluster at 127.0.0.1"),
        (("--ray", "--port", "{taken}"), "is in use"),
        (("--ray", "--hosts", "some"), "N, or LEAST:MOST"),
        (("--ray", "--host", "0.0.0.0"), "VISION_AGENTS_SECRET"),
    ],
)
def test_what_keeps_it_from_starting_is_said_in_a_sentence(arguments: tuple[str, ...], says: str) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        told = [each.format(taken=other.getsockname()[1]) for each in arguments]
        run = subprocess.run(
            command("served:launcher", *told),
            cwd=SERVING,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=kit.PATIENCE,
        )
    assert run.returncode == 2, run.stderr
    assert says in run.stderr
    assert "Traceback" not in run.stderr


def test_without_ray_it_says_what_to_install() -> None:
    program = (
        "import sys; sys.modules['ray'] = None; from vision_agents.cli.main import main; "
        f"sys.exit(main({json.dumps(['serve', 'served:launcher', '--ray'])}))"
    )
    run = subprocess.run(
        [sys.executable, "-c", program],
        cwd=SERVING,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=kit.PATIENCE,
    )
    assert run.returncode == 2, run.stderr
    assert "interruptible-agents[ray]" in run.stderr


@pytest.mark.parametrize("address", ["nonsense", "ray://127.0.0.1:10001", "head:"])
def test_what_is_no_address_of_a_cluster_is_said(address: str) -> None:
    with pytest.raises(cluster.ClusterError, match="auto, or HOST:PORT"):
        cluster._check_answers(address)


@pytest.mark.parametrize("hosts", ["some", "3:1", "0", "1:", ":2"])
def test_numbers_of_hosts_that_are_none(hosts: str) -> None:
    with pytest.raises(ValueError, match="N, or LEAST:MOST"):
        Fleet(*hosts_of(hosts))


def test_what_would_have_calls_die_with_a_front_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_SERVE_USE_GRPC_BY_DEFAULT", "1")
    with pytest.raises(cluster.ClusterError, match="unset it"), cluster._connected(None):
        raise AssertionError("it is connected")


def test_no_environment_says_who_is_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    def init(**_: Any) -> None:
        raise ConnectionError("this far")

    monkeypatch.setattr(cluster.ray, "init", init)
    for name in cluster.ENVIRONMENT:
        monkeypatch.setenv(name, "as it was")
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "*")
    with pytest.raises(cluster.ClusterError, match="this far"), cluster._connected(None):
        raise AssertionError("it is connected")
    assert os.environ["FORWARDED_ALLOW_IPS"] == ""
    assert {os.environ[name] for name in cluster.ENVIRONMENT} == {"as it was"}


@pytest.mark.parametrize(("there", "last"), [(False, True), (False, False), (True, True)])
def test_what_answers_requests_ends_with_the_last_release_and_its_own_command(
    there: bool, last: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], caplog: Any
) -> None:
    def controller(*_: Any, **__: Any) -> Any:
        if not there:
            raise ValueError("there is no such actor")
        return SimpleNamespace(get_http_config=SimpleNamespace(remote=lambda: HTTPOptions(host="::", port=4321)))

    async def deploy(*_: Any) -> Release:
        return Release(1.0, "first", 1)

    async def until_told(release: Release, *_: Any) -> bool:
        assert release.number == 1.0
        return last

    ended: list[bool] = []
    monkeypatch.setattr(cluster, "_connected", lambda address: nullcontext())
    monkeypatch.setattr(cluster.ray, "get_actor", controller)
    monkeypatch.setattr(cluster.ray, "get", lambda answer: answer)
    monkeypatch.setattr(cluster.ray_serve, "start", lambda *_, **__: None)
    monkeypatch.setattr(cluster.ray_serve, "shutdown", lambda: ended.append(True))
    monkeypatch.setattr(cluster, "deploy", deploy)
    monkeypatch.setattr(cluster, "_until_told", until_told)
    program = Runner(AgentLauncher(lambda: None), ServeOptions(secret=""))  # type: ignore[arg-type, return-value]
    cluster.serve(lambda: program, program, Address(port=0), hosts="1", address="head:6379")
    assert bool(ended) is (last and not there)
    told = capsys.readouterr()
    assert ("nothing is ended" in told.err) is not last
    # Where Serve answers already it is not moved.
    assert ("Serving at http://[::]:4321 " in told.out) is there
    assert any("--port" in each for each in caplog.messages) is there


def test_a_cluster_of_its_own_is_drained_whatever_was_released_on_it_later(monkeypatch: pytest.MonkeyPatch) -> None:
    async def deploy(*_: Any) -> Release:
        return Release(1.0, "first", 1)

    async def until_told(release: Release, *_: Any) -> bool:
        assert release > Release(2.0, "second", 1)
        return True

    monkeypatch.setattr(cluster, "_connected", lambda address: nullcontext())
    monkeypatch.setattr(cluster, "_served", lambda site: nullcontext(cluster._Served("http://127.0.0.1:80", False)))
    monkeypatch.setattr(cluster, "deploy", deploy)
    monkeypatch.setattr(cluster, "_until_told", until_told)
    program = Runner(AgentLauncher(lambda: None), ServeOptions(secret=""))  # type: ignore[arg-type, return-value]
    cluster.serve(lambda: program, program, Address(port=0), hosts="1")


@pytest.mark.parametrize(
    ("address", "error", "says"),
    [
        ("head:6379", "Version mismatch: it was started with:\n Ray: 2.59.0\n Python: 3.11.7", "install the same"),
        (None, "no space\nis left", "Ray could not be started here: no space is left"),
    ],
)
def test_errors_of_ray_are_sentences(address: Any, error: str, says: str) -> None:
    assert says in cluster._explained(address, error)


def test_an_agent_that_cannot_be_made_is_the_sentence() -> None:
    raised = "CreateAgentError: create_agent raised ValueError: there is no key"
    text = f"It failed to start 3 times.\nray::ServeReplica() (pid=1)\n  File x\nvision_agents.serving.{raised}\n"
    assert cluster._failure(text).endswith(f": {raised}")
    assert cluster._failure("nothing of use") == "the agent could not be served: nothing of use"
