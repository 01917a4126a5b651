"""Harvesting: the first of each outcome over all CPUs and slices, at most eight; the corpus's words are filled in."""

import attrs

from stress.judge.explain import explain
from stress.judge.harvest import MOST_REPORTS, Slice, harvest, ungraded
from stress.judge.lookups import TARGETS
from stress.judge.outcomes import FORBIDDEN as FORBIDDEN_GRADE
from stress.judge.outcomes import OUTCOMES, Code, Outcome
from stress.judge.tables import padded
from stress.judge.violation import Violation
from stress.kernel.kallsyms import NAMEBUF
from stress.kernel.struct_module import MODLIST_LOCK
from stress.machine.evidence import KEPT_CLOCK, SLOT_BYTES, SLOTS_BYTES
from stress.machine.loop import begin_operation, count_outcome, warn
from stress.machine.notes import note_answer, note_copy, note_step, note_subject
from stress.machine.ram import Ram
from stress.machine.words import FAULT_CAUSE, FORBIDDEN, HIT_ADDRESS, WARNING
from tests.support import booted, loaded_modules, python_cpu, simple_corpus

CORPUS = simple_corpus(3)
NAMES = {symbol.name.encode() for module in CORPUS.modules for symbol in module.symbols}


def machine(cpus: int = 2) -> Ram:
    """A machine on which every outcome is forbidden."""
    ram = booted(CORPUS, cpus)
    ram.poke(FORBIDDEN, 0xFFFF_FFFE)
    return ram


def violate(ram: Ram, number: int, outcome: int, copied: bytes = b"", hit: int = 0) -> None:
    """CPU `number` reads `copied` for mod0_sym0, with a bad access if `hit` says where."""
    cpu = python_cpu(ram, number)
    begin_operation(cpu)
    note_subject(cpu, ram.peek(TARGETS))
    note_copy(cpu, ram.peek(TARGETS), cpu.area + NAMEBUF)
    ram.write(cpu.area + NAMEBUF, padded(copied))
    ram.poke(cpu.log + HIT_ADDRESS, hit)
    count_outcome(cpu, outcome)


def slice_of(ram: Ram) -> Slice:
    """All that is known of the slice of a machine."""
    return Slice(ram, ["modprobe", "kallsyms"], OUTCOMES, 0, 0.0)


def test_of_all_cpus_the_first_of_an_outcome_is_taken_by_the_clock() -> None:
    ram = machine()
    for number in (1, 0):
        violate(ram, number, Code.TORN)
        violate(ram, 1 - number, Code.ALIEN)
    assert [(one.outcome, one.cpu, one.program) for one in harvest(slice_of(ram), ())] == [
        ("torn", 1, "kallsyms"),
        ("alien", 0, "modprobe"),
    ]


def test_an_outcome_that_is_known_from_an_earlier_slice_stays_as_it_is() -> None:
    ram, later = machine(), machine()
    violate(ram, 0, Code.TORN)
    violate(later, 1, Code.TORN)
    violate(later, 1, Code.FREED)
    known = harvest(slice_of(ram), ())
    both = harvest(slice_of(later), known)
    assert both[0] is known[0]
    assert [one.outcome for one in both] == ["torn", "freed"]


def test_at_most_eight_are_kept_and_numbers_without_a_name_are_told_by_number() -> None:
    ram = machine()
    for outcome in range(11, 31):
        violate(ram, 0, outcome)
    kept = harvest(slice_of(ram), ())
    assert [one.outcome for one in kept] == [f"outcome {11 + place}" for place in range(MOST_REPORTS)]


def test_a_number_that_was_returned_and_nobody_grades_is_told_from_faults_and_warnings() -> None:
    ram = machine()
    violate(ram, 0, Code.TORN)
    graded = {"mine": Outcome(20, "mine", FORBIDDEN_GRADE, "old")}
    of = attrs.evolve(slice_of(ram), outcomes=graded)
    assert (ungraded(slice_of(ram)), ungraded(of)) == (None, (0, Code.TORN, False))
    for note, outcome in ((FAULT_CAUSE, Code.WILD), (WARNING, Code.LOCKED)):
        ram = machine()
        ram.poke(ram.map.log(1) + note, outcome)
        count_outcome(python_cpu(ram, 1), outcome)
        assert harvest(attrs.evolve(of, ram=ram), ())[0].outcome == f"outcome {outcome}"
        assert ungraded(attrs.evolve(of, ram=ram)) is None


def test_times_count_from_the_scenarios_own_start_and_what_came_before_it_was_at_boot() -> None:
    ram = machine()
    cpu = python_cpu(ram, 1)
    begin_operation(cpu)
    note_step(cpu, loaded_modules(ram)["mod1"], 0)
    count_outcome(cpu, Code.TORN)
    clock = ram.peek(ram.map.reports + SLOTS_BYTES + Code.TORN * SLOT_BYTES + KEPT_CLOCK)
    of = attrs.evolve(slice_of(ram), started_ns=clock - 1_000, seconds=3.0)
    [kept] = harvest(of, ())
    assert kept.seconds == 3.000001
    assert kept.block is not None
    assert (kept.block.allocated.program, kept.block.allocated.module, kept.block.freed) == ("boot", "mod1", None)
    [other] = harvest(attrs.evolve(of, started_ns=0), ())
    assert other.block is not None
    assert other.block.allocated.program == "modprobe"


def explained(copied: bytes) -> Violation:
    """A torn copy as the corpus explains it."""
    ram = machine()
    violate(ram, 0, Code.TORN, copied)
    [told] = explain(harvest(slice_of(ram), ()), CORPUS, NAMES)
    return told


def test_the_corpus_tells_the_right_module_and_who_has_the_names_that_were_mixed() -> None:
    told = explained(b"mod0_symd1_sym1")
    copied = told.copied
    assert copied is not None
    assert told.asked is not None
    assert (told.asked.name, told.asked.module) == (b"mod0_sym0", "mod0")
    assert [(run.data, run.owners) for run in copied.runs] == [(b"mod0_sym", ("mod0",)), (b"d1_sym1", ("mod1",))]
    assert copied.data == b"".join(run.data for run in copied.runs)


def test_of_several_owners_of_a_name_those_on_the_walk_come_first() -> None:
    twins = tuple(
        attrs.evolve(module, symbols=(*module.symbols, attrs.evolve(module.symbols[0], value=0, name="twice")))
        for module in CORPUS.modules
    )
    ram = machine()
    cpu = python_cpu(ram)
    begin_operation(cpu)
    note_step(cpu, loaded_modules(ram)["mod2"], 0)
    note_copy(cpu, ram.peek(TARGETS), cpu.area + NAMEBUF)
    ram.write(cpu.area + NAMEBUF, padded(b"twice"))
    count_outcome(cpu, Code.ALIEN)
    [told] = explain(harvest(slice_of(ram), ()), attrs.evolve(CORPUS, modules=twins), {*NAMES, b"twice"})
    assert told.copied is not None
    assert [run.owners for run in told.copied.runs] == [("mod2", "mod0", "mod1")]


def test_a_number_that_came_back_and_a_warning_are_told() -> None:
    ram = machine()
    cpu = python_cpu(ram)
    begin_operation(cpu)
    note_answer(cpu, 0x1234)
    warn(cpu, Code.LOCKED, MODLIST_LOCK)
    count_outcome(cpu, Code.LOCKED)
    [kept] = harvest(slice_of(ram), ())
    assert (kept.outcome, kept.answer, kept.copied) == ("outcome 11", 0x1234, None)
    assert kept.warning is not None
    assert kept.warning.address == MODLIST_LOCK


def test_a_reader_that_copied_nothing_has_no_runs() -> None:
    copied = explained(b"").copied
    assert copied is not None
    assert (copied.data, copied.runs) == (b"", ())


def test_what_tells_most_comes_first() -> None:
    ram = machine()
    for outcome, hit in ((Code.MISSED, 0), (Code.TORN, 0), (Code.FREED, 8), (Code.WILD, 8), (Code.GARBLED, 8)):
        violate(ram, 0, outcome, b"mod", hit)
    told = explain(harvest(slice_of(ram), ()), CORPUS, NAMES)
    assert [one.outcome for one in told] == ["garbled", "wild", "freed", "torn", "missed"]


def test_without_violations_nothing_is_explained() -> None:
    assert explain((), CORPUS, set()) == ()
