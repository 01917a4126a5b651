"""What `python -m benchmarks.waits` makes of the items of a pytest run."""

import xml.etree.ElementTree as ElementTree
from pathlib import Path

from benchmarks.waits import Item, items_of, table

REPORT = """
<testsuites><testsuite>
  <testcase name="test_barrier[4cpus]" time="1.5"/>
  <testcase name="test_barrier[4cpus-again1]" time="2.25">
    <properties><property name="stress_note" value="CPU 1 still waits"/></properties>
  </testcase>
  <testcase name="test_barrier[8cpus]" time="4"><failure message="Failed: STALLED: 8 of 8 CPUs"/></testcase>
</testsuite></testsuites>
"""


def test_items_are_read_from_junit_and_counted(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    ElementTree.ElementTree(ElementTree.fromstring(REPORT)).write(report)
    items = items_of(report)
    assert items == [
        Item("barrier", 4, "passed", 1.5),
        Item("barrier", 4, "passed with a note", 2.25),
        Item("barrier", 8, "STALLED", 4.0),
    ]
    assert table(items).splitlines()[2:] == [
        "| barrier | 4 | passed 1, passed with a note 1 | 2.25 s |",
        "| barrier | 8 | STALLED 1 | 4.00 s |",
    ]
