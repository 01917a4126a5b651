"""A reference to a module keeps that module in the list, and not its neighbours: the walk to it needs a read section.

symbol_put_addr gets an address in a module to which its caller holds a reference. It walks the module list for the
module of that address, and puts the reference. The module cannot go, so the walk is thought to be safe as it is. But it
leads over other modules, and these go. The fix disables preemption for the walk. The model is ours: a list of six
modules, of which a reader holds one at a time; the writer unloads all that nobody holds, and loads them again; memory
is freed after a grace period of RCU-sched; where preemption is enabled, one access in 50 is preempted for 1 ms.

Source: commit 275d7d44d802 (2015), fact tagged S.
"""

from collections.abc import Callable
from fractions import Fraction

from stress import Hardware, Outcome, Program, Scenario, Struct, Structure
from stress.kernel.preempt import preempt_disable, preempt_enable
from stress.kernel.protocol import Protocol, lock_updates, unlock_updates
from stress.kernel.protocols.qsbr import QSBR, go_offline, quiescent_state
from stress.kernel.struct import new, walk_on
from stress.machine.loop import UNJUDGED
from stress.machine.notes import note
from stress.machine.random import prandom
from stress.machine.seam import Cpu, kernel
from stress.machine.words import static

KEYS, HELD = 6, 2
UNHELD = 1
SLICE_NANOSECONDS = 1_000_000

Find = Callable[[Cpu, int], int]

Module = Struct("module", next="pointer", key="word", text="word")
# Changed under the update lock.
HEAD = static("modules_with_references")
NEXT_TEXT = static("next_text_address")
# Whether the writer loads modules: only it uses the word.
LOADS = static("writer_loads")
OUT = Outcome.table(
    put=("acceptable", "found the module that it holds, and put the reference"),
    absent=("acceptable", "no such module is loaded just now"),
    lost=("forbidden", "did not find the module that it holds"),
)


@kernel
def insmod(cpu: Cpu, p: Protocol, key: int) -> None:
    """Link a module, whose text has an address that no other one ever had; nothing when memory is short."""
    module = new(cpu, Module)
    if module == 0:
        return
    cpu.store(module + Module.key, key)
    p.write_lock(cpu)
    text = cpu.load(NEXT_TEXT) + 1
    cpu.store(NEXT_TEXT, text)
    cpu.store(module + Module.text, text)
    cpu.store(module + Module.next, cpu.load(HEAD))
    p.publish(cpu, HEAD, module)
    p.write_unlock(cpu)


@kernel
def link_to(cpu: Cpu, key: int) -> int:
    """Address of the link to the module with this key, or of the last link; for the writer, or under the lock."""
    link = HEAD
    while cpu.load(link) != 0 and cpu.load(cpu.load(link) + Module.key) != key:
        link = cpu.load(link) + Module.next
    return link


@kernel
def rmmod(cpu: Cpu, p: Protocol, key: int) -> None:
    """Take the module with this key off the list and retire it, if it is there and nobody holds it."""
    p.write_lock(cpu)
    link = link_to(cpu, key)
    module = cpu.load(link)
    goes = module != 0 and cpu.load(module + Module.refs) == UNHELD
    if goes:
        p.publish(cpu, link, p.mark_removed(cpu, module + Module.next))
    p.write_unlock(cpu)
    if goes:
        p.retire(cpu, module)


@kernel
def modprobe(cpu: Cpu, p: Protocol) -> int:
    """The writer: load all modules, or unload all that nobody holds, in turns."""
    loads = cpu.load(LOADS) == 0
    cpu.store(LOADS, loads)
    for key in range(KEYS):
        if loads and cpu.load(link_to(cpu, key)) == 0:
            insmod(cpu, p, key)
        elif not loads:
            rmmod(cpu, p, key)
    return UNJUDGED


@kernel
def boot(cpu: Cpu, p: Protocol) -> None:
    """All modules; those that readers use come last."""
    for key in range(KEYS):
        insmod(cpu, p, key)


@kernel
def symbol_get(cpu: Cpu, key: int) -> int:
    """Take a reference to the module with this key, under the lock; it, or 0."""
    lock_updates(cpu)
    module = cpu.load(link_to(cpu, key))
    if module != 0:
        cpu.fetch_add(module + Module.refs, 1)
    unlock_updates(cpu)
    return module


@kernel
def module_text_address(cpu: Cpu, text: int) -> int:
    """The module of a text address, or 0."""
    module = cpu.load(HEAD)
    walked = 0
    while module != 0 and cpu.load(module + Module.text) != text:
        walked = walk_on(cpu, module, walked)
        module = cpu.load(module + Module.next)
    return module


@kernel
def find_unpreempted(cpu: Cpu, text: int) -> int:
    """The module of a text address, or 0; all others can go, and so the walk is a section of RCU-sched."""
    preempt_disable(cpu)
    module = module_text_address(cpu, text)
    preempt_enable(cpu)
    return module


@kernel
def get_and_put(cpu: Cpu, find: Find) -> int:
    """Use a symbol: take a reference to its module, and put it by the symbol's address."""
    held = symbol_get(cpu, prandom(cpu, HELD))
    if held == 0:
        return OUT.absent
    found = find(cpu, cpu.load(held + Module.text))
    note(cpu, "held", held)
    note(cpu, "found", found)
    # It is put in any case, so that one mistake does not keep the module for ever.
    cpu.fetch_add(held + Module.refs, -1)
    return OUT.put if found == held else OUT.lost


@kernel
def use_as_it_is(cpu: Cpu) -> int:
    """Broken: walk the list as it is, since the module that is looked for cannot go."""
    return get_and_put(cpu, module_text_address)


@kernel
def use_unpreempted(cpu: Cpu) -> int:
    """Mended: walk the list in a section of RCU-sched."""
    return get_and_put(cpu, find_unpreempted)


@kernel
def preempt(cpu: Cpu) -> None:
    """The interrupt handler: other threads run for a while, and no section of RCU-sched is under way meanwhile."""
    go_offline(cpu)
    cpu.sleep(SLICE_NANOSECONDS)
    quiescent_state(cpu)


USED = Structure("module_list", [Module], boot, outcomes=OUT, objects=512, reads="uses")
RCU_SCHED = QSBR.but("rcu_sched", interrupt=preempt)
MODPROBE = Program("modprobe", modprobe, cpus=1, writes=True)
PREEMPTIBLE = Hardware(interrupt=Fraction(1, 50))
BROKEN = Scenario(
    name="broken",
    claim="who holds a module may walk the list to it without a read section",
    source="275d7d44d802 (2015): before the fix",
    programs=(MODPROBE, Program("symbol_put_addr", use_as_it_is)),
    hardware=PREEMPTIBLE,
    expect="violated",
    outcomes=USED.all_outcomes,
    protocol=RCU_SCHED,
    structure=USED,
    learnt="the module that is held stays, and the walk breaks on its way there",
)
MENDED = Scenario(
    name="mended",
    claim="a walk to a module that is held needs a read section, for its neighbours",
    source="275d7d44d802 (2015)",
    programs=(MODPROBE, Program("symbol_put_addr", use_unpreempted)),
    hardware=PREEMPTIBLE,
    expect="held",
    twin=BROKEN,
    outcomes=USED.all_outcomes,
    protocol=RCU_SCHED,
    structure=USED,
    learnt="a reference protects one object, a read section all that a walk may meet",
)
SCENARIOS = [BROKEN, MENDED]
