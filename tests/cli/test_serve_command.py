"""`vision-agents serve`: what keeps it from starting. What it serves has its tests in `tests/serving`."""

from __future__ import annotations

from pathlib import Path

import pytest

from vision_agents.cli import serve
from vision_agents.cli.arguments import origin
from vision_agents.cli.main import main
from vision_agents.serving import ServeOptions


def test_a_number_of_hosts_without_ray_is_an_error_and_not_ignored(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", "--hosts", "4"]) == 2
    assert "--hosts is the number of processes under Ray: give --ray" in capsys.readouterr().err


@pytest.mark.parametrize(
    "site",
    [
        "shop",
        "shop.example",
        "https://shop.example/",
        "https://",
        "https://[x",
        "https://shop.example:99999",
        "https://me@shop.example",
    ],
)
def test_what_browsers_would_never_say_is_no_origin(site: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["serve", "--cors", site])
    assert "is no origin: write it as browsers do" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("https://Shop.example:443", "https://shop.example"),
        ("HTTP://shop.example:80", "http://shop.example"),
        ("https://shop.example:8443", "https://shop.example:8443"),
        ("http://shop.example:443", "http://shop.example:443"),
        ("https://[::1]:443", "https://[::1]"),
        ("capacitor://localhost", "capacitor://localhost"),
        ("*", "*"),
    ],
)
def test_an_origin_is_what_browsers_send(written: str, sent: str) -> None:
    assert origin(written) == sent
    assert list(ServeOptions(secret="", cors_allow_origins=[written]).cors_allow_origins) == [sent]


def test_a_folder_for_traces_that_cannot_be_made_is_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    assert main(["serve", "--traces", str(tmp_path / "file")]) == 2
    assert capsys.readouterr().err == (
        f"vision-agents: error: the folder {tmp_path / 'file'} cannot be made: File exists; choose another\n"
    )


@pytest.mark.parametrize(
    "words", [["--expires", "soon"], ["--expires", "0"], ["--call", ""], ["--call", "a/b"], ["--call", ".x"]]
)
def test_a_token_for_no_time_or_no_call_is_refused(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("VISION_AGENTS_SECRET", "s" * 32)
    try:
        status = main(["token", "--call", "x", *words])
    except SystemExit as exit_:
        status = exit_.code
    assert status == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "number of seconds" in shown.err or "give --call its id" in shown.err


@pytest.mark.parametrize(("more", "there"), [([], True), (["--ray"], True), (["--address", "head:6379"], False)])
def test_the_folder_for_traces_is_made_where_they_are_written(
    more: list[str], there: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[object] = []

    class Program:
        options = ServeOptions(secret="")

        def serve(self, *_: object, **__: object) -> None:
            """It has been."""

    def load(*with_: object) -> Program:
        given.append(with_[2])
        return Program()

    monkeypatch.setattr(serve, "load_runner", load)
    monkeypatch.setattr(serve, "fetch_models", lambda _: None)
    monkeypatch.setattr(serve, "_serve_on_ray", lambda *_: None)
    assert main(["serve", "mine:agent", "--traces", str(tmp_path / "traces"), *more]) == 0
    assert ((tmp_path / "traces").is_dir(), given) == (there, [{"traces": tmp_path / "traces"}])


def test_the_longest_lifetime_is_written_out(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["token", "--call", "x", "--expires", "9999999999"])
    assert "9999999999 is not a number of seconds from 1 to 315360000\n" in capsys.readouterr().err
