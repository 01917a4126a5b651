"""A violation told in full: the order of its parts, names of poison, nothing taken for markup, its JSON."""

import io
import json
import re

import attrs
import pytest
from rich.console import Console

from stress.config import Config
from stress.judge.addresses import called
from stress.judge.outcomes import OUTCOMES
from stress.judge.tally import Tally, Updates
from stress.judge.trials import Trials, windows_as_trials
from stress.judge.violation import Copied, Node, Violation
from stress.kernel.struct_module import MODULES
from stress.results.terminal.table import show
from stress.runs.codec import violation_json
from stress.runs.result import Result
from stress.runs.violation_text import report_lines
from stress.safe_text import printable
from tests.frontdoor.results import made_result
from tests.frontdoor.violations import ALLOC, EVIL, FAULT, FREED, HIT, ROWS, VIOLATION, WALK

AGAIN = "kstress run made --seed 7"


def told(violation: Violation = VIOLATION) -> str:
    """The report as text."""
    return "\n".join(report_lines(violation, OUTCOMES, AGAIN))


def result_of(*violations: Violation) -> Result:
    """A result with these reports of a thousand violations."""
    made = made_result("violated", "violated", Config(seed=7), Tally(violations=1000))
    return attrs.evolve(made, reports=violations)


def shown(result: Result, reports: int, width: int = 100) -> str:
    """What a terminal shows of a result, colours and all."""
    screen = io.StringIO()
    show(result, Console(file=screen, width=width, force_terminal=True), reports)
    return screen.getvalue()


def plain(screen: str) -> str:
    """What a terminal shows, without colours and the spaces that fill its lines."""
    return re.sub(r" +$", "", re.sub(r"\x1b\[[0-9;]*m", "", screen), flags=re.MULTILINE)


def test_how_soon_another_machine_is_caught_is_told_by_the_time_in_trial_not_by_that_of_slices() -> None:
    counts = Tally(seconds=10.0, violations=1000, first_violation_s=0.5, caught=Trials(50, 4), trial_seconds=0.9)
    another = "; a machine shows its first after 225 ms on average"
    earlier = attrs.evolve(counts, trial_seconds=None), attrs.evolve(counts, caught=windows_as_trials(5000, 1000))
    for tally, said in ((counts, another), *((one, "") for one in earlier)):
        result = made_result("violated", "violated", Config(seed=7), tally)
        assert f"after 500 ms{said}\n" in plain(shown(result, 0))


def test_a_rare_writer_has_a_rate_and_what_never_waits_has_no_point() -> None:
    counts = Tally(seconds=600.0, lookups=72_000, unloads=24, updates=Updates(count=10, nanoseconds=9_996_000))
    screen = plain(shown(made_result("violated", "violated", Config(seed=7), counts), 0))
    assert "72,000 (120/s)" in screen
    assert "24 unloads (0.04/s)" in screen
    assert "10, each 1 ms (mean)" in screen
    assert "0 retired and not freed yet (mean), 0 (most)" in screen
    assert f"{Config().cpus} CPUs, 10 min, seed 7" in screen


def test_the_parts_come_in_kasans_order() -> None:
    parts = (
        "==========",
        "BUG: kstress: use-after-free in get_ksymbol",
        "Read of size 8 at addr 0x4048058 by CPU 2 (kallsyms), operation 1234",
        "Looked up 0x1000",
        "Walk so far, 40 modules:",
        "... 37 more -> 0x4040000 ext4 -> 0x4048000 xhci_hcd (freed) -> 0x100100 LIST_POISON1",
        "Call trace:",
        " get_ksymbol (stress/kernel/kallsyms.py:97)",
        "It went on, and oopsed: Read of size 8 at addr 0x6b6b6b6b6b6b6b73 (poison of freed memory + 0x8)",
        "Allocated by CPU 0 (modprobe), operation 41, stop 80, 1.2 ms before, as module xhci_hcd",
        " kmalloc (slab.py:134)",
        "Freed by CPU 0 (modprobe), operation 42, stop 81, 500 us before, as module xhci_hcd",
        " kfree (slab.py:202)",
        "The address is 88 bytes inside of a freed 4096-byte block [0x4048000, 0x4049000)",
        "Memory state around the address",
        f"Run it again:\n {AGAIN}\n======",
    )
    places = [told().find(part) for part in parts]
    assert -1 not in places, parts[places.index(-1)]
    assert places == sorted(places)


def test_no_line_is_longer_than_a_terminal_is_wide() -> None:
    assert max(len(line) for line in told().splitlines()) <= 100


def test_the_bytes_that_were_read_are_marked_and_so_is_their_shadow() -> None:
    lines = told().splitlines()
    [row] = [number for number, line in enumerate(lines) if line.startswith(">")]
    marked = [match.start() for match in re.finditer(r"\^\^", lines[row + 1])]
    assert [lines[row][at : at + 2] for at in marked] == [f"{byte:02x}" for byte in range(8, 16)] + ["fb"]
    assert marked[-1] == len(lines[row]) - 2
    assert lines[row].startswith(f">{HIT.address - 8:016x}: 00 01")


def test_memory_that_was_used_again_is_told_in_the_order_of_time() -> None:
    again = attrs.evolve(ALLOC, module="ext4", age_s=0.0001)
    text = told(attrs.evolve(VIOLATION, block=attrs.evolve(FREED, live=True, allocated=again)))
    freed, again_by = text.index("Freed by CPU 0"), text.index("Allocated again by CPU 0 (modprobe), operation 41")
    assert freed < again_by
    assert "stop 80, 100 us before, as module ext4" in text[again_by:]
    assert "inside of a then freed, now live 4096-byte block" in text
    assert "\nAllocated by" not in text


def test_what_happened_before_the_start_was_at_boot() -> None:
    boot = attrs.evolve(ALLOC, program="boot", stack=())
    assert "Allocated by CPU 0 at boot, as module xhci_hcd\n" in told(
        attrs.evolve(VIOLATION, block=attrs.evolve(FREED, allocated=boot))
    )


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, "use-after-free"),
        ({"hit": attrs.evolve(HIT, shadow=0xFC)}, "slab-out-of-bounds"),
        ({"hit": None}, "wild-memory-access"),
        ({"hit": None, "fault": HIT}, "use-after-free"),
        ({"hit": None, "fault": attrs.evolve(FAULT, size=0, write=False)}, "invalid-free"),
        ({"hit": None, "fault": attrs.evolve(FAULT, size=0, write=True)}, "bad-argument"),
        ({"hit": None, "fault": None}, "poisoned-name"),
        ({"hit": None, "fault": None, "outcome": "locked"}, "locked"),
        ({"hit": None, "fault": None, "outcome": "missed"}, "missed-module"),
        ({"hit": None, "fault": None, "outcome": "endless"}, "endless-walk"),
    ],
)
def test_bugs_are_called_by_what_was_seen(change: dict[str, object], expected: str) -> None:
    violation = attrs.evolve(VIOLATION, **change)  # type: ignore[arg-type]
    assert violation.bug == expected
    assert f"BUG: kstress: {expected} in " in told(violation)


@pytest.mark.parametrize(
    ("address", "size", "said"),
    [
        (HIT.address + 1, 8, f"Read of size 8 at addr {HIT.address + 1:#x} (no multiple of 8) by CPU"),
        (HIT.address + 1, 1, f"Read of size 1 at addr {HIT.address + 1:#x} by CPU"),
        (HIT.address, 8, f"Read of size 8 at addr {HIT.address:#x} by CPU"),
        (0x6B6B_6B6B_6B6B_6B6B, 8, "(poison of freed memory) by CPU"),
    ],
)
def test_an_access_that_is_not_aligned_is_said_to_be_none(address: int, size: int, said: str) -> None:
    fault = attrs.evolve(FAULT, address=address, size=size, write=False)
    assert said in told(attrs.evolve(VIOLATION, hit=None, fault=fault))


def test_a_report_of_which_little_is_known_says_what_it_knows() -> None:
    little = attrs.evolve(
        VIOLATION,
        hit=None,
        fault=None,
        warning=None,
        asked=None,
        copied=None,
        walk=(),
        block=None,
        memory=(),
        in_handler=True,
    )
    assert told(little).splitlines()[1:4] == [
        "BUG: kstress: poisoned-name in program kallsyms",
        "Seen by CPU 2 (kallsyms), operation 1234, in a handler, without any bad access",
        "Outcome: poisoned (copied poison: the memory was freed)",
    ]
    assert "Call trace" not in told(little)


def test_a_warning_is_told_with_the_word_it_is_about_and_its_stack() -> None:
    text = told(attrs.evolve(VIOLATION, hit=None, fault=None, outcome="locked"))
    assert "BUG: kstress: locked in spin_lock\nWarned of modlist_lock by CPU 2 (kallsyms), operation 1234\n" in text
    assert "Call trace:\n spin_lock (spinlock.py:9)" in text


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"copied": None, "outcome": "missed"}, "\nFound nothing\n"),
        ({"copied": None, "outcome": "garbled", "answer": 0x10_0100}, "\nGot 0x100100 (LIST_POISON1)\n"),
        ({"copied": Copied(EVIL, EVIL)}, "\nCopied the right name\n"),
        ({"copied": Copied(b"", b"ext4")}, '\nCopied nothing, where "ext4" was right\n'),
    ],
)
def test_what_came_back_is_told(change: dict[str, object], expected: str) -> None:
    assert expected in told(attrs.evolve(VIOLATION, **change))  # type: ignore[arg-type]


def test_the_head_of_the_list_is_called_by_its_name() -> None:
    text = told(attrs.evolve(VIOLATION, walk=(*WALK[:1], Node(MODULES, None, None))))
    assert f"0x4040000 ext4 -> {MODULES:#x} modules\n" in text


def test_a_report_without_stacks_as_compiled_code_once_had_none_says_so() -> None:
    native = attrs.evolve(VIOLATION, hit=attrs.evolve(HIT, stack=()), warning=None)
    assert "use-after-free in program kallsyms" in told(native)
    assert "Call traces: none on compiled code; --engine python has them" in told(native)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        (0x0010_0100, "0x100100 (LIST_POISON1)"),
        (0x0010_0168, "0x100168 (LIST_POISON1 + 0x68)"),
        (0x0020_0200, "0x200200 (LIST_POISON2)"),
        (0x6B6B_6B6B_6B6B_6B6B, "0x6b6b6b6b6b6b6b6b (poison of freed memory)"),
        (0x6B6B_6B6B_6B6B_6BD3, "0x6b6b6b6b6b6b6bd3 (poison of freed memory + 0x68)"),
        (0x5A5A_5A5A_5A5A_5A5A, "0x5a5a5a5a5a5a5a5a (filling of new memory)"),
        (0x6B6B_6B6B + 0x404_8000, "0x6f6feb6b (32 bits of poison of freed memory + 0x4048000)"),
        (0x404_8000, "0x4048000"),
        (0, "0x0"),
    ],
)
def test_addresses_of_poison_are_called_by_their_names(address: int, expected: str) -> None:
    assert called(address) == expected


def test_nothing_in_a_name_is_taken_for_markup_or_reaches_the_terminal_as_a_control() -> None:
    screen = shown(result_of(VIOLATION), 1)
    assert "[red]<script>\\x1b[2J [xhci_hcd and 1 more]" in screen
    assert '"[red]"' in screen
    assert "\x1b[2J" not in screen


@pytest.mark.parametrize("data", [b"plain", b"\xff\x00\n\t", "é‮".encode(), bytes(range(256))])
def test_printable_is_on_one_line_whatever_the_bytes(data: bytes) -> None:
    assert printable(data).isprintable()


@pytest.mark.parametrize(
    ("reports", "counts", "said"),
    [
        (0, 0, "1,000 violations, 0 reported above; 2 other reports: --reports 2, or --json"),
        (1, 1, "1,000 violations, 1 reported above; 1 other report: --reports 2, or --json"),
        (8, 2, "1,000 violations, 2 reported above\n"),
    ],
)
def test_as_many_are_shown_as_asked_for_and_the_others_are_counted(reports: int, counts: int, said: str) -> None:
    result = result_of(VIOLATION, attrs.evolve(VIOLATION, outcome="torn"))
    screen = plain(shown(result, reports))
    assert screen.count("BUG: kstress:") == counts
    assert said in screen
    assert screen.index("race windows") < screen.index(said) < screen.index("VIOLATED as expected")


def test_a_result_without_reports_says_nothing_of_them() -> None:
    assert "reported above" not in shown(result_of(), 1)


def test_the_json_has_it_all_in_hex_and_can_be_written() -> None:
    document = json.loads(json.dumps(violation_json(VIOLATION, AGAIN)))
    assert (document["bug"], document["hit"]["address"], document["again"]) == ("use-after-free", "0x4048058", AGAIN)
    assert document["fault"]["called"] == "poison of freed memory + 0x8"
    assert bytes.fromhex(document["copied"]["bytes"]) == EVIL[:5] + b"kkk"
    assert [bytes.fromhex(run["bytes"]) for run in document["copied"]["runs"]] == [EVIL[:5], b"kkk"]
    assert document["walk"][-1] == {"address": "0x100100", "called": "LIST_POISON1", "module": None, "state": None}
    assert document["block"]["freed"]["age_s"] == 0.0005
    assert document["block"]["freed"]["stack"] == ["kfree (slab.py:202)"]
    assert document["memory"][2] == {"address": "0x4048050", "bytes": ROWS[2].data.hex(), "shadow": "fbfb"}


@pytest.mark.parametrize(("expect", "pointed"), [("violated", True), ("stalled", True), ("held", False)])
def test_where_an_expected_violation_was_not_met_explore_is_named(expect: str, pointed: bool) -> None:
    text = shown(made_result(expect, "inconclusive", Config(seed=7)), 1)
    assert ("one CPU at a time may find it" in text) == pointed
    assert ("kstress explore made" in text) == pointed
