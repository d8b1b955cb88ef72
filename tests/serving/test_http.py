"""Sessions over HTTP: what each request does, who may ask, and everything that can be wrong with it."""

from __future__ import annotations

import asyncio
import re
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from fastapi import Depends, Header, HTTPException, Request

from vision_agents.core import Agent
from vision_agents.serving import AgentLauncher, CallHost, End, ServeOptions
from vision_agents.serving.body import LONGEST, BoundedBodies
from vision_agents.serving.http import make_app
from vision_agents.serving.lost import KEEP
from vision_agents.serving.tokens import make_token

from .kit import ANNA, ROOMY, arrives, calling, create_agent, hosting, scripted, until

pytestmark = pytest.mark.virtual_time

KEY = "a secret of some length"
SESSIONS = "/calls/table/sessions"


class Site:
    """A host behind its application, and a client on this machine."""

    def __init__(self, host: Any, app: Any, address: str) -> None:
        self.host, self.app = host, app
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=address)

    async def ask(self, method: str, path: str, **more: Any) -> Any:
        return await self.client.request(method, path, **more)

    async def start(self, path: str = SESSIONS, **more: Any) -> Any:
        answer = await self.ask("POST", path, **more)
        assert answer.status_code == 201, answer.text
        return answer.json()


@pytest_asyncio.fixture
async def serve() -> AsyncIterator[Any]:
    async with AsyncExitStack() as stack:

        async def begin(
            create: Any = create_agent, options: Any = None, address: str = "http://127.0.0.1", **more: Any
        ) -> Site:
            host = await stack.enter_async_context(hosting(create, **more))
            site = Site(host, make_app(host, options or ServeOptions(secret="")), address)
            return await stack.enter_async_context(_closing(site))

        yield begin


class _closing:
    def __init__(self, site: Site) -> None:
        self._site = site

    async def __aenter__(self) -> Site:
        return self._site

    async def __aexit__(self, *_: object) -> None:
        await self._site.client.aclose()


# A session.


async def test_a_session_from_its_start_to_its_end(serve: Any) -> None:
    site = await serve()
    made = await site.start(json={"call_type": "audio"})
    assert (made["call_id"], made["call_type"], made["answer"]) == ("table", "audio", None)
    one = f"{SESSIONS}/{made['session_id']}"
    assert (await site.ask("GET", one)).json() == made
    session = site.host.sessions[made["session_id"]]
    arrives(session)
    await session.agent.say("One two three.")
    figures = (await site.ask("GET", f"{one}/metrics")).json()
    assert figures["session_id"] == made["session_id"]
    assert figures["metrics"]["duration_seconds"] > 0.5
    assert figures["metrics"]["errors"] == 0
    assert (await site.ask("DELETE", one)).status_code == 204
    await until(lambda: not site.host.sessions)
    for method, path in (("GET", one), ("DELETE", one), ("POST", f"{one}/close"), ("GET", f"{one}/metrics")):
        gone = await site.ask(method, path)
        assert (gone.status_code, "there is no session" in gone.json()["detail"]) == (404, True)
    assert site.host.ended[End.CLOSED] == 1


async def test_without_a_body_it_is_a_call_of_the_default_type(serve: Any) -> None:
    site = await serve()
    assert (await site.start())["call_type"] == "default"


async def test_a_page_that_is_closed_ends_its_session_by_a_beacon(serve: Any) -> None:
    site = await serve(options=ServeOptions(secret=KEY))
    token = make_token(KEY, "table")
    made = await site.start(headers={"Authorization": f"Bearer {token}"})
    close = f"{SESSIONS}/{made['session_id']}/close"
    assert (await site.ask("POST", close)).status_code == 401
    # What `sendBeacon` sends: a body of text, and no header of ours.
    answer = await site.ask("POST", f"{close}?token={token}", content="bye", headers={"Content-Type": "text/plain"})
    assert answer.status_code == 200
    await until(lambda: not site.host.sessions)


async def test_ended_twice_at_once_is_ended(serve: Any) -> None:
    site = await serve()
    one = f"{SESSIONS}/{(await site.start())['session_id']}"
    answers = await asyncio.gather(*(site.ask("DELETE", one) for _ in range(5)))
    assert {answer.status_code for answer in answers} <= {204, 404}
    assert answers[0].status_code == 204
    await until(lambda: not site.host.sessions)
    assert (await site.ask("DELETE", one)).status_code == 404


async def test_a_session_of_another_call_is_not_there(serve: Any) -> None:
    site = await serve()
    made = await site.start()
    for method, end in (("GET", ""), ("DELETE", ""), ("POST", "/close"), ("GET", "/metrics")):
        answer = await site.ask(method, f"/calls/another/sessions/{made['session_id']}{end}")
        assert answer.status_code == 404
    assert len(site.host.sessions) == 1


# Its end, and what it leaves.


async def test_whoever_waits_is_told_of_the_end(serve: Any) -> None:
    site = await serve()
    one = f"{SESSIONS}/{(await site.start())['session_id']}"
    assert (await site.ask("GET", f"{one}/end?seconds=3")).json()["over"] is False
    waiting = asyncio.create_task(site.ask("GET", f"{one}/end"))
    await asyncio.sleep(1.0)
    assert not waiting.done()
    await site.ask("DELETE", one)
    told = (await waiting).json()
    assert (told["over"], told["why"], told["lost"]) == (True, "closed", False)
    # Who asks between two waits is told as well, for a while; of another call nothing is.
    assert (await site.ask("GET", f"{one}/end")).json() == told
    assert (await site.ask("GET", f"{one.replace('table', 'other')}/end")).status_code == 404
    assert (await site.ask("GET", one)).status_code == 404
    await asyncio.sleep(KEEP)
    assert (await site.ask("GET", f"{one}/end")).status_code == 404
    assert (await site.ask("GET", f"{one}/end?seconds=9999")).status_code == 422


async def test_a_call_that_fails_is_told_and_gone_on_with(serve: Any) -> None:
    fails = asyncio.Event()

    async def join(agent: Any, **_: Any) -> None:
        async with agent.join("default:table"):
            await fails.wait()
            if fails.is_set():
                raise ConnectionError("the line is cut")

    site = await serve(join_call=join)
    made = await site.start()
    site.host.sessions[made["session_id"]].agent.conversation.user_said("My name is Ann.", "ann")
    one = f"{SESSIONS}/{made['session_id']}"
    waiting = asyncio.create_task(site.ask("GET", f"{one}/end"))
    await asyncio.sleep(0.1)
    fails.set()
    told = (await waiting).json()
    assert (told["why"], told["lost"], "the line is cut" in told["error"]) == ("failed", True, True)
    fails.clear()
    assert (await site.ask("GET", f"{one}/end")).json()["lost"] is True
    for method in ("GET", "DELETE"):
        gone = await site.ask(method, one)
        assert (gone.status_code, "the line is cut" in gone.json()["detail"]) == (410, True)
    again = await site.start(json={"continues": made["session_id"]})
    conversation = site.host.sessions[again["session_id"]].agent.conversation
    assert [message.text for message in conversation] == ["My name is Ann."]
    # Nobody goes on with what was said in another call.
    answer = await site.ask("POST", "/calls/other/sessions", json={"continues": made["session_id"]})
    assert (answer.status_code, "no lost session" in answer.json()["detail"]) == (404, True)
    assert len(site.host.sessions) == 1


# Refusals.


async def test_who_looks_for_a_page_where_there_is_none_is_told(serve: Any) -> None:
    site = await serve()
    answer = await site.ask("GET", "/")
    assert (answer.status_code, "/calls/{id}/sessions" in answer.json()["detail"]) == (404, True)
    assert "/" not in (await site.ask("GET", "/openapi.json")).json()["paths"]


async def test_a_hundred_parallel_starts_on_ten_places(serve: Any) -> None:
    site = await serve(max_concurrent_sessions=10)
    answers = await asyncio.gather(*(site.ask("POST", f"/calls/call-{n}/sessions") for n in range(100)))
    assert sorted(answer.status_code for answer in answers) == [201] * 10 + [503] * 90
    refused = next(answer for answer in answers if answer.status_code == 503)
    assert refused.headers["Retry-After"] == "2"
    assert refused.json()["detail"] == "all 10 places are taken"


async def test_of_a_crowd_those_who_are_refused_are_answered_before_an_agent_is_made(serve: Any) -> None:
    site: Any = None
    refused: list[int] = []

    async def create_agent(**_: Any) -> Agent:
        if site is not None:  # The first one is made to load the models.
            refused.append(site.host.refused["sessions"])
        return scripted()

    site = await serve(create=create_agent, max_concurrent_sessions=10)
    answers = await asyncio.gather(*(site.ask("POST", f"/calls/call-{n}/sessions") for n in range(100)))
    assert sorted(answer.status_code for answer in answers) == [201] * 10 + [503] * 90
    assert refused == [90] * 10


@pytest.mark.parametrize("content", ["{nonsense", '{"call_type": 3}', '{"continues": "nobody"}'])
async def test_a_start_that_comes_to_nothing_keeps_no_place(serve: Any, content: str) -> None:
    site = await serve(max_concurrent_sessions=1)
    wrong = {"content": content, "headers": {"Content-Type": "application/json"}}
    for _ in range(2):
        assert (await site.ask("POST", SESSIONS, **wrong)).status_code in (400, 404, 422)
        assert (site.host.calls.all, site.host.refusal()) == (0, None)
    # Nor does one that is begun, nor one that is given up before.
    giving_up = asyncio.create_task(site.ask("POST", SESSIONS))
    await asyncio.sleep(0)
    giving_up.cancel()
    await asyncio.wait([giving_up])
    await site.start()
    assert site.host.calls.all == 1


async def test_who_may_not_start_is_not_told_that_there_is_no_place(serve: Any) -> None:
    site = await serve(options=ServeOptions(secret=KEY, start_burst=3), max_concurrent_sessions=1)
    token = {"Authorization": f"Bearer {make_token(KEY, 'table')}"}
    await site.start(headers=token)
    assert (await site.ask("POST", SESSIONS)).status_code == 401
    assert (await site.ask("POST", "/calls/other/sessions", headers=token)).status_code == 403
    # Nothing else is looked at any more.
    full = await site.ask("POST", SESSIONS, headers=token, content="{nonsense")
    assert (full.status_code, full.json(), full.headers["Retry-After"]) == (
        503,
        {"detail": "all 1 places are taken"},
        "2",
    )
    assert site.host.refused == {"sessions": 1}
    codes = [(await site.ask("POST", SESSIONS, headers=token)).status_code for _ in range(2)]
    assert codes == [503, 429]


async def test_a_permission_of_ones_own_is_asked_before_the_place(serve: Any) -> None:
    def nobody() -> None:
        raise HTTPException(418, "nobody")

    options = ServeOptions(secret="", can_start_session=nobody)
    site = await serve(options=options, max_concurrent_sessions=1)
    site.host.draining = True
    assert (await site.ask("POST", SESSIONS)).status_code == 418
    assert not site.host.refused
    site.host.draining = False


async def test_other_sites_can_read_that_there_is_no_place(serve: Any) -> None:
    origin = "https://shop.example"
    site = await serve(options=ServeOptions(secret="", cors_allow_origins=[origin]), max_concurrent_sessions=1)
    await site.start()
    full = await site.ask("POST", SESSIONS, headers={"Origin": origin})
    assert (full.status_code, full.headers["Access-Control-Allow-Origin"]) == (503, origin)


async def test_a_second_agent_for_a_call_is_a_conflict(serve: Any) -> None:
    site = await serve()
    await site.start()
    answer = await site.ask("POST", SESSIONS)
    assert (answer.status_code, "Retry-After" in answer.headers) == (409, False)


async def test_a_client_that_starts_without_end_is_slowed_down(serve: Any) -> None:
    site = await serve(options=ServeOptions(secret="", starts_per_second=0.5, start_burst=3))
    codes = [(await site.ask("POST", f"/calls/{n}/sessions")).status_code for n in range(5)]
    assert codes == [201, 201, 201, 429, 429]
    answer = await site.ask("POST", "/calls/x/sessions")
    assert 1 <= int(answer.headers["Retry-After"]) <= 2
    await asyncio.sleep(2.1)
    await site.start("/calls/x/sessions")


@pytest.mark.parametrize(
    ("proxies", "chains", "codes"),
    [
        # Nobody is believed unless it is said.
        ([], ["192.0.2.1", "192.0.2.2"], [201, 429]),
        (["198.51.100.7"], ["192.0.2.1", "192.0.2.2"], [201, 429]),
        # Each caller is a client, also behind two proxies; and what one writes there is not.
        (["127.0.0.1"], ["192.0.2.1", "192.0.2.2", "192.0.2.1", "192.0.2.9, 192.0.2.1"], [201, 201, 429, 429]),
        (["127.0.0.0/8", "10.0.0.0/8"], ["192.0.2.1, 10.1.1.1", "192.0.2.2, 10.1.1.1"], [201, 201]),
        (["127.0.0.0/8"], ["192.0.2.1, 10.1.1.1", "192.0.2.2, 10.1.1.1"], [201, 429]),
        (["127.0.0.1"], ["", "unknown", "unknown", "[::1"], [201, 201, 429, 201]),
    ],
)
@pytest.mark.parametrize("full", [False, True])
async def test_behind_a_proxy_each_caller_is_a_client(
    serve: Any, full: bool, proxies: list[str], chains: list[str], codes: list[int]
) -> None:
    options = ServeOptions(secret="", starts_per_second=0.01, start_burst=1, trusted_proxies=proxies)
    site = await serve(options=options, max_concurrent_sessions=1 if full else None)
    if full:
        await calling(site.host)
    asked = [
        (await site.ask("POST", f"/calls/{n}/sessions", headers={"X-Forwarded-For": chain})).status_code
        for n, chain in enumerate(chains)
    ]
    assert asked == [503 if full and code == 201 else code for code in codes]


@pytest.mark.parametrize("proxy", ["10.0.0.1/8", "proxy.example", "*", ""])
def test_a_proxy_that_is_no_address_is_an_error(proxy: str) -> None:
    with pytest.raises(ValueError, match="trusted_proxies is a list of addresses and networks"):
        ServeOptions(secret="", trusted_proxies=[proxy])


def test_a_proxy_in_no_list_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"'10\.0\.0\.0/8' is no list"):
        ServeOptions(secret="", trusted_proxies="10.0.0.0/8")


async def test_while_it_drains_it_is_not_ready_and_answers_all_the_same(serve: Any) -> None:
    site = await serve()
    assert (await site.ask("GET", "/ready")).json() == {"status": "ready"}
    made = await site.start()
    arrives(site.host.sessions[made["session_id"]])
    draining = asyncio.create_task(site.host.drain(3600))
    await asyncio.sleep(0.1)
    for method, path in (("GET", "/ready"), ("POST", "/calls/other/sessions")):
        answer = await site.ask(method, path)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert (await site.ask("GET", "/health")).status_code == 200
    assert (await site.ask("GET", f"{SESSIONS}/{made['session_id']}")).status_code == 200
    assert (await site.ask("DELETE", f"{SESSIONS}/{made['session_id']}")).status_code == 204
    await draining


# Bad input.


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        ("{nonsense", 400, "no JSON"),
        ("[]", 422, "send {}"),
        ('{"call_type": 3}', 422, "call_type"),
        ('{"call_type": "a b"}', 422, "call_type"),
        ('{"offer": "v=0"}', 422, "offer"),
        ('{"offer": {"type": "offer"}}', 422, "sdp"),
        ('{"offer": {"type": "pranswer", "sdp": ""}}', 422, "type"),
        ('{"cal_type": "x"}', 422, "cal_type: there is no such field. Did you mean call_type?"),
        ('{"offer": {"sdp": "", "trickle": true}}', 422, "offer.trickle: there is no such field"),
        ('{"type": "offer", "sdp": "v=0"}', 422, "sdp: there is no such field. It stands in offer: "),
        ('{"offer": {"sdp": "", "call_type": "x"}}', 422, "call_type: there is no such field. It stands beside offer"),
        ('{"call_type": "a room"}', 422, 'body.call_type: it has 1 to 64 letters, digits or any of -_"'),
        (
            '{"continues": ".x"}',
            422,
            "body.continues: it has 1 to 128 letters, digits or any of -_:@+. and begins with",
        ),
        ('{"offer": {"sdp": "", "call_typ": "x"}}', 422, 'call_typ: there is no such field."'),
        ("[" * 5000 + "]" * 5000, 400, "body"),
        ("\ud800".encode("utf-8", "surrogatepass"), 400, ""),
    ],
)
async def test_bodies_that_cannot_be_read(serve: Any, body: Any, status: int, says: str) -> None:
    site = await serve()
    answer = await site.ask("POST", SESSIONS, content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, says in answer.text) == (status, True), answer.text
    assert not site.host.sessions


@pytest.mark.parametrize(
    ("method", "path", "says"),
    [
        ("GET", "/end?second=0", "query.second: there is no such parameter. Did you mean seconds?"),
        ("GET", "?verbose=1", "query.verbose: there is no such parameter."),
        ("DELETE", "?force=1", "query.force: there is no such parameter."),
        ("POST", "/close?tokn=x", "query.tokn: there is no such parameter. Did you mean token?"),
    ],
)
async def test_parameters_that_there_are_not_are_refused(serve: Any, method: str, path: str, says: str) -> None:
    site = await serve()
    session = (await site.start())["session_id"]
    answer = await site.ask(method, f"{SESSIONS}/{session}{path}")
    assert (answer.status_code, answer.json()) == (422, {"detail": says})
    assert session in site.host.sessions
    assert (await site.ask("POST", f"{SESSIONS}?call_typ=x")).status_code == 422
    # Monitors and browsers ask as they like.
    for path in ("/health?1", "/ready?t=1", "/metrics?module=x"):
        assert (await site.ask("GET", path)).status_code == 200


async def test_a_program_with_permissions_of_its_own_may_read_any_parameter(serve: Any) -> None:
    async def allowed(request: Request) -> None:
        assert request.query_params["key"] == "mine"

    site = await serve(options=ServeOptions(secret="", can_view_session=allowed))
    session = (await site.start())["session_id"]
    assert (await site.ask("GET", f"{SESSIONS}/{session}?key=mine")).status_code == 200


async def test_who_does_not_say_that_it_is_json_is_told(serve: Any) -> None:
    site = await serve()
    form = {"Content-Type": "application/x-www-form-urlencoded"}  # As `curl -d` has it.
    answer = await site.ask("POST", SESSIONS, content='{"call_type": "x"}', headers=form)
    assert (answer.status_code, "Content-Type: application/json" in answer.json()["detail"]) == (422, True)


async def test_a_way_in_that_is_not_wanted_or_is_missing_is_the_clients_fault(serve: Any) -> None:
    site = await serve()
    answer = await site.ask("POST", SESSIONS, json={"offer": {"sdp": "v=0"}})
    assert (answer.status_code, "take no offer" in answer.json()["detail"]) == (400, True)
    wanting = await serve(create=lambda edge: scripted(edge))
    answer = await wanting.ask("POST", SESSIONS)
    assert (answer.status_code, "send a WebRTC offer" in answer.json()["detail"]) == (400, True)
    for each in (site, wanting):
        assert not each.host.sessions
        assert not each.host.ended


@pytest.mark.parametrize("late", [False, True])
async def test_an_offer_that_is_none_is_no_session(
    serve: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, late: bool
) -> None:
    if late:  # As of one that looks like an offer, and cannot be answered.
        monkeypatch.setattr("vision_agents.plugins.local.rtc.check_offer", lambda offer: None)
    site = await serve(create=lambda edge: scripted(edge), traces=tmp_path)
    answer = await site.ask("POST", SESSIONS, json={"offer": {"sdp": "hello"}})
    assert (answer.status_code, "offer" in answer.json()["detail"]) == (400, True)
    assert not site.host.sessions
    assert not site.host.ended, "any client could raise an alarm"
    await until(lambda: not list(tmp_path.iterdir()))


async def test_a_monitor_may_ask_without_a_body(serve: Any) -> None:
    site = await serve(create=lambda edge: scripted(edge))
    for path in ("/health", "/ready"):
        answer = await site.ask("HEAD", path)
        assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.parametrize(
    "call", [".", "..", "%2e%2e", ".hidden", "a%20b", "%2e%2e%2fetc", "x" * 129, "a%00b", "%0d%0aX: y"]
)
async def test_calls_that_have_no_such_name(serve: Any, call: str) -> None:
    site = await serve()
    answer = await site.ask("POST", f"/calls/{call}/sessions")
    assert answer.status_code in (404, 422)
    assert "^" not in answer.text, "a sentence, and no pattern"
    assert not site.host.sessions


@pytest.mark.parametrize("told", [True, False])
async def test_a_megabyte_is_refused_before_it_is_kept(serve: Any, told: bool) -> None:
    site = await serve()
    sent = 0

    async def pieces() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(64):
            sent += 16 * 1024
            yield b" " * 16 * 1024

    offer = {"content": b" " * (1 << 20)} if told else {"content": pieces()}
    answer = await site.ask("POST", SESSIONS, **offer)
    assert answer.status_code == 413
    assert sent <= LONGEST + 32 * 1024
    assert not site.host.sessions


async def test_of_a_trace_nothing_is_kept_before_it_is_known_who_brings_it(serve: Any) -> None:
    async def create(edge: Any) -> Any:
        return scripted(edge)

    site = await serve(create, ServeOptions(secret=KEY, workbench=True))
    sent = 0

    async def pieces() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(64):
            sent += 1
            yield b" " * 16 * 1024

    answer = await site.ask("POST", "/replay", content=pieces())
    assert (answer.status_code, sent) == (401, 0)
    known = {"Authorization": f"Bearer {make_token(KEY, 'page')}"}
    answer = await site.ask("POST", "/replay", content=pieces(), headers=known)
    assert (answer.status_code, sent) == (422, 64)


async def test_a_body_that_does_not_come_is_not_waited_for() -> None:
    answers: list[Any] = []

    async def receive() -> Any:
        await asyncio.sleep(4)
        return {"type": "http.request", "body": b"{", "more_body": True}

    async def send(message: Any) -> None:
        answers.append(message)

    async def app(*_: Any) -> None:
        raise AssertionError("it must not be asked")

    start = asyncio.get_running_loop().time()
    await BoundedBodies(app)({"type": "http", "headers": []}, receive, send)
    assert asyncio.get_running_loop().time() - start == pytest.approx(10.0)
    assert answers[0]["status"] == 408


async def test_a_client_that_goes_while_it_sends_is_nobodys_fault(serve: Any) -> None:
    site = await serve()
    await asked(site, goes=0.0)
    # It has gone before it could know of its session: that is over.
    await until(lambda: not site.host.sessions)


async def test_a_client_that_goes_before_its_agent_is_there_frees_its_place_at_once(serve: Any) -> None:
    async def slowly() -> Any:
        await asyncio.sleep(10.0)
        return scripted()

    site = await serve(Fickle(slowly))
    asking = asyncio.create_task(asked(site, goes=1.0))
    await asyncio.sleep(0.9)
    assert len(site.host.sessions) == 1
    await asyncio.sleep(0.2)
    assert not site.host.sessions
    assert (await asking)[0]["status"] == 408  # It hears nothing, but a log would.
    assert site.host.ended == {End.CLOSED: 1}  # Nothing has failed.
    # Whoever stays waits for as long as it takes.
    made = await site.start()
    assert made["session_id"] in site.host.sessions


async def test_a_request_that_is_cancelled_at_whatever_moment_leaves_no_session_behind(serve: Any) -> None:
    # Serve does so with those of clients who have gone. A moment is a round of the event loop.
    site = await serve(options=ServeOptions(secret="", start_burst=1000))
    for moment in count():
        asking = asyncio.create_task(asked(site, goes=1e6))
        for _ in range(moment):
            await asyncio.sleep(0)
        if asking.done():
            break
        asking.cancel()
        await asyncio.wait([asking])
        await asyncio.sleep(1.0)
        assert not site.host.sessions, moment
    assert asking.result()[0]["status"] == 201


async def asked(site: Site, goes: float) -> list[Any]:
    """What is answered to a client that asks for a session, and is gone after so many seconds."""
    sent: list[Any] = []
    bodies = [{"type": "http.request", "body": b"", "more_body": False}] if goes else []

    async def receive() -> Any:
        if bodies:
            return bodies.pop()
        await asyncio.sleep(goes)
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "method": "POST",
        "path": SESSIONS,
        "raw_path": SESSIONS.encode(),
        "root_path": "",
        "query_string": b"",
        "scheme": "http",
        "headers": [(b"host", b"127.0.0.1")],
        "server": ("127.0.0.1", 80),
        "client": ("127.0.0.1", 1),
    }
    await site.app(scope, receive, send)
    return sent


class Fickle:
    def __init__(self, then: Any) -> None:
        self.made, self.then = 0, then

    async def __call__(self) -> Any:
        self.made += 1
        return scripted() if self.made == 1 else await self.then()


async def raises() -> Any:
    raise ValueError("there is no key")


async def hangs() -> Any:
    await asyncio.Event().wait()


async def nothing() -> Any:
    return None


@pytest.mark.parametrize(
    ("then", "says"), [(raises, "there is no key"), (hangs, "more than 20 s"), (nothing, "returned NoneType")]
)
async def test_an_agent_that_cannot_be_made_is_told(serve: Any, then: Any, says: str) -> None:
    site = await serve(Fickle(then))
    answer = await site.ask("POST", SESSIONS)
    assert (answer.status_code, says in answer.json()["detail"]) == (500, True)
    assert not site.host.sessions


async def test_an_agent_that_joins_nothing_is_told(serve: Any) -> None:
    async def join_call(**_: Any) -> None:
        raise ConnectionError("the call is not there")

    site = await serve(join_call=join_call)
    answer = await site.ask("POST", SESSIONS)
    assert (answer.status_code, "the call is not there" in answer.json()["detail"]) == (502, True)


# Who may.


def bearer(*arguments: Any, **more: Any) -> dict[str, str]:
    return {"Authorization": f"Bearer {make_token(*arguments, **more)}"}


async def test_with_a_secret_each_request_wants_its_token(serve: Any) -> None:
    site = await serve(options=ServeOptions(secret=KEY))
    expired = bearer(KEY, "table", lifetime=1, now=time.time() - 10)
    for headers, status in (
        ({}, 401),
        ({"Authorization": "Bearer nonsense"}, 401),
        ({"Authorization": f"Basic {make_token(KEY, 'table')}"}, 401),
        (expired, 401),
        (bearer("another secret of length", "table"), 401),
        (bearer(KEY, "another"), 403),
        (bearer(KEY, "table", rights=["view"]), 403),
    ):
        answer = await site.ask("POST", SESSIONS, headers=headers)
        assert answer.status_code == status, headers
        assert ("WWW-Authenticate" in answer.headers) is (status == 401)
    made = await site.start(headers=bearer(KEY, "table", rights=["start"]))
    one = f"{SESSIONS}/{made['session_id']}"
    for method, path, right in (
        ("GET", one, "view"),
        ("GET", f"{one}/metrics", "metrics"),
        ("POST", f"{one}/close", "close"),
        ("DELETE", one, "close"),
    ):
        assert (await site.ask(method, path, headers=bearer(KEY, "table", rights=["start"]))).status_code == 403
        assert (await site.ask(method, path, headers=bearer(KEY, "other"))).status_code == 403
        assert (await site.ask(method, path, headers=bearer(KEY, "table", rights=[right]))).status_code < 300
    assert (await site.ask("GET", "/metrics", headers=bearer(KEY, "table"))).status_code == 403
    assert (await site.ask("GET", "/metrics", headers=bearer(KEY, "*", rights=["metrics"]))).status_code == 200
    for path in ("/health", "/ready"):
        assert (await site.ask("GET", path)).status_code == 200


async def test_without_a_secret_only_this_machine_gets_an_answer(serve: Any) -> None:
    for address, headers, status in (
        ("http://127.0.0.1", {}, 201),
        ("http://10.0.0.5", {}, 403),
        ("http://127.0.0.1", {"Host": "evil.example"}, 403),
        ("http://127.0.0.1", {"Origin": "https://evil.example"}, 403),
        ("http://127.0.0.1", {"Origin": "http://127.0.0.1"}, 201),
    ):
        site = await serve(address=address)
        answer = await site.ask("POST", SESSIONS, headers=headers)
        assert answer.status_code == status, (address, headers)


async def test_other_sites_are_named_or_closed_out(serve: Any) -> None:
    ask = {"Origin": "https://shop.example", "Access-Control-Request-Method": "POST"}
    closed = await serve()
    assert "access-control-allow-origin" not in (await closed.ask("OPTIONS", SESSIONS, headers=ask)).headers
    named = await serve(options=ServeOptions(secret=KEY, cors_allow_origins=["https://shop.example"]))
    allowed = await named.ask("OPTIONS", SESSIONS, headers=ask)
    assert allowed.headers["access-control-allow-origin"] == "https://shop.example"
    other = await named.ask("OPTIONS", SESSIONS, headers=ask | {"Origin": "https://evil.example"})
    assert "access-control-allow-origin" not in other.headers


async def test_permissions_of_ones_own(serve: Any) -> None:
    async def user(authorization: str = Header("")) -> str:
        return authorization.removeprefix("User ")

    async def anna_alone(name: str = Depends(user)) -> None:
        if name != "anna":
            raise HTTPException(403, "not you")

    options = ServeOptions(
        secret="",
        can_start_session=anna_alone,
        can_view_session=anna_alone,
        can_close_session=anna_alone,
        can_view_metrics=anna_alone,
        get_current_user=user,
    )
    assert not options.open
    options.check_exposure("0.0.0.0")
    site = await serve(options=options, address="http://10.0.0.5")
    assert (await site.ask("POST", SESSIONS)).status_code == 403
    made = await site.start(headers={"Authorization": "User anna"})
    assert site.host.sessions[made["session_id"]].created_by == "anna"
    assert (await site.ask("GET", f"{SESSIONS}/{made['session_id']}")).status_code == 403
    assert (await site.ask("GET", "/metrics", headers={"Authorization": "User anna"})).status_code == 200


async def test_a_permission_that_would_end_the_process_ends_its_request_alone(serve: Any) -> None:
    async def exits() -> None:
        sys.exit("not you")

    site = await serve(options=ServeOptions(secret="", can_start_session=exits))
    site.client = httpx.AsyncClient(
        transport=httpx.ASGITransport(site.app, raise_app_exceptions=False), base_url="http://127.0.0.1"
    )
    assert (await site.ask("POST", SESSIONS)).status_code == 500
    assert (await site.ask("GET", "/health")).status_code == 200
    assert not site.host.sessions


def test_nobody_opens_a_server_to_all_by_accident() -> None:
    ServeOptions(secret="").check_exposure("127.0.0.1")
    ServeOptions(secret=KEY).check_exposure("0.0.0.0")
    for options in (ServeOptions(secret=""), ServeOptions(secret="", can_start_session=print)):
        with pytest.raises(ValueError, match="VISION_AGENTS_SECRET"):
            options.check_exposure("0.0.0.0")
    assert KEY not in repr(ServeOptions(secret=KEY))


# Figures.


async def test_prometheus_reads_the_process(serve: Any) -> None:
    from prometheus_client.parser import text_string_to_metric_families

    site = await serve(max_concurrent_sessions=2)
    made = [await site.start(f"/calls/{n}/sessions") for n in range(2)]
    assert (await site.ask("POST", "/calls/3/sessions")).status_code == 503
    session = site.host.sessions[made[0]["session_id"]]
    arrives(session)
    talking = asyncio.create_task(session.agent.say("One two three four five six seven eight nine ten."))
    await asyncio.sleep(1.0)
    await session.agent.turn_detection.speak(ANNA, 1.5)
    await talking
    await asyncio.sleep(3.0)
    answer = await site.ask("GET", "/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    families = {family.name: family for family in text_string_to_metric_families(answer.text)}
    value = {name: family.samples[0].value for name, family in families.items() if len(family.samples) == 1}
    assert value["vision_agents_sessions"] == 2
    assert value["vision_agents_capacity"] == 2
    assert value["vision_agents_ready"] == 0
    assert value["vision_agents_resident_memory_bytes"] > 10e6
    assert value["vision_agents_pull_lateness_p99_seconds"] < 0.02
    refused = families["vision_agents_refused"].samples[0]
    assert (refused.labels, refused.value) == ({"reason": "sessions"}, 1)
    assert families["vision_agents_sessions_lost"].samples[0].value == 0
    assert families["vision_agents_interruptions"].samples[0].labels == {"decision": "commit"}
    counts = {
        name: next(s.value for s in families[f"vision_agents_{name}"].samples if s.name.endswith("_count"))
        for name in ("time_to_silence_seconds", "answer_latency_seconds")
    }
    assert counts == {"time_to_silence_seconds": 1, "answer_latency_seconds": 1}
    for name in (
        "loop_lag_seconds",
        "cpu_share",
        "others_share",
        "memory_share",
        "shed_level",
        "errors",
        "sessions_ended",
    ):
        assert f"vision_agents_{name}" in families


async def test_the_api_describes_itself(serve: Any) -> None:
    site = await serve()
    described = (await site.ask("GET", "/openapi.json")).json()
    assert set(described["paths"]) == {
        "/calls/{call_id}/sessions",
        "/calls/{call_id}/sessions/{session_id}",
        "/calls/{call_id}/sessions/{session_id}/close",
        "/calls/{call_id}/sessions/{session_id}/end",
        "/calls/{call_id}/sessions/{session_id}/metrics",
        "/metrics",
        "/health",
        "/ready",
    }
    start = described["paths"]["/calls/{call_id}/sessions"]["post"]
    assert "Have an agent join the call" in start["description"]
    told = {
        (path, method): {status for status in each["responses"] if status >= "4"}
        for path, methods in described["paths"].items()
        for method, each in methods.items()
    }
    # /docs is a list that can be read: parts of it, a sentence for each request, and a start that can be tried out.
    each = [operation for methods in described["paths"].values() for operation in methods.values()]
    assert {tag for operation in each for tag in operation["tags"]} == {"Sessions", "Process"}
    assert start["summary"] == "Have an agent join the call"
    assert all(operation["summary"].count(" ") >= 2 for operation in each)
    example = described["components"]["schemas"]["StartSession"]["example"]
    assert (await site.ask("POST", SESSIONS, json=example)).status_code == 201
    # By this module each of these is what a request is answered with.
    starting = {"400", "401", "403", "404", "408", "409", "413", "422", "429", "500", "502", "503", "504"}
    assert told["/calls/{call_id}/sessions", "post"] == starting
    assert told["/calls/{call_id}/sessions/{session_id}", "delete"] == {"401", "403", "404", "410", "422"}
    assert told["/ready", "get"] == {"503"}
    # Whoever reads `detail` finds a sentence, and not FastAPI's list.
    schemas = described["components"]["schemas"]
    assert "HTTPValidationError" not in schemas
    assert schemas["Error"]["properties"]["detail"]["type"] == "string"
    assert "another session may continue it" in schemas["SessionEnd"]["properties"]["lost"]["description"]
    assert "security" not in start


async def test_the_description_asks_for_a_token_where_one_is_wanted(serve: Any) -> None:
    site = await serve(options=ServeOptions(secret=KEY, can_view_session=lambda: None))
    described = (await site.ask("GET", "/openapi.json")).json()
    assert described["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    one = described["paths"]["/calls/{call_id}/sessions/{session_id}"]
    assert one["delete"]["security"] == [{"token": []}]
    assert "security" not in one["get"]  # A permission of the program's own.
    assert (await site.ask("POST", SESSIONS)).json()["detail"].startswith("a token is needed")


async def test_the_description_needs_nothing_from_elsewhere(serve: Any) -> None:
    site = await serve()
    page = (await site.ask("GET", "/docs")).text
    parts = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert len(parts) >= 3
    for part in parts:
        answer = await site.ask("GET", part)
        assert (part, answer.status_code, len(answer.content) > 1000) == (part, 200, True)
    assert "://" not in page.replace("window.location.protocol", "")


async def test_an_application_of_ones_own_starts_the_calls_inside_of_its_own_life() -> None:
    from fastapi import FastAPI

    lived: list[Any] = []

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[dict[str, int]]:
        lived.append(("begins", host.started))
        yield {"answer": 42}
        lived.append(("ends", host.draining))

    host = CallHost(AgentLauncher(create_agent), ROOMY)
    app = make_app(host, ServeOptions(secret="", fast_api=FastAPI(lifespan=life)))
    assert not host.started
    async with app.router.lifespan_context(app) as state:
        assert (state, host.started, host.draining) == ({"answer": 42}, True, False)
    assert lived == [("begins", False), ("ends", True)]


async def test_an_application_of_ones_own_gets_the_routes() -> None:
    from fastapi import FastAPI

    mine = FastAPI()

    @mine.get("/mine")
    async def hello() -> str:
        return "hello"

    async with hosting() as host:
        site = Site(host, make_app(host, ServeOptions(secret="", fast_api=mine)), "http://127.0.0.1")
        assert (await site.ask("GET", "/mine")).json() == "hello"
        await site.start()
        await site.client.aclose()
