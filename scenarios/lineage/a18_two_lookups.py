"""A probe is put into a module by one lookup of its address: two lookups may see two states of the module.

register_kprobe asks first whether an address is text, in the kernel or in a module. Then it asks which module that is,
and takes a reference to it. The module may leave the state GOING for UNFORMED in between: the first lookup finds it,
and the second one passes over it. No module means kernel text here, which needs no reference. So the probe is armed
without one, and the breakpoint is written to text that rmmod has freed. The fix looks the module up once, and takes the
reference of what it found. The model is ours: the broken check gives up the core between its lookups, where Linux
checks other things; arming sleeps before it writes, as if it waited for a mutex; no address is kernel text.

Source: commit 325f3fb551f8 (CVE-2024-35955), fact tagged V.
"""

from collections.abc import Callable

from stress import Outcome, Program, Scenario, Struct, Structure
from stress.kernel.protocol import Protocol, reclaim
from stress.kernel.protocols.rcu import RCU, synchronize_rcu
from stress.kernel.struct import aim, aimed, new
from stress.machine.loop import UNJUDGED
from stress.machine.random import prandom
from stress.machine.seam import Cpu, kernel
from stress.machine.words import static

KEYS = 6
LIVE, GOING, UNFORMED = 0, 2, 3
UNUSED, DEAD = 1, 0
BREAKPOINT = 0xCC
ARMING_NANOSECONDS = 100_000
REFUSED, KERNEL_TEXT = -1, 0

Check = Callable[[Cpu, Protocol, int], int]

Module = Struct("module", state="word", text="word")
# Changed by the writer: the modules, 0 where one is not loaded; where the text of each was when it was loaded last.
MODULES = static("modules_by_key", KEYS)
TEXTS = static("text_addresses", KEYS)
OUT = Outcome.table(
    armed=("acceptable", "wrote a breakpoint, and took it away again"),
    refused=("acceptable", "the address is no text just now"),
)


@kernel
def insmod(cpu: Cpu, p: Protocol, key: int) -> None:
    """Load a module, LIVE; nothing when memory is short."""
    module = new(cpu, Module)
    if module == 0:
        return
    cpu.store(module + Module.state, LIVE)
    cpu.store(TEXTS + key * 8, module + Module.text)
    p.write_lock(cpu)
    p.publish(cpu, MODULES + key * 8, module)
    p.write_unlock(cpu)


@kernel
def boot(cpu: Cpu, p: Protocol) -> None:
    """All modules."""
    for key in range(KEYS):
        insmod(cpu, p, key)


@kernel
def free_module(cpu: Cpu, p: Protocol, module: int, key: int) -> None:
    """The end of rmmod, once exit() has run: UNFORMED, not to be found any more, freed."""
    cpu.store(module + Module.state, UNFORMED)
    p.write_lock(cpu)
    p.publish(cpu, MODULES + key * 8, 0)
    p.write_unlock(cpu)
    p.retire(cpu, module)


@kernel
def rmmod(cpu: Cpu, p: Protocol, key: int) -> None:
    """Unload a module, unless it is in use."""
    module = cpu.load(MODULES + key * 8)
    if module != 0 and cpu.cmpxchg(module + Module.refs, UNUSED, DEAD) == UNUSED:
        cpu.store(module + Module.state, GOING)
        aim(cpu, key)
        cpu.yield_core()  # exit()
        free_module(cpu, p, module, key)


@kernel
def modprobe(cpu: Cpu, p: Protocol) -> int:
    """The writer: load the module that was unloaded last time, and unload another one."""
    for key in range(KEYS):
        if cpu.load(MODULES + key * 8) == 0:
            insmod(cpu, p, key)
    rmmod(cpu, p, prandom(cpu, KEYS))
    return UNJUDGED


@kernel
def module_text_address(cpu: Cpu, p: Protocol, address: int) -> int:
    """The module, LIVE or GOING, of a text address; 0 if there is none."""
    for key in range(KEYS):
        module = p.dereference(cpu, MODULES + key * 8, 0)
        if module != 0 and module + Module.text == address and cpu.load(module + Module.state) != UNFORMED:
            return module
    return 0


@kernel
def try_module_get(cpu: Cpu, module: int) -> int:
    """Take a reference, unless the module is going: the module, or REFUSED."""
    refs = cpu.load(module + Module.refs)
    while refs != DEAD and cpu.cmpxchg(module + Module.refs, refs, refs + 1) != refs:
        refs = cpu.load(module + Module.refs)
    return REFUSED if refs == DEAD else module


@kernel
def check_twice(cpu: Cpu, p: Protocol, address: int) -> int:
    """Broken: is it text, and of which module? The module with a reference, KERNEL_TEXT or REFUSED."""
    if module_text_address(cpu, p, address) == 0:
        return REFUSED
    cpu.yield_core()
    module = module_text_address(cpu, p, address)
    return KERNEL_TEXT if module == 0 else try_module_get(cpu, module)


@kernel
def check_once(cpu: Cpu, p: Protocol, address: int) -> int:
    """Mended: of which module is it? The module with a reference, or REFUSED."""
    module = module_text_address(cpu, p, address)
    return REFUSED if module == 0 else try_module_get(cpu, module)


@kernel
def arm(cpu: Cpu, address: int, module: int) -> None:
    """Write a breakpoint, take it away again, and put the reference if there is one."""
    cpu.sleep(ARMING_NANOSECONDS)
    cpu.store(address, BREAKPOINT)
    cpu.store(address, 0)
    if module != KERNEL_TEXT:
        cpu.fetch_add(module + Module.refs, -1)


@kernel
def register(cpu: Cpu, p: Protocol, check: Check) -> int:
    """Put a probe at the text of a module, half of the time of one that is going."""
    address = cpu.load(TEXTS + aimed(cpu, KEYS) * 8)
    p.read_begin(cpu)
    module = check(cpu, p, address)
    p.read_end(cpu)
    if module == REFUSED:
        return OUT.refused
    arm(cpu, address, module)
    return OUT.armed


@kernel
def register_twice(cpu: Cpu, p: Protocol) -> int:
    """A probe before the fix."""
    return register(cpu, p, check_twice)


@kernel
def register_once(cpu: Cpu, p: Protocol) -> int:
    """A probe since the fix."""
    return register(cpu, p, check_once)


@kernel
def free_after_rcu(cpu: Cpu, module: int) -> None:
    """Wait until every read section has ended, and free a module."""
    synchronize_rcu(cpu)
    reclaim(cpu, module)


PROBED = Structure("probed_modules", [Module], boot, outcomes=OUT, objects=64, reads="probes")
SYNCHRONOUS = RCU.but("synchronous_rcu", retire=free_after_rcu)
MODPROBE = Program("modprobe", modprobe, cpus=1, writes=True)
BROKEN = Scenario(
    name="broken",
    claim="an address that was text, and is in no module, is kernel text",
    source="325f3fb551f8 (CVE-2024-35955): before the fix",
    programs=(MODPROBE, Program("register_kprobe", register_twice)),
    expect="violated",
    outcomes=PROBED.all_outcomes,
    protocol=SYNCHRONOUS,
    structure=PROBED,
    learnt="two right answers about two moments make one wrong conclusion: freed text is written to",
)
MENDED = Scenario(
    name="mended",
    claim="the module that one lookup found is the one whose text is written to",
    source="325f3fb551f8 (CVE-2024-35955)",
    programs=(MODPROBE, Program("register_kprobe", register_once)),
    expect="held",
    twin=BROKEN,
    outcomes=PROBED.all_outcomes,
    protocol=SYNCHRONOUS,
    structure=PROBED,
    learnt="a module is found LIVE and held, or the probe is refused",
)
SCENARIOS = [BROKEN, MENDED]
