"""The networks of a process: loaded once, listed, unloaded, and what happens when that goes wrong."""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from vision_agents.core.models import (
    FetchError,
    InUseError,
    MissingModelError,
    ModelStore,
    UnknownModelError,
    WorkerError,
)
from vision_agents.core.models.networks import NetworkLease, Networks, NetworkSpec, networks_of, spec_of
from vision_agents.core.models.worker import WorkerStats

PATIENCE = 60.0


class Net:
    """A network without one: notes each load, and can fail or wait while it is loaded."""

    loads: list[Net]
    failures: list[BaseException]
    gate: threading.Event

    def __init__(self, files: Mapping[str, Path]) -> None:
        Net.loads.append(self)
        self.files = dict(files)
        self.thread = threading.current_thread()
        assert Net.gate.wait(PATIENCE)
        if Net.failures:
            raise Net.failures.pop(0)


@pytest.fixture(autouse=True)
def fresh() -> None:
    Net.loads, Net.failures, Net.gate = [], [], threading.Event()
    Net.gate.set()


@pytest.fixture
def networks() -> Iterator[Networks]:
    made = Networks()
    yield made
    made.close()


@pytest.fixture
def lease(networks: Networks, tmp_path: Path) -> Callable[..., NetworkLease[Net]]:
    file = tmp_path / "net.onnx"
    file.write_bytes(b"weights")

    def make(user: str = "part", **changes: Any) -> NetworkLease[Net]:
        spec = NetworkSpec(Net, "net", **{"files": {"model": file}} | changes)
        return NetworkLease(spec, user, networks)

    return make


Lease = Callable[..., NetworkLease[Net]]


async def test_many_who_start_at_once_load_once_off_the_loop(lease: Lease) -> None:
    leases = [lease() for _ in range(5)]
    await asyncio.gather(*(each.start() for each in leases), leases[0].start())
    assert len(Net.loads) == 1
    assert {id(each.network) for each in leases} == {id(Net.loads[0])}
    assert Net.loads[0].thread is not threading.current_thread()


def test_event_loops_in_several_threads_share_it(lease: Lease) -> None:
    Net.gate.clear()
    leases = [lease() for _ in range(4)]
    threads = [threading.Thread(target=asyncio.run, args=(each.start(),)) for each in leases]
    for thread in threads:
        thread.start()
    Net.gate.set()
    for thread in threads:
        thread.join(PATIENCE)
    assert all(each.started for each in leases)
    assert len(Net.loads) == 1


def test_one_loop_after_the_other_shares_it(lease: Lease) -> None:
    for _ in range(3):
        asyncio.run(lease().start())
    assert len(Net.loads) == 1


@pytest.mark.virtual_time
async def test_loading_takes_no_virtual_time(lease: Lease) -> None:
    Net.gate.clear()
    threading.Timer(0.05, Net.gate.set).start()
    await lease().start()
    assert asyncio.get_running_loop().time() == 0.0


async def test_options_content_and_loader_make_another_network(lease: Lease, tmp_path: Path) -> None:
    await asyncio.gather(lease().start(), lease(options=("context", 2048)).start())
    assert len(Net.loads) == 2
    file = tmp_path / "net.onnx"
    os.utime(file, ns=(1, 1))  # another file of the same name
    await lease().start()
    assert len(Net.loads) == 3


async def test_it_stays_when_nobody_uses_it(lease: Lease, networks: Networks) -> None:
    for _ in range(2):
        one = lease()
        await one.start()
        one.close()
        one.close()
    assert len(Net.loads) == 1
    assert [model.users for model in networks.loaded()] == [()]


async def test_a_lease_may_be_started_again(lease: Lease) -> None:
    one = lease()
    for _ in range(2):
        await one.start()
        assert one.network is Net.loads[0]
        one.close()
        with pytest.raises(RuntimeError, match="part has not loaded its model yet: await start"):
            one.network  # noqa: B018


async def test_a_load_that_fails_fails_for_all_and_may_be_tried_again(lease: Lease, networks: Networks) -> None:
    Net.gate.clear()
    Net.failures = [RuntimeError("broken file")]
    one, other = lease(), lease()
    starts = asyncio.gather(one.start(), other.start(), return_exceptions=True)
    await asyncio.sleep(0)
    Net.gate.set()
    assert [str(error) for error in await starts] == ["broken file"] * 2
    assert len(Net.loads) == 1
    assert networks.loaded() == []
    await asyncio.gather(one.start(), other.start())
    assert one.network is other.network is Net.loads[1]


async def test_an_exit_while_loading_is_an_error_and_no_end(lease: Lease) -> None:
    Net.failures = [SystemExit(3)]
    with pytest.raises(RuntimeError, match=r"net\.onnx does not load: SystemExit"):
        await lease().start()


async def test_who_is_cancelled_stops_the_load_for_nobody(lease: Lease) -> None:
    Net.gate.clear()
    one, other = lease(), lease()
    first, second = asyncio.create_task(one.start()), asyncio.create_task(other.start())
    await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    Net.gate.set()
    await second
    assert len(Net.loads) == 1


async def test_a_lease_that_is_closed_while_it_loads_says_so(lease: Lease, networks: Networks) -> None:
    Net.gate.clear()
    one = lease()
    start = asyncio.create_task(one.start())
    await asyncio.sleep(0)
    one.close()
    Net.gate.set()
    with pytest.raises(RuntimeError, match="part was closed while it was loading"):
        await start
    assert [model.users for model in networks.loaded()] == [()]


async def test_what_is_loaded_is_listed(lease: Lease, networks: Networks, tmp_path: Path) -> None:
    one, other = lease("silero.VAD"), lease("smart_turn.TurnDetection")
    await asyncio.gather(one.start(), other.start())
    await one.run(lambda: 1)
    (model,) = networks.loaded()
    assert model.name == str(tmp_path / "net.onnx")
    assert model.size == len(b"weights")
    assert model.users == ("silero.VAD", "smart_turn.TurnDetection")
    assert model.load_seconds > 0
    assert model.worker.done == 1
    assert not model.gpu
    await lease(options="there", gpu=True).start()
    assert [model.gpu for model in networks.loaded()] == [False, True]


async def test_weights_in_use_are_not_let_go(lease: Lease, networks: Networks, tmp_path: Path) -> None:
    one = lease("silero.VAD")
    await one.start()
    name = str(tmp_path / "net.onnx")
    with pytest.raises(InUseError, match=r"net\.onnx is used by silero\.VAD\. Close what uses it"):
        networks.unload(name)
    assert networks.unload() == []
    assert await one.run(lambda: 1) == 1
    others = [lease("silero.VAD"), lease("smart_turn.TurnDetection")]
    await asyncio.gather(*(other.start() for other in others))
    with pytest.raises(InUseError, match=r"used by 2 silero\.VAD, smart_turn\.TurnDetection\. Close"):
        networks.unload(name)
    for each in (one, *others):
        each.close()
    assert [model.name for model in networks.unload(name)] == [name]
    assert networks.loaded() == []
    with pytest.raises(UnknownModelError, match="is not loaded in this process; nothing is"):
        networks.unload(name)
    await one.start()
    assert len(Net.loads) == 2


async def test_weights_are_not_let_go_while_they_load(lease: Lease, networks: Networks, tmp_path: Path) -> None:
    Net.gate.clear()
    start = asyncio.create_task(lease().start())
    await asyncio.sleep(0)
    with pytest.raises(InUseError):
        networks.unload(str(tmp_path / "net.onnx"))
    assert networks.unload() == networks.loaded() == []
    Net.gate.set()
    await start


async def test_a_lease_that_is_dropped_is_no_user(lease: Lease, networks: Networks) -> None:
    one = lease()
    await one.start()
    del one
    gc.collect()
    assert len(networks.unload()) == 1


async def test_closing_gives_up_what_has_not_begun(lease: Lease) -> None:
    begun, may_end = threading.Event(), threading.Event()

    def slow() -> str:
        begun.set()
        may_end.wait(PATIENCE)
        return "done"

    one, other = lease(), lease()
    await asyncio.gather(one.start(), other.start())
    running, waiting, others = one.run(slow), one.run(lambda: 1), other.run(lambda: 2)
    await asyncio.to_thread(begun.wait, PATIENCE)
    one.close()
    with pytest.raises(RuntimeError, match=r"part was closed before .*net\.onnx came to this"):
        await waiting
    may_end.set()
    assert await running == "done"
    assert await others == 2


@pytest.mark.usefixtures("quiet_death")
async def test_the_death_of_a_worker_reaches_fifty_sessions_and_ends_none(lease: Lease) -> None:
    leases = [lease() for _ in range(50)]
    await asyncio.gather(*(each.start() for each in leases))
    begun, may_end = threading.Event(), threading.Event()

    def dies() -> None:
        begun.set()
        may_end.wait(PATIENCE)
        raise SystemExit

    jobs = [leases[0].run(dies), *(each.run(lambda: 1) for each in leases[1:])]
    await asyncio.to_thread(begun.wait, PATIENCE)
    may_end.set()
    outcomes = await asyncio.gather(*jobs, return_exceptions=True)
    assert [type(error) for error in outcomes] == [WorkerError] * 50
    assert await asyncio.gather(*(each.run(lambda: 1) for each in leases)) == [1] * 50
    assert len(Net.loads) == 1


async def test_a_network_that_somebody_made_is_shared_by_object_and_then_forgotten(networks: Networks) -> None:
    network, twin = [1], [1]  # equal, and not the same
    leases = [NetworkLease(spec_of(each), "part", networks) for each in (network, network, twin)]
    await asyncio.gather(*(each.start() for each in leases))
    assert [each.network for each in leases] == [network, network, twin]
    assert sorted(model.users for model in networks.loaded()) == [("part",), ("part", "part")]
    leases[0].close()
    leases[2].close()
    assert [model.users for model in networks.loaded()] == [("part",)]
    leases[1].close()
    assert networks.loaded() == []


async def test_a_network_with_a_worker_of_its_own_is_asked_and_ended(networks: Networks, tmp_path: Path) -> None:
    class Own:
        closed = 0
        pid: int | None = 4321

        def stats(self) -> WorkerStats:
            return WorkerStats(queued=3, limit=8)

        def close(self) -> None:
            self.closed += 1

    own = Own()
    spec = NetworkSpec(lambda files: own, "own", files={})
    one = NetworkLease(spec, "llama.LLM", networks)
    await one.start()
    assert networks.loaded()[0].worker == WorkerStats(queued=3, limit=8)
    assert networks.processes() == [4321]
    own.pid = None
    assert networks.processes() == []
    one.close()
    assert own.closed == 0
    networks.unload("own")
    assert own.closed == 1


async def test_a_worker_of_its_own_need_not_tell_a_process(networks: Networks) -> None:
    class Documented:
        closed = 0

        def stats(self) -> WorkerStats:
            return WorkerStats(queued=3, limit=8)

        def close(self) -> None:
            self.closed += 1

    own = Documented()
    one = NetworkLease(NetworkSpec(lambda files: own, "own", files={}), "part", networks)
    await one.start()
    assert networks.loaded()[0].worker == WorkerStats(queued=3, limit=8)
    assert networks.processes() == []
    one.close()
    networks.unload("own")
    assert own.closed == 1


async def test_a_model_that_was_not_pulled_says_what_to_run(
    networks: Networks, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("VISION_AGENTS_MODELS", str(tmp_path))
    one = NetworkLease(NetworkSpec(Net, "smart-turn"), "part", networks)
    monkeypatch.setenv("VISION_AGENTS_FETCH", "no")
    for _ in range(2):
        with pytest.raises(MissingModelError, match="models pull smart-turn"):
            await one.start()
    assert Net.loads == []


async def test_a_model_that_is_not_here_is_fetched_by_who_needs_it_first(
    networks: Networks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pulled: list[tuple[str, threading.Thread]] = []

    def pull(self: ModelStore, name: str, progress: object) -> None:
        pulled.append((name, threading.current_thread()))
        folder = self.status()[list(self.catalogue).index(name)].folder
        folder.mkdir(parents=True)
        for file in self.catalogue[name].files:
            with (folder / file.name).open("wb") as sparse:
                sparse.truncate(file.size)

    monkeypatch.setenv("VISION_AGENTS_MODELS", str(tmp_path))
    monkeypatch.delenv("VISION_AGENTS_FETCH", raising=False)
    monkeypatch.setattr(ModelStore, "pull", pull)
    leases = [NetworkLease(NetworkSpec(Net, "smart-turn"), "part", networks) for _ in range(2)]
    await asyncio.gather(*(lease.start() for lease in leases))
    ((name, thread),) = pulled
    assert name == "smart-turn"
    assert thread is not threading.main_thread()  # the event loop goes on
    assert Net.loads[0].files["model"].is_file()


async def test_a_fetch_that_failed_is_tried_again_by_the_next(
    networks: Networks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VISION_AGENTS_MODELS", str(tmp_path))
    monkeypatch.setenv("VISION_AGENTS_MODELS_FROM", str(tmp_path / "nowhere"))
    monkeypatch.delenv("VISION_AGENTS_FETCH", raising=False)
    one = NetworkLease(NetworkSpec(Net, "smart-turn"), "part", networks)
    for _ in range(2):
        with pytest.raises(FetchError, match="There is no folder"):
            await one.start()
    assert Net.loads == []


async def test_two_stores_do_not_know_each_other(networks: Networks, tmp_path: Path) -> None:
    spec, second = NetworkSpec(Net, "net", files={"model": tmp_path / "net.onnx"}), Networks()
    leases = [NetworkLease(spec, "part", store) for store in (networks, second)]
    await asyncio.gather(*(each.start() for each in leases))
    assert len(Net.loads) == 2
    leases[0].close()
    networks.unload()
    assert [model.users for model in second.loaded()] == [("part",)]
    second.close()


def test_parts_tell_their_networks() -> None:
    class Part:
        networks = (NetworkSpec(Net, "a"), NetworkSpec(Net, "b", files={}))

    assert networks_of(Part(), object()) == Part.networks


def run_python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        timeout=180,
        env=os.environ.copy(),
    )


def test_the_core_imports_no_runtime() -> None:
    done = run_python(
        "import sys, vision_agents.core, vision_agents.core.models.onnx\n"
        "print([name for name in ('onnxruntime', 'piper', 'xllamacpp') if name in sys.modules])"
    )
    assert done.stdout.strip() == "[]", done.stderr


PREAMBLE = """
import asyncio, os, time
from vision_agents.core.models.networks import NetworkLease, NetworkSpec, loaded_models
class Net:
    pid = None
    def __init__(self, files): pass
    def stats(self): raise NotImplementedError
    def close(self): print("closed", flush=True)
async def main():
    global lease
    lease = NetworkLease(NetworkSpec(Net, "net", files={}), "part")
    await lease.start()
"""


def test_the_end_of_the_process_waits_for_what_runs_and_closes_networks() -> None:
    done = run_python(
        PREAMBLE
        + """
async def leave():
    await main()
    lease.run(lambda: (time.sleep(0.2), print("finished", flush=True)))
    lease.run(lambda: print("never", flush=True))
    await asyncio.sleep(0.1)
import atexit
atexit.register(print, "libraries", "end", flush=True)
asyncio.run(leave())
"""
    )
    assert done.stdout.split() == ["finished", "closed", "libraries", "end"]
    assert done.returncode == 0


def test_a_process_that_ends_while_it_loads_ends_well() -> None:
    done = run_python(
        PREAMBLE
        + """
import atexit, threading
begun = threading.Event()
def load(files):
    begun.set()
    time.sleep(0.3)
    print("loaded", flush=True)
async def leave():
    asyncio.ensure_future(NetworkLease(NetworkSpec(load, "net", files={}), "part").start())
    await asyncio.to_thread(begun.wait)
atexit.register(print, "end", flush=True)
asyncio.run(leave())
"""
    )
    assert done.stdout.split() == ["loaded", "end"]
    assert (done.returncode, done.stderr) == (0, "")


def test_a_process_that_ends_while_it_fetches_stops_that_and_begins_no_other() -> None:
    done = run_python(
        PREAMBLE
        + """
import threading
from vision_agents.core.models import FetchError, ModelStore
begun = threading.Event()
def pull(self, name, progress):
    print("fetching", flush=True)
    begun.set()
    try:
        for _ in range(3000):
            progress(name, 0, 1)
            time.sleep(0.01)
        print("fetched", flush=True)
    except FetchError:
        print("stopped", flush=True)
        raise
ModelStore.pull = pull
os.environ["VISION_AGENTS_MODELS"] = "nowhere"
os.environ.pop("VISION_AGENTS_FETCH", None)
async def leave():
    for model in ("smart-turn", "silero-vad"):
        asyncio.ensure_future(NetworkLease(NetworkSpec(Net, model), "part").start())
    await asyncio.to_thread(begun.wait)
asyncio.run(leave())
"""
    )
    assert done.stdout.split() == ["fetching", "stopped"], done.stderr
    assert done.returncode == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_process_has_the_networks_and_workers_of_its_own() -> None:
    done = run_python(
        PREAMBLE
        + """
async def use():
    return await lease.run(os.getpid)
asyncio.run(main())
assert asyncio.run(use()) == os.getpid()
child = os.fork()
if child == 0:
    assert asyncio.run(use()) == os.getpid()
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
"""
    )
    assert done.returncode == 0, done.stderr
