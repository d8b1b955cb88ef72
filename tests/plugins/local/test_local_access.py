"""Who gets in: by token beyond loopback, over https, and not at all by saying nothing."""

import asyncio
import ssl
from urllib.parse import urlsplit

import aiohttp
import pytest
import trustme

from vision_agents.core.address import AddressError, Certificate
from vision_agents.core.loopback import is_loopback
from vision_agents.plugins.local import Edge, server
from vision_agents.plugins.local.access import Access
from vision_agents.plugins.local.refused import RefusedError

from .browser_kit import AGENT, PATIENCE, Caller, NotingSink

TOKEN = "a token that is known to the caller"


@pytest.fixture
async def guarded(sink):
    edge = Edge(port=0, token=TOKEN)
    await edge.join(AGENT, None, sink)
    yield edge
    await edge.leave()


def base(edge):
    return f"http://127.0.0.1:{edge.port}"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_on_loopback_there_is_no_token(host):
    assert is_loopback(host)
    assert Edge(host).token is None


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "192.0.2.7", "agents.example.org"])
def test_elsewhere_each_edge_has_one_that_cannot_be_guessed(host):
    first, second = Edge(host), Edge(host)
    assert len(first.token) >= 20
    assert first.token != second.token
    assert first.url.endswith(f"/?token={first.token}")
    # Whoever serves a page to everybody on purpose says so.
    assert Edge(host, token="").token is None


@pytest.mark.parametrize(
    ("server", "host"),
    [
        ("192.0.2.7", "192.0.2.7:8000"),
        ("192.0.2.7", "127.0.0.1:8000"),
        ("2001:db8::7", "[::1]:8000"),
        ("", "127.0.0.1:8000"),
        ("/run/agent.sock", "localhost"),
        ("127.0.0.1", "192.0.2.7:8000"),
    ],
)
def test_on_loopback_only_this_machine_is_answered_whatever_it_is_mounted_in(server, host):
    access = Access("127.0.0.1", None)
    access.check({"Host": "localhost:8000"}, "", "", "::1")
    with pytest.raises(RefusedError) as refused:
        access.check({"Host": host}, "", "", server)
    assert refused.value.status == 403
    # With a token, and where everybody is meant, it does not matter.
    Access("127.0.0.1", TOKEN).check({"Host": host}, TOKEN, "", server)
    Access("0.0.0.0", None).check({"Host": "192.0.2.7:8000"}, "", "", server)


@pytest.mark.parametrize("path", ["/", "/app.js", "/records", "/caller/question.wav", "/nothing"])
@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": "Bearer wrong"}, {"Authorization": TOKEN}, {"Cookie": f"token={TOKEN}"}],
    ids=["nothing", "another", "no scheme", "another cookie"],
)
async def test_without_the_token_nobody_gets_anything(guarded, http, path, headers):
    for address in (f"{base(guarded)}{path}", f"{base(guarded)}{path}?token=", f"{base(guarded)}{path}?token={TOKEN}x"):
        async with http.get(address, headers=headers) as response:
            assert response.status == 401
            assert "address that the program printed" in (await response.json())["error"]
    caller = Caller()
    async with http.post(f"{base(guarded)}/offer", json={"type": "offer", "sdp": await caller.offer()}) as response:
        assert response.status == 401
    await caller.close()


async def test_the_printed_address_opens_the_page_and_all_that_belongs_to_it(guarded, sink):
    # An IP address's cookies are not kept by default.
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as browser:
        async with browser.get(guarded.url) as response:
            assert response.status == 200
            assert "token" not in str(response.url)  # it is not shown, nor shared with a screenshot
            cookie = response.history[0].headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Lax" in cookie
        for part in ("app.js", "style.css"):
            async with browser.get(f"{base(guarded)}/{part}") as response:
                assert response.status == 200
        async with browser.ws_connect(f"{base(guarded)}/records") as records:
            assert (await records.receive_json())[0]["edge"] == "hello"
        caller = Caller()
        offer = {"type": "offer", "sdp": await caller.offer()}
        async with browser.post(f"{base(guarded)}/offer", json=offer) as response:
            await caller.accept((await response.json())["sdp"])
        await caller.hears(3)
        await caller.close()


async def test_a_program_may_bring_the_token_in_a_header(guarded, http):
    async with http.get(f"{base(guarded)}/app.js", headers={"Authorization": f"Bearer {TOKEN}"}) as response:
        assert response.status == 200


async def test_another_sites_page_gets_nothing_even_with_the_token(guarded, http):
    async with http.get(f"{base(guarded)}/?token={TOKEN}", headers={"Origin": "https://evil.example"}) as response:
        assert response.status == 403


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"GET / HTTP/1.1\r\nHost: [::1\r\n", 403),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nOrigin: http://[\r\n", 403),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \xff\xfe\r\n", 200),
        (b"POST /offer HTTP/1.1\r\nHost: localhost\r\nContent-Type: a/b; charset=none\r\nContent-Length: 0\r\n", 400),
    ],
    ids=["host", "origin", "bytes", "charset"],
)
@pytest.mark.parametrize("token", [None, TOKEN])
async def test_what_strangers_write_is_refused_and_no_error_of_the_server(sink, caplog, token, head, status):
    edge = Edge(port=0, token=token)
    await edge.join(AGENT, None, sink)
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", edge.port)
        writer.write(head + b"\r\n")
        answer = await asyncio.wait_for(reader.readline(), PATIENCE)
        writer.close()
        await writer.wait_closed()
    finally:
        await edge.leave()
    told = int(answer.split()[1])
    assert told == status if token is None else told in (401, 403)
    assert caplog.text == ""


# HTTPS.


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture
def certificate(authority, tmp_path):
    issued = authority.issue_cert("localhost")
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    issued.private_key_pem.write_to_path(key)
    for piece in issued.cert_chain_pems:
        piece.write_to_path(certificate, append=True)
    return Certificate(certificate, key)


async def test_the_page_is_served_over_https(authority, certificate, sink):
    edge = Edge("localhost", 0, certificate=certificate)
    assert edge.microphone_allowed
    await edge.join(AGENT, None, sink)
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=trust)) as browser:
        async with browser.get(edge.url) as response:
            assert response.status == 200
            assert f"wss://localhost:{edge.port}" in response.headers["Content-Security-Policy"]
        async with browser.ws_connect(f"{edge.url}/records") as records:
            assert (await records.receive_json())[0]["edge"] == "hello"
    await edge.leave()


async def test_files_that_are_no_certificate_are_named(certificate, tmp_path):
    other = tmp_path / "other.pem"
    other.write_text("nothing")
    for files, complaint in (
        (Certificate(tmp_path / "missing.pem", certificate.key), "there is no file .*missing.pem"),
        (Certificate(certificate.file, tmp_path / "lost.pem"), "there is no file .*lost.pem"),
        (Certificate(other, certificate.key), "no certificate and key in PEM"),
        (Certificate(certificate.file, other), "no certificate and key in PEM"),
    ):
        with pytest.raises(AddressError, match=complaint):
            await Edge(port=0, certificate=files).join(AGENT, None, NotingSink())


def test_where_browsers_give_no_microphone_is_known(certificate):
    assert Edge("127.0.0.1").microphone_allowed
    assert not Edge("0.0.0.0").microphone_allowed
    assert Edge("0.0.0.0", certificate=certificate).microphone_allowed


# Connections that say nothing, or not all.


@pytest.mark.parametrize("beginning", [b"", b"GET / HT", b"GET /app.js HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: "])
async def test_a_connection_that_asks_for_nothing_is_cut(sink, monkeypatch, beginning):
    monkeypatch.setattr(server, "FIRST_REQUEST", 0.05)
    edge = Edge(port=0)
    await edge.join(AGENT, None, sink)
    reader, writer = await asyncio.open_connection("127.0.0.1", edge.port)
    writer.write(beginning)
    async with asyncio.timeout(PATIENCE):
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await reader.readexactly(1)
    writer.close()
    await edge.leave()


async def test_one_that_has_asked_stays(sink, monkeypatch):
    monkeypatch.setattr(server, "FIRST_REQUEST", 0.05)
    edge = Edge(port=0)
    await edge.join(AGENT, None, sink)
    async with aiohttp.ClientSession() as browser, browser.ws_connect(f"{edge.url}/records") as records:
        await records.receive_json()
        # Longer than a connection may be silent at first, by the same clock.
        await asyncio.sleep(0.15)
        caller = Caller()
        await caller.call(edge, browser)
        assert (await records.receive_json(timeout=PATIENCE))[0]["edge"] == "place"
        await caller.close()
    await edge.leave()


async def test_an_offer_whose_body_never_comes_is_given_up(edge, monkeypatch):
    monkeypatch.setattr("vision_agents.plugins.local.site.BODY_TIMEOUT", 0.05)
    host = urlsplit(edge.url).netloc
    reader, writer = await asyncio.open_connection("127.0.0.1", edge.port)
    writer.write(f"POST /offer HTTP/1.1\r\nHost: {host}\r\nContent-Length: 500\r\n\r\n{{".encode())
    async with asyncio.timeout(PATIENCE):
        assert b" 408 " in await reader.readline()
    writer.close()
