"""The tables of parameters in docs/ are those of the classes."""

from __future__ import annotations

import inspect
import sys
from dataclasses import dataclass
from importlib import import_module
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from vision_agents.core.edge import EdgeTransport
from vision_agents.core.llm import LLM, Realtime
from vision_agents.core.stt import STT
from vision_agents.core.tts import TTS
from vision_agents.core.turn_detection import TurnDetector
from vision_agents.core.vad import VAD

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs").glob("*.md"))
KINDS = (LLM, Realtime, STT, TTS, TurnDetector, VAD, EdgeTransport)
PLUGINS = (
    *("openai", "gemini", "aws", "qwen", "elevenlabs", "deepgram", "getstream"),
    *("silero", "smart_turn", "moonshine", "piper", "llama", "local"),
)


def _load() -> ModuleType:
    loader = SourceFileLoader("parameters", str(ROOT / "scripts" / "parameters"))
    spec = spec_from_loader("parameters", loader)
    assert spec is not None
    module = module_from_spec(spec)
    sys.modules["parameters"] = module  # Where dataclasses look for their module.
    loader.exec_module(module)
    return module


parameters: Any = _load()


@pytest.mark.parametrize("path", [path for path in PAGES if "parameters of" in path.read_text()], ids=lambda p: p.stem)
def test_the_tables_of_a_page_are_up_to_date(path: Path) -> None:
    text = path.read_text()
    assert parameters.page(text) == text, "run: scripts/parameters"


@pytest.mark.parametrize("name", PLUGINS)
def test_every_part_of_a_plugin_has_a_table(name: str) -> None:
    marked = {kind for path in PAGES for kind in parameters.marked(path.read_text())}
    plugin = import_module(f"vision_agents.plugins.{name}")
    kinds = [getattr(plugin, kind) for kind in plugin.__all__]
    parts = {f"{name}.{kind.__name__}" for kind in kinds if inspect.isclass(kind) and issubclass(kind, KINDS)}
    assert parts
    assert parts <= marked


class Voice:
    """Speaks.

    Args:
        name, accent: who it is, in
            two words.
        rate: in Hz | kHz.

    Raises:
        ValueError: never.
    """

    def __init__(self, name: str, accent: str | None = "plain", *, rate: int = 5) -> None: ...


def test_a_table_is_made_of_the_signature_and_the_docstring() -> None:
    assert parameters.table(Voice).splitlines()[2:] == [
        r'| `name`, `accent` | `str`, `str \| None` | required, `"plain"` | who it is, in two words. |',
        r"| `rate` | `int` | `5` | in Hz \| kHz. |",
    ]


@dataclass(frozen=True)
class Knobs:
    """Numbers."""

    length: float = 0.5
    """How long, in
    seconds."""


def test_a_dataclass_is_explained_under_its_fields() -> None:
    assert parameters.table(Knobs).splitlines()[2:] == ["| `length` | `float` | `0.5` | How long, in seconds. |"]


class Silent:
    """Says nothing of its parameters."""

    def __init__(self, name: str) -> None: ...


class Talkative:
    """Says more than there is.

    Args:
        name: who.
    """

    def __init__(self) -> None: ...


@pytest.mark.parametrize(("kind", "complaint"), [(Silent, "lacks name"), (Talkative, "does not have, name")])
def test_a_docstring_that_does_not_fit_is_refused(kind: type, complaint: str) -> None:
    with pytest.raises(parameters.ParametersError, match=complaint):
        parameters.table(kind)


def test_the_script_tells_and_mends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parameters, "DOCS", tmp_path)
    page = tmp_path / "voices.md"
    page.write_text("# Voices\n\n<!-- parameters of silero.VAD -->\nold\n<!-- end -->\n\nThe end.\n")
    assert parameters.main(["--check"]) == 1
    assert "old" in page.read_text()
    assert parameters.main([]) == 0
    assert parameters.main(["--check"]) == 0
    text = page.read_text()
    assert "`model_path`" in text
    assert "old" not in text
    assert text.endswith("<!-- end -->\n\nThe end.\n")
