"""The language model of the default agent: the built-in one, a GGUF file, or a server of OpenAI's Chat Completions."""

from __future__ import annotations

import argparse
import json
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from .agent_factory import DEFAULT_AGENT
from .errors import CommandError

if TYPE_CHECKING:
    from vision_agents.core.llm import LLM

# Where servers listen unless they are told otherwise.
WELL_KNOWN: Mapping[str, int] = {"Ollama": 11434, "llama.cpp": 8080, "vLLM": 8000, "LM Studio": 1234}

LOOPBACK = ("127.0.0.1", "localhost", "::1")
KEY_VARIABLE = "LLM_API_KEY"

# Seconds for a server to say which models it has: on this machine, where most often there is none, and elsewhere.
DISCOVERY_TIMEOUT = 0.5
TIMEOUT = 10.0

# What a list of models may also have, and nobody can talk to.
_NO_CHAT = ("embed", "rerank", "whisper")


@dataclass(frozen=True, slots=True)
class LanguageModel:
    """A model in place of the built-in one: what it is, and how each agent gets one of its own."""

    label: str
    make: Callable[[], LLM]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add `--llm`, `--gguf` and `--no-discovery` to a command that makes the default agent."""
    group = parser.add_mutually_exclusive_group()
    group.add_argument(
        "--llm",
        metavar="URL[#MODEL]",
        help="the default agent thinks with a server that speaks OpenAI's Chat Completions, such as Ollama, vLLM or "
        f"llama.cpp: http://127.0.0.1:11434#llama3.2; without #MODEL with its first. A key goes into {KEY_VARIABLE}",
    )
    group.add_argument("--gguf", type=Path, metavar="FILE", help="the default agent thinks with this GGUF model")
    group.add_argument(
        "--no-discovery",
        action="store_true",
        help="do not look for a model server on this machine; by default the agent uses one that runs here",
    )


def chosen(args: argparse.Namespace) -> LanguageModel | None:
    """The model that the arguments name, or that a server on this machine has; None for the built-in one.

    Says on stderr which it is. Raises CommandError for a server or file that cannot be used.
    """
    if args.agent != DEFAULT_AGENT:
        if args.llm or args.gguf:
            raise CommandError("--llm and --gguf are for the default agent: give your own its model in its function")
        return None
    if args.gguf:
        found: LanguageModel | None = of_file(args.gguf)
    elif args.llm:
        found = of_server(args.llm)
    else:
        found = None if args.no_discovery else discovered()
    if found is not None:
        print(f"The agent thinks with {found.label}", file=sys.stderr)
    return found


def of_file(path: Path) -> LanguageModel:
    """A GGUF file. Raises CommandError if it is none."""
    from vision_agents.plugins import llama
    from vision_agents.plugins.llama.engine import check_model

    try:
        check_model(path)
    except (FileNotFoundError, llama.LlamaError) as error:
        raise CommandError(str(error)) from None
    # Half of the cores: the other half hears and speaks.
    threads = max(1, (os.cpu_count() or 1) // 2)
    return LanguageModel(f"{path}, on {threads} of the cores", lambda: llama.LLM(path, n_threads=threads))


def of_server(address: str) -> LanguageModel:
    """A server by its URL, and one of its models. Raises CommandError if it does not answer, or has no model."""
    url, _, model = address.partition("#")
    base = _base(url)
    try:
        models = models_of(base, TIMEOUT)
    except (OSError, ValueError) as error:
        if model and isinstance(error, urllib.error.HTTPError) and error.code == 404:
            models = [model]  # it tells of no models, and may have them
        else:
            raise CommandError(_unanswered(base, error)) from None
    if model and model not in models:
        names = {name.removesuffix(":latest") for name in models}
        if model not in names:
            raise CommandError(f"{base} has no model {model!r}; it has {', '.join(models) or 'none'}")
    model = model or next(filter(_chats, models), "")
    if not model:
        raise CommandError(f"{base} has no model to talk to: load one there, as by `ollama pull llama3.2`")
    return _server(base, model)


def discovered() -> LanguageModel | None:
    """The first server on this machine that answers at a well-known port and has a model. None if there is none."""
    bases = [f"http://127.0.0.1:{port}/v1" for port in WELL_KNOWN.values()]
    with ThreadPoolExecutor(len(bases)) as threads:
        answers = list(threads.map(_models_here, bases))
    for name, base, models in zip(WELL_KNOWN, bases, answers, strict=True):
        model = next(filter(_chats, models), "")
        if not model:
            continue
        if find_spec("openai") is None:
            print(
                f'{name} runs on this machine, with {model}. To talk to it: pip install "interruptible-agents[openai]"',
                file=sys.stderr,
            )
            return None
        found = _server(base, model)
        return LanguageModel(
            f"{found.label}, found on this machine (--no-discovery: with the built-in one)", found.make
        )
    return None


def models_of(base: str, timeout: float) -> list[str]:
    """The names of a server's models. Raises OSError if it does not answer, ValueError for what is no such list."""
    request = urllib.request.Request(f"{base}/models", headers={"Authorization": f"Bearer {_key(base)}"})
    handlers = [urllib.request.ProxyHandler({})] if urlsplit(base).hostname in LOOPBACK else []
    with urllib.request.build_opener(*handlers).open(request, timeout=timeout) as response:
        answer: Any = json.loads(response.read(1 << 20))
    if not isinstance(answer, dict) or not isinstance(listed := answer.get("data"), list | None):
        raise ValueError("what answers there is no such server")
    return [entry["id"] for entry in listed or () if isinstance(entry, dict) and isinstance(entry.get("id"), str)]


def _models_here(base: str) -> list[str]:
    try:
        return models_of(base, DISCOVERY_TIMEOUT)
    except (OSError, ValueError):
        return []


def _server(base: str, model: str) -> LanguageModel:
    def make() -> LLM:
        from vision_agents.plugins import openai

        return openai.ChatCompletionsLLM(model, base_url=base, api_key=_key(base))

    return LanguageModel(f"{model} at {base}", make)


def _base(url: str) -> str:
    """The address up to and with "/v1", as the API has it. Raises CommandError for what is none."""
    parts = urlsplit(url if "://" in url else f"http://{url}")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise CommandError(f"--llm takes an address, as in http://127.0.0.1:11434#llama3.2, not {url!r}")
    return urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/") or "/v1", "", ""))


def _key(base: str) -> str:
    """The key for this server: that of OpenAI is for OpenAI alone."""
    own = "OPENAI_API_KEY" if urlsplit(base).hostname == "api.openai.com" else ""
    return os.environ.get(KEY_VARIABLE) or os.environ.get(own) or "none"


def _unanswered(base: str, error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return (
            f"what answers at {base} does not tell its models (HTTP {error.code}, {error.reason}): give the address of "
            f"a model server, with #MODEL where it lists none; a key goes into {KEY_VARIABLE}"
        )
    if isinstance(error, OSError):
        return f"no model server answers at {base}: {_reason(error)}. Is it running?"
    return f"what answers at {base} is no model server: give the address of one"


def _chats(model: str) -> bool:
    return not any(word in model.lower() for word in _NO_CHAT)


def _reason(error: Exception) -> str:
    reason = getattr(error, "reason", None) or error
    return str(getattr(reason, "strerror", None) or reason)
