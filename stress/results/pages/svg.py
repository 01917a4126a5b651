"""Makes matplotlib's SVG fit to stand in a page: only shapes and text are kept, nothing that could act or be loaded.

Styles become attributes, so that the page needs no inline style and can give each colour another one in the dark; ids
become unique in the page; numbers lose the digits that nobody sees.
"""

import re
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

SVG = "{http://www.w3.org/2000/svg}"
XLINK = "{http://www.w3.org/1999/xlink}href"
KEPT = {
    "svg": {"viewBox"},
    "g": set[str](),
    "defs": set[str](),
    "path": {"id", "d"},
    "use": {"href", "x", "y"},
    "text": {"x", "y", "transform"},
}
STYLES = {
    "fill", "fill-opacity", "stroke", "stroke-width", "stroke-opacity", "stroke-dasharray", "stroke-linecap",
    "stroke-linejoin", "opacity", "text-anchor",
}  # fmt: skip
_NUMBER = re.compile(r"-?\d+\.\d+")
_SIZE = re.compile(r"(\d+(?:\.\d+)?)px")
DIGITS = 1


def embed(text: str, number: int, name: str, words: str | None = None) -> str:
    """A drawing by matplotlib as an element of a page; `number` is its own in the page, `name` what it shows.

    `words` are read out in place of the name, which a mouse shows.
    """
    root = ElementTree.fromstring(text)
    ids: dict[str, str] = {}
    for element in root.iter():
        if identity := element.get("id"):
            ids[identity] = f"p{number}-{len(ids)}"
    drawing = _kept(root, ids)
    drawing.set("role", "img")
    drawing.set("class", "plot")
    if words is not None:
        drawing.set("aria-label", words)
    title = Element("title")
    title.text = name
    drawing.insert(0, title)
    return ElementTree.tostring(drawing, encoding="unicode")


def _kept(element: Element, ids: dict[str, str]) -> Element:
    """An element without whatever is not wanted of it."""
    tag = element.tag.removeprefix(SVG)
    new = Element(tag, _attributes(element, KEPT[tag], ids))
    if tag == "text":
        new.text = element.text
    children = [_kept(child, ids) for child in element if child.tag.removeprefix(SVG) in KEPT]
    new.extend(child for child in children if len(child) or child.tag not in ("g", "defs"))
    _hoist(new)
    return new


def _attributes(element: Element, wanted: set[str], ids: dict[str, str]) -> dict[str, str]:
    """The attributes that are wanted, and the styles."""
    given = {("href" if name == XLINK else name): value for name, value in element.attrib.items()}
    kept = {name: _shorter(value) for name, value in given.items() if name in wanted}
    if "id" in kept:
        kept["id"] = ids[given["id"]]
    if "href" in kept:
        kept["href"] = "#" + ids[given["href"].removeprefix("#")]
    return {**kept, **_styles(given.get("style", ""))}


def _styles(style: str) -> dict[str, str]:
    """The styles that an attribute can say too; of a font its size only."""
    pairs = [(name.strip(), value.strip()) for name, _, value in (one.partition(":") for one in style.split(";"))]
    styles = {name: _shorter(value) for name, value in pairs if name in STYLES}
    for name, value in pairs:
        if name in ("font", "font-size") and (size := _SIZE.search(value)):
            styles["font-size"] = size[1]
    return styles


def _hoist(group: Element) -> None:
    """What all marks of a group have alike is said once."""
    marks = [child for child in group if child.tag == "use"]
    if len(marks) < 2 or len(marks) != sum(child.tag != "defs" for child in group):
        return
    alike = {
        name: value
        for name, value in marks[0].attrib.items()
        if name not in KEPT["use"] and all(mark.get(name) == value for mark in marks)
    }
    for name, value in alike.items():
        group.set(name, value)
        for mark in marks:
            del mark.attrib[name]


def _shorter(text: str) -> str:
    """The same with numbers of few digits, on one line."""
    rounded = _NUMBER.sub(lambda match: f"{float(match[0]):.{DIGITS}f}".removesuffix(".0"), text)
    return " ".join(rounded.split())
