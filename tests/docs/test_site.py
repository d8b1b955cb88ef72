"""The site that mkdocs makes of docs/: it builds strictly, has every page and public name, and fetches nothing."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from importlib import import_module
from pathlib import Path

import pytest

from ..e2e.devtools import chromium, find_chromium

ROOT = Path(__file__).parents[2]

# What is public, and stands in the reference.
PUBLIC = ("vision_agents.core", "vision_agents.core.agents", "vision_agents.core.turn_detection")

# What makes a browser fetch something.
FETCHING = {("script", "src"), ("img", "src"), ("link", "href"), ("iframe", "src"), ("source", "src"), ("use", "href")}
HARMLESS = {"canonical", "prev", "next", "edit"}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built strictly."""
    place = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(place)]
    surroundings = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=surroundings, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return place


class Fetches(HTMLParser):
    """The addresses that a page fetches by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if values.get("rel") not in HARMLESS:
            self.found += [values[name] or "" for other, name in FETCHING if other == tag and name in values]


def test_nothing_is_fetched_from_elsewhere(site: Path) -> None:
    pages = [*site.rglob("*.html")]
    assert len(pages) > 20
    for page in pages:
        fetches = Fetches()
        fetches.feed(page.read_text())
        assert fetches.found
        assert [address for address in fetches.found if "//" in address] == [], page.name
    for sheet in site.rglob("*.css"):
        assert not re.search(r"url\([\"']?(https?:)?//", sheet.read_text()), sheet.name


def test_pictures_have_the_colours_of_the_theme(site: Path) -> None:
    for page, name in (("quickstart", "report"), ("page", "page")):
        fetches = Fetches()
        fetches.feed((site / f"{page}.html").read_text())
        shown = {f"assets/{name}-{colour}.png#only-{colour}" for colour in ("light", "dark")}
        assert shown <= set(fetches.found)
        assert all((site / address.partition("#")[0]).is_file() for address in shown)


def test_every_page_is_in_the_navigation(site: Path) -> None:
    home = (site / "index.html").read_text()
    names = [str(page.relative_to(ROOT / "docs")) for page in (ROOT / "docs").rglob("*.md")]
    assert [name for name in names if name != "README.md" and f'href="{name[:-3]}.html"' not in home] == []


def test_a_bar_in_a_table_has_no_backslash(site: Path) -> None:
    pages = [page.read_text() for page in site.rglob("*.html")]
    assert any("<code>int | None</code>" in page for page in pages)
    assert not any(re.search(r"<td[^>]*>[^<]*(<code>)?[^<]*\\\|", page) for page in pages)


@pytest.mark.parametrize("package", PUBLIC)
def test_every_public_name_is_in_the_reference(site: Path, package: str) -> None:
    reference = "".join(page.read_text() for page in (site / "api").glob("*.html"))
    names = import_module(package).__all__
    assert [name for name in names if not re.search(rf'id="vision_agents\.[\w.]*\b{name}"', reference)] == []


def test_the_list_for_programs_leads_to_pages(site: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)", (site / "llms.txt").read_text())
    assert len(links) > 20
    assert [link for link in links if not (site / link).exists()] == []


# What is wider than its box.
WIDE = """[...document.querySelectorAll('.md-typeset__scrollwrap, .md-typeset table')]
  .filter((box) => box.scrollWidth > box.clientWidth + 1).map((box) => box.textContent.trim().slice(0, 60))"""


@pytest.mark.browser
@pytest.mark.patient
@pytest.mark.skipif(
    find_chromium() is None and "CI" not in os.environ, reason="no browser here; on Debian: apt install chromium"
)
async def test_every_page_fits_its_window_and_every_table_a_wide_one(site: Path) -> None:
    async with chromium() as browser:
        tab = await browser.tab()
        for page in sorted(site.rglob("*.html")):
            await tab.open(page.as_uri())
            for width in (390, 1280):
                await tab.screenshot(width, 900)
                assert await tab.run("document.documentElement.scrollWidth") <= width, page.name
            assert await tab.run(WIDE) == [], page.name
