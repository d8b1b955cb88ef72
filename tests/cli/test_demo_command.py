"""`demo`: one line when it is ready, Ctrl-C ends it; what keeps it from starting is said before anything is loaded."""

import argparse
import asyncio
import queue
import re
import socket
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from vision_agents.cli import demo
from vision_agents.cli.errors import FAILED, UNUSABLE
from vision_agents.cli.main import main
from vision_agents.cli.recorded_caller import LINES, RecordedCaller
from vision_agents.core.models import FetchError, ModelStore
from vision_agents.plugins.local import PageServer
from vision_agents.plugins.local.recorded_lines import LINES as ASKED_FOR

HERE = Path(__file__).parent


def in_a_process(*arguments):
    command = [sys.executable, "-m", "vision_agents.cli", "demo", *map(str, arguments)]
    return subprocess.run(command, cwd=HERE, capture_output=True, text=True, timeout=180, check=False)


@pytest.fixture
def no_models(monkeypatch, tmp_path):
    monkeypatch.setenv("VISION_AGENTS_MODELS", str(tmp_path))


def test_it_prints_one_line_when_it_is_ready_and_ctrl_c_ends_it_well():
    done = in_a_process("--no-open", "--port", 0, "--agent", "made_up_agents:interrupted")
    assert done.returncode == 0
    assert re.fullmatch(r"Talk to the agent at http://127\.0\.0\.1:\d+ \(Ctrl-C ends it\)\n", done.stdout)
    assert done.stderr.strip() == ""


def test_a_service_manager_ends_it_well_too():
    done = in_a_process("--no-open", "--port", 0, "--agent", "made_up_agents:terminated")
    assert (done.returncode, done.stderr.strip()) == (0, "")


def test_beyond_loopback_the_address_has_a_token_and_microphones_are_spoken_of():
    done = in_a_process("--no-open", "--host", "0.0.0.0", "--port", 0, "--agent", "made_up_agents:interrupted")
    assert done.returncode == 0
    assert re.fullmatch(r"Talk to the agent at http://[\d.]+:\d+/\?token=[\w-]{20,} \(Ctrl-C ends it\)\n", done.stdout)
    assert "no microphone over http: add --tls-cert and --tls-key" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--tls-cert", "cert.pem"], "give both --tls-cert and --tls-key"),
        (["--tls-key", "key.pem"], "give both --tls-cert and --tls-key"),
        (["--tls-cert", "no.pem", "--tls-key", "no-key.pem"], "there is no file no.pem"),
    ],
)
def test_a_certificate_that_cannot_be_used_is_said_before_anything_is_loaded(capsys, monkeypatch, arguments, complaint):
    monkeypatch.chdir(HERE)
    arguments = ["demo", "--port", "0", "--agent", "made_up_agents:impossible", *arguments]
    assert main(arguments) == UNUSABLE
    assert complaint in capsys.readouterr().err


def test_a_port_in_use_is_said_before_anything_is_loaded(capsys, monkeypatch):
    monkeypatch.chdir(HERE)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["demo", "--no-open", "--port", str(port), "--agent", "made_up_agents:impossible"]) == UNUSABLE
    printed = capsys.readouterr()
    assert f"port {port}" in printed.err
    assert "--port" in printed.err
    assert "no such model" not in printed.err
    assert printed.out == ""


@pytest.mark.parametrize("port", ["-1", "65536", "http", "8000.0", ""])
def test_a_port_that_is_none_is_a_wrong_argument(capsys, port):
    with pytest.raises(SystemExit, match="2"):
        main(["demo", f"--port={port}"])
    assert "is not a port" in capsys.readouterr().err


@pytest.mark.parametrize("callers", ["0", "-1", "many"])
def test_a_number_of_callers_that_is_none_is_a_wrong_argument(capsys, callers):
    with pytest.raises(SystemExit, match="2"):
        main(["demo", f"--max-callers={callers}"])
    assert "is not a number of callers" in capsys.readouterr().err


def test_a_host_that_is_not_this_machine_is_said(capsys):
    assert main(["demo", "--host", "192.0.2.99"]) == UNUSABLE
    assert "take 127.0.0.1" in capsys.readouterr().err


def test_an_agent_that_does_not_exist_is_said(capsys):
    assert main(["demo", "--agent", "no_such_module:agent"]) == UNUSABLE
    assert "no_such_module" in capsys.readouterr().err


def test_an_agent_that_cannot_be_made_is_an_error_and_no_hang():
    done = in_a_process("--no-open", "--port", 0, "--agent", "made_up_agents:impossible")
    assert done.returncode == 1
    assert "there is no such model" in done.stderr
    assert done.stdout == ""


def test_an_error_of_ones_own_program_says_of_what_kind_it_is_and_how_to_see_where(capsys, monkeypatch):
    monkeypatch.chdir(HERE)
    assert main(["demo", "--no-open", "--port", "0", "--agent", "made_up_agents:mistaken"]) == FAILED
    assert "ValueError: that is no number (add --debug to see where)" in capsys.readouterr().err


def test_models_that_are_missing_are_fetched_for_the_default_agent_first(monkeypatch, no_models, capsys):
    pulled = []

    def pull(self, names, progress=None, source=None):
        pulled.extend(names)
        raise FetchError("there is no network; connect and run the command again")

    monkeypatch.setattr(ModelStore, "pull", pull)
    monkeypatch.setenv("VISION_AGENTS_FETCH", "yes")
    assert main(["demo", "--no-open", "--port", "0"]) == UNUSABLE
    models = {"silero-vad", "smart-turn", "moonshine-tiny-en", "piper-en-us-joe", "smollm2-135m", "ge2e"}
    assert set(pulled) == models
    assert "connect and run the command again" in capsys.readouterr().err


def test_another_agent_brings_its_own_models(monkeypatch, no_models):
    def pull(self, *arguments, **options):
        pytest.fail("nothing is to be fetched")

    served = []
    monkeypatch.setattr(ModelStore, "pull", pull)
    monkeypatch.setattr(demo, "_serve_until_interrupted", lambda *arguments: served.append(arguments))
    monkeypatch.chdir(HERE)
    assert main(["demo", "--no-open", "--port", "0", "--agent", "made_up_agents:counting"]) == 0
    # Nor is there a voice for the recorded caller: the page does not offer it.
    [(_, _, _, caller)] = served
    assert caller is None


@pytest.mark.parametrize(("no_open", "screen", "opens"), [(False, True, 1), (True, True, 0), (False, False, 0)])
async def test_the_page_is_opened_where_there_is_a_screen(monkeypatch, capsys, no_open, screen, opens):
    opened = queue.Queue()
    monkeypatch.setattr("webbrowser.open", opened.put)
    monkeypatch.setattr(demo, "_has_screen", lambda: screen)
    monkeypatch.syspath_prepend(str(HERE))
    import made_up_agents

    args = argparse.Namespace(agent="made_up_agents:counting", no_open=no_open)
    page = PageServer(made_up_agents.counting, port=0)
    threads = set(threading.enumerate())
    serving = asyncio.create_task(demo._serve(args, page, made_up_agents.counting, None))
    async with asyncio.timeout(60):
        # It is the last that it does before it waits for the end.
        while not any(task.get_name() == "recorded caller" for task in asyncio.all_tasks()):
            await asyncio.sleep(0)
    for thread in set(threading.enumerate()) - threads:
        await asyncio.to_thread(thread.join, 20)
    assert [opened.get_nowait() for _ in range(opened.qsize())] == [page.url] * opens
    serving.cancel()
    await asyncio.wait([serving])


@pytest.mark.parametrize(
    ("variables", "platform", "screen"),
    [
        ({}, "linux", False),
        ({"DISPLAY": ":0"}, "linux", True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, "linux", True),
        ({}, "darwin", True),
        ({}, "win32", True),
    ],
)
def test_a_browser_in_a_terminal_is_not_opened(monkeypatch, variables, platform, screen):
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "platform", platform)
    assert demo._has_screen() is screen


# The recorded caller.


def test_it_has_a_line_for_all_that_the_page_asks_for():
    assert set(LINES) == set(ASKED_FOR)


def test_without_its_voice_it_is_not_available(no_models):
    assert not RecordedCaller.available()


async def test_a_voice_that_is_missing_is_an_error_that_says_what_to_run(no_models):
    with pytest.raises(Exception, match="vision-agents models pull"):
        await RecordedCaller()("question")


@pytest.mark.models
async def test_it_speaks_once_for_all_and_higher_than_the_agent():
    caller = RecordedCaller()
    question, interruption = await asyncio.gather(caller("question"), caller("interruption"))
    assert question.sample_rate == interruption.sample_rate == 48_000
    assert 1.5 < question.duration < 6.0
    assert np.abs(question.samples).max() > 3000
    assert (await caller("question")) is question
