"""What all processes of a node use, and what is left of one's part of it."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from vision_agents.serving import AgentLauncher, CallHost, load
from vision_agents.serving.admission import Admission, Calls, Limits
from vision_agents.serving.load import LOOKS, Load, LoadMeter
from vision_agents.serving.node import Node, Part

from .kit import create_agent, roomy

TICK = os.sysconf("SC_CLK_TCK")


def written(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / name.replace("_", ".")).write_text(text)
    return folder


def test_a_node_tells_what_its_processors_did_and_what_memory_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 2}, raising=False)
    written(
        tmp_path,
        stat="cpu  9 9 9 9 9 9 9 9 0 0\ncpu0 100 20 30 9999 9999 4 6 5 0 0\ncpu1 900 0 0 1 1 0 0 0 0 0\n"
        "cpu2 10 0 0 5 5 0 0 0 0 0\nintr 5\n",
        meminfo="MemTotal:       1000 kB\nMemFree: 10 kB\nMemAvailable:    250 kB\n",
    )
    node = Node(tmp_path, tmp_path / "none")
    assert node.seconds() == 170 / TICK
    assert node.memory() == 0.75


def test_a_container_tells_what_it_had_of_its_quota(tmp_path: Path) -> None:
    group = written(
        tmp_path,
        cpu_max="50000 100000",
        cpu_stat="usage_usec 2500000\nuser_usec 1\n",
        memory_max="1000\n",
        memory_current="900\n",
        memory_stat="anon 700\ninactive_file 100\n",
    )
    node = Node(tmp_path / "none", group)
    assert (node.processors, node.seconds(), node.memory()) == (0.5, 2.5, 0.8)
    # Without a limit it is the machine's that counts; where nothing is told, nothing is taken to be used.
    written(tmp_path, cpu_max="max 100000", memory_max="max\n")
    assert (node.seconds(), node.memory()) == (None, 0.0)


@pytest.mark.skipif(sys.platform != "linux", reason="told by /proc")
def test_the_system_tells_of_all_processes() -> None:
    node = Node()
    before = node.seconds()
    assert before is not None
    assert 0.0 < node.memory() < 1.0
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as process:
        until = monotonic() + 20.0
        while (node.seconds() or 0.0) < before + 0.1 and monotonic() < until:
            pass
        process.kill()
    assert (node.seconds() or 0.0) >= before + 0.1


class Busy:
    """A node of two processors, whose processes use so many of them, and most of its memory."""

    processors = 2.0

    def __init__(self, used: float | None) -> None:
        self._used = used

    def seconds(self) -> float | None:
        return None if self._used is None else self._used * asyncio.get_running_loop().time()

    def memory(self) -> float:
        return 0.95


@pytest.mark.virtual_time
@pytest.mark.parametrize(
    ("part", "used", "others"),
    [(1.0, 0.9, 0.0), (1.0, 1.8, 0.8), (0.5, 1.8, 0.6), (2.0, 1.0, 0.5), (1.0, None, 0.0), (None, 2.0, 0.0)],
)
async def test_what_others_use_beyond_their_part_is_not_there_for_calls(
    monkeypatch: pytest.MonkeyPatch, part: float | None, used: float | None, others: float
) -> None:
    monkeypatch.setattr(load, "Node", lambda: Busy(used))
    # In virtual time this process uses next to nothing.
    monkeypatch.setattr(load.time, "process_time", lambda: 0.0)
    meter = LoadMeter(lambda: 3, lambda: None, None if part is None else Part(part))
    meter.start()
    await asyncio.sleep(LOOKS * 0.1 + 1.0)
    now = meter.load()
    assert now.others == pytest.approx(others, abs=0.01)
    assert (now.memory > 0.9) is (part is not None)
    await meter.close()


def test_what_others_use_leaves_less_room_and_does_not_make_calls_dear() -> None:
    admission, calls = Admission(Limits(), 0.1), Calls(4)
    assert admission.capacity(Load(cpu=0.4), calls) == 8
    assert admission.capacity(Load(cpu=0.4, others=0.2), calls) == 6
    refusal = admission.refusal(Load(cpu=0.4, others=0.5), calls)
    assert refusal is not None
    assert refusal.reason == "cpu"
    assert admission.refusal(Load(others=9.0), Calls()) is None
    for _ in range(100):
        admission.learn(Load(cpu=0.4, calls=4, others=0.5), calls)
    assert admission.cost == pytest.approx(0.1)


@pytest.mark.virtual_time
async def test_a_host_counts_by_its_part_of_the_node(monkeypatch: pytest.MonkeyPatch) -> None:
    async def warm_up() -> list[Any]:
        from vision_agents.core.models import LoadedModel, WorkerStats

        return [LoadedModel("all parts", "1", 215_000_000, (), 1.0, WorkerStats(0, 1))]

    capacities = []
    for processors in (2.0, 1.0, 0.5):
        launcher = AgentLauncher(create_agent)
        monkeypatch.setattr(launcher, "warm_up", warm_up)
        host = CallHost(launcher, roomy(cpu=0.85), part=Part(processors))
        await host.start()
        capacities.append(host.capacity)
        await host.close()
    assert capacities == [8, 4, 2]
