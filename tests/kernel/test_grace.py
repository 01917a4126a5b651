"""Grace periods: nothing is freed while a reader is left who may hold it, and everything is once none is left."""

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stress.kernel.grace import Grace
from stress.kernel.protocol import Protocol, watched
from stress.kernel.protocols.percpu_ref import DEAD, tryget_live
from stress.kernel.protocols.rcu import RCU_PERIODS
from stress.kernel.protocols.refcount import get_unless_zero, put
from stress.kernel.protocols.srcu import SRCU_PERIODS
from stress.kernel.struct import Struct, new
from stress.machine.blocks import is_live
from stress.machine.features import Features
from stress.machine.python_engine import PythonCpu
from stress.machine.seam import Oops
from stress.machine.slab import kfree
from stress.machine.words import CAUSE_WILD, FAULT_ADDRESS, FAULT_CAUSE, static
from stress.protocols import BROKEN, EPOCH, HAZARD, NONE, PERCPU_REF, PROTOCOLS, QSBR, RCU, REFCOUNT, SRCU, WHOLE
from tests.support import blank_ram, bounded

CPUS = 3
Thing = Struct("thing", next="pointer")
DEFERRED = (RCU, SRCU, QSBR, EPOCH)
WORD = static("grace_test_pointer")
SAFEPOINTS = 8
"""More than it takes: two phases, each of which may need every CPU to pass one."""


def cpus_of() -> list[PythonCpu]:
    """The CPUs of a blank machine, which a test plays in turn on its own thread."""
    ram = blank_ram(CPUS)
    return [PythonCpu(ram, number, Features()) for number in range(CPUS)]


def pass_safepoints(protocol: Protocol, cpus: list[PythonCpu], times: int = SAFEPOINTS) -> None:
    """Let CPUs pass safepoints in turn."""
    for _ in range(times):
        for cpu in cpus:
            protocol.safepoint(cpu)


@pytest.mark.parametrize("protocol", DEFERRED, ids=lambda one: one.name)
def test_what_is_retired_is_kept_while_a_reader_is_left_and_freed_then(protocol: Protocol) -> None:
    writer, reader, other = cpus_of()
    pass_safepoints(protocol, [writer, reader, other], 1)
    block = new(writer, Thing)
    protocol.read_begin(reader)
    protocol.retire(writer, block)
    # The reader is within an operation, so that it passes no safepoint.
    pass_safepoints(protocol, [writer, other])
    assert is_live(writer, block)
    assert protocol.read_end(reader)
    pass_safepoints(protocol, [writer, reader, other])
    assert not is_live(writer, block)


@pytest.mark.parametrize("protocol", DEFERRED, ids=lambda one: one.name)
def test_a_grace_period_begins_with_the_retirement_and_a_reader_after_it_is_not_waited_for(protocol: Protocol) -> None:
    writer, reader, other = cpus_of()
    pass_safepoints(protocol, [writer, reader, other], 1)
    block = new(writer, Thing)
    protocol.retire(writer, block)
    protocol.safepoint(reader)
    protocol.read_begin(reader)
    # The writer takes the object off only here: the reader has found it.
    pass_safepoints(protocol, [writer, other])
    assert not is_live(writer, block)


@pytest.mark.parametrize("protocol", DEFERRED, ids=lambda one: one.name)
def test_what_is_retired_in_a_grace_period_waits_for_the_next(protocol: Protocol) -> None:
    writer, reader, other = cpus_of()
    pass_safepoints(protocol, [writer, reader, other], 1)
    first, second = new(writer, Thing), new(writer, Thing)
    protocol.retire(writer, first)
    protocol.safepoint(reader)
    protocol.read_begin(reader)
    protocol.retire(writer, second)
    pass_safepoints(protocol, [writer, other])
    assert not is_live(writer, first)
    assert is_live(writer, second)
    assert protocol.read_end(reader)
    pass_safepoints(protocol, [writer, reader, other])
    assert not is_live(writer, second)


def test_qsbr_ends_no_phase_in_an_operation_of_a_cpu_that_may_hold_something() -> None:
    writer, popper, other = cpus_of()
    pass_safepoints(QSBR, [writer, popper, other])
    held, popped = new(writer, Thing), new(popper, Thing)
    QSBR.retire(writer, held)
    pass_safepoints(QSBR, [writer, other], 1)
    # It retires within its operation, and has said nothing in this phase.
    QSBR.retire(popper, popped)
    pass_safepoints(QSBR, [writer, other])
    assert is_live(writer, held)


@attrs.frozen
class Step:
    """One step of a random run: which CPU begins or ends a read, retires, or passes a safepoint."""

    cpu: int
    what: str


STEPS = st.lists(
    st.builds(Step, st.integers(0, CPUS - 1), st.sampled_from(["read", "retire", "safepoint"])), max_size=60
)


@bounded(120)
@given(st.sampled_from(DEFERRED), STEPS)
def test_in_any_order_nothing_is_freed_that_a_reader_may_hold(protocol: Protocol, steps: list[Step]) -> None:
    cpus = cpus_of()
    reading: dict[int, set[int]] = {}
    retired: set[int] = set()
    listed = new(cpus[0], Thing)
    for step in steps:
        cpu = cpus[step.cpu]
        if step.what == "read" and step.cpu in reading:
            protocol.read_end(cpu)
            del reading[step.cpu]
        elif step.what == "read":
            protocol.read_begin(cpu)
            reading[step.cpu] = {listed}
        elif step.cpu not in reading and step.what == "retire":
            before, listed = listed, new(cpu, Thing)
            protocol.retire(cpu, before)
            retired.add(before)
            retired.discard(listed)
        elif step.cpu not in reading:
            protocol.safepoint(cpu)
        held = set().union(*reading.values()) if reading else set()
        assert all(is_live(cpu, block) for block in held)
    for number in reading:
        protocol.read_end(cpus[number])
    pass_safepoints(protocol, cpus)
    assert not any(is_live(cpus[0], block) for block in retired - {listed})


@pytest.mark.parametrize(("protocol", "grace"), [(RCU, RCU_PERIODS), (SRCU, SRCU_PERIODS)], ids=["rcu", "srcu"])
def test_a_look_at_the_readers_before_a_retirement_does_not_count_for_it(protocol: Protocol, grace: Grace) -> None:
    writer, reader, other = cpus_of()
    block, store, load = new(writer, Thing), other.store, reader.load

    def load_late(address: int) -> int:
        """The reader saw the phase before the present one."""
        return load(address) - (address == grace.phase)

    def store_late(address: int, value: int) -> None:
        """The other CPU has looked at the readers: one begins, and an object that it may have found is retired."""
        if address == grace.phase and not retired:
            retired.append(block)
            protocol.read_begin(reader)
            protocol.retire(writer, block)
            protocol.safepoint(writer)
        store(address, value)

    retired = list[int]()
    reader.load, other.store = load_late, store_late
    protocol.retire(other, new(other, Thing))
    pass_safepoints(protocol, [writer, other])
    assert retired
    assert is_live(writer, block)


def test_hazard_pointers_keep_what_is_published_and_free_the_rest() -> None:
    writer, reader, _ = cpus_of()
    held, others = new(writer, Thing), [new(writer, Thing) for _ in range(4 * CPUS)]
    writer.store(WORD, held)
    HAZARD.read_begin(reader)
    assert HAZARD.dereference(reader, WORD, 1) == held
    HAZARD.retire(writer, held)
    for block in others[: 2 * CPUS]:
        HAZARD.retire(writer, block)
    assert is_live(writer, held)
    assert not any(is_live(writer, block) for block in others[:CPUS])
    assert HAZARD.read_end(reader)
    for block in others[2 * CPUS :]:
        HAZARD.retire(writer, block)
    assert not is_live(writer, held)


@pytest.mark.parametrize("protocol", [HAZARD, REFCOUNT], ids=lambda one: one.name)
def test_a_marked_link_ends_a_read_that_does_not_count(protocol: Protocol) -> None:
    writer, reader, _ = cpus_of()
    first, second = new(writer, Thing), new(writer, Thing)
    writer.store(first + Thing.next, second)
    assert protocol.mark_removed(writer, first + Thing.next) == second
    protocol.read_begin(reader)
    assert protocol.dereference(reader, first + Thing.next, 0) == 0
    assert not protocol.read_end(reader)
    protocol.read_begin(reader)
    assert protocol.read_end(reader)


@pytest.mark.parametrize("slot", [-1, 4])
@pytest.mark.parametrize("protocol", [HAZARD, REFCOUNT], ids=lambda one: one.name)
def test_a_slot_that_a_reader_does_not_have_is_a_bad_call(protocol: Protocol, slot: int) -> None:
    writer, reader, _ = cpus_of()
    writer.store(WORD, new(writer, Thing))
    protocol.read_begin(reader)
    with pytest.raises(Oops):
        protocol.dereference(reader, WORD, slot)
    assert (reader.peek(reader.log + FAULT_CAUSE), reader.peek(reader.log + FAULT_ADDRESS)) == (CAUSE_WILD, slot)


def test_a_reference_keeps_an_object_and_none_is_taken_of_one_that_goes() -> None:
    writer, reader, other = cpus_of()
    thing = new(writer, Thing)
    writer.store(WORD, thing)
    REFCOUNT.read_begin(reader)
    assert REFCOUNT.dereference(reader, WORD, 0) == thing
    writer.store(WORD, 0)
    REFCOUNT.retire(writer, thing)
    pass_safepoints(REFCOUNT, [writer, reader, other])
    assert is_live(writer, thing)
    assert get_unless_zero(other, thing)
    put(other, thing)
    assert REFCOUNT.read_end(reader)
    assert not get_unless_zero(other, thing)
    pass_safepoints(REFCOUNT, [writer, reader, other])
    assert not is_live(writer, thing)


def test_a_per_cpu_count_gives_no_reference_while_it_is_off() -> None:
    writer, reader, other = cpus_of()
    thing, taken = new(writer, Thing), list[bool]()
    PERCPU_REF.read_begin(reader)

    def relax(address: int) -> None:
        """The retirement waits: nobody else gets a reference, then the reader ends."""
        assert is_live(writer, thing)
        if address == DEAD and not taken:
            taken.append(tryget_live(other))
            PERCPU_REF.read_end(reader)

    writer.relax = relax  # type: ignore[method-assign]
    PERCPU_REF.retire(writer, thing)
    assert taken == [False]
    assert not is_live(writer, thing)
    assert tryget_live(other)


@pytest.mark.parametrize("protocol", [RCU, SRCU, EPOCH], ids=lambda one: one.name)
def test_an_oops_ends_a_read(protocol: Protocol) -> None:
    writer, reader, other = cpus_of()
    block = new(writer, Thing)
    protocol.read_begin(reader)
    protocol.retire(writer, block)
    protocol.oops(reader)
    pass_safepoints(protocol, [writer, reader, other])
    assert not is_live(writer, block)


def test_every_protocol_says_what_it_claims_and_where_it_is_from_and_whole_ones_have_a_broken_twin() -> None:
    assert len(PROTOCOLS) == len(WHOLE) + len(BROKEN)
    assert all(one.claim and one.source for one in PROTOCOLS.values())
    assert {one.lacking for one in WHOLE} <= set(BROKEN)
    assert all(one.lacking is None for one in BROKEN)
    assert all(one.claim.startswith("broken: ") for one in BROKEN[1:])


@pytest.mark.parametrize("protocol", [*DEFERRED, HAZARD, NONE, REFCOUNT, PERCPU_REF], ids=lambda one: one.name)
@pytest.mark.parametrize("address", [0, 8, 0x6B6B_6B6B_6B6B_6B6B, -1])
def test_what_is_no_block_cannot_be_retired(protocol: Protocol, address: int) -> None:
    writer, *_ = cpus_of()
    with pytest.raises(Oops):
        watched(protocol).retire(writer, address)
    assert writer.peek(writer.log + FAULT_CAUSE) == CAUSE_WILD
    freed = new(writer, Thing)
    kfree(writer, freed)
    with pytest.raises(Oops):
        watched(protocol).retire(writer, freed)
