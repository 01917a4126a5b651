"""A string buffer appends another buffer while a second CPU shortens the other buffer.

Each call of the other buffer is a critical section of its own: one gives its length, one copies so many characters.

What goes wrong: the length is old when the characters are copied. The other buffer has become shorter in between, and
the copy would go beyond its end; the call that copies finds that.

The order of steps: the appender reads the length and releases the lock, and is preempted; the second CPU shortens the
buffer; the appender asks for more characters than there are. The mended appender holds the lock for both calls.
"""

from stress import Outcome, Program, Protocol, Scenario, Structure
from stress.kernel import Cpu, kernel, lock, note, spin_lock, spin_unlock, static

# appender: reads the length, 4 | second CPU: length = 1, ends. appender: asks for 4 characters. The | is the one
# preemption.
LEAST_PREEMPTIONS = 1
OPERATIONS = 1
SHORT, LONG = 1, 4

# The other buffer: its lock, its length, and its characters, which never change; a word each.
OTHER_LOCK = lock("string_buffer_lock")
LENGTH = static("string_buffer_length", stored_by=OTHER_LOCK)
CHARACTERS = static("string_buffer_characters", LONG)
# What the appender has appended: its own words.
APPENDED = static("string_buffer_appended", LONG)
OUT = Outcome.table(
    appended=("acceptable", "the other buffer as it was at one time"),
    beyond=("forbidden", "asked for more characters than the other buffer has"),
)


@kernel
def boot(cpu: Cpu, p: Protocol) -> None:
    """The other buffer is long."""
    cpu.store(LENGTH, LONG)
    for at in range(LONG):
        cpu.store(CHARACTERS + at * 8, at + 1)


@kernel
def copy(cpu: Cpu, count: int) -> int:
    """Copy so many characters of the other buffer, if there are so many. The caller holds the lock."""
    length = cpu.load(LENGTH)
    note(cpu, "length", length)
    if count > length:
        return OUT.beyond
    for at in range(count):
        cpu.store(APPENDED + at * 8, cpu.load(CHARACTERS + at * 8))
    return OUT.appended


@kernel
def append_two_sections(cpu: Cpu) -> int:
    """Faulty: one section for the length, one for the characters."""
    spin_lock(cpu, OTHER_LOCK)
    count = cpu.load(LENGTH)
    spin_unlock(cpu, OTHER_LOCK)
    spin_lock(cpu, OTHER_LOCK)
    outcome = copy(cpu, count)
    spin_unlock(cpu, OTHER_LOCK)
    return outcome


@kernel
def append_one_section(cpu: Cpu) -> int:
    """Mended: one section for both."""
    spin_lock(cpu, OTHER_LOCK)
    outcome = copy(cpu, cpu.load(LENGTH))
    spin_unlock(cpu, OTHER_LOCK)
    return outcome


@kernel
def shorten(cpu: Cpu) -> int:
    """Shorten the buffer, or make it long again for the next operation. There is nothing to judge."""
    spin_lock(cpu, OTHER_LOCK)
    cpu.store(LENGTH, SHORT if cpu.load(LENGTH) == LONG else LONG)
    spin_unlock(cpu, OTHER_LOCK)
    return 0


BUFFERS = Structure("string_buffer", [], boot, outcomes=OUT, objects=1, reads="appends")
SHORTEN = Program("shorten", shorten, 1, writes=True)
FAULTY = Scenario(
    name="faulty",
    claim="calls that each take the lock of a buffer may rely on what the one before has returned",
    source="a program that is known for its difficulty for schedulers; written from its description",
    programs=(SHORTEN, Program("append", append_two_sections, 1)),
    expect="violated",
    outcomes=BUFFERS.all_outcomes,
    structure=BUFFERS,
    learnt="two calls that are each safe are not safe together",
)
MENDED = Scenario(
    name="mended",
    claim="a length that was read under a lock is right as long as the lock is held",
    source="the faulty program with one section",
    programs=(SHORTEN, Program("append", append_one_section, 1)),
    expect="held",
    twin=FAULTY,
    outcomes=BUFFERS.all_outcomes,
    structure=BUFFERS,
    learnt="a section reaches from the first thing that was read to the last use of it",
)
SCENARIOS = [FAULTY, MENDED]
