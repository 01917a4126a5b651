"""An oops report keeps its read section until it has printed the module's name and build id.

The report looks an address up and gets the symbol's name as a copy, but the module's name and build id as raw pointers.
The read section ends with the lookup. Printing follows, and the console is slow. rmmod gets its grace period and frees
the module meanwhile. Freed module memory is unmapped, so the report of an oops oopses itself, and the next report may do
the same. The fix has one read section around the lookup and the printing. The model is ours: an oops ends the report
that it comes in; the console takes 50 microseconds for each word; readers do nothing else than to report.

Source: commit 3b07086444f8 (2025), fact tagged V.
"""

from stress import Outcome, Program, Scenario, Struct, Structure
from stress.kernel.contents import has_contents, write_contents
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
NAME_TAG, BUILD_TAG = 0x6E61_6D65, 0x6275_696C

Module = Struct("module", title=2, build_id=3)
MODULES = static("modules_in_reports", KEYS)
