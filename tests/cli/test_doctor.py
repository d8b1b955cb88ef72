"""`vision-agents doctor`: every trouble of the guide's table is found, and nothing where there is none."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from vision_agents.cli import agent_checks, dry_run, machine_checks
from vision_agents.cli.agent_factory import DEFAULT_AGENT
from vision_agents.cli.findings import Finding, Level, fine, installation
from vision_agents.cli.pace import Pace
from vision_agents.core import Agent
from vision_agents.core.models import ModelStore

Command = Callable[..., int]


@pytest.fixture(autouse=True)
def _nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """No keys, and nobody to call."""
    for name in [name for names in dry_run.KEYS.values() for name in names]:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)

    def connect(self: socket.socket, address: Any) -> None:
        raise AssertionError(f"the doctor called {address}")

    monkeypatch.setattr(socket.socket, "connect", connect)


@pytest.fixture(autouse=True)
def _models(monkeypatch: pytest.MonkeyPatch) -> None:
    """All models are here; the tests that say otherwise replace this."""
    monkeypatch.setattr(ModelStore, "verify", lambda self, names: [])


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for three seconds of measuring, and a busy machine is no finding."""
    monkeypatch.setattr(machine_checks, "measure", lambda: Pace(0.0, 0.001, 0.005))


@pytest.fixture
def doctor(vision_agents: Command, capsys: pytest.CaptureFixture[str]) -> Callable[[str], Report]:
    def run(function: str) -> Report:
        status = vision_agents("doctor", f"made_up_setups:{function}")
        return Report(status, capsys.readouterr().out)

    return run


class Report:
    """What was printed about the agent, line by line: (level, where, what, next)."""

    def __init__(self, status: int, printed: str) -> None:
        self.status = status
        self.printed = printed
        self.found: list[tuple[str, str, str, str]] = []
        for line in printed.splitlines():
            level = line[:8].strip()
            if level in set(Level):
                where, _, what = line[9:].partition(": ")
                self.found.append((level, where, what, ""))
            elif line.strip().startswith("-> "):
                self.found[-1] = (*self.found[-1][:3], line.strip()[3:])

    def of(self, level: Level) -> list[tuple[str, str, str]]:
        """Where, what and next of what was found of a level, without what concerns the machine."""
        return [(w, what, n) for found, w, what, n in self.found if found == level and w not in machine_places()]

    @property
    def problems(self) -> list[tuple[str, str, str]]:
        return self.of(Level.PROBLEM)

    @property
    def advice(self) -> list[tuple[str, str, str]]:
        return self.of(Level.ADVICE)


@cache
def machine_places() -> set[str]:
    return {finding.where for check in machine_checks.CHECKS for finding in check()}


def test_nothing_amiss(doctor):
    report = doctor("well")
    assert report.status == 0
    assert (report.problems, report.advice) == ([], [])
    assert "made_up_setups:well: llm vision_agents.testing.parts.ScriptedLLM, stt " in report.printed
    assert "NoCall" not in report.printed


def test_without_an_argument_it_is_the_agent_of_local_models(vision_agents, capsys):
    assert vision_agents("doctor") == 0
    assert f"{DEFAULT_AGENT}: llm llama.LLM, stt moonshine.STT, tts piper.TTS" in capsys.readouterr().out


# Keys.


def test_every_missing_key_is_named_with_its_variable_and_part(doctor):
    report = doctor("three_providers")
    assert report.status == 1
    assert [(where, what) for where, _, what in report.problems] == [
        ("openai.LLM", "run: export OPENAI_API_KEY=…"),
        ("deepgram.STT", "run: export DEEPGRAM_API_KEY=…"),
        ("elevenlabs.TTS", "run: export ELEVENLABS_API_KEY=…"),
    ]
    assert all("API_KEY" in what for _, what, _ in report.problems)
    assert dry_run.PLACEHOLDER not in os.environ.values()


def test_a_key_that_two_parts_need_is_named_once(doctor):
    ((where, _, what),) = doctor("one_provider").problems
    assert (where, what) == ("elevenlabs.STT, elevenlabs.TTS", "run: export ELEVENLABS_API_KEY=…")


def test_a_key_of_an_edge_is_said_to_be_wanted_without_demo_alone(doctor):
    ((where, _, what),) = doctor("edge_of_its_own").problems
    assert where == "getstream.Edge"
    assert what.startswith("run: export STREAM_API_KEY=…; export STREAM_API_SECRET=…")
    assert what.endswith("(`demo` and `call` bring an edge, and do without)")


def test_keys_that_are_there_are_not_missed(doctor, monkeypatch):
    for name in ("OPENAI_API_KEY", "DEEPGRAM_API_KEY", "ELEVENLABS_API_KEY"):
        monkeypatch.setenv(name, "mine")
    report = doctor("three_providers")
    assert (report.status, report.problems) == (0, [])


def test_an_empty_key_is_none_and_stays_empty(doctor, monkeypatch):
    monkeypatch.setenv("ELEVENLABS_API_KEY", "")
    assert len(doctor("one_provider").problems) == 1
    assert os.environ["ELEVENLABS_API_KEY"] == ""


def test_a_key_in_the_code_is_one(doctor):
    assert doctor("key_in_code").status == 0


def test_what_is_wrong_besides_the_key_is_told_as_that(doctor):
    report = doctor("key_is_not_the_trouble")
    ((where, what, _),) = report.problems
    assert where == "elevenlabs.TTS"
    assert "output_format" in what


@pytest.mark.parametrize("provider", dry_run.KEYS)
def test_the_variables_are_the_plugins(provider, monkeypatch):
    plugin = pytest.importorskip(f"vision_agents.plugins.{provider}", exc_type=ImportError)
    kind = next(getattr(plugin, name) for name in ("Realtime", "STT", "Edge") if hasattr(plugin, name))
    for name in dry_run.KEYS[provider]:
        with pytest.raises(ValueError, match=name) as raised:
            kind()
        assert dry_run.culprit(raised.value) == (provider, f"{provider}.{kind.__name__}")
        monkeypatch.setenv(name, dry_run.PLACEHOLDER)
    kind()


# Extras.


def test_every_extra_that_is_not_installed_is_named(tmp_path):
    (tmp_path / "mine.py").write_text(
        "from vision_agents.plugins import deepgram, openai\n"
        "async def agent(edge):\n"
        "    from vision_agents.plugins.piper import TTS\n"
        "    import vision_agents.plugins.nobody.tts\n"
    )
    code = (
        "import sys\n"
        "sys.modules.update(dict.fromkeys(['deepgram', 'piper']))\n"
        "from vision_agents.cli.main import main\n"
        "sys.exit(main(['doctor', 'mine:agent']))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=180)
    report = Report(done.returncode, done.stdout)
    assert report.status == 1, done.stderr
    assert [where for where, _, _ in report.problems] == ["plugin deepgram", "plugin piper", "plugin nobody"]
    assert report.problems[2][2] == "correct the import in mine"
    pip = [line for line in done.stdout.splitlines() if "pip install" in line]
    assert pip == ['All that is missing: pip install "interruptible-agents[deepgram,piper]"'], "one line for all"


def test_a_plugin_that_can_be_imported_may_lack_something(monkeypatch):
    monkeypatch.setattr(machine_checks, "_version", lambda name: None if name == "onnxruntime" else "1")
    findings = {finding.where: finding for finding in machine_checks.plugins("vision_agents.cli.default_agent")}
    assert findings.keys() == {"plugin moonshine", "plugin piper", "plugin resemblyzer", "plugin smart_turn"}
    assert {finding.level for finding in findings.values()} == {Level.ADVICE}
    assert findings["plugin smart_turn"].what == "onnxruntime not installed"
    # Its extra brings what the others want, too.
    line = installation(findings.values(), machine_checks.packages())
    assert line == 'pip install "interruptible-agents[piper]"'


def test_an_extra_that_brings_others_is_listed_too(monkeypatch):
    versions = {"pyyaml": None, "aiortc": "1.0"}
    monkeypatch.setattr(machine_checks, "_version", lambda name: versions.get(name, "1.8.0"))
    *wrong, installed, missing = machine_checks.extras()
    assert [(each.where, each.what) for each in wrong] == [
        ("extra local", "aiortc 1.0 is installed, and 1.16.0 is needed")
    ], "told once, of the extra that it comes by"
    assert ", local," in installed.what
    assert missing.what == "not installed: lab"


def test_an_extra_that_another_one_brings_is_not_installed_beside_it():
    wanted = [Finding(Level.ADVICE, "here", "x not installed", extra=name) for name in ("piper", "local", "openai")]
    line = installation(wanted, machine_checks.packages())
    assert line == 'pip install "interruptible-agents[local,openai]"'
    assert installation([fine("here", "all is well")], machine_checks.packages()) == ""


def test_a_plugin_that_fails_for_another_reason_names_no_extra(monkeypatch):
    def fail(path: str) -> Any:
        raise ImportError("this Python is too old for it", name="numpy")

    monkeypatch.setattr(machine_checks, "plugins_named", lambda source: ["openai", "of_my_own"])
    monkeypatch.setattr(machine_checks, "import_module", fail)
    findings = [*machine_checks.plugins("json")]
    assert {finding.what for finding in findings} == {"cannot be imported: this Python is too old for it"}
    assert not any(finding.extra for finding in findings)


def test_another_import_that_fails_is_told(tmp_path, monkeypatch, vision_agents, capsys):
    (tmp_path / "needy_module.py").write_text("import a_package_nobody_has\n")
    monkeypatch.syspath_prepend(tmp_path)
    status = vision_agents("doctor", "needy_module:agent")
    ((where, what, _),) = Report(status, capsys.readouterr().out).problems
    assert (status, where) == (1, "needy_module:agent")
    assert "a_package_nobody_has" in what


def test_a_misspelt_plugin(vision_agents, monkeypatch, tmp_path):
    (tmp_path / "hasty_agent.py").write_text("from vision_agents.plugins import deepgrm\n")
    monkeypatch.syspath_prepend(tmp_path)
    (finding,) = machine_checks.plugins("hasty_agent")
    assert finding.next.endswith("Did you mean deepgram?")


@pytest.mark.parametrize(
    ("function", "where", "keyword", "meant"),
    [
        ("misspelt_threshold", "smart_turn.TurnDetection", "confidence_treshold", "confidence_threshold"),
        ("misspelt_part", "vision_agents.core.agents.agent.Agent", "turn_detecton", "turn_detection"),
        ("misspelt_user", "vision_agents.core.agents.agent.Agent", "agent_usr", "agent_user"),
        ("misspelt_key", "openai.Realtime", "apikey", "api_key"),
        ("misspelt_option_of_a_function", "register_function()", "on_interupt", "on_interrupt"),
        ("function_of_these_packages_misspelt", "warm_up()", "frezze", "freeze"),
    ],
)
def test_a_misspelt_keyword_is_named(doctor, function, where, keyword, meant):
    ((found, what, next),) = doctor(function).problems
    assert found == where
    assert f"it takes no '{keyword}'" in what
    assert "made_up_setups.py, line " in what
    assert next == f"write {meant}=…"


def test_a_keyword_that_resembles_none_is_told_as_it_is(doctor):
    ((_, what, _),) = doctor("unknown_keyword").problems
    assert "got an unexpected keyword argument 'xyzzy'" in what


@pytest.mark.parametrize("function", ["own_function_misspelt", "own_namesake_misspelt"])
def test_a_function_of_ones_own_is_not_taken_for_one_of_these_packages(doctor, function):
    ((found, what, next),) = doctor(function).problems
    assert found == f"made_up_setups:{function}"
    assert "got an unexpected keyword argument" in what
    assert "write " not in next


@pytest.mark.parametrize("function", ["exits", "exits_in_a_task", "exits_when_it_is_checked"])
def test_an_agent_that_ends_the_program_is_a_finding_among_others(doctor, function):
    report = doctor(function)
    ((_, what, _),) = report.problems
    assert (report.status, "SystemExit: set MY_KEY first" in what) == (1, True), what


@pytest.mark.parametrize(
    ("function", "says"),
    [
        ("class_of_a_model", "not the class llama.LLM itself: call it, as in llm=llama.LLM(…)"),
        ("user_in_a_word", 'agent_user must be a User, not str: write agent_user=User(id="agent", name="Agent")'),
        ("settings_in_a_dict", "not dict: write interruption=InterruptionPolicy(…)"),
        ("threshold_in_quotes", "confidence_threshold is a number from 0 to 1, without quotes, not '0.5'"),
    ],
)
def test_an_argument_of_a_wrong_kind_is_one_problem(doctor, function, says):
    report = doctor(function)
    ((_, what, _),) = report.problems
    assert (report.status, says in what) == (1, True), what


def test_a_check_that_fails_is_a_finding_among_others(doctor):
    report = doctor("puzzling_part")
    assert report.status == 1
    assert ("check models", "it failed: LookupError: no idea") in [finding[:2] for finding in report.problems]


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("1 / 0\n", "cannot be imported: ZeroDivisionError: division by zero"),
        ("def (:\n", "cannot be imported: SyntaxError: "),
        ("raise SystemExit(2)\n", "ends the program when it is imported"),
    ],
)
def test_a_module_that_fails_is_a_finding_among_others(source, says, tmp_path, monkeypatch, vision_agents, capsys):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "failing_module.py").write_text(source)
    status = vision_agents("doctor", "failing_module:agent")
    ((where, what, _),) = Report(status, capsys.readouterr().out).problems
    assert (status, where) == (1, "failing_module:agent")
    assert what.startswith(says)


def test_a_speaker_that_a_voice_lacks(doctor, tmp_path, monkeypatch):
    voice = tmp_path / "voice.onnx"
    voice.touch()
    config = {
        "num_symbols": 3,
        "num_speakers": 2,
        "audio": {"sample_rate": 22_050},
        "espeak": {"voice": "en-us"},
        "inference": {},
        "phoneme_id_map": {"^": [0], "$": [1], "_": [2]},
        "speaker_id_map": {"ann": 0, "bob": 1},
    }
    (tmp_path / "voice.onnx.json").write_text(json.dumps(config))
    monkeypatch.setenv("VOICE", str(voice))
    ((where, what, _),) = doctor("speaker_of_another_voice").problems
    assert (where, what) == ("tts piper.TTS", "the voice has no speaker 'gino'; it has ann, bob")


def test_functions_for_a_model_that_calls_none(doctor):
    ((where, what, _),) = doctor("tools_for_the_smallest_model").problems
    assert where == "llm llama.LLM"
    assert "clock will never be called" in what


def test_a_model_file_that_does_not_exist(doctor):
    ((where, what, next),) = doctor("model_file_missing").problems
    assert where == "llm llama.LLM"
    assert what == "there is no model file nowhere.gguf"
    assert next.startswith("correct the path")


# The guide's table of troubles.


def test_a_detector_beside_a_realtime_model_is_ignored(doctor):
    report = doctor("realtime_with_everything")
    assert report.status == 0
    assert [(where.split()[0], what, next.split(";")[0]) for where, what, next in report.advice] == [
        (name, "ignored, since openai.Realtime does its work", f"take {name} out")
        for name in ("stt", "tts", "turn_detection")
    ]


def test_of_two_judges_of_turns_one_is_ignored(doctor):
    ((where, what, next),) = doctor("two_judges_of_turns").advice
    assert where.startswith("turn_detection ")
    assert what == "ignored, since elevenlabs.STT does its work"
    assert next.startswith("take turn_detection out")


def test_without_a_judge_of_turns_interruptions_are_late(doctor):
    report = doctor("nobody_judges_turns")
    ((_, what, next),) = report.advice
    assert report.status == 0
    assert "interruptions are noticed late" in what
    assert next == "pass turn_detection=smart_turn.TurnDetection()"


@pytest.mark.parametrize(
    ("function", "settings", "turn"),
    [
        ("sensitive", ["confidence_threshold=0.3", "buffer_in_seconds=0.5"], "raise"),
        ("deliberate", ["confidence_threshold=0.7", "buffer_in_seconds=2"], "lower"),
        ("recommended", [], ""),
    ],
)
def test_thresholds_say_what_they_trade(doctor, function, settings, turn):
    report = doctor(function)
    assert report.status == 0
    assert [what.partition(":")[0] for _, what, _ in report.advice] == settings
    assert [next for _, _, next in report.advice] == [
        f"{turn} it towards {usual} if that happens" for usual in ("0.5", "1.5")[: len(settings)]
    ]


def test_a_policy_says_what_it_trades(doctor):
    told = [what.partition(":")[0] for _, what, _ in doctor("hasty").advice]
    assert told == ["hold=False", "commit_speech=0", "hold_limit=9"]


@pytest.mark.parametrize(
    ("function", "complaint"),
    [
        ("without_a_voice", "also needs tts"),
        ("broken", "LookupError: there is no such thing"),
        ("endless", "TimeoutError: it did not return within 60 s"),
        ("no_agent", "TypeError: it returned str"),
    ],
)
def test_what_cannot_be_made_says_why(doctor, function, complaint):
    report = doctor(function)
    ((where, what, next),) = report.problems
    assert (report.status, where) == (1, f"made_up_setups:{function}")
    assert complaint in what
    assert f"--debug demo --agent made_up_setups:{function}" in next


def test_an_edge_that_the_function_makes_is_looked_at(doctor):
    report = doctor("with_an_edge_of_its_own")
    assert (report.status, report.advice) == (0, [])
    assert "edge vision_agents.testing.parts.LoopEdge" in report.printed


def test_a_wrong_argument_is_none_of_the_doctor_s(vision_agents, capsys):
    assert vision_agents("doctor", "made_up_setups") == 2
    assert "MODULE:FUNCTION" in capsys.readouterr().err


def test_the_agent_class_is_as_before(doctor):
    before = Agent.__init__
    doctor("well")
    assert Agent.__init__ is before


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="here aws can be used")
def test_aws_on_an_old_python(doctor):
    ((where, what, next),) = doctor("on_bedrock").problems
    assert where == "aws.Realtime"
    assert "3.12" in what
    assert "3.12" in next


class Bedrock:
    """`aws.Realtime`, as far as its account goes."""

    class _account:
        region = None
        aws_access_key_id = None


Bedrock.__module__, Bedrock.__qualname__ = "vision_agents.plugins.aws.realtime", "Realtime"


def test_an_aws_account_that_cannot_be_seen(monkeypatch, tmp_path):
    for name in ("AWS_REGION", "AWS_ACCESS_KEY_ID"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / name))
    setup = dry_run.Setup("made:up", {"llm": Bedrock()})

    def levels() -> list[Level]:
        return [finding.level for finding in agent_checks.aws_account(setup)]

    assert levels() == [Level.PROBLEM, Level.ADVICE]
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    assert levels() == [Level.ADVICE]
    (tmp_path / "AWS_SHARED_CREDENTIALS_FILE").touch()
    assert levels() == []
