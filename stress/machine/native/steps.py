"""The steps that only compiled code takes: atomic accesses to raw addresses, barriers, calls of the C library.

LLVM may move a plain load out of a spin loop. "monotonic" forbids that and no more: each access happens once, whole,
and in the program's order at its own address, like a volatile access of one word in C. x86-64 adds its own order
(loads in order, stores in order); where kernel code needs more, it asks for a barrier.
"""

from stress.machine.language.names import Step

load_word = Step("load_word", 1)
"""The 64-bit word at a raw address."""
load_octet = Step("load_octet", 1)
"""The byte at a raw address."""
load_acquire_octet = Step("load_acquire_octet", 1)
"""The byte at a raw address; no later access moves before this load (LLVM's "acquire")."""
store_word = Step("store_word", 2)
"""Store a 64-bit word at a raw address."""
store_octet = Step("store_octet", 2)
"""Store the low byte of a value at a raw address."""
compare_exchange = Step("compare_exchange", 3)
"""At a raw address, store the third argument if the word is the second, in one step that is a full barrier; what was
there."""
exchange = Step("exchange", 2)
"""Store a word at a raw address, in one step that is a full barrier; what was there."""
fetch_and_add = Step("fetch_and_add", 2)
"""Add to a word at a raw address, in one step that is a full barrier; what was there."""
load_acquire_word = Step("load_acquire_word", 1)
"""The word at a raw address; no later access moves before this load."""
store_release_word = Step("store_release_word", 2)
"""Store a word at a raw address; no earlier access moves behind this store."""
fence = Step("fence", 0)
"""Full memory barrier, `mfence` or a locked instruction on x86-64."""
is_below = Step("is_below", 2, is_truth=True)
"""Whether one value is below another, both as unsigned numbers: one comparison checks both ends of a range."""
unlikely = Step("unlikely", 1, is_truth=True)
"""A condition, with the hint to the compiler that it is false."""
stay_apart = Step("stay_apart", 0)
"""Keep the function that takes this step out of its callers' code: for paths that are seldom taken."""
sched_yield = Step("sched_yield", 0)
"""Let another thread have the core."""
usleep = Step("usleep", 1)
"""Sleep for some microseconds."""
clock_gettime = Step("clock_gettime", 2)
"""Store seconds and nanoseconds of a clock at a raw address."""
switch_stacks = Step("switch_stacks", 2)
"""Keep this stack's pointer at the first raw address, and go on with the stack whose pointer is at the second."""
