"""The page about functions: its example runs and prints what the page says."""

import re
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).parents[3] / "docs" / "tools.md"


def test_the_example_prints_what_the_page_says() -> None:
    *_, example = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    [expected] = re.findall(r"It prints:\n\n```\n(.*?)```", PAGE.read_text(), re.DOTALL)
    run = subprocess.run([sys.executable, "-c", example], capture_output=True, text=True, timeout=180)
    assert run.returncode == 0, run.stderr
    # How far the last sentence comes depends on the machine's clock.
    assert run.stdout.splitlines()[:-1] == expected.splitlines()[:-1]
    assert run.stdout.splitlines()[-1].startswith("assistant: Your table")
