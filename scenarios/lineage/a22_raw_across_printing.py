"""An oops report keeps its read section until it has printed the module's name and build id.

The report looks an address up. It gets the symbol's name as a copy, but the module's name and build id as raw pointers.
The read section ends with the lookup. Printing follows, and the console is slow. rmmod gets its grace period meanwhile,
and frees the module. Freed module memory is unmapped, so the report of an oops oopses, and so may the report of that
one. The fix has one read section around the lookup and the printing. The model is ours: the console takes at least 50
microseconds for a word; an oops ends the report that it comes in; the next report is the next operation.

Source: commit 3b07086444f8 (2025), fact tagged V.
"""

from stress import Outcome, Program, Scenario, Struct, Structure
from stress.kernel.protocol import Protocol
from stress.kernel.protocols.rcu import RCU, rcu_read_lock, rcu_read_unlock
from stress.kernel.struct import aim, aimed, new
from stress.machine.loop import UNJUDGED
from stress.machine.notes import note
from stress.machine.random import prandom
from stress.machine.seam import Cpu, kernel
from stress.machine.words import static

KEYS = 6
WORD_NANOSECONDS = 50_000
NAME_WORDS, BUILD_WORDS = 2, 3
NAME_TAG, BUILD_TAG = 0x6E61_6D65, 0x6275_696C

Module = Struct("module", name=NAME_WORDS, build_id=BUILD_WORDS)
# Changed by the writer alone: the modules, 0 where one is not loaded; the key of that one, and 1; the next one to go.
MODULES = static("modules_in_reports", KEYS)
AWAY = static("module_not_in_reports")
NEXT = static("module_to_go")
OUT = Outcome.table(
    right=("acceptable", "printed the name and the build id of the module"),
    absent=("acceptable", "no module has the address just now"),
    wrong=("forbidden", "printed something else"),
)


@kernel
def write_text(cpu: Cpu, start: int, words: int, value: int) -> None:
    """Write a text of some words, each another one."""
    for index in range(words):
        cpu.store(start + index * 8, value + index)


@kernel
def insmod(cpu: Cpu, p: Protocol, key: int) -> None:
    """Load a module; nothing when memory is short."""
    module = new(cpu, Module)
    if module == 0:
        return
    write_text(cpu, module + Module.name, NAME_WORDS, key ^ NAME_TAG)
    write_text(cpu, module + Module.build_id, BUILD_WORDS, key ^ BUILD_TAG)
    p.write_lock(cpu)
    p.publish(cpu, MODULES + key * 8, module)
    p.write_unlock(cpu)


@kernel
def boot(cpu: Cpu, p: Protocol) -> None:
    """All modules."""
    for key in range(KEYS):
        insmod(cpu, p, key)


@kernel
def rmmod(cpu: Cpu, p: Protocol, key: int) -> None:
    """Unload a module, which is freed after a grace period; nothing if it is not loaded."""
    module = cpu.load(MODULES + key * 8)
    if module == 0:
        return
    p.write_lock(cpu)
    p.publish(cpu, MODULES + key * 8, 0)
    p.write_unlock(cpu)
    p.retire(cpu, module)


@kernel
def modprobe(cpu: Cpu, p: Protocol) -> int:
    """The writer: load the module that was unloaded last time, and unload the one that reports aim at."""
    away = cpu.load(AWAY)
    if away != 0:
        insmod(cpu, p, away - 1)
    key = cpu.load(NEXT)
    rmmod(cpu, p, key)
    cpu.store(AWAY, key + 1)
    cpu.store(NEXT, prandom(cpu, KEYS))
    aim(cpu, cpu.load(NEXT))
    return UNJUDGED


@kernel
def print_text(cpu: Cpu, start: int, words: int, value: int) -> bool:
    """Print a text from a raw pointer; whether it is the right one."""
    right = True
    for index in range(words):
        cpu.sleep(WORD_NANOSECONDS)
        word = cpu.load(start + index * 8)
        note(cpu, "printed", word)
        if word != value + index:
            right = False
    return right


@kernel
def print_module(cpu: Cpu, module: int, key: int) -> int:
    """Print the name and the build id of a module, if there is one; the outcome."""
    if module == 0:
        return OUT.absent
    right = print_text(cpu, module + Module.name, NAME_WORDS, key ^ NAME_TAG)
    if print_text(cpu, module + Module.build_id, BUILD_WORDS, key ^ BUILD_TAG) and right:
        return OUT.right
    return OUT.wrong


@kernel
def report_late(cpu: Cpu) -> int:
    """Broken: the section ends with the lookup."""
    key = aimed(cpu, KEYS)
    rcu_read_lock(cpu)
    module = cpu.load(MODULES + key * 8)
    rcu_read_unlock(cpu)
    return print_module(cpu, module, key)


@kernel
def report_inside(cpu: Cpu) -> int:
    """Mended: the section ends with the printing."""
    key = aimed(cpu, KEYS)
    rcu_read_lock(cpu)
    outcome = print_module(cpu, cpu.load(MODULES + key * 8), key)
    rcu_read_unlock(cpu)
    return outcome


REPORTED = Structure("reported_modules", [Module], boot, outcomes=OUT, objects=256, reads="reports")
MODPROBE = Program("modprobe", modprobe, cpus=1, writes=True)
BROKEN = Scenario(
    name="broken",
    claim="a module's name and build id may be printed from the pointers that the lookup gave",
    source="3b07086444f8 (2025): before the fix",
    point="5",
    programs=(MODPROBE, Program("oops_report", report_late)),
    expect="violated",
    fate="unmapped",
    outcomes=REPORTED.all_outcomes,
    protocol=RCU,
    structure=REPORTED,
    learnt="what the patch left as a raw pointer in 2005 is the one that the report oopses on",
)
MENDED = Scenario(
    name="mended",
    claim="a module's name and build id are good until the section in which they were found ends",
    source="3b07086444f8 (2025)",
    point="5",
    programs=(MODPROBE, Program("oops_report", report_inside)),
    expect="held",
    twin=BROKEN,
    fate="unmapped",
    outcomes=REPORTED.all_outcomes,
    protocol=RCU,
    structure=REPORTED,
    learnt="the module stays as long as the report prints, however slow the console is",
)
SCENARIOS = [BROKEN, MENDED]
