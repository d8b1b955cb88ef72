"""What mkdocs does not know: pages and llms.txt, which stand beside docs/, in the repository's root and its folders."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from posixpath import normpath, relpath
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]

# Where pages of the repository stand in the site.
BESIDE = {"examples/README.md": "examples.md", "CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}

# The README is the way in of the repository; here that is another page.
ELSEWHERE = {"README.md": "quickstart.md"}

CELL = re.compile(r"<td[^>]*>.*?</td>", re.DOTALL)
CODE = re.compile(r"(?<=<code>)[^<]*(?=</code>)")

# Where code in a cell may go on in the next line, so that no table is wider than it has to be. Endings stay with names.
JOINT = re.compile(r"(?<=[\w}][.(=/])(?=[\w{]\w{2})")

# The sheet makes paragraphs of their rows where there is no room for columns.
PARAMETERS = re.compile(r"<table>(\s*<thead>\s*<tr>\s*<th>parameter</th>)")
LINK = re.compile(r"\]\((?P<path>[^)\s:#]+)(?P<anchor>#[^)\s]*)?\)")

# Pictures that are there in both colours; the theme shows the one of its own.
PICTURE = re.compile(r"!\[(?P<says>[^\]]*)\]\((?P<file>[^)\s]+)-light\.png\)")


def on_files(files: Files, config: Any) -> Files:
    """Add them."""
    for source, target in BESIDE.items():
        files.append(File.generated(config, target, content=(ROOT / source).read_text()))
    files.append(File.generated(config, "llms.txt", content=LINK.sub(_of_the_site, (ROOT / "llms.txt").read_text())))
    return files


def _of_the_site(link: re.Match[str]) -> str:
    place = BESIDE.get(link["path"]) or link["path"].removeprefix("docs/")
    return f"]({place.removesuffix('.md')}.html{link['anchor'] or ''})"


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Make links between files of the repository links between pages of the site."""
    name = page.file.src_uri
    source = next((path for path, target in BESIDE.items() if target == name), f"docs/{name}")

    def moved(link: re.Match[str]) -> str:
        target = normpath(str(PurePosixPath(source).parent / link["path"]))
        place = BESIDE.get(target) or ELSEWHERE.get(target) or target.removeprefix("docs/")
        return f"]({relpath(place, str(PurePosixPath(name).parent))}{link['anchor'] or ''})"

    both = PICTURE.sub(r"![\g<says>](\g<file>-light.png#only-light)![\g<says>](\g<file>-dark.png#only-dark)", markdown)
    return LINK.sub(moved, both)


def on_page_content(html: str, **_: Any) -> str:
    """Let tables be read as they were meant."""
    return PARAMETERS.sub(r"<table data-parameters>\1", CELL.sub(_cell, html))


def _cell(cell: re.Match[str]) -> str:
    # Where a bar stands in code, Markdown for the site leaves the backslash before it.
    return CODE.sub(lambda code: JOINT.sub("<wbr>", code[0]), cell[0].replace("\\|", "|"))
