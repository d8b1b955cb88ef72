"""`vision-agents serve`: what keeps it from starting. What it serves has its tests in `tests/serving`."""

from __future__ import annotations

import pytest

from vision_agents.cli.main import main


def test_a_number_of_hosts_without_ray_is_an_error_and_not_ignored(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", "--hosts", "4"]) == 2
    assert "--hosts is the number of processes under Ray: give --ray" in capsys.readouterr().err
