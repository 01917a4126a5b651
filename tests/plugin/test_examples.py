"""The examples of docs/pytest.md, run as they stand there: what they say is found, and what they say holds."""

import re
from collections.abc import Iterable, Iterator

import attrs
import pytest

from benchmarks.reach import DOCS, examples
from tests.support import UNTIL_FOUND

HEADER = re.compile(r"^_{2,} (test_\S+) _{2,}$", re.MULTILINE)
LONGEST_RUN = 100.0


@attrs.frozen
class Expected:
    """What a file's tests come to: what each that fails prints, as patterns, and which ones pass."""

    fails: dict[str, tuple[str, ...]]
    passes: tuple[str, ...] = ()
    leaves_threads: bool = False


EXPECTED = {
    "test_span": Expected(
        {
            "test_a_span_is_read_whole[2cpus]": ("FORBIDDEN torn",),
            "test_a_span_is_read_whole[4cpus]": ("FORBIDDEN torn",),
        }
    ),
    "test_registry": Expected(
        {
            "test_an_unlocked_registry_races[4cpus]": (
                "RAISED: 1 of",
                "AssertionError",
                "CPU 3 returned <object",
                r"\(final is_made_once\)",
            )
        },
        ("test_a_locked_registry_holds[4cpus]",),
    ),
    "test_box": Expected(
        {"test_a_box_that_looks_once_races[4cpus]": ("RAISED: 1 of", "IndexError: pop from empty list")},
        ("test_a_box_that_looks_again_holds[4cpus]",),
    ),
    "test_slots": Expected(
        {"test_fewer_slots_than_threads_races[4cpus]": ("FORBIDDEN closed", "had {'open': False}", "meanwhile CPU ")},
        ("test_a_slot_for_each_thread_holds[4cpus]",),
    ),
    "test_session": Expected(
        {
            "test_an_unlocked_session_races[4cpus]": (
                "RAISED: 1 of",
                "AssertionError",
                "CPU 3 returned <object",
                r"\(final logs_in_once\)",
                "switches at awaits",
            )
        },
        ("test_a_locked_session_holds[4cpus]",),
    ),
    "test_lru": Expected(
        {"test_an_unlocked_cache_races[4cpus]": ("RAISED:", "KeyError: ")},
        ("test_a_locked_cache_holds[4cpus]",),
    ),
    "test_pool": Expected(
        {"test_a_pool_that_counts_no_users_races[4cpus]": ("FORBIDDEN freed", "Connection used", "freed by")},
        ("test_a_pool_that_counts_its_users_holds[4cpus]",),
    ),
    "test_list": Expected(
        # The page names both: whichever reader is first tells.
        {"test_a_removal_without_a_stop_races[4cpus]": (r"FORBIDDEN (freed|missed)",)},
        ("test_a_removal_in_a_stop_holds[4cpus]",),
    ),
    "test_transfer": Expected(
        {
            "test_a_transfer_in_any_order_races[4cpus]": (
                "STALLED: 4 of 4 CPUs",
                "deadlock: CPU ",
                "holds in its `with ",
            )
        },
        ("test_a_transfer_in_order_holds[4cpus]",),
        leaves_threads=True,
    ),
}


def sections(out: str) -> dict[str, str]:
    """What is printed of each failed test."""
    _, *parts = HEADER.split(out)
    return dict(zip(parts[::2], parts[1::2], strict=True))


def run(pytester: pytest.Pytester, apart: bool, *arguments: str) -> pytest.RunResult:
    """Run tests of an example, in a process of its own where threads are left behind that would wait in this one."""
    quiet = ("-v", "-p", "no:cacheprovider", "-p", "no:hypothesispytest", "-W", "error", "--strict-markers")
    if apart:
        return pytester.runpytest_subprocess(*quiet, *arguments, timeout=LONGEST_RUN)
    return pytester.runpytest_inprocess(*quiet, *arguments)


def ids(name: str, tests: Iterable[str]) -> Iterator[str]:
    """How pytest is told to run tests of an example."""
    return (f"{name}.py::{test}" for test in tests)


def test_every_python_block_of_the_docs_is_an_example_that_is_run() -> None:
    assert list(examples()) == list(EXPECTED)
    assert DOCS.read_text(encoding="utf-8").count("```python") == len(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_an_example_fails_where_its_fault_is_and_passes_where_it_is_mended(
    name: str, pytester: pytest.Pytester
) -> None:
    expected = EXPECTED[name]
    pytester.makepyfile(**{name: examples()[name]})
    if expected.passes:
        held = run(pytester, False, *ids(name, expected.passes))
        held.assert_outcomes(passed=len(expected.passes))
    for test, words in expected.fails.items():
        # On a busy host the second that is the default may be too short.
        found = run(pytester, expected.leaves_threads, *UNTIL_FOUND, *ids(name, [test]))
        found.assert_outcomes(failed=1)
        told = sections(found.stdout.str())[test]
        assert [word for word in words if not re.search(word, told)] == []
