"""The server as a process: signals, drains, ports, clients that dawdle. And callers by WebRTC, many at once."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest

from vision_agents.serving import AgentLauncher, CallHost, ServeOptions, server
from vision_agents.serving.http import make_app
from vision_agents.serving.server import Address
from vision_agents.serving.tokens import make_token
from vision_agents.testing.parts import LoopEdge

from ..plugins.local.browser_kit import Caller, Page
from .kit import roomy, scripted, until

HERE = Path(__file__).parent
KEY = "a secret of some length"

# Nothing here takes longer, unless it hangs.
PATIENCE = 120.0


def both_versions() -> bool:
    """Return whether a socket of this machine takes IPv6, and IPv4 with it."""
    try:
        Address("::", 0).bind().close()
    except OSError:
        return False
    return True


BOTH_VERSIONS = pytest.mark.skipif(not both_versions(), reason="there is no IPv6")


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "vision_agents.cli", *map(str, arguments)]


def environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name != "VISION_AGENTS_SECRET"}
    return kept | {"PYTHONUNBUFFERED": "1"} | more


@contextmanager
def process(
    *arguments: object, says: str = "Serving at http", stderr: Any = None, **more: str
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server; its address once it answers. `says`: what is in the line by which it tells that."""
    run = subprocess.Popen(
        list(map(str, arguments)), cwd=HERE, env=environment(**more), stdout=subprocess.PIPE, stderr=stderr, text=True
    )
    try:
        assert run.stdout is not None
        line = run.stdout.readline()
        assert says in line, line
        yield run, line.split()[2]
    finally:
        run.kill()
        run.wait(PATIENCE)


async def start(http: aiohttp.ClientSession, url: str, call: str) -> tuple[int, Any]:
    async with http.post(f"{url}/calls/{call}/sessions") as answer:
        return answer.status, await answer.json()


async def draining(http: aiohttp.ClientSession, url: str) -> None:
    async with asyncio.timeout(PATIENCE):
        while True:
            async with http.get(f"{url}/ready") as answer:
                if answer.status == 503:
                    return
            await asyncio.sleep(0.05)


async def gone(run: subprocess.Popen[str]) -> int:
    return await asyncio.to_thread(run.wait, PATIENCE)


async def test_a_server_that_is_told_to_end_lets_its_calls_go_on(tmp_path: Path) -> None:
    serve = command("serve", "served:launcher", "--port", 0, "--traces", tmp_path)
    with process(*serve) as (run, url):
        async with aiohttp.ClientSession() as http:
            status, session = await start(http, url, "table")
            assert status == 201
            one = f"{url}/calls/table/sessions/{session['session_id']}"
            run.send_signal(signal.SIGTERM)
            await draining(http, url)
            assert (await start(http, url, "other"))[0] == 503
            async with http.get(one) as answer:
                assert answer.status == 200
            async with http.delete(one) as answer:
                assert answer.status == 204
        assert await gone(run) == 0
    (trace,) = tmp_path.glob("*.jsonl")
    assert all(json.loads(line) for line in trace.read_text().splitlines())


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
async def test_the_second_signal_ends_it_now_and_traces_are_whole(tmp_path: Path, second: signal.Signals) -> None:
    serve = command("serve", "served:runner", "--port", 0, "--traces", tmp_path)
    with process(*serve) as (run, url):
        async with aiohttp.ClientSession() as http:
            assert (await start(http, url, "table"))[0] == 201
            run.send_signal(signal.SIGTERM)
            await draining(http, url)  # Two signals that wait for a process at once are one.
            run.send_signal(second)
            assert await gone(run) == 0
    (trace,) = tmp_path.glob("*.jsonl")
    records = [json.loads(line) for line in trace.read_text().splitlines()]
    assert "ended" in json.dumps(records[-1]).lower()


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGHUP])
async def test_ctrl_c_ends_a_program_of_ones_own_at_once_and_so_does_a_closed_terminal(end: signal.Signals) -> None:
    with process(sys.executable, "served.py", "serve", "--port", 0, "--no-splash") as (run, url):
        async with aiohttp.ClientSession() as http:
            assert (await start(http, url, "table"))[0] == 201
            run.send_signal(end)
            assert await gone(run) == 0


@pytest.mark.real_time
@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
async def test_the_end_of_a_server_without_calls_looks_like_no_trouble(tmp_path: Path, end: signal.Signals) -> None:
    told = tmp_path / "told"
    with told.open("w") as log, process(sys.executable, "served.py", "serve", "--port", 0, stderr=log) as (run, _):
        run.send_signal(end)
        assert await gone(run) == 0
    assert "INFO:uvicorn:" in told.read_text()
    assert not re.search("warning|error", told.read_text(), re.IGNORECASE)


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGHUP])
async def test_one_call_without_a_server_ends_as_by_ctrl_c(tmp_path: Path, end: signal.Signals) -> None:
    program = (sys.executable, "served.py", "run", "--no-splash")
    with process(*program, says="The agent is in the call", TRACES=str(tmp_path)) as (run, _):
        run.send_signal(end)
        assert await gone(run) == 0
    (trace,) = tmp_path.glob("*.jsonl")
    assert json.loads(trace.read_text().splitlines()[-1])["note"] == "CallEnded"


@pytest.mark.real_time
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("served:launcher", "--port", "{taken}"), "is in use"),
        (("served:launcher", "--host", "0.0.0.0", "--port", 0), "VISION_AGENTS_SECRET"),
        (("served:launcher", "--host", "203.0.113.5", "--port", 0), "VISION_AGENTS_SECRET"),
        (("served:nothing",), "has no 'nothing'"),
        (("nowhere:agent",), "there is no module 'nowhere'"),
        (("served:broken", "--port", 0), "there is no key for the model"),
        (("served:launcher", "--sessions", 0), "1 or more"),
        (("served:launcher", "--tls-cert", "x.pem"), "give both"),
        (("served:launcher", "--tls-cert", "x.pem", "--tls-key", "y.pem"), "there is no file x.pem"),
        (("served:launcher", "--tls-cert", "served.py", "--tls-key", "served.py"), "no certificate and key in PEM"),
    ],
)
def test_what_keeps_it_from_starting_is_said_in_a_sentence(arguments: tuple[Any, ...], says: str) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        told = [str(each).format(taken=other.getsockname()[1]) for each in arguments]
        run = subprocess.run(
            command("serve", *told), cwd=HERE, env=environment(), capture_output=True, text=True, timeout=PATIENCE
        )
    assert run.returncode == 2, run.stderr
    assert says in run.stderr
    assert "Traceback" not in run.stderr


@pytest.mark.real_time
def test_tokens_are_made_on_the_command_line() -> None:
    run = subprocess.run(
        command("token", "--call", "table", "--may", "view", "--expires", 60),
        env=environment(VISION_AGENTS_SECRET=KEY),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    from vision_agents.serving.tokens import check_token

    assert check_token(KEY, run.stdout.strip(), "table", "view").rights == {"view"}
    for more, says in (({}, "set VISION_AGENTS_SECRET"), ({"VISION_AGENTS_SECRET": "short"}, "16 or more")):
        failed = subprocess.run(
            command("token", "--call", "table"),
            env=environment(**more),
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        assert (failed.returncode, says in failed.stderr) == (2, True)


# In this process.


async def with_edge(edge: Any) -> Any:
    return scripted(edge)


@asynccontextmanager
async def serving(
    create: Any = with_edge, options: Any = None, at: str = "127.0.0.1", **more: Any
) -> AsyncIterator[tuple[CallHost, str]]:
    """A server at an address, and its URL on 127.0.0.1."""
    launcher = AgentLauncher(create, **{"participant_wait_timeout": 0.0} | more)
    host = CallHost(launcher, roomy(sessions=launcher.max_concurrent_sessions))
    address = Address(at, 0)
    bound = address.bind()
    await host.start()
    answering = asyncio.Event()
    app = make_app(host, options or ServeOptions(secret=""))
    task = asyncio.create_task(server.serve(app, host, bound, address=address, started=answering.set))
    await answering.wait()
    try:
        yield host, f"http://127.0.0.1:{bound.getsockname()[1]}"
    finally:
        task.cancel()
        await asyncio.wait([task])
        bound.close()


@pytest.mark.parametrize("at", ["127.0.0.1", pytest.param("::", marks=BOTH_VERSIONS)])
@pytest.mark.parametrize(
    ("proxies", "second"), [((), 429), (("127.0.0.1",), 201), (("127.0.0.0/8",), 201), (("126.0.0.0/8",), 429)]
)
async def test_only_a_proxy_that_is_named_says_who_asks(proxies: tuple[str, ...], second: int, at: str) -> None:
    async def no_edge() -> Any:
        return scripted(LoopEdge())

    options = ServeOptions(secret=KEY, starts_per_second=0.001, start_burst=1, trusted_proxies=proxies)
    async with serving(no_edge, options, at) as (_, url), aiohttp.ClientSession() as http:
        for number, code in enumerate((201, second)):
            headers = {"X-Forwarded-For": f"192.0.2.{number}", "Authorization": f"Bearer {make_token(KEY, '*')}"}
            async with http.post(f"{url}/calls/call-{number}/sessions", headers=headers) as answer:
                assert answer.status == code


@pytest.mark.parametrize("proxies", [(), ("127.0.0.1",)])
async def test_behind_a_proxy_that_is_named_the_cookie_of_a_token_is_kept_to_https(proxies: tuple[str, ...]) -> None:
    options = ServeOptions(secret=KEY, trusted_proxies=proxies)
    async with serving(options=options) as (_, url), aiohttp.ClientSession() as http:
        address = f"{url}/?token={make_token(KEY, 'page')}"
        async with http.get(address, headers={"X-Forwarded-Proto": "https"}, allow_redirects=False) as answer:
            assert ("Secure" in answer.headers["Set-Cookie"]) is bool(proxies)


async def test_a_client_that_says_half_a_word_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "REQUEST_TIMEOUT", 0.5)
    # More than half a second, in which nothing may happen, and less than the half minute that it is.
    monkeypatch.setattr(server, "KEEP_ALIVE", 3)

    async def no_edge() -> Any:
        return scripted(LoopEdge())

    async with serving(no_edge) as (_, url):
        port = int(url.rpartition(":")[2])
        for said in (b"", b"POST /calls/table/sess", b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\nGET /hea"):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(said)
            async with asyncio.timeout(PATIENCE):
                await reader.read()
            writer.close()
        # Who asks and then says nothing may keep the connection for the next request.
        async with aiohttp.ClientSession() as http:
            for _ in range(2):
                async with http.get(f"{url}/health") as answer:
                    assert answer.status == 200
                await asyncio.sleep(1.0)


async def test_callers_by_webrtc_have_agents_of_their_own() -> None:
    async with serving() as (host, url), aiohttp.ClientSession() as http:
        callers = [Caller() for _ in range(3)]
        for number, caller in enumerate(callers):
            body = {"offer": {"type": "offer", "sdp": await caller.offer()}}
            async with http.post(f"{url}/calls/call-{number}/sessions", json=body) as answer:
                assert answer.status == 201, await answer.text()
                await caller.accept((await answer.json())["answer"]["sdp"])
        sessions = list(host.sessions.values())
        await until(lambda: all(session.agent.participants for session in sessions), PATIENCE)
        assert len({id(session.agent) for session in sessions}) == 3
        # Each hears its own agent alone.
        talking = asyncio.create_task(sessions[0].agent.say("One two three four five six."))
        first = await callers[0].hears(40)
        others = await callers[1].hears(40)
        assert abs(first).max() > 1000
        assert abs(others).max() < 100
        await talking
        for caller in callers:
            await caller.close()


async def test_an_offer_that_is_none_costs_no_place() -> None:
    async with serving(max_concurrent_sessions=1) as (host, url), aiohttp.ClientSession() as http:
        for _ in range(2):
            async with http.post(
                f"{url}/calls/table/sessions", json={"offer": {"type": "offer", "sdp": "nonsense"}}
            ) as answer:
                assert (answer.status, "offer" in (await answer.json())["detail"]) == (400, True)
            await until(lambda: not host.sessions, PATIENCE)


async def test_the_page_is_served_to_callers_with_agents_of_their_own() -> None:
    async with serving() as (host, url), aiohttp.ClientSession() as http:
        async with http.get(f"{url}/") as answer:
            assert (answer.status, "<html" in await answer.text()) == (200, True)
            assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
        async with http.get(f"{url}/nothing.js") as answer:
            assert answer.status == 404
        callers = []
        for number in range(2):
            async with http.ws_connect(f"{url.replace('http', 'ws')}/records?tab=tab-{number}") as records:
                hello = (await records.receive_json())[0]
                assert hello["edge"] == "hello"
            caller = Caller()
            async with http.post(f"{url}/offer", json={"type": "offer", "sdp": await caller.offer()}) as answer:
                assert answer.status == 200
                await caller.accept((await answer.json())["sdp"])
            callers.append(caller)
        await until(lambda: len(host.sessions) == 2, PATIENCE)
        assert {session.call_id.partition("-")[0] for session in host.sessions.values()} == {"page"}
        for caller in callers:
            await caller.close()


async def test_records_are_sent_for_longer_than_a_request_may_take(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "REQUEST_TIMEOUT", 0.3)
    async with (
        serving() as (_, url),
        aiohttp.ClientSession() as http,
        http.ws_connect(f"{url.replace('http', 'ws')}/records") as records,
    ):
        assert (await records.receive_json())[0]["edge"] == "hello"
        with pytest.raises(TimeoutError):
            await records.receive(timeout=1.5)


async def test_the_page_wants_a_token_where_there_is_a_secret() -> None:
    options = ServeOptions(secret=KEY)
    async with (
        serving(options=options) as (_, url),
        aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as http,
    ):
        socket_url = f"{url.replace('http', 'ws')}/records"
        for path, method in (("/", "GET"), ("/offer", "POST"), ("/?token=nonsense", "GET")):
            async with http.request(method, f"{url}{path}") as answer:
                assert (answer.status, "error" in await answer.json()) == (401, True)
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await http.ws_connect(socket_url)
        async with http.get(f"{url}/?token={make_token(KEY, 'page')}") as answer:
            assert (answer.status, answer.url.query_string) == (200, "")
        async with http.ws_connect(socket_url) as records:
            assert (await records.receive_json())[0]["edge"] == "hello"
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await http.ws_connect(socket_url, origin="https://evil.example")


@pytest.mark.parametrize(
    ("options", "there"),
    [
        (ServeOptions(secret=""), True),
        (ServeOptions(secret=KEY), False),
        (ServeOptions(secret=KEY, workbench=True), True),
        (ServeOptions(secret="", workbench=False), False),
    ],
)
async def test_on_loopback_the_workbench_is_there_where_no_secret_lets_others_in(
    options: ServeOptions, there: bool
) -> None:
    headers = {"Authorization": f"Bearer {make_token(KEY, 'page')}"}
    async with serving(options=options) as (host, url), aiohttp.ClientSession(headers=headers) as http:
        assert host.private
        async with http.ws_connect(f"{url.replace('http', 'ws')}/records") as records:
            assert (await records.receive_json())[0]["workbench"] is there
        # Longer than other requests may be.
        async with http.post(f"{url}/replay", data=b"x" * (1 << 20)) as answer:
            assert (answer.status, "error" in await answer.json()) == (422 if there else 403, True)


async def test_the_page_says_when_there_is_no_place() -> None:
    async with serving() as (host, url), aiohttp.ClientSession() as http:
        host.draining = True
        async with http.post(f"{url}/offer", json={"type": "offer", "sdp": await Caller().offer()}) as answer:
            assert (answer.status, "about to end" in (await answer.json())["error"]) == (503, True)
        host.draining = False
        async with http.post(f"{url}/offer", json={"type": "offer", "sdp": "nonsense"}) as answer:
            assert answer.status == 400
        assert host.refused == {"draining": 1}


async def talks(url: str, http: aiohttp.ClientSession, page: Page | None = None, **more: Any) -> tuple[Page, Caller]:
    """A page whose call is connected, and its caller."""
    server: Any = SimpleNamespace(url=url)
    page, caller = page or await Page.open(server, http), Caller()
    status, answer = await caller.ask(server, http, page, **more)
    assert status == 200, answer
    await caller.accept(answer["sdp"])
    told = await page.until_any(
        *({"edge": "call", "connection": answer["connection"], "state": state} for state in ("connected", "failed"))
    )
    assert told["state"] == "connected", told
    assert told["fresh"] is True
    return page, caller


async def test_a_conversation_in_which_nobody_is_gives_its_place_to_who_needs_it() -> None:
    async with serving(max_concurrent_sessions=1) as (host, url), aiohttp.ClientSession() as http:
        page, ann = await talks(url, http)
        (before,) = host.sessions
        other, server = Caller(), SimpleNamespace(url=url)
        assert (await other.ask(server, http))[0] == 503, "ann is there"  # type: ignore[arg-type]
        await page.socket.send_json({"do": "hang up"})
        await page.until(edge="call", state="over")
        host.draining = True
        assert (await other.ask(server, http))[0] == 503, "and nobody's place helps"  # type: ignore[arg-type]
        host.draining = False
        assert list(host.sessions) == [before]
        _, bob = await talks(url, http)
        assert len(host.sessions) == 1
        assert before not in host.sessions
        await asyncio.gather(ann.close(), bob.close(), other.close())


async def test_a_new_conversation_comes_where_its_old_one_had_the_only_place() -> None:
    async with serving(max_concurrent_sessions=1) as (host, url), aiohttp.ClientSession() as http:
        page, caller = await talks(url, http)
        (before,) = host.sessions
        _, again = await talks(url, http, page, new=True)
        assert len(host.sessions) == 1
        assert before not in host.sessions
        await asyncio.gather(caller.close(), again.close())
