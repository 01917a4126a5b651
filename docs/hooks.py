"""What the site has besides docs/: pages from other places in the tree, the Python reference, links that lead there.

In the tree a document links to what it means, wherever that lies. On the site such a link leads to the page made of it,
and is plain text where there is none. MkDocs calls the functions `on_...`.
"""

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

import stress

TREE = Path(__file__).parents[1]
ELSEWHERE = {
    "scenarios/README.md": "catalogue.md",
    "results/README.md": "formats.md",
    "results/protocols/README.md": "side_by_side.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "README.md": "index.md",
}
"""Documents that lie elsewhere, by their path in the tree, and their pages; the README's page is one of its own."""
FENCED = re.compile(r"^(```.*?^```)", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?<!!)\[([^\]]+)\]\((?!https?:)([^)#\s]+)(#[^)]*)?\)")


def scenario_pages() -> Iterator[tuple[str, str]]:
    """A page for each scenario: its source."""
    for path in sorted((TREE / "scenarios").rglob("*.py")):
        name, source = path.relative_to(TREE).with_suffix(".md").as_posix(), path.read_text(encoding="utf-8")
        yield name, f"# {path.stem}\n\n```python\n{source}```\n"


def made_pages() -> Iterator[tuple[str, str]]:
    """Every page that does not lie in docs/: its name, and its text."""
    for source, name in ELSEWHERE.items():
        if name != "index.md":
            yield name, (TREE / source).read_text(encoding="utf-8")
    yield from scenario_pages()
    names = "".join(f"\n::: stress.{name}\n" for name in stress.__all__)
    yield "reference/api.md", f"# Python\n\nEverything that `stress` exports. Import it from there.\n{names}"


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages from elsewhere."""
    for name, text in made_pages():
        files.append(File.generated(config, name, content=text))
    return files


def origin(page: str) -> str:
    """Where a page's document lies in the tree, which its links start from."""
    sources = {name: source for source, name in ELSEWHERE.items() if name != "index.md"}
    return sources.get(page, f"docs/{page}")


def target(place: str) -> str | None:
    """The page made of what lies at a place in the tree; None if there is none."""
    if place.startswith("scenarios/") and place.endswith(".py"):
        return f"{place.removesuffix('.py')}.md"
    if place.startswith("docs/"):
        return place.removeprefix("docs/")
    return ELSEWHERE.get(place)


def relinked(link: re.Match[str], page: str) -> str:
    """A link of a document as its page has it."""
    text, path, anchor = link[1], link[2], link[3] or ""
    place = posixpath.normpath(posixpath.join(posixpath.dirname(origin(page)), path))
    there = target(place)
    if there is None:
        return text if text.startswith("`") else f"`{text}`"
    return f"[{text}]({posixpath.relpath(there, posixpath.dirname(page) or '.')}{anchor})"


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn a document's links into those of its page; code is left as it is."""
    parts = FENCED.split(markdown)
    uri = page.file.src_uri
    return "".join(
        part if part.startswith("```") else LINK.sub(lambda link: relinked(link, uri), part) for part in parts
    )
