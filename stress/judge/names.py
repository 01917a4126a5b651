"""What a wrong name is: poison, a mix of two names, or the whole of another. Kernel code over sorted tables.

The tables (`judge.tables` writes them before any CPU runs) hold every string of the corpus twice: sorted
as read forwards and as read backwards, so that the longest beginning and the longest end that a copy
shares with any name are found by binary search.
"""

from stress.judge.outcomes import Code
from stress.kernel.kallsyms import KSYM_NAME_LEN
from stress.machine.seam import Cpu, kernel
from stress.machine.slab import POISON_END, POISON_FREE
from stress.machine.words import static

NAMES = static("names")
NUM_NAMES = static("num_names")
NAMES_BACKWARDS = static("names_backwards")
POISON_RUN = static("poison_run")

LENGTH_SHIFT = 32
ADDRESS_MASK = (1 << LENGTH_SHIFT) - 1
NAME_BYTES = KSYM_NAME_LEN + 1

POISONED = int(Code.POISONED)
TORN = int(Code.TORN)
ALIEN = int(Code.ALIEN)
GARBLED = int(Code.GARBLED)


@kernel
def length_of(cpu: Cpu, name: int) -> int:
    """Bytes before the NUL of the buffer at `name`, at most KSYM_NAME_LEN."""
    length = 0
    while length < KSYM_NAME_LEN and cpu.peek8(name + length) != 0:
        length += 1
    return length


@kernel
def same_name(cpu: Cpu, left: int, right: int) -> bool:
    """Whether two name buffers are equal to the last byte of their padding."""
    for offset in range(0, NAME_BYTES, 8):
        if cpu.peek(left + offset) != cpu.peek(right + offset):
            return False
    return True


@kernel
def same_text(cpu: Cpu, name: int, text: int) -> bool:
    """Whether the name buffer holds the string at `text`, up to its NUL."""
    for offset in range(NAME_BYTES):
        byte = cpu.peek8(name + offset)
        if byte != cpu.peek8(text + offset):
            return False
        if byte == 0:
            return True
    return False


@kernel
def byte_at(cpu: Cpu, name: int, length: int, at: int, backwards: bool) -> int:
    """Byte `at` of a name of `length` bytes, counted from its end when `backwards`; 0 behind it."""
    if at >= length:
        return 0
    return cpu.peek8(name + length - 1 - at) if backwards else cpu.peek8(name + at)


@kernel
def shared(cpu: Cpu, name: int, length: int, entry: int, backwards: bool) -> int:
    """How many bytes the name shares with the table's `entry` from its beginning (or its end)."""
    other = entry & ADDRESS_MASK
    other_length = entry >> LENGTH_SHIFT
    count = 0
    while count < length and count < other_length:
        if byte_at(cpu, name, length, count, backwards) != byte_at(cpu, other, other_length, count, backwards):
            break
        count += 1
    return count


@kernel
def insertion_point(cpu: Cpu, name: int, length: int, table: int, backwards: bool) -> int:
    """Index of the first entry of `table` that does not sort before the name."""
    low = 0
    high = cpu.peek(NUM_NAMES)
    while low < high:
        middle = (low + high) // 2
        entry = cpu.peek(table + middle * 8)
        at = shared(cpu, name, length, entry, backwards)
        mine = byte_at(cpu, name, length, at, backwards)
        if byte_at(cpu, entry & ADDRESS_MASK, entry >> LENGTH_SHIFT, at, backwards) < mine:
            low = middle + 1
        else:
            high = middle
    return low


@kernel
def longest_shared(cpu: Cpu, name: int, length: int, table: int, backwards: bool) -> int:
    """The longest beginning (or end) that the name shares with any name of `table`."""
    index = insertion_point(cpu, name, length, table, backwards)
    best = 0
    for neighbour in range(max(index - 1, 0), min(index + 1, cpu.peek(NUM_NAMES))):
        best = max(best, shared(cpu, name, length, cpu.peek(table + neighbour * 8), backwards))
    return best


@kernel
def is_whole_name(cpu: Cpu, name: int, length: int) -> bool:
    """Whether the name is, to its end, one of the corpus's strings."""
    table = cpu.peek(NAMES)
    index = insertion_point(cpu, name, length, table, False)
    if index == cpu.peek(NUM_NAMES):
        return False
    entry = cpu.peek(table + index * 8)
    return entry >> LENGTH_SHIFT == length and shared(cpu, name, length, entry, False) == length


@kernel
def has_poison(cpu: Cpu, name: int) -> bool:
    """Whether poison was copied: its last byte, or a longer run of the others than any real name has ('k' is 0x6b)."""
    run = 0
    for offset in range(KSYM_NAME_LEN):
        byte = cpu.peek8(name + offset)
        run = run + 1 if byte == POISON_FREE else 0
        if byte == POISON_END or run >= cpu.peek(POISON_RUN):
            return True
    return False


@kernel
def judge_wrong_name(cpu: Cpu, name: int) -> int:
    """The outcome of a copied name that is not the right one."""
    if has_poison(cpu, name):
        return POISONED
    length = length_of(cpu, name)
    if is_whole_name(cpu, name, length):
        return ALIEN
    beginning = longest_shared(cpu, name, length, cpu.peek(NAMES), False)
    end = longest_shared(cpu, name, length, cpu.peek(NAMES_BACKWARDS), True)
    if beginning > 0 and beginning + end >= length:
        return TORN
    return GARBLED
