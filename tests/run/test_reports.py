"""Reports of whole runs, on every engine: what they say fits together, whatever the threads did."""

import functools

import attrs
import pytest

from stress import Config, run
from stress.judge.sources import BEGINNING, END, WHOLE
from stress.judge.violation import AT_BOOT, Block, Deed, Stack, Violation
from stress.machine.words import LOW
from stress.runs.boot import boot_ram
from stress.runs.result import Result
from stress.runs.runner import world_for
from stress.scenario_files import find_scenario
from tests.support import each_engine

pytestmark = pytest.mark.threads

FATES = ("poisoned", "reused", "unmapped")
WRONG = ("torn", "alien", "garbled", "poisoned")
"""The outcomes of a name that is not the one asked for."""
CPUS = 4
LONGEST_SECONDS = 16.0
each_run = pytest.mark.parametrize("fate", FATES)


@functools.cache
def race(engine: str, fate: str = "poisoned", seconds: float = 0.5) -> Result:
    """The race of 2005, with this fate of freed memory; on a busy host longer, until there is enough to tell."""
    scenario = attrs.evolve(find_scenario("modlist_spinlock"), fate=fate)
    [result] = run([scenario], Config(engine=engine, cpus=CPUS, duration_s=seconds, seed=1))
    if seconds < LONGEST_SECONDS and not tells_enough(result, fate):
        return race(engine, fate, 2 * seconds)
    return result


def tells_enough(result: Result, fate: str) -> bool:
    """Whether a reader went wild, one had a wrong name, and a report has a block that was at rest, with a stack."""
    seen = {one.outcome for one in result.reports}
    blocks = [one.block for one in result.reports if one.block is not None and one.block.at_rest]
    stacks = any(deed.stack for block in blocks for deed in (block.allocated, block.freed) if deed)
    return "wild" in seen and stacks and (fate == "unmapped" or not seen.isdisjoint(WRONG))


def reports(engine: str, fate: str) -> tuple[Violation, ...]:
    """The reports of a run that must have some."""
    kept = race(engine, fate).reports
    assert kept
    return kept


def settled(engine: str, fate: str) -> list[tuple[Violation, Block]]:
    """The reports that have a block which was at rest."""
    return [(one, one.block) for one in reports(engine, fate) if one.block is not None and one.block.at_rest]


@each_engine
@each_run
def test_there_is_one_report_for_each_outcome_that_was_seen(engine: str, fate: str) -> None:
    result = race(engine, fate)
    graded = result.scenario.outcomes
    seen = {name for name, count in result.tally.outcomes.items() if count and graded[name].grade == "forbidden"}
    assert sorted(one.outcome for one in result.reports) == sorted(seen)
    assert min(one.seconds for one in result.reports) >= (result.tally.first_violation_s or 0)
    # power-off comes at the end of the run, and reaches each CPU at its next access
    assert all(one.seconds <= result.tally.seconds + 1 for one in result.reports)
    assert all(0 < one.cpu < CPUS and one.program == "kallsyms" for one in result.reports)


@each_engine
@each_run
def test_who_allocated_and_who_freed_fit_together(engine: str, fate: str) -> None:
    blocks = settled(engine, fate)
    assert blocks
    for one, block in blocks:
        deeds = [deed for deed in (block.allocated, block.freed) if deed is not None]
        assert all(deed.age_s >= 0 and deed.stop <= one.stop for deed in deeds)
        assert all(deed.module or may_lack_module(block, deed) for deed in deeds)
        assert all(deed.program in (AT_BOOT, "modprobe") and deed.cpu == 0 for deed in deeds)
        assert_order(block)


def may_lack_module(block: Block, deed: Deed) -> bool:
    """Whether the block was allocated just now, so that its owner need not have said yet what for."""
    return block.live and deed is block.allocated and block.freed is not None


def assert_order(block: Block) -> None:
    """Of the two deeds, the one that made the block what it is came last; one life of it is one module's."""
    if block.freed is None:
        assert block.live
        return
    first, last = (block.freed, block.allocated) if block.live else (block.allocated, block.freed)
    assert first.age_s >= last.age_s
    assert first.stop <= last.stop
    assert block.live or first.module == last.module


@each_engine
@each_run
def test_the_block_the_focus_and_the_rows_belong_together(engine: str, fate: str) -> None:
    for one in reports(engine, fate):
        focus = one.focus or 0
        assert one.block is None or one.block.address <= focus < one.block.address + one.block.size
        assert one.hit is None or (one.focus == one.hit.address and one.hit.size in (1, 8) and one.hit.shadow)
        assert all(row.address % 16 == 0 and len(row.data) == 16 for row in one.memory)
        assert sum(row.address <= focus < row.address + 16 for row in one.memory) == (one.block is not None)


@each_engine
@each_run
def test_the_runs_of_a_wrong_name_add_up_to_it(engine: str, fate: str) -> None:
    wrong = [one for one in reports(engine, fate) if one.outcome in WRONG]
    assert wrong or fate == "unmapped"
    for one in wrong:
        assert one.copied is not None
        assert one.asked is not None
        assert one.asked.module is not None
        runs = one.copied.runs
        assert one.copied.data != one.asked.name
        assert b"".join(run.data for run in runs) == one.copied.data
        assert all(bool(run.owners) == (run.kind in (WHOLE, BEGINNING, END)) for run in runs)
        assert one.outcome != "alien" or [run.kind for run in runs] == [WHOLE]


@each_engine
@each_run
def test_what_was_wild_is_not_mapped_and_its_walk_is_told(engine: str, fate: str) -> None:
    [wild] = [one for one in reports(engine, fate) if one.outcome == "wild"]
    bound = boot_ram(world_for(Config(engine=engine)), CPUS, fate).map.bound
    assert wild.fault is not None
    outside = not LOW <= wild.fault.address < bound
    unaligned = wild.fault.address % 8 != 0 and wild.fault.size == 8
    assert outside or unaligned or (fate == "unmapped" and wild.focus == wild.fault.address)
    assert wild.steps >= len(wild.walk) > 0
    assert wild.copied is None


def functions(stack: Stack) -> list[str]:
    """The names of a stack's functions."""
    return [frame.function for frame in stack]


def assert_stack(deed: Deed | None, first: str) -> None:
    """What a writer did is told from the allocator to its program, without the engine's own functions."""
    if deed is None or deed.program == AT_BOOT:
        return
    names = functions(deed.stack)
    assert (names[0], names[-2:]) == (first, ["modprobe", "modprobe_locked"])
    assert all(frame.line > 0 and not frame.file.startswith("stress/machine/loop") for frame in deed.stack)


@each_engine
@each_run
def test_a_report_has_the_stacks_of_who_read_who_allocated_and_who_freed(engine: str, fate: str) -> None:
    for one in reports(engine, fate):
        access = one.access
        assert access is None or functions(access.stack)[-2:] == ["read_symbol", "kallsyms_reader"]
        assert access is None or functions(access.stack)[0] not in ("load", "load8", "see")
    for _, block in settled(engine, fate):
        assert_stack(block.allocated, "kmalloc")
        assert_stack(block.freed, "kfree")
    stacks = [deed.stack for _, block in settled(engine, fate) for deed in (block.allocated, block.freed) if deed]
    assert any(stacks)


@each_engine
def test_a_run_that_holds_has_no_reports_and_its_twins_are_not_its_own(engine: str) -> None:
    [result] = run(["stop_machine"], Config(engine=engine, cpus=CPUS, duration_s=1.0, seed=1))
    assert result.twin_tally is not None
    assert result.twin_tally.violations > 0
    assert result.reports == ()
