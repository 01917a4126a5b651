"""A comparison as a JUnit file, which CI systems show: a test case for each cell, a failure for each regression."""

from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from stress.results.compare.comparison import Cell, Comparison, Standing
from stress.results.compare.wording import answer, line, why_untested
from stress.safe_text import shown

SUITE = "kstress compare"
HEAD = '<?xml version="1.0" encoding="utf-8"?>\n'
KINDS = {"failure": "failures", "error": "errors", "skipped": "skipped"}
"""What may be in a test case, and what its count is called."""


def junit_xml(comparison: Comparison) -> str:
    """The document. No name in it has control characters, so that it is XML whatever the runs were called."""
    cases = [_case(cell, comparison.needed) for cell in comparison.cells]
    counts = {
        "tests": str(len(cases)),
        **{plural: str(sum(case.find(tag) is not None for case in cases)) for tag, plural in KINDS.items()},
    }
    root = Element("testsuites", name=SUITE, attrib=counts)
    suite = SubElement(root, "testsuite", name=SUITE, attrib=counts)
    _properties(suite, {"a": comparison.a.name, "b": comparison.b.name, "answer": answer(comparison)})
    suite.extend(cases)
    ElementTree.indent(root)
    return f"{HEAD}{ElementTree.tostring(root, encoding='unicode')}\n"


def _properties(parent: Element, values: dict[str, str]) -> None:
    """Names with values."""
    properties = SubElement(parent, "properties")
    for name, value in values.items():
        SubElement(properties, "property", name=name, value=shown(value))


def _case(cell: Cell, needed: int) -> Element:
    """A test case: it fails for a regression, is an error if B lacks the cell, and skipped if nothing can be said."""
    case = Element("testcase", classname=cell.pair.scenario, name=cell.pair.place)
    alone = dict.fromkeys(cell.only_a, "only A has it") | dict.fromkeys(cell.only_b, "only B has it")
    _properties(case, {**{one.tested.name: line(one) for one in cell.compared}, **alone})
    why = why_untested(cell, needed) or ""
    if cell.worse:
        SubElement(case, "failure", type="regression", message=_worst(cell)[0]).text = "\n".join(_worst(cell))
    elif cell.missing:
        SubElement(case, "error", type="missing", message=why)
    elif not cell.has_answer:
        SubElement(case, "skipped", message=why)
    return case


def _worst(cell: Cell) -> list[str]:
    """All that is worse in a cell, and how to see it again."""
    facts = [text for fact in cell.facts for text in (fact.text, f"again: {shown(fact.again)}")]
    return facts + [line(one) for one in cell.compared if one.standing == Standing.WORSE]
