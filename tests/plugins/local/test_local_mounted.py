"""The page in a server of one's own, at any path of it."""

import asyncio
import io
import wave
from contextlib import asynccontextmanager
from unittest.mock import Mock
from urllib.parse import urlsplit

import aiohttp
import httpx
import numpy as np
import pytest
import uvicorn
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from starlette.applications import Starlette
from starlette.routing import Mount

from vision_agents.core import Agent, User
from vision_agents.core.audio.files import HEADER_BYTES, WavWriter
from vision_agents.plugins.local import PageServer
from vision_agents.plugins.local.switchboard import Switchboard
from vision_agents.testing.parts import ScriptedDetector, ScriptedLLM, ScriptedSTT, ToneTTS

from .browser_kit import Caller, Page


async def make_agent(edge):
    parts = {"llm": ScriptedLLM(["Yes."]), "stt": ScriptedSTT([]), "tts": ToneTTS()}
    return Agent(edge=edge, agent_user=User("agent", "Ada"), turn_detection=ScriptedDetector(), **parts)


class Mounted:
    """What has the page, as `browser_kit` wants it."""

    def __init__(self, url):
        self.url = url


@asynccontextmanager
async def in_aiohttp(page):
    app = web.Application()
    app.add_subapp("/talk/", page.aiohttp_app())
    # The rest of a request that was refused is waited for, ten seconds by default.
    runner = web.AppRunner(app, lingering_time=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/talk"
    await runner.cleanup()


@asynccontextmanager
async def in_asgi(page):
    app = Starlette(routes=[Mount("/talk", app=page.asgi_app())])
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, lifespan="off"))
    serving = asyncio.create_task(server.serve())
    async with asyncio.timeout(30):
        while not server.started:
            await asyncio.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/talk"
    await page.close()
    server.should_exit = True
    await serving


async def test_a_mounted_page_that_others_reach_has_a_token_of_its_own(http):
    page = PageServer(make_agent, host="0.0.0.0")
    assert page.token
    async with in_aiohttp(page) as url:
        for query, status in (("", 401), ("?token=guessed", 401), (f"?token={page.token}", 303)):
            async with http.get(f"{url}/{query}", allow_redirects=False) as response:
                assert response.status == status
    assert PageServer(make_agent).token is PageServer(make_agent, host="0.0.0.0", token="").token is None
    assert PageServer(make_agent, token="a secret").token == "a secret"


@pytest.mark.parametrize("mounted", [in_aiohttp, in_asgi])
async def test_the_page_is_mounted(mounted, http):
    page = PageServer(make_agent, token="secret")
    async with mounted(page) as url:
        with pytest.raises(RuntimeError, match="served already"):
            page.asgi_app()
        async with http.get(f"{url}/") as response:
            assert response.status == 401
        async with http.get(f"{url}/?token=secret", allow_redirects=False) as response:
            assert (response.status, response.headers["Location"]) == (303, "/talk/")
            assert response.cookies[f"vision_agents_{response.url.port}"]["path"] == "/talk/"
        bearer = {"Authorization": "Bearer secret"}
        async with http.get(f"{url}/app.js", headers=bearer) as response:
            assert response.content_type == "text/javascript"
        async with aiohttp.ClientSession(headers=bearer) as known:
            caller, tab = Caller(), await Page.open(Mounted(url), known)
            await caller.call(Mounted(url), known, tab)
            await tab.until(edge="call", state="connected", agent="Ada")
            await tab.until(edge="settings")
            async with known.get(f"{url}/call/trace.jsonl", params={"page": tab.id}) as response:
                assert response.status == 200
            async with known.post(f"{url}/replay", data=b"none") as response:
                assert response.status == 422
            await caller.close()


class Tape:
    """A recording that goes on: stereo, one sample counted up."""

    def __init__(self, path):
        self.path = path
        self.writer = WavWriter(path, 48_000, channels=2)

    def go_on(self, seconds):
        for _ in range(seconds):
            self.writer.write(np.full((48_000, 2), 7, np.int16))

    async def file(self, page, name):
        return self.path


@pytest.mark.parametrize("mounted", [in_aiohttp, in_asgi])
@pytest.mark.parametrize("name", ["call.wav", "trace.jsonl"])
async def test_a_file_that_grows_while_it_is_sent_is_sent_as_it_was(mounted, name, tmp_path, monkeypatch):
    tape = Tape(tmp_path / name)
    # More than lies between two sockets, so that the rest is read only after it has grown.
    tape.go_on(180)
    tape.writer.write(np.full((30_000, 2), 7, np.int16))
    before = tape.path.stat().st_size
    monkeypatch.setattr(Switchboard, "file", lambda self, page, name: tape.file(page, name))
    async with mounted(PageServer(make_agent)) as url, aiohttp.ClientSession() as http:
        for wanted, status, length in (
            ("", 200, before),
            ("bytes=0-", 206, before),
            ("bytes=1000-", 206, before - 1000),
        ):
            size = tape.path.stat().st_size
            async with http.get(f"{url}/call/{name}", headers={"Range": wanted} if wanted else {}) as response:
                assert (response.status, response.content_length) == (status, length + size - before)
                tape.go_on(2)
                body = await response.read()
            assert len(body) == response.content_length
            if name == "call.wav" and not wanted.startswith("bytes=1"):
                with wave.open(io.BytesIO(body)) as recording:
                    said = recording.getnframes() * 4 + HEADER_BYTES
                    # Where the kernel sends the file, its head is up to a second old.
                    assert said == size if mounted is in_asgi else size - 4 * 48_000 <= said <= size
        async with http.head(f"{url}/call/{name}") as response:
            assert response.content_length == tape.path.stat().st_size
    tape.writer.close()


@asynccontextmanager
async def half_an_offer(url, path="/offer"):
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    head = f"POST {parts.path}{path} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Length: 500\r\n\r\n{{"
    writer.write(head.encode())
    yield reader
    writer.close()


@pytest.mark.parametrize(("mounted", "module"), [(in_aiohttp, "site"), (in_asgi, "asgi_site")])
async def test_an_offer_that_never_comes_to_its_end_is_given_up(mounted, module, monkeypatch):
    monkeypatch.setattr(f"vision_agents.plugins.local.{module}.BODY_TIMEOUT", 0.05)
    async with mounted(PageServer(make_agent)) as url, half_an_offer(url) as reader, asyncio.timeout(30):
        assert b" 408 " in await reader.readline()


@pytest.mark.parametrize("mounted", [in_aiohttp, in_asgi])
async def test_parameters_that_there_are_not_are_refused(mounted, http):
    async with mounted(PageServer(make_agent)) as url:
        for method, path, says in (
            ("POST", "/replay?polic=1", "polic: there is no such parameter. Did you mean policy?"),
            ("POST", "/offer?new=1", "new: there is no such parameter."),
            ("GET", "/call/trace.jsonl?pages=x", "pages: there is no such parameter. Did you mean page?"),
            ("GET", "/caller/question.wav?x", "x: there is no such parameter."),
        ):
            async with http.request(method, url + path, data=b"") as response:
                assert (response.status, await response.json()) == (422, {"error": says})
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await http.ws_connect(f"{url}/records?tabs=1")
        # People add what they like to the address of a page, and browsers to that of a file.
        for path in ("/?utm_source=x", "/app.js?v=2"):
            async with http.get(url + path) as response:
                assert response.status == 200


@pytest.mark.parametrize("path", ["/offer", "/replay"])
async def test_who_goes_in_the_midst_of_a_request_is_no_error(path, caplog):
    async with in_asgi(PageServer(make_agent)) as url:
        for _ in range(3):
            async with half_an_offer(url, path):
                await asyncio.sleep(0.1)
        async with aiohttp.ClientSession() as http, http.get(f"{url}/") as response:
            assert response.status == 200
    assert not [record.message for record in caplog.records if record.levelname == "ERROR"]


# In a server that others reach, on loopback as far as the page was told.


async def test_others_get_nothing_from_an_asgi_application():
    page = PageServer(make_agent)
    transport = httpx.ASGITransport(page.asgi_app())
    statuses = {}
    for server in ("127.0.0.1", "192.0.2.7"):
        async with httpx.AsyncClient(transport=transport, base_url=f"http://{server}:8000") as client:
            statuses[server] = (await client.get("/")).status_code, (await client.post("/replay")).status_code
    assert statuses == {"127.0.0.1": (200, 422), "192.0.2.7": (403, 403)}
    await page.close()


async def test_others_get_nothing_from_an_aiohttp_application():
    page = PageServer(make_agent)
    guard = page.aiohttp_app().middlewares[0]

    async def reached(request):
        return web.Response()

    async def status(*address):
        transport = Mock()
        transport.get_extra_info.side_effect = {"sockname": address}.get
        request = make_mocked_request("GET", "/", {"Host": "127.0.0.1:8000"}, transport=transport)
        return (await guard(request, reached)).status

    assert await status("127.0.0.1", 8000) == 200
    assert await status("192.0.2.7", 8000) == 403
    await page.close()
