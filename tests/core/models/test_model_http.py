"""Downloads over HTTP: whatever the connection does, the right bytes arrive or the error says why."""

import hashlib
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vision_agents.core.models import FetchError, ModelError, ModelStore, WrongHashError
from vision_agents.core.models.http import TRIES, download, shown

from .made_up_models import CONTENTS, Answer, LoopbackServer, leftovers

EARS = CONTENTS["ears.onnx"]
SIZE = len(EARS)


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that would have been made, in seconds."""
    made: list[float] = []
    monkeypatch.setattr("vision_agents.core.models.http.sleep", made.append)
    return made


def get(url: str, part: Path) -> None:
    download(url, part, SIZE, lambda _: None)


@pytest.fixture
def url(server: LoopbackServer) -> str:
    return f"{server.serve_model_files()}/ears.onnx"


@pytest.fixture
def part(tmp_path: Path) -> Path:
    return tmp_path / "ears.onnx.part"


class TestResuming:
    def test_a_cut_connection_goes_on_where_it_ended(self, server: LoopbackServer, url: str, part: Path) -> None:
        server.plan.extend([Answer(cut=1000), Answer(cut=500)])
        get(url, part)
        assert part.read_bytes() == EARS
        assert [request.range for request in server.requests] == [None, "bytes=1000-", "bytes=1500-"]

    def test_a_part_of_an_earlier_run_is_continued(self, server: LoopbackServer, url: str, part: Path) -> None:
        part.write_bytes(EARS[:123_456])
        get(url, part)
        assert part.read_bytes() == EARS
        assert [request.range for request in server.requests] == ["bytes=123456-"]

    def test_a_finished_part_asks_nothing(self, server: LoopbackServer, url: str, part: Path) -> None:
        part.write_bytes(EARS)
        get(url, part)
        assert server.requests == []

    def test_a_server_without_ranges_begins_again(self, server: LoopbackServer, url: str, part: Path) -> None:
        part.write_bytes(b"?" * 1000)
        server.plan.append(Answer(ranges=False))
        get(url, part)
        assert part.read_bytes() == EARS

    def test_a_part_that_is_too_long_is_dropped(self, url: str, part: Path) -> None:
        part.write_bytes(EARS + b"more")
        get(url, part)
        assert part.read_bytes() == EARS

    def test_another_range_than_asked_for_is_refused(self, server: LoopbackServer, url: str, part: Path) -> None:
        part.write_bytes(EARS[:1000])
        server.plan.append(Answer(headers={"Content-Range": f"bytes 7-{SIZE - 1}/{SIZE}"}))
        get(url, part)
        assert part.read_bytes() == EARS
        assert [request.range for request in server.requests] == ["bytes=1000-"] * 2

    def test_a_part_that_the_server_cannot_continue_is_begun_again(
        self, server: LoopbackServer, url: str, part: Path
    ) -> None:
        part.write_bytes(EARS[:1000])
        server.plan.append(Answer(status=416))
        get(url, part)
        assert part.read_bytes() == EARS
        assert [request.range for request in server.requests] == ["bytes=1000-", None]

    @settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        begun=st.integers(0, SIZE + 10),
        plan=st.lists(
            st.builds(
                Answer,
                status=st.sampled_from([200, 200, 200, 408, 429, 500, 503]),
                cut=st.none() | st.integers(0, SIZE),
                ranges=st.booleans(),
                chunked=st.booleans(),
            ),
            max_size=8,
        ),
    )
    def test_any_weather_ends_in_the_bytes_or_an_error(
        self, server: LoopbackServer, begun: int, plan: list[Answer]
    ) -> None:
        """Never in other bytes, and never in a try without end; once the weather clears, the next run succeeds."""
        url = f"{server.serve_model_files()}/ears.onnx"
        server.plan.clear()
        server.plan.extend(plan)
        with tempfile.TemporaryDirectory() as folder:
            part = Path(folder, "part")
            part.write_bytes((EARS + b"0123456789")[:begun])
            try:
                get(url, part)
            except FetchError:
                assert EARS.startswith(part.read_bytes())
                server.plan.clear()
                get(url, part)
            assert part.read_bytes() == EARS


class TestFailures:
    def test_gives_up_after_tries_that_bring_nothing(
        self, server: LoopbackServer, url: str, part: Path, pauses: list[float]
    ) -> None:
        server.plan.extend([Answer(cut=1000)] + [Answer(cut=0)] * 9)
        with pytest.raises(FetchError, match=rf"1000 of {SIZE} bytes.*pull again: it goes on from there"):
            get(url, part)
        assert part.read_bytes() == EARS[:1000]
        assert len(server.requests) == 1 + TRIES
        assert pauses == [0.5, 1.0, 2.0]

    def test_a_server_that_always_begins_again_is_given_up(self, server: LoopbackServer, url: str, part: Path) -> None:
        """Growing and shrinking by turns is no progress."""
        server.plan.extend([Answer(cut=cut, ranges=False) for cut in (2000, 1000) * 50])
        with pytest.raises(FetchError, match="the connection ended after"):
            get(url, part)
        assert len(server.requests) == 1 + TRIES

    @pytest.mark.parametrize("status", [500, 502, 503, 429])
    def test_a_passing_error_is_tried_again(self, server: LoopbackServer, url: str, part: Path, status: int) -> None:
        server.plan.append(Answer(status=status))
        get(url, part)
        assert part.read_bytes() == EARS

    def test_a_lasting_server_error(self, server: LoopbackServer, url: str, part: Path) -> None:
        server.plan.extend([Answer(status=503)] * TRIES)
        with pytest.raises(FetchError, match=r"answered 503.*Check the network and the address"):
            get(url, part)

    @pytest.mark.parametrize("status", [401, 403, 404, 410])
    def test_a_refusal_is_not_tried_again(self, server: LoopbackServer, url: str, part: Path, status: int) -> None:
        server.plan.append(Answer(status=status))
        with pytest.raises(FetchError, match=rf"answered {status}.*Check the address"):
            get(url, part)
        assert len(server.requests) == 1

    def test_no_network(self, server: LoopbackServer, url: str, part: Path) -> None:
        server.close()
        with pytest.raises(FetchError, match=r"refused.*Check the network"):
            get(url, part)

    def test_a_server_that_says_nothing(
        self, server: LoopbackServer, url: str, part: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("vision_agents.core.models.http.TIMEOUT", 0.05)
        server.plan.extend([Answer(hold=True)] * TRIES)
        with pytest.raises(FetchError, match="timed out"):
            get(url, part)

    @pytest.mark.parametrize(
        ("content", "answer", "begun"),
        [
            (EARS + b"and more", Answer(), 0),
            (EARS + b"and more", Answer(), 1000),
            (EARS + b"and more", Answer(chunked=True), 0),
            (EARS[:-1], Answer(), 0),
            (EARS[:-1], Answer(), 1000),
        ],
    )
    def test_a_file_of_another_size(
        self, server: LoopbackServer, url: str, part: Path, content: bytes, answer: Answer, begun: int
    ) -> None:
        part.write_bytes(EARS[:begun])
        server.files["/hub/ears.onnx"] = content
        server.plan.append(answer)
        with pytest.raises(FetchError, match=rf"but {SIZE} are pinned.*--from"):
            get(url, part)
        assert len(server.requests) == 1

    def test_it_can_be_ended_between_two_tries(self, server: LoopbackServer, url: str, part: Path) -> None:
        def stopped(_: int) -> None:
            if server.requests:
                raise KeyboardInterrupt

        server.plan.extend([Answer(status=503)] * 9)
        with pytest.raises(KeyboardInterrupt):
            download(url, part, SIZE, stopped)
        assert len(server.requests) == 1

    def test_an_address_that_is_none(self, part: Path) -> None:
        with pytest.raises(FetchError, match="Check the network and the address"):
            get("http://..:80/ears.onnx", part)


class TestStoreFromAServer:
    def test_ctrl_c_keeps_what_came(self, store: ModelStore, server: LoopbackServer) -> None:
        hub = server.serve_model_files()
        server.plan.append(Answer(cut=100_000))

        def interrupted(_: str, done: int, __: int) -> None:
            if done == 100_000:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            store.pull("ears", progress=interrupted, source=hub)
        assert leftovers(store) == {"ears.onnx.part"}
        store.pull("ears", source=hub)
        assert server.requests[-1].range == "bytes=100000-"
        assert store.files("ears")["model"].read_bytes() == EARS
        assert leftovers(store) == set()

    def test_a_wrong_file_is_removed_and_both_hashes_told(self, store: ModelStore, server: LoopbackServer) -> None:
        hub = server.serve_model_files()
        wrong = EARS[::-1]
        server.files["/hub/ears.onnx"] = wrong
        with pytest.raises(WrongHashError) as caught:
            store.pull("ears", source=hub)
        for content in (wrong, EARS):
            assert hashlib.sha256(content).hexdigest() in str(caught.value)
        assert "removed. Pull again" in str(caught.value)
        assert leftovers(store) == set()
        server.serve_model_files()
        assert store.pull("ears", source=hub) == ["ears"]

    def test_a_part_from_another_source_is_cleared_away(
        self, store: ModelStore, server: LoopbackServer, wheels: Path
    ) -> None:
        server.plan.extend([Answer(cut=1000)] + [Answer(status=503)] * TRIES)
        with pytest.raises(FetchError):
            store.pull("ears", source=server.serve_model_files())
        store.pull("ears", source=str(wheels))
        assert leftovers(store) == set()

    def test_a_pattern_is_filled_in(self, store: ModelStore, server: LoopbackServer) -> None:
        server.files["/ears/v1.2/ears.onnx"] = EARS
        store.pull("ears", source=f"{server.url}/{{model}}/v{{version}}/{{file}}?key=hidden")
        assert [request.path for request in server.requests] == ["/ears/v1.2/ears.onnx?key=hidden"]

    def test_credentials_go_to_that_server_only_and_into_no_message(
        self, store: ModelStore, server: LoopbackServer
    ) -> None:
        address = server.serve_model_files().replace("://", "://me:s%40cret@")
        server.plan.append(Answer(status=302, headers={"Location": f"{server.url}/hub/ears.onnx"}))
        store.pull("ears", source=address)
        assert [request.authorization for request in server.requests] == ["Basic bWU6c0BjcmV0", None]
        server.files.clear()
        with pytest.raises(FetchError) as caught:
            store.pull("mouth", source=address + "/{file}?token=hidden")
        assert "/hub/mouth.onnx" in str(caught.value)
        assert "cret" not in str(caught.value)
        assert "hidden" not in str(caught.value)

    @pytest.mark.parametrize("where", ["ftp://host/models", "http://", "https://host:port/", "http://[::1"])
    def test_an_address_of_another_kind(self, store: ModelStore, where: str) -> None:
        with pytest.raises(ModelError, match="Give --from a folder, or an address"):
            store.pull("ears", source=where)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("http://host/path", "http://host/path"),
        ("at https://u:p@ss@host:8/a?t=1#f now", "at https://host:8/a now"),
        ("no address: a@b?", "no address: a@b?"),
    ],
)
def test_shown_hides_secrets(text: str, expected: str) -> None:
    assert shown(text) == expected
