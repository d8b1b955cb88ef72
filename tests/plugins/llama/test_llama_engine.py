import threading
from pathlib import Path

import pytest

from vision_agents.core.models import loaded_models, unload
from vision_agents.core.models.networks import NetworkLease, NetworkSpec, OwnWorker, worker_processes
from vision_agents.plugins.llama.engine import Engine, EngineOptions, check_model
from vision_agents.plugins.llama.process import LlamaError

from .stand_in import Asked, stand_in, starts


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return stand_in(tmp_path, monkeypatch)


def test_after_a_crash_one_process_is_started_for_all_who_ask(model: Path) -> None:
    engine = Engine(model, EngineOptions())
    Asked(engine.running(), die="bad luck").end()
    assert engine.process is None
    found = []
    threads = [threading.Thread(target=lambda: found.append(engine.running())) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 5
    assert set(found) == {engine.process}
    assert starts(model) == 2
    assert engine.stats().replaced == 1
    assert engine.stats().failed == 1
    engine.close()


def test_a_closed_engine_does_not_start_again(model: Path) -> None:
    engine = Engine(model, EngineOptions())
    engine.running()
    engine.close()
    engine.close()
    with pytest.raises(LlamaError, match="unloaded"):
        engine.running()
    assert starts(model) == 1


def test_a_failed_load_is_tried_again(model: Path) -> None:
    engine = Engine(model, EngineOptions())
    model.rename(away := model.with_name("away"))
    with pytest.raises(FileNotFoundError):
        engine.running()
    away.rename(model)
    engine.running()
    engine.close()


async def test_it_is_listed_shared_and_let_go_like_all_networks(model: Path) -> None:
    spec = NetworkSpec(EngineOptions(context=512), "smollm2-135m", {"model": model})
    leases = [NetworkLease(spec, "llama.LLM") for _ in range(3)]
    for lease in leases:
        await lease.start()
    engine = leases[0].network
    assert isinstance(engine, OwnWorker)
    assert {id(lease.network) for lease in leases} == {id(engine)}
    Asked(engine.running(), say=["x"]).end()
    listed = next(entry for entry in loaded_models() if entry.name == str(model))
    assert listed.users == 3 * ("llama.LLM",)
    assert listed.worker.done == 1
    for lease in leases:
        lease.close()
    process = engine.running()
    assert process.pid in worker_processes()
    unload(str(model))
    assert process._process.returncode is not None
    assert (engine.pid, process.pid in worker_processes()) == (None, False)
    assert starts(model) == 1


def test_a_file_that_is_no_model_is_refused_before_it_reaches_native_code(tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    with pytest.raises(FileNotFoundError, match=r"there is no model .*model\.gguf"):
        check_model(path)
    for content in (b"", b"GGU", b"<!DOCTYPE html>", b"\0" * 100):
        path.write_bytes(content)
        with pytest.raises(LlamaError, match="is no GGUF file"):
            check_model(path)
    path.write_bytes(b"GGUF\x03")
    check_model(path)
    with pytest.raises(LlamaError, match="cannot read"):
        check_model(tmp_path)


def test_without_xllamacpp_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vision_agents.plugins.llama.engine.find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r'pip install "interruptible-agents\[llama\]"'):
        Engine(Path("any.gguf"), EngineOptions())
