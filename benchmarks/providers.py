"""Every provider's parts, each with the stand-in that it talks to: what the benchmarks of providers go through."""

from __future__ import annotations

import importlib.util
import os
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

Kind = Literal["realtime", "tts", "stt", "llm"]


@dataclass(frozen=True)
class Provider:
    """`serve()` is the stand-in; `make(stand_in)` is the part that talks to it. `sdk`: what it needs."""

    name: str
    kind: Kind
    sdk: str
    serve: Callable[[], AbstractAsyncContextManager[Any]]
    make: Callable[[Any], Any]


def deafen(service: Any, seconds: float, pace: float) -> None:
    """Have a stand-in ignore cancellations for so long, and take `pace` seconds for each piece that it sends."""
    for name in ("deaf_for", "stubborn"):
        if hasattr(service, name):
            setattr(service, name, seconds)
    if hasattr(service, "pace"):
        service.pace = pace


def _trust(service: Any) -> None:
    """Let the SDK of AWS trust the stand-in. There is one variable, and each stand-in has an authority of its own."""
    if "SSL_CERT_FILE" not in os.environ:
        os.environ["SSL_CERT_FILE"] = tempfile.mkstemp(suffix=".pem")[1]
    with Path(os.environ["SSL_CERT_FILE"]).open("ab") as authorities:
        authorities.write(service.ca_pem)


def _aws(server: Any, service: Any) -> dict[str, Any]:
    _trust(service)
    keys = {"aws_access_key_id": server.KEY_ID, "aws_secret_access_key": server.SECRET}
    return {"region": server.REGION, "endpoint_uri": service.url, **keys}


# How a part is told of its stand-in: the SDK that it needs, the stand-in, and the part's parameters.
_ACCESS: dict[str, tuple[str, str, Callable[[Any, Any], dict[str, Any]]]] = {
    "openai": ("openai", "StandIn", lambda server, service: {"api_key": server.KEY, "base_url": service.url}),
    "gemini": (
        "google.genai",
        "StandIn",
        lambda server, service: {"api_key": server.KEY, "http_options": service.http_options},
    ),
    "qwen": ("dashscope", "StandIn", lambda server, service: {"api_key": server.KEY, "url": service.url}),
    "aws": ("awscrt", "StandIn", _aws),
    "deepgram": (
        "deepgram",
        "DeepgramServer",
        lambda server, service: {"api_key": server.KEY, "environment": service.environment},
    ),
    "elevenlabs": (
        "elevenlabs",
        "ElevenLabsServer",
        lambda server, service: {"api_key": server.KEY, "base_url": service.url},
    ),
}


def _provider(name: str, kind: Kind, **options: Any) -> Provider:
    """`name`: plugin and class, and in brackets which model. Nothing is imported before it is used."""
    plugin, part = name.split(" ")[0].split(".")
    sdk, server_class, access = _ACCESS[plugin]

    def server() -> Any:
        return import_module(f"tests.standins.{plugin}.server")

    @asynccontextmanager
    async def serve() -> AsyncIterator[Any]:
        async with getattr(server(), server_class)() as service:
            yield service

    def make(service: Any) -> Any:
        return getattr(import_module(f"vision_agents.plugins.{plugin}"), part)(**access(server(), service), **options)

    return Provider(name, kind, sdk, serve, make)


PROVIDERS = (
    _provider("openai.Realtime", "realtime"),
    _provider("gemini.Realtime", "realtime"),
    _provider("qwen.Realtime", "realtime"),
    _provider("aws.Realtime", "realtime"),
    _provider("deepgram.TTS (Aura)", "tts"),
    _provider("deepgram.TTS (Flux)", "tts", model="flux-alexis-en"),
    _provider("elevenlabs.TTS", "tts"),
    _provider("deepgram.STT (Nova)", "stt"),
    _provider("deepgram.STT (Flux)", "stt", model="flux-general-en"),
    _provider("elevenlabs.STT", "stt"),
    _provider("openai.LLM", "llm"),
    _provider("openai.ChatCompletionsLLM", "llm", model="gpt-5.4"),
)


def chosen(names: list[str]) -> Iterator[Provider]:
    """Those whose name has one of these in it, all if there are none; without those whose SDK is not here."""
    for provider in PROVIDERS:
        if names and not any(name in provider.name for name in names):
            continue
        package = provider.sdk.split(".")[0]
        if importlib.util.find_spec(package) is None:
            needs = "; it needs Python 3.12 or newer" if package == "awscrt" else ""
            print(f"{provider.name}: left out, {provider.sdk} is not installed here{needs}", flush=True)
            continue
        yield provider
