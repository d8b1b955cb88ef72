"""The entry point: quick, and every failure is one line with an exit status."""

import argparse
import os
import subprocess
import sys
from contextlib import suppress
from importlib import import_module, metadata

import numpy as np
import pytest
import soundfile

from vision_agents.cli import report
from vision_agents.cli.main import COMMANDS, main
from vision_agents.serving import runner

HEAVY = ("numpy", "aiohttp", "aiortc", "onnxruntime", "soundfile", "soxr")


def python(code, **options):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=180, check=False, **options
    )


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], []])
def test_help_needs_nothing_but_python(arguments):
    done = python(
        "import sys\n"
        "from vision_agents.cli.main import main\n"
        f"try: main({arguments})\n"
        "except SystemExit as exit_: print('status', exit_.code)\n"
        f"print('loaded', [name for name in {HEAVY} if name in sys.modules])\n"
    )
    assert done.stderr == ""
    assert done.stdout.splitlines()[-1] == "loaded []"
    assert f"status {0 if arguments else 2}" in done.stdout


def test_help_names_every_command(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    printed = capsys.readouterr().out
    assert all(name in printed for name in COMMANDS)


@pytest.mark.parametrize("command", ["call", "replay", "report", "models"])
def test_every_command_explains_itself(command, capsys):
    with pytest.raises(SystemExit) as exit_:
        main([command, "--help"])
    assert exit_.value.code == 0
    assert f"vision-agents {command}" in capsys.readouterr().out


def test_the_version_is_the_installed_one(capsys):
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out == f"vision-agents {metadata.version('interruptible-agents')}\n"


def test_an_unknown_command(capsys):
    with pytest.raises(SystemExit) as exit_:
        main(["fly"])
    assert exit_.value.code == 2
    assert "invalid choice: 'fly'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("dmeo", "demo"),
        ("--verison", "--version"),
        ("models pul", "pull"),
        ("lab rn", "run"),
        ("lab run --lisen 3", "--listen"),
        ("lab run --primer ys", "yes"),
        ("lab run --policy comit_speech=1", "commit_speech"),
        ("demo --prot 9", "--port"),
        ("call user.wav --ouut folder", "--out"),  # what is needed is missing, too
        ("call --ou folder", None),  # short for --out: the recording is missing
        ("call user.wav -- --ouut", None),
        ("token --call x --expire=9", None),
        ("demo --xyzzy", None),
        ("report folder --out x", None),  # its own help speaks of `call --out`
        ("doctor --agent mine:make_agent", None),
    ],
)
def test_a_misspelt_word_is_told_what_was_meant(words, meant, monkeypatch, capsys):
    monkeypatch.setenv("VISION_AGENTS_SECRET", "s" * 32)
    with suppress(SystemExit):
        assert main(words.split()) in (0, 2)
    said = capsys.readouterr().err
    assert (f"Did you mean {meant}?" in said) if meant else ("Did you mean" not in said)


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (RuntimeError("first\n  second"), 1, "error: RuntimeError: first second (add --debug to see where)"),
        (
            ModuleNotFoundError("No module named 'aiortc.codecs'", name="aiortc.codecs"),
            1,
            "pip install 'interruptible-agents[local]'",
        ),
        (ModuleNotFoundError("No module named 'mine'", name="mine"), 1, "No module named 'mine'"),
        (BrokenPipeError(32, "Broken pipe"), 1, "BrokenPipeError"),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
)
def test_a_failure_is_one_line(error, status, line, monkeypatch, capsys):
    def fail(args):
        raise error

    monkeypatch.setattr(report, "run", fail)
    assert main(["report", "somewhere"]) == status
    (printed,) = capsys.readouterr().err.splitlines()
    assert printed.startswith("vision-agents: ")
    assert line in printed


def test_a_stdout_that_was_closed_before_is_no_failure(monkeypatch):
    monkeypatch.setattr(report, "run", lambda args: 0)
    monkeypatch.setattr("sys.stdout", None)
    assert main(["report", "somewhere"]) == 0


@pytest.mark.parametrize("command", [["call", "user.wav", "--out", "call"], ["demo", "--no-open", "--port", "0"]])
@pytest.mark.parametrize(
    ("package", "made", "says"),
    [
        ("plugins.smart_turn", "TurnDetection(bufer_in_seconds=1.0)", "takes no 'bufer_in_seconds'"),
        ("core", "Agent(edge=edge, agent_usr=None)", "takes no 'agent_usr'"),
    ],
)
def test_a_misspelt_keyword_is_named_by_every_command(package, made, says, command, tmp_path, monkeypatch, capsys):
    name = made.partition("(")[0]
    module = f"misspelt_{name}_{command[0]}"
    (tmp_path / f"{module}.py").write_text(
        f"from vision_agents.{package} import {name}\n\n\nasync def make_agent(edge):\n    return {made}\n"
    )
    soundfile.write(tmp_path / "user.wav", np.zeros(16_000), 16_000)
    monkeypatch.chdir(tmp_path)
    assert main([*command, "--agent", f"{module}:make_agent"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert f"{name} {says} (" in line
    assert f"{module}.py, line 5): write " in line


@pytest.mark.parametrize("arguments", [["--debug", "report", "somewhere"], ["report", "somewhere", "--debug"]])
def test_debug_shows_where_it_comes_from(arguments):
    with pytest.raises(Exception, match="there is no somewhere"):
        main(arguments)


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_that_has_seen_enough_is_no_error(called, unbuffered):
    code = f"import sys; from vision_agents.cli.main import main; sys.exit(main(['replay', {str(called)!r}]))"
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
    )
    process.stdout.close()
    assert process.stderr.read() == ""
    process.stderr.close()
    assert process.wait(60) == 1


@pytest.mark.parametrize(("wrote", "meant"), [("dmeo", "demo"), ("docter", "doctor"), ("cal", "call")])
def test_a_misspelt_command_is_told_which_was_meant(capsys, wrote, meant):
    with pytest.raises(SystemExit, match="2"):
        main([wrote])
    assert f"there is no command {wrote}. Did you mean {meant}?" in capsys.readouterr().err


def unexplained(parser: argparse.ArgumentParser) -> list[str]:
    """The arguments of a command line, and of its commands, without a help text."""
    found: list[str] = []
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            found += [name for each in action.choices.values() for name in unexplained(each)]
        elif not action.help:
            found.append(f"{parser.prog} {action.dest}")
    return found


def test_every_argument_is_explained() -> None:
    commands = argparse.ArgumentParser()
    subparsers = commands.add_subparsers()
    for command in COMMANDS:
        import_module(f"vision_agents.cli.{command}").add_arguments(subparsers)
    assert unexplained(commands) + unexplained(runner._parser()) == []
