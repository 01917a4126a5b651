"""The documents as they lie in the tree: links lead somewhere, what is shown twice is the same.

`tox -e docs` builds the site of them, and checks its links and anchors.
"""

import re
from pathlib import Path

import pytest

from tests.frontdoor.command import CHECKOUT

DOCS = CHECKOUT / "docs"
PAGES = [*sorted(DOCS.rglob("*.md")), *(CHECKOUT / name for name in ("README.md", "CONTRIBUTING.md"))]
LINK = re.compile(r"\]\((?!https?:)([^)#\s]+)")
FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(CHECKOUT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    links = LINK.findall(FENCED.sub("", page.read_text(encoding="utf-8")))
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_first_page_has_a_link_to_every_other() -> None:
    first = DOCS / "index.md"
    linked = {(DOCS / link).resolve() for link in LINK.findall(first.read_text(encoding="utf-8"))}
    assert [page for page in DOCS.rglob("*.md") if page.resolve() not in linked | {first.resolve()}] == []


def test_the_tutorial_shows_the_example_that_its_command_runs() -> None:
    text = (DOCS / "tutorial" / "marks.md").read_text(encoding="utf-8")
    [named] = re.findall(r"^    pytest (\S+)$", text, re.MULTILINE)
    assert f"```python\n{(CHECKOUT / named).read_text()}```" in text


def test_the_recording_is_of_a_run_and_loads_nothing() -> None:
    picture = (DOCS / "recording.svg").read_text(encoding="utf-8").replace("&#160;", " ")
    assert ">VIOLATED<" in picture
    assert "BUG: kstress: " in picture
    assert re.findall(r"url\(\W*http|href=|@import", picture) == []
