"""Reports in a real browser: their sound is played from wherever somebody presses."""

import os
from dataclasses import replace
from unittest.mock import patch

import pytest

from vision_agents.core.observability import player
from vision_agents.core.observability.folder import CallFolder
from vision_agents.lab.page import lab_page
from vision_agents.lab.result import LabResult

from ..lab.test_lab_results import CASES
from .devtools import chromium, find_chromium
from .stage import recorded_call
from .test_page import VIOLATIONS, axe

pytestmark = [
    pytest.mark.browser,
    # In CI a browser that is missing is a failure.
    pytest.mark.skipif(
        find_chromium() is None and "CI" not in os.environ, reason="no browser here; on Debian: apt install chromium"
    ),
]

AT = "document.querySelector('#sound').currentTime"
# Buttons of the talk that reach into what stands beside them.
OVERLAPS = """[...document.querySelectorAll('.talk button')].filter((button) => {
  const words = button.closest('.talk div').querySelector('b');
  return button.getBoundingClientRect().right > words.getBoundingClientRect().left;
}).map((button) => button.textContent)"""
PLAYS = "!document.querySelector('#sound').paused"


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    folder = recorded_call(tmp_path_factory.mktemp("call"))
    CallFolder(folder).write_report()
    return folder / "report.html"


async def test_everybody_can_use_the_pages_of_the_lab(tmp_path):
    page = tmp_path / "lab.html"
    page.write_text(lab_page(LabResult(CASES), sounds={"t3": "data:audio/ogg;base64,"}), encoding="utf-8")
    async with chromium() as browser:
        tab = await browser.tab()
        await tab.open(page.as_uri())
        await tab.run(axe())
        for dark in (False, True):
            await tab.screenshot(390, 900, dark=dark)
            assert await tab.run(VIOLATIONS) == []


# How far each table reaches beyond its card.
BEYOND = """[...document.querySelectorAll("main > .wide")].map((card) => card.scrollWidth - card.clientWidth)"""


async def test_the_tables_of_the_lab_fit_a_screen(tmp_path):
    page = tmp_path / "lab.html"
    by = ("words", "length", "loudness", "voice", "none", "echo")
    cases = [replace(case, id=f"{case.id}-{name}", decided_by=name) for case in CASES for name in by]
    page.write_text(lab_page(LabResult(cases)), encoding="utf-8")
    async with chromium() as browser:
        tab = await browser.tab()
        await tab.open(page.as_uri())
        await tab.screenshot(1280, 900)
        assert await tab.run(BEYOND) == [0, 0, 0], "of the goals, the decisions, and the times"


async def test_a_report_plays_from_any_point(report):
    async with chromium() as browser:
        tab = await browser.tab()
        await tab.open(report.as_uri())
        await tab.until("document.querySelector('#sound').readyState >= 1")
        assert await tab.run("document.querySelector('#sound').duration") == pytest.approx(17, abs=1)
        start = float(await tab.run("document.querySelector('.strip [data-play]').dataset.play"))
        assert start > 1.0
        await tab.run("document.querySelector('.strip [data-play]').click()")
        assert await tab.until(f"{PLAYS} && {AT} > {start} && {AT}") < start + 5
        await tab.until("document.querySelector('.strip .now').getAttribute('visibility') === 'visible'")
        # A click into the middle of the first line of the call.
        middle = await tab.run("""(() => {
          const line = document.querySelector('.rows svg[data-start]');
          const { left, top, width } = line.getBoundingClientRect();
          line.dispatchEvent(new MouseEvent('click', { clientX: left + width / 2, clientY: top + 9, bubbles: true }));
          return (Number(line.dataset.start) + Number(line.dataset.end)) / 2;
        })()""")
        assert await tab.until(f"Math.abs({AT} - {middle}) < 2 && {AT}")
        await tab.run("document.querySelector('#sound').pause()")
        await tab.run(axe())
        assert await tab.run(VIOLATIONS) == []
        for width in (390, 1280):
            await tab.screenshot(width, 900)
            assert await tab.run(OVERLAPS) == [], f"nothing stands on something else, {width} pixels wide"
        assert tab.console == []


@pytest.fixture
def silent_report(tmp_path):
    folder = recorded_call(tmp_path)
    with patch.object(player, "EMBEDDED", 1.0):
        CallFolder(folder).write_report()
    (folder / "call.wav").unlink()
    return folder / "report.html"


async def test_a_report_whose_recording_is_gone_says_where_to_put_it(silent_report):
    async with chromium() as browser:
        tab = await browser.tab()
        await tab.open(silent_report.as_uri())
        await tab.until("document.querySelector('.player span').textContent.includes('call.wav, beside this page')")
        await tab.run("document.querySelector('[data-play]').click()")
        assert [line for line in tab.console if "ERR_FILE_NOT_FOUND" not in line] == []
