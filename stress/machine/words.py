"""Where things lie in RAM: the named words of the machine and of the kernel that runs on it.

An address is an offset into one mapping. Below `LOW` nothing is mapped for kernel code, so that NULL and the kernel's
list poison fault. The shadow lies there instead: one byte for each 8 bytes, at `address >> 3`. Kernel code declares its
static and per-CPU words here by name, so that every report can name them. The harness's own words lie behind `BOUND`,
where no pointer of kernel code reaches.

The kernel declares each name once, and so does each file. Scenarios share words: what one declares as another did
before is the same word, so a scenario and its twin may declare the same in files of their own.

Each word has one writer, or only the holder of a lock stores it, or it changes by compare-exchange; where it is
declared says which. Words of different writers lie on different cache lines, so that CPUs do not slow each other down.
"""

import sys
from collections.abc import Iterator
from types import CodeType

# 64 MiB: the shadow of addresses up to eight times LOW (512 MiB) fits below LOW.
LOW = 0x400_0000
LINE = 64
STATICS_BYTES = 0x1_0000
TURNS_BYTES = 4 * LINE
AREA_BYTES = 0x1000
LOG_BYTES = 0x2000
MAX_CPUS = 1024

_statics: dict[str, int] = {}
_percpu: dict[str, int] = {}
_log: dict[str, int] = {}
_locks: set[int] = set()
_stored_by: dict[int, int] = {}
_lengths: dict[int, int] = {}
"""How many words were declared at each address; those of CPUs have offsets, which no address of a static word is."""
_of_scenarios: dict[tuple[object, ...], int] = {}
"""The words that scenarios have declared, by all that was said of each."""
_declared_by: dict[int, tuple[CodeType, set[tuple[int, str]]]] = {}
"""What each module's body has declared, by the identity of its code, which is kept so that no other code gets it."""


def _place(table: dict[str, int], name: str, start: int, words: int, limit: int) -> int:
    """Give `name` the next free cache lines of `table`; ValueError for a name that is taken or a full table."""
    if name in table:
        raise ValueError(f"the name {name!r} is declared twice; give one of them another name")
    lines = -(-words * 8 // LINE)
    address = table.get("", start)
    if address + lines * LINE > start + limit:
        raise ValueError(f"no room left to declare {name!r}")
    table[""] = address + lines * LINE
    table[name] = address
    _lengths[address] = words
    return address


def _check_declared(name: object, words: object) -> None:
    """ValueError for what would share the address of the next word, or could not be named in a report."""
    if not isinstance(name, str) or not name:
        raise ValueError(f"the name of a word is {name!r}; give it in quotes")
    if not isinstance(words, int) or words < 1:
        raise ValueError(f"{name!r} has {words!r} words; give a whole number, 1 or more")


def _check_once(code: CodeType, start: int, name: str) -> None:
    """ValueError for a name that the body of a module declares again: two words of it would be one, unsaid.

    A module that is loaded again has other code, though the code is equal.
    """
    _, declared = _declared_by.setdefault(id(code), (code, set()))
    if (start, name) in declared:
        raise ValueError(f"{name!r} is declared twice in this file; give each word a name of its own")
    declared.add((start, name))


def _declare(table: dict[str, int], name: str, start: int, words: int, limit: int, *kind: object) -> int:
    """The place of a word that the caller of `static`, `lock` or `percpu` declares: a new one, or a scenario's own."""
    _check_declared(name, words)
    caller = sys._getframe(2)
    if caller.f_globals.get("__name__", "").startswith("stress."):
        return _place(table, name, start, words, limit)
    if caller.f_code.co_name == "<module>":
        _check_once(caller.f_code, start, name)
    said = (start, name, words, *kind)
    if said not in _of_scenarios:
        # Two files that mean different words by one name have a word each.
        others = [told for told in _of_scenarios if told[:2] == said[:2]]
        unique = f"{name} ({len(others) + 1})" if others else name
        _of_scenarios[said] = _place(table, unique, start, words, limit)
    return _of_scenarios[said]


def static(name: str, words: int = 1, stored_by: int = 0) -> int:
    """Address of a static variable of the kernel, `words` 64-bit words on cache lines of its own.

    `stored_by` is the lock whose holder alone stores the variable, if there is one: the report of a stall then names
    the CPU that spinning CPUs wait for. ValueError if `stored_by` is not a declared lock, or `words` is less than 1.
    """
    if stored_by and stored_by not in _locks:
        raise ValueError(f"{name!r} is stored by the holder of {name_of(stored_by)}, which is not a lock")
    address = _declare(_statics, name, LOW, words, STATICS_BYTES - TURNS_BYTES, stored_by)
    if stored_by:
        _stored_by.update(dict.fromkeys(range(address, address + words * 8, 8), stored_by))
    return address


def lock(name: str) -> int:
    """Address of a static lock: 0 when free, else its holder's CPU number + 1."""
    address = _declare(_statics, name, LOW, 1, STATICS_BYTES - TURNS_BYTES, "lock")
    _locks.add(address)
    return address


def percpu(name: str, words: int = 1) -> int:
    """Offset of a per-CPU variable of the kernel in each `cpu.area`, on cache lines of its own."""
    return _declare(_percpu, name, 0, words, AREA_BYTES)


def _log_word(name: str, words: int = 1) -> int:
    """Offset of a word of the harness in each `cpu.log`. The log has one writer and is a whole number of pages."""
    offset = _log.get("", 0)
    _log[name], _log[""] = offset, offset + words * 8
    return offset


# The machine's own words. One writer each: the main thread, before it starts the CPUs. BOUND is stored once more, at
# power-off: every checked access loads it. STARTED is stored last, and the CPUs wait for it.
BOUND = static("bound")
CPUS = static("cpus")
STARTED = static("started")
SETTINGS = static("settings", 16)
PACE = SETTINGS
YIELD_MASK = SETTINGS + 8
WRITERS = SETTINGS + 16
FORBIDDEN = SETTINGS + 24
EVENT_PERIOD = SETTINGS + 32
NMI_BELOW = SETTINGS + 40
INTERRUPT_BELOW = SETTINGS + 48
GAP_BELOW = SETTINGS + 56
GAP_NANOSECONDS = SETTINGS + 64
LAST_OPERATION = SETTINGS + 72
NOISE_PERIOD = SETTINGS + 80

# Who runs, of CPUs that run one at a time (`machine.control`). One writer at a time: the CPU whose turn it is. They lie
# at the end, so that the words of kernel code keep the addresses that they have in reports of before.
TURNS = LOW + STATICS_BYTES - TURNS_BYTES
AREAS = LOW + STATICS_BYTES

# Registers of a CPU that kernel code sets. One writer: that CPU. Other CPUs only read IRQS_DISABLED (kernel/held.py).
PREEMPT_COUNT = percpu("preempt_count")
IRQS_DISABLED = percpu("irqs_disabled")

# The log of a CPU. One writer: that CPU. The main thread and other CPUs' window counters only read it: counters grow
# and are never reset, so a reader sees an old value at worst.
EDGES = _log_word("edges", 7)
AIM = _log_word("aim")  # on the line of the edges, which readers look at anyway
OPERATIONS = _log_word("operations")
ONLINE = _log_word("online")
SPINNING_ON = _log_word("spinning_on")
SPINS = _log_word("spins")
SLEEPS = _log_word("sleeps")
RANDOM = _log_word("random")
EVENT_RANDOM = _log_word("event_random")
EVENTS_LEFT = _log_word("events_left")
INTERRUPTS = _log_word("interrupts")
NMIS = _log_word("nmis")
WINDOWS = _log_word("windows")
VIOLATIONS = _log_word("violations")
FIRST_VIOLATION = _log_word("first_violation")
FIRST_TRIAL = _log_word("first_trial")
CHANGED_IN = _log_word("changed_in")
WINDOWS_THEN = _log_word("windows_then")
OVERLAPPED = _log_word("overlapped")
DISAGREEMENTS = _log_word("disagreements")
TIMESPEC = _log_word("timespec", 2)
COUNTERS = _log_word("counters", 16)
RECLAIMED = COUNTERS + 16
PRIVATE = _log_word("private", 8)
MOST_OUTCOMES = 32  # each has a bit in FORBIDDEN, and a slot of every CPU for its evidence
OUTCOMES = _log_word("outcomes", MOST_OUTCOMES)
LATENCIES = _log_word("latencies", 640)
UNEXPLAINED = _log_word("unexplained")
"""On compiled code: the status of the exception that ended an operation, if no fault explains it. Else 0."""
TURN = _log_word("turn", 16)
"""What is known of a CPU under control (`machine.control`). One writer at a time: the CPU whose turn it is."""
WRONG_OUTCOME = _log_word("wrong_outcome")
"""What an operation returned that is no outcome; BROKEN for one that ended without a cause."""
END_STACK = _log_word("end_stack")
"""The functions in which power-off reached this CPU."""

# Notes on the operation under way: the stack of an access or of a warning belongs to them. They are one block, since a
# handler copies all of them aside and back.
NOTES = EDGES_BEFORE = _log_word("edges_before")
FAULT_CAUSE = _log_word("fault_cause")
FAULT_ADDRESS = _log_word("fault_address")
FAULT_ACCESS = _log_word("fault_access")
FAULT_STACK = _log_word("fault_stack")
HIT_ADDRESS = _log_word("hit_address")
HIT_ACCESS = _log_word("hit_access")
HIT_SHADOW = _log_word("hit_shadow")
HIT_STACK = _log_word("hit_stack")
WARNING = _log_word("warning")
WARNING_ADDRESS = _log_word("warning_address")
WARNING_STACK = _log_word("warning_stack")
SUBJECT = _log_word("subject")
EXPECTED = _log_word("expected")
COPIED = _log_word("copied")
IN_HANDLER = _log_word("in_handler")
WALKED = _log_word("walked")
WALK_NODES = 16
WALK = _log_word("walk", WALK_NODES)
NOTED = _log_word("noted")
NOTED_VALUES = 4
VALUES = _log_word("noted_values", 2 * NOTED_VALUES)
NOTES_BYTES = VALUES + 2 * NOTED_VALUES * 8 - NOTES
NOTES_KEPT = _log_word("notes_kept", NOTES_BYTES // 8)

# What FAULT_ACCESS says where kernel code refused the argument of a call: kfree and its like, any other call, or the
# retirement of a block that was retired before; where an operation ended in a read section, or ended one that it was
# not in. An access has its size there, negative for a write.
BAD_FREE = 0
BAD_ARGUMENT = 1 << 32
UNENDED_SECTION = 2 << 32
DOUBLE_RETIRE = 3 << 32
UNBEGUN_SECTION = 4 << 32

# In nanoseconds. usleep takes less than a second.
LONGEST_SLEEP = 999_999_000

# Why an operation ended in an Oops. The first two are outcomes, and have the outcome's number. Power-off's number is
# above MOST_OUTCOMES, so that it cannot be one.
CAUSE_WILD = 1
CAUSE_ENDLESS = 2
CAUSE_POWER_OFF = 99

# Outcomes that checks of the kernel warn of (`loop.warn`). The numbers lie here since the kernel knows no judge.
LOCKED_WHILE_STOPPED, OWNED_WHILE_STOPPED, CPU_RUNS = 11, 12, 13

# Outcomes that the harness itself finds, in operations of every kind: the last numbers, which no scenario may use.
AFTER_FREE, OUT_OF_BOUNDS, OVERWRITTEN = MOST_OUTCOMES - 3, MOST_OUTCOMES - 2, MOST_OUTCOMES - 1

# Kinds of access in the notes: the number of bytes, negative for a write; 0 is a fault that no access had. A
# compare-exchange is noted as a read, since it may fail and store nothing.
READ_WORD, READ_BYTE, WRITE_WORD, WRITE_BYTE = 8, 1, -8, -1


def statics_end() -> int:
    """The first address behind the static words that are declared."""
    return _statics[""]


def spare_statics() -> Iterator[range]:
    """The memory for static words in which none is declared, also behind one on its own lines, as offsets from LOW."""
    start = LOW
    for address in sorted(address for name, address in _statics.items() if name):
        yield range(start - LOW, address - LOW)
        start = address + _lengths[address] * 8
    yield range(start - LOW, TURNS - LOW)


def area_address(number: int) -> int:
    """Address of the area of CPU `number`."""
    return AREAS + number * AREA_BYTES


def name_of(address: int, cpus: int = MAX_CPUS) -> str:
    """The name of the static or per-CPU word at `address` in a machine of `cpus`, or the address in hex."""
    if name := _name_in(_statics, address):
        return name
    number, offset = divmod(address - AREAS, AREA_BYTES)
    name = _name_in(_percpu, offset) if 0 <= number < cpus else None
    return f"{name} of CPU {number}" if name else f"{address:#x}"


def _name_in(table: dict[str, int], address: int) -> str | None:
    """The name of the word at `address`, with its index in several words; None if there is none.

    The first word on a line of its own goes by the name alone.
    """
    for name, start in table.items():
        if name and start <= address < start + max(_lengths[start] * 8, LINE):
            index = (address - start) // 8
            return name if index == 0 and _lengths[start] * 8 <= LINE else f"{name}[{index}]"
    return None


def holder_of(address: int, value: int) -> int | None:
    """The CPU that holds the lock at `address`, whose word is `value`; None if it is free or not a lock."""
    return value - 1 if address in _locks and value > 0 else None


def guard_of(address: int) -> int | None:
    """The lock whose holder can end a wait for the word at `address`: the word itself if it is a lock; else None."""
    return address if address in _locks else _stored_by.get(address)


def owner_of(address: int, cpus: int) -> int | None:
    """The CPU, of `cpus`, in whose area the word at `address` lies: it alone stores the word. None if there is none."""
    number = (address - AREAS) // AREA_BYTES
    return number if 0 <= number < cpus else None
