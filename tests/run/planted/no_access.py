"""A reader that goes on for ever once the writer has changed a word, and accesses no memory meanwhile."""

from stress import Outcome, Protocol, Structure, study
from stress.kernel import Cpu, kernel, static
from stress.protocols import NONE

WORD = static("no_access_word")
OUT = Outcome.table(right=("acceptable", "it ended"), wrong=("forbidden", "never"))


@kernel
def boot(cpu: Cpu, p: Protocol) -> None:
    """Nothing has changed."""
    cpu.store(WORD, 0)


@kernel
def change(cpu: Cpu, p: Protocol) -> int:
    """Let readers go on for ever."""
    p.write_lock(cpu)
    cpu.store(WORD, 1)
    p.write_unlock(cpu)
    return 0


@kernel
def turn_round(cpu: Cpu, changed: int) -> int:
    """Never ends if something has changed."""
    turns = changed
    while 0 < turns < 5:
        turns = turns + 1 & 3 | 1  # the loop
    return OUT.right


@kernel
def read(cpu: Cpu, p: Protocol) -> int:
    """One operation of a reader."""
    return turn_round(cpu, cpu.load(WORD))


SCENARIOS = study(Structure("no_access", [], boot, outcomes=OUT), readers=read, writer=change, violated=[NONE])
