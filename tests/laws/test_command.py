"""`python -m tests.laws`: which runs failed, and how to repeat them."""

import subprocess

import pytest

from . import __main__ as laws

LISTED = "tests/laws/test_gate.py: 2\ntests/core/test_epoch.py: 1\n"


@pytest.fixture
def runs(monkeypatch):
    """The pytest commands that were run; those with the seed 13 fail."""
    made = []

    def run(*arguments):
        made.append(arguments)
        failed = "--hypothesis-seed=13" in arguments
        output = LISTED if "--collect-only" in arguments else "what pytest said\n"
        return subprocess.CompletedProcess(arguments, int(failed), output, "")

    monkeypatch.setattr(laws, "pytest", run)
    return made


def command(monkeypatch, *arguments):
    monkeypatch.setattr("sys.argv", ["tests.laws", *arguments])
    return laws.main()


def test_each_run_has_a_seed_of_its_own_and_the_files_with_properties_only(monkeypatch, capsys, runs):
    assert command(monkeypatch, "--runs", "5", "tests/core") == 0
    listing, *others = runs
    assert listing == ("--collect-only", "-q", "tests/core")
    assert len({seed for seed, *_ in others}) == 5
    assert {tuple(places) for _, *places in others} == {("tests/laws/test_gate.py", "tests/core/test_epoch.py")}
    printed = capsys.readouterr().out
    assert printed.count("is green (run ") == 5
    assert "5 of 5 runs are green" in printed


def test_a_failure_tells_its_seed_and_the_command_that_repeats_it(monkeypatch, capsys, runs):
    assert command(monkeypatch, "--seed", "13", "tests/core") == 1
    printed = capsys.readouterr().out
    assert "python -m tests.laws --seed 13 tests/core\nwhat pytest said\n" in printed
    assert "0 of 1 runs are green" in printed


def test_runs_from_a_seed_on_are_as_many_as_were_asked_for(monkeypatch, capsys, runs):
    assert command(monkeypatch, "--runs", "3", "--seed", "12", "tests/core") == 1
    assert [seed for seed, *_ in runs[1:]] == [f"--hypothesis-seed={seed}" for seed in (12, 13, 14)]
    assert "2 of 3 runs are green" in capsys.readouterr().out


def test_where_there_are_no_properties_nothing_is_green(monkeypatch, capsys, runs):
    monkeypatch.setattr(laws, "files", lambda arguments: [])
    with pytest.raises(SystemExit, match="2"):
        command(monkeypatch, "tests/standins")
    assert "there are no properties in tests/standins" in capsys.readouterr().err
