"""Additions and exchanges of many CPUs at once lose nothing, and an acquire sees what came before a release."""

import pytest

from stress.machine.loop import UNJUDGED
from stress.machine.seam import Cpu, kernel
from stress.machine.words import COUNTERS, OPERATIONS, static
from tests.support import blank_ram, each_engine, program_of, run_machine

pytestmark = pytest.mark.threads
COUNT, TOKEN, HELD = static("counted"), static("token"), static("held")
CPUS, ENOUGH, MARK = 3, 3000, 5


@kernel
def count_up(cpu: Cpu) -> int:
    """Add one. Who gets the token stores a word that nobody else stores meanwhile, and gives the token back."""
    cpu.fetch_add(COUNT, 1)
    token = cpu.xchg(TOKEN, 0)
    if token != 0:
        cpu.poke(cpu.log + COUNTERS, cpu.peek(cpu.log + COUNTERS) + 1)
        # The token orders these: its exchanges are full barriers.
        cpu.store_release(HELD, cpu.load_acquire(HELD) + 1)
        cpu.xchg(TOKEN, token)
    return UNJUDGED


@each_engine
def test_additions_and_exchanges_of_many_cpus_lose_nothing(engine: str) -> None:
    ram = blank_ram(CPUS)
    ram.poke(TOKEN, MARK)
    run_machine(ram, [program_of(engine, count_up)] * CPUS, lambda: ram.peek(COUNT) > ENOUGH)
    ended = sum(ram.peek(ram.map.log(cpu) + OPERATIONS) for cpu in range(CPUS))
    held = sum(ram.peek(ram.map.log(cpu) + COUNTERS) for cpu in range(CPUS))
    # Power-off cuts an operation of each CPU short: it may have counted, and may hold the token.
    assert ended <= ram.peek(COUNT) <= ended + CPUS
    assert held - 1 <= ram.peek(HELD) <= held
    assert held > 0
    assert ram.peek(TOKEN) in (0, MARK)
