"""A violation made by hand, with everything in it that a report can have."""

from stress.judge.sources import BEGINNING, POISON
from stress.judge.violation import Access, Block, ByteRun, Copied, Deed, KernelWarning, Node, Row, Subject, Violation
from stress.kernel.struct_module import MODLIST_LOCK
from stress.machine.stacks import Frame

EVIL = b"[red]<script>\x1b[2J"
BLOCK = 0x404_8000
STACK = (Frame("get_ksymbol", "stress/kernel/kallsyms.py", 97), Frame("kallsyms_lookup", "k.py", 1))
FREE = Deed(0, "modprobe", 42, 81, 0.0005, "xhci_hcd", (Frame("kfree", "slab.py", 202),))
ALLOC = Deed(0, "modprobe", 41, 80, 0.0012, "xhci_hcd", (Frame("kmalloc", "slab.py", 134),))
FREED = Block(BLOCK, 4096, 3000, live=False, at_rest=True, allocated=ALLOC, freed=FREE)
HIT = Access(BLOCK + 0x58, 8, False, 0xFB, STACK)
FAULT = Access(0x6B6B_6B6B_6B6B_6B73, 8, False, None, ())
WARNING = KernelWarning(MODLIST_LOCK, (Frame("spin_lock", "spinlock.py", 9),))
RUNS = (ByteRun(EVIL[:5], BEGINNING, EVIL, ("xhci_hcd", "usb")), ByteRun(b"kkk", POISON))
ROWS = tuple(Row(BLOCK + 0x30 + 16 * row, bytes(range(16)), b"\xfb\xfb") for row in range(5))
WALK = (Node(0x404_0000, "ext4", "live"), Node(BLOCK, "xhci_hcd", "freed"), Node(0x10_0100, None, None))
VIOLATION = Violation(
    outcome="poisoned", cpu=2, program="kallsyms", operation=1234, in_handler=False, stop=81, seconds=1.5,
    hit=HIT, fault=FAULT, warning=WARNING, asked=Subject(0x1000, EVIL, "xhci_hcd"),
    copied=Copied(EVIL[:5] + b"kkk", EVIL, RUNS), answer=None,
    steps=40, walk=WALK, focus=HIT.address, block=FREED, memory=ROWS,
)  # fmt: skip
