"""Calls on a real cluster of Ray on this machine: three hosts of ten places and two fronts, and what dies of them."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest
import pytest_asyncio

pytest.importorskip("ray")

from ...e2e.devtools import chromium, fake_microphone, find_chromium
from . import kit

pytestmark = [pytest.mark.ray, pytest.mark.filterwarnings("ignore::DeprecationWarning")]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in kit.environment().items():
            patch.setenv(name, value)
        patch.syspath_prepend(str(kit.HERE))
        with kit.local_cluster(processors=4 * kit.HOSTS), kit.served(kit.free_port()) as url:
            asyncio.run(kit.deploy())
            yield url


async def counted(client: kit.Client, name: str, number: int) -> bool:
    return await client.counted(name) == number


async def half_a_request(url: str) -> bytes:
    """The first line of the answer to who sends a start, but its body only by half."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    try:
        head = f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: application/json\r\n"
        writer.write(f"{head}Content-Length: 100\r\n\r\n{{".encode())
        async with asyncio.timeout(kit.PATIENCE):
            return await reader.readline()
    finally:
        writer.close()


async def has_said(one: str, texts: int) -> bool:
    """What was said in a session is told to the registry each second."""
    return len(await kit.conversation(one)) == texts


async def all_said(text: str) -> bool:
    return text in str(await kit.conversations())


async def known(client: kit.Client, one: str) -> bool:
    return (await client.ask("GET", one))[0] == 200


async def fewer(client: kit.Client) -> bool:
    return await asyncio.to_thread(kit.stopping, "CallHost") > 0 or len(await client.sessions()) < 2


@pytest_asyncio.fixture
async def client(url: str) -> AsyncIterator[kit.Client]:
    timeout = aiohttp.ClientTimeout(total=kit.PATIENCE)
    async with aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=0)) as http:
        client = kit.Client(http, url)
        await client.until(lambda hosts: len(hosts) == kit.HOSTS and not any(hosts.values()))
        yield client


async def test_a_session_is_the_same_as_in_one_process(client: kit.Client) -> None:
    one = await client.started("table", call_type="audio")
    status, facts = await client.ask("GET", one)
    assert (status, facts["call_id"], facts["call_type"]) == (200, "table", "audio")
    # One agent in a call, whichever hosts were asked.
    assert (await client.start("table"))[0] == 409
    assert (await client.ask("GET", f"{one}/metrics"))[1]["metrics"]["errors"] == 0
    assert (await client.ask("GET", one.replace("table", "other")))[0] == 404
    assert (await client.ask("GET", f"{one}/end?seconds=0"))[1]["over"] is False
    waiting = asyncio.create_task(client.ended(one))
    await asyncio.sleep(0.2)
    assert (await client.ask("DELETE", one))[0] == 204
    assert (await waiting)["why"] == "closed"
    assert (await client.ask("DELETE", one))[0] == 404
    # The same call may be held again; a page that is being closed ends it by a beacon.
    again = await client.started("table")
    assert (await client.ask("POST", f"{again}/close"))[0] == 200
    assert (await client.ended(again))["why"] == "closed"
    assert (await client.ask("POST", f"{again}/close"))[0] == 404


async def test_what_fails_on_a_host_is_told_as_in_one_process(client: kit.Client) -> None:
    status, told = await client.start("broken")
    assert (status, "there is no such call" in told["detail"]) == (502, True)
    status, told = await client.start("table", offer={"sdp": "nonsense"})
    assert (status, "take no offer" in told["detail"]) == (400, True)
    assert (await client.ask("POST", "/calls/table/sessions", "nonsense"))[0] == 422
    assert (await client.start("table", continues="nobody"))[0] == 404


async def test_what_nobody_should_send_is_answered_as_in_one_process(client: kit.Client) -> None:
    sessions = f"{client.url}/calls/table/sessions"
    slow = asyncio.create_task(half_a_request(sessions))
    async with aiohttp.ClientSession() as http:
        for body, status in ((b"{nonsense", 400), (b'{"offer": {"sdp": "%s"}}' % (b"v" * 2**20), 413), (b"[]", 422)):
            async with http.post(sessions, data=body, headers={"Content-Type": "application/json"}) as answer:
                assert (answer.status, "detail" in await answer.json()) == (status, True)
        async with http.post(f"{client.url}/calls/a%20b/sessions") as answer:
            assert answer.status == 422
    status, told = await client.ask("GET", "/")
    assert (status, "made with `edge`" in told["detail"]) == (404, True)
    one = await client.started("table")
    # Ended twice at once, it is ended.
    statuses = sorted([status for status, _ in await asyncio.gather(*(client.ask("DELETE", one) for _ in range(5)))])
    assert (statuses[0], set(statuses) <= {204, 404}) == (204, True)
    assert (await client.ended(one))["why"] == "closed"
    # Whoever does not say the rest is not waited for.
    assert b" 408 " in await slow


async def test_who_goes_while_an_agent_joins_leaves_no_session_behind(client: kit.Client) -> None:
    for _ in range(2):
        going = [asyncio.create_task(client.start(f"slow-{number}")) for number in range(30)]
        await client.until(lambda hosts: sum(hosts.values()) == 30)
        for each in going:
            each.cancel()
        await asyncio.wait(going)
        await client.until(lambda hosts: not any(hosts.values()))
    one = await client.started("slow-0")
    assert (await client.ask("DELETE", one))[0] == 204


async def test_the_limit_is_exact_and_full_hosts_can_be_told_to_end_calls(client: kit.Client) -> None:
    refused = [await client.counted("refused_total", reason="sessions")]
    for _ in range(2):
        answers = await asyncio.gather(*(client.start(f"call-{number}") for number in range(100)))
        assert Counter(status for status, _ in answers) == {201: 30, 503: 70}, Counter(
            told.get("detail") for _, told in answers
        )
        refused.append(await client.counted("refused_total", reason="sessions"))
        assert "all hosts are full" in next(told["detail"] for status, told in answers if status == 503)
        running = [(made["call_id"], made["session_id"]) for status, made in answers if status == 201]
        assert len(set(running)) == 30
        hosts = await client.until(lambda hosts: sum(hosts.values()) == 30)
        assert set(hosts.values()) == {10}
        assert (await client.ask("GET", "/ready"))[0] == 503
        # No host has a place left; it is reached all the same.
        for call, session in running:
            assert (await client.ask("DELETE", f"/calls/{call}/sessions/{session}"))[0] == 204
        await client.until(lambda hosts: not any(hosts.values()))
    assert (await client.ask("GET", "/ready"))[0] == 200
    assert [count - refused[0] for count in refused] == [0, 70, 140]


async def test_a_killed_host_loses_its_calls_alone_and_they_go_on_elsewhere(client: kit.Client) -> None:
    moved = await client.counted("sessions_moved_total")
    sessions = [await client.started(f"call-{number}") for number in range(12)]
    hosts = await client.until(lambda hosts: sum(hosts.values()) == 12)
    victim = max(hosts, key=lambda name: hosts[name])
    processes = await asyncio.to_thread(kit.processes, "CallHost")
    endings = [asyncio.create_task(client.ended(one)) for one in sessions]
    kit.kill(processes[victim])
    # New calls are taken meanwhile; those of the dead host are held by others, under the same names.
    new = await client.started("meanwhile")
    await client.until(lambda hosts: victim not in hosts and sum(hosts.values()) == 13)
    assert not any(ending.done() for ending in endings)
    # They have a place already while their agents still join.
    await kit.until(lambda: counted(client, "sessions_moved_total", moved + hosts[victim]))
    for one in [*sessions, new]:
        assert (await client.ask("DELETE", one))[0] == 204
    assert {(await ending)["why"] for ending in endings} == {"closed"}
    await client.until(lambda hosts: len(hosts) == kit.HOSTS)


async def test_lost_twice_a_call_is_told_and_gone_on_with(client: kit.Client) -> None:
    lost = await client.counted("sessions_lost_total", why="lost")
    one = await client.started("table")
    ending = asyncio.create_task(client.ended(one))
    for number in range(2):
        hosts = await client.until(lambda hosts: sum(hosts.values()) == 1)
        (victim,) = (name for name, sessions in hosts.items() if sessions)
        await kit.until(lambda said=number + 1: has_said(one, said))
        kit.kill((await asyncio.to_thread(kit.processes, "CallHost"))[victim])
        await client.until(lambda hosts, dead=victim: dead not in hosts)
    told = await ending
    assert (told["why"], told["lost"], "died" in told["error"]) == ("lost", True, True)
    assert await client.counted("sessions_lost_total", why="lost") == lost + 1
    status, gone = await client.ask("GET", one)
    assert (status, "lost" in gone["detail"]) == (410, True)
    again = await client.started("table", continues=one.rpartition("/")[2])
    await client.until(lambda hosts: sum(hosts.values()) == 1)
    await kit.until(lambda: has_said(again, 3))
    assert len(set(await kit.conversation(again))) == 3  # By three processes, one after the other.
    await client.ask("DELETE", again)


async def test_a_hung_host_is_given_up_and_its_calls_go_on_elsewhere(client: kit.Client) -> None:
    sessions = [await client.started(f"call-{number}") for number in range(6)]
    hosts = await client.until(lambda hosts: sum(hosts.values()) == 6)
    victim = max(hosts, key=lambda name: hosts[name])
    kit.kill((await asyncio.to_thread(kit.processes, "CallHost"))[victim], signal.SIGSTOP)
    # Whatever Serve knows of it: it is there, and takes what it is offered.
    for number in count():
        if victim not in await client.sessions():
            break
        new = await client.started(f"meanwhile-{number}")
        assert (await client.ask("DELETE", new))[0] == 204
        await asyncio.sleep(0.1)
    sessions += [await client.started(f"after-{number}") for number in range(6)]
    await client.until(lambda hosts: victim not in hosts and sum(hosts.values()) == 12)
    for one in sessions:
        assert (await client.ask("DELETE", one))[0] == 204
    # Serve does away with it, and starts another one.
    await client.until(lambda hosts: len(hosts) == kit.HOSTS and victim not in hosts)


async def test_calls_of_dead_fronts_are_known_and_looked_after(client: kit.Client) -> None:
    sessions = [await client.started(f"call-{number}") for number in range(6)]
    await client.until(lambda hosts: sum(hosts.values()) == 6)
    for process in (await asyncio.to_thread(kit.processes, "Front")).values():
        kit.kill(process)
    await kit.until(lambda: known(client, sessions[0]))  # There is a new front.
    hosts = await client.until(lambda hosts: sum(hosts.values()) == 6)
    victim = max(hosts, key=lambda name: hosts[name])
    kit.kill((await asyncio.to_thread(kit.processes, "CallHost"))[victim])
    # Nobody's stream breaks off: the registry notices that the host is silent.
    await client.until(lambda hosts: victim not in hosts and sum(hosts.values()) == 6)
    for one in sessions:
        assert (await client.ask("DELETE", one))[0] == 204


async def test_a_registry_that_died_is_told_everything_again(client: kit.Client) -> None:
    one = await client.started("table")
    await client.until(lambda hosts: sum(hosts.values()) == 1)
    await kit.kill_registry()
    await kit.until(lambda: known(client, one))
    assert (await client.start("table"))[0] == 409
    assert (await client.ask("DELETE", one))[0] == 204


async def test_no_call_is_lost_by_a_new_release(client: kit.Client) -> None:
    sessions = [await client.started(f"call-{number}") for number in range(9)]
    before = await client.until(lambda hosts: sum(hosts.values()) == 9)
    endings = [asyncio.create_task(client.ended(one)) for one in sessions]
    await kit.deploy()
    new = [await client.started(f"new-{number}") for number in range(3)]
    hosts = await client.until(lambda hosts: sum(hosts.values()) == 12)
    assert sum(hosts.get(name, 0) for name in before) == 9
    for one in [*sessions, *new]:
        assert (await client.ask("GET", one))[0] == 200
    assert not any(ending.done() for ending in endings)
    for one in [*sessions, *new]:
        assert (await client.ask("DELETE", one))[0] == 204
    assert {(await ending)["why"] for ending in endings} == {"closed"}
    # The hosts before go when their calls are over.
    hosts = await client.until(lambda hosts: len(hosts) == kit.HOSTS)
    assert not set(hosts) & set(before)


async def test_who_waits_for_the_end_of_a_session_is_answered_though_a_new_release_comes(client: kit.Client) -> None:
    one = await client.started("table")
    waiting = [asyncio.create_task(client.ask("GET", f"{one}/end")) for _ in range(8)]
    await kit.deploy()
    for status, told in await asyncio.gather(*waiting):
        assert (status, told["over"]) == (200, False)
    assert (await client.ask("DELETE", one))[0] == 204


async def test_browsers_are_told_and_go_on_with_a_new_agent(client: kit.Client) -> None:
    from ...plugins.local.browser_kit import Caller

    await kit.deploy("fleet_program:callers")
    caller, again = Caller(), Caller()
    try:
        status, made = await client.start("table", offer={"sdp": await caller.offer()})
        assert status == 201, made
        await caller.accept(made["answer"]["sdp"])
        one = f"/calls/table/sessions/{made['session_id']}"
        ending = asyncio.create_task(client.ended(one))
        hosts = await client.until(lambda hosts: sum(hosts.values()) == 1)
        (victim,) = (name for name, sessions in hosts.items() if sessions)
        kit.kill((await asyncio.to_thread(kit.processes, "CallHost"))[victim])
        # No other host can take the call: the browser has to make a new offer.
        told = await ending
        assert (told["why"], told["lost"]) == ("lost", True)
        status, made = await client.start("table", offer={"sdp": await again.offer()}, continues=made["session_id"])
        assert status == 201, made
        await again.accept(made["answer"]["sdp"])
        await again.hears(20)
        assert (await client.ask("DELETE", f"/calls/table/sessions/{made['session_id']}"))[0] == 204
    finally:
        await caller.close()
        await again.close()


@pytest.mark.skipif(
    find_chromium() is None and "CI" not in os.environ, reason="no browser here; on Debian: apt install chromium"
)
async def test_the_page_is_as_in_one_process_and_goes_on_when_its_host_or_its_front_dies(
    client: kit.Client, tmp_path: Path
) -> None:
    from ...e2e.test_browser import NOTICE, STATE, in_call, opened, write

    captions, hint = "document.querySelector('#captions').textContent", "document.querySelector('#state-hint')"
    await kit.deploy("fleet_program:callers")
    await client.until(lambda hosts: len(hosts) == kit.HOSTS)
    async with chromium(*fake_microphone(write(tmp_path / "user.wav", 120.0))) as browser:
        ann, bob = await opened(browser, client.url), await opened(browser, client.url)
        await in_call(ann)
        (victim,) = (name for name, sessions in (await client.until(_one)).items() if sessions)
        await in_call(bob)
        await ann.run("document.querySelector('#text').value = 'My name is Ann.'")
        await ann.click("#send")
        await ann.until(f"{captions}.includes('One two three.')")
        assert "Ann" not in await bob.run(captions)
        await kit.until(lambda: all_said("One two three."))
        kit.kill((await asyncio.to_thread(kit.processes, "CallHost"))[victim])
        await ann.until(f"{NOTICE} && {NOTICE}.includes('Another agent goes on')")
        assert await ann.until(f"{STATE} !== 'connecting' && {STATE}") != "off", await ann.run(NOTICE)
        assert await bob.run(STATE) != "off", "the process was Ann's alone, or Bob has another agent by now"
        assert "My name is Ann." in await ann.run(captions)
        assert await ann.run("document.querySelector('#captions .divider') === null")
        assert ["My name is Ann.", "One two three."] in (await kit.conversations()).values()
        await ann.click("#talk")
        await ann.until(f"{hint}.textContent === 'Press Talk: your conversation goes on.'")
        await ann.click("#fresh")
        await ann.until(f"{STATE} !== 'off' && {STATE} !== 'connecting' && {captions} === ''")
        assert not any("My name is Ann." in said for said in (await kit.conversations()).values())
        for tab in (ann, bob):
            await tab.click("#talk")
            assert tab.console == []
        await client.until(lambda hosts: not any(hosts.values()))
        await in_call(bob, "#fresh")
        await bob.run("document.querySelector('#text').value = 'My name is Bob.'")
        await bob.click("#send")
        await kit.until(lambda: all_said("One two three."))
        (before,) = await kit.conversations()
        # Whichever front has the page: its call goes on, and nobody is there to tell of it.
        for process in (await asyncio.to_thread(kit.processes, "Front")).values():
            kit.kill(process)
        await bob.until(f"{NOTICE} && {NOTICE}.includes('the conversation goes on')")
        assert await bob.until(f"{STATE} !== 'connecting' && {STATE}") != "off", await bob.run(NOTICE)
        assert "My name is Bob." in await bob.run(captions)
        ((now, said),) = (await kit.conversations()).items()
        assert (now != before, said) == (True, ["My name is Bob.", "One two three."])
        await bob.click("#talk")
    await client.until(lambda hosts: len(hosts) == kit.HOSTS and not any(hosts.values()))


def _one(hosts: dict[str, int]) -> bool:
    return sum(hosts.values()) == 1


async def test_hosts_come_and_go_with_the_load_and_no_call_is_lost(client: kit.Client) -> None:
    await kit.deploy(least=1, most=2)
    await client.until(lambda hosts: len(hosts) == 1)
    sessions = [await client.started(f"call-{number}") for number in range(10)]
    # It takes no more: that is what another one comes for.
    await client.until(lambda hosts: len(hosts) == 2)
    sessions += [await client.started(f"more-{number}") for number in range(5)]
    kept, ended = sessions[-2:] + sessions[:2], sessions[2:-2]
    endings = [asyncio.create_task(client.ended(one)) for one in kept]
    for one in ended:
        assert (await client.ask("DELETE", one))[0] == 204
    # One that has none of those calls is not seen to stop.
    await kit.until(lambda: fewer(client))
    assert not any(ending.done() for ending in endings)
    for one in kept:
        assert (await client.ask("GET", one))[0] == 200
        assert (await client.ask("DELETE", one))[0] == 204
    assert {(await ending)["why"] for ending in endings} == {"closed"}
    await client.until(lambda hosts: len(hosts) == 1)
