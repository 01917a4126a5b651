"""What updates cost: counted by each writer for itself; blocks that wait are retired on any CPU and freed on any."""

import pytest

from stress.judge.tally import Updates, updates_of
from stress.kernel import kfree, new
from stress.kernel.protocol import Protocol, watched
from stress.kernel.struct import Struct
from stress.kernel.updates import count_update
from stress.machine.features import Features
from stress.machine.python_engine import PythonCpu
from stress.protocols import HAZARD, NONE, PERCPU_REF, RCU
from tests.support import blank_ram

Thing = Struct("thing", next="pointer")


def update(cpu: PythonCpu, protocol: Protocol) -> None:
    """Retire a new object, as an update that began a microsecond ago."""
    watched(protocol).retire(cpu, new(cpu, Thing))
    count_update(cpu, cpu.clock() - 1000)


def test_updates_are_counted_with_their_times_and_what_waits() -> None:
    ram = blank_ram(2, 0x8000)
    first, second = (PythonCpu(ram, number, Features()) for number in range(2))
    for cpu in (first, first, second):
        update(cpu, RCU)
    cost = updates_of(ram)
    assert (cost.count, cost.waiting, cost.most_waiting) == (3, 1 + 2 + 3, 3)
    assert cost.nanoseconds > 3000
    assert 1000 < cost.longest <= cost.nanoseconds
    for _ in range(4):
        RCU.safepoint(first)
        RCU.safepoint(second)
    update(first, RCU)
    assert updates_of(ram).waiting == cost.waiting + 1


@pytest.mark.parametrize("protocol", [NONE, PERCPU_REF, NONE.but("own", retire=kfree)], ids=lambda one: one.name)
def test_what_is_freed_at_once_never_waits(protocol: Protocol) -> None:
    ram = blank_ram(1)
    cpu = PythonCpu(ram, 0, Features())
    for _ in range(5):
        update(cpu, protocol)
    assert updates_of(ram).count == 5
    assert updates_of(ram).most_waiting == 0


def test_hazard_pointers_free_in_batches() -> None:
    ram = blank_ram(4, 0x8000)
    cpu = PythonCpu(ram, 0, Features())
    for _ in range(12):
        update(cpu, HAZARD)
    assert updates_of(ram).most_waiting == 3


def test_costs_of_several_machines_add_up() -> None:
    both = Updates(2, 100, 60, 4, 3) + Updates(1, 50, 50, 9, 9)
    assert both == Updates(3, 150, 60, 13, 9)
    assert both.as_json() == {
        "count": 3, "mean_us": 0.05, "max_us": 0.06, "waiting_mean": 4.333, "waiting_max": 9, "memory_short": 0,
    }  # fmt: skip
    assert Updates().as_json() is None
