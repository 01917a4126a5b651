"""What each step of compiled code is in LLVM's text."""

from collections.abc import Callable, Mapping

from stress.machine.native.writer import Writer

NOTHING = "0"
ORDER = "monotonic"
DECLARATIONS = """\
declare void @ks_switch(i64, i64)
declare i32 @sched_yield()
declare i32 @usleep(i32)
declare i32 @clock_gettime(i32, i64)
declare i64 @llvm.smin.i64(i64, i64)
declare i64 @llvm.smax.i64(i64, i64)
declare i64 @llvm.ssub.sat.i64(i64, i64)
!0 = !{!"branch_weights", i32 1, i32 2000}
"""
Code = Callable[..., str]


def _load_word(of: Writer, address: str, order: str = ORDER) -> str:
    return of.new(f"load atomic i64, ptr {of.pointer(address)} {order}, align 8")


def _octet(of: Writer, address: str, order: str) -> str:
    octet = of.new(f"load atomic i8, ptr {of.pointer(address)} {order}, align 1")
    return of.new(f"zext i8 {octet} to i64")


def _store_word(of: Writer, address: str, value: str, order: str = ORDER) -> str:
    of.put(f"store atomic i64 {value}, ptr {of.pointer(address)} {order}, align 8")
    return NOTHING


def _store_octet(of: Writer, address: str, value: str) -> str:
    octet = of.new(f"trunc i64 {value} to i8")
    of.put(f"store atomic i8 {octet}, ptr {of.pointer(address)} {ORDER}, align 1")
    return NOTHING


def _compare_exchange(of: Writer, address: str, old: str, new: str) -> str:
    pair = of.new(f"cmpxchg ptr {of.pointer(address)}, i64 {old}, i64 {new} seq_cst seq_cst")
    return of.new(f"extractvalue {{i64, i1}} {pair}, 0")


def _replace(of: Writer, how: str, address: str, value: str) -> str:
    return of.new(f"atomicrmw {how} ptr {of.pointer(address)}, i64 {value} seq_cst")


def _fence(of: Writer, order: str = "seq_cst") -> str:
    of.put(f"fence {order}")
    return NOTHING


def _usleep(of: Writer, microseconds: str) -> str:
    of.new(f"call i32 @usleep(i32 {of.new(f'trunc i64 {microseconds} to i32')})")
    return NOTHING


def _clock_gettime(of: Writer, clock: str, address: str) -> str:
    of.new(f"call i32 @clock_gettime(i32 {of.new(f'trunc i64 {clock} to i32')}, i64 {address})")
    return NOTHING


def _sched_yield(of: Writer) -> str:
    of.new("call i32 @sched_yield()")
    return NOTHING


def _switch_stacks(of: Writer, this: str, other: str) -> str:
    of.put(f"call void @ks_switch(i64 {this}, i64 {other})")
    return NOTHING


STEPS: Mapping[str, Code] = {
    "load_word": _load_word,
    "load_octet": lambda of, address: _octet(of, address, ORDER),
    "load_acquire_octet": lambda of, address: _octet(of, address, "acquire"),
    "store_word": _store_word,
    "store_octet": _store_octet,
    "compare_exchange": _compare_exchange,
    "exchange": lambda of, address, value: _replace(of, "xchg", address, value),
    "fetch_and_add": lambda of, address, amount: _replace(of, "add", address, amount),
    "load_acquire_word": lambda of, address: _load_word(of, address, "acquire"),
    "store_release_word": lambda of, address, value: _store_word(of, address, value, "release"),
    "fence": _fence,
    "is_below": lambda of, value, limit: of.new(f"icmp ult i64 {value}, {limit}"),
    "stay_apart": lambda of: NOTHING,  # an attribute of the function, not an instruction
    "sched_yield": _sched_yield,
    "usleep": _usleep,
    "clock_gettime": _clock_gettime,
    "switch_stacks": _switch_stacks,
}


def _at(of: Writer, address: str) -> str:
    """The raw address of an address in RAM."""
    return of.new(f"add i64 %base, {address}")


METHODS: Mapping[str, Code] = {
    "peek": lambda of, address: _load_word(of, _at(of, address)),
    "poke": lambda of, address, value: _store_word(of, _at(of, address), value),
    "peek8": lambda of, address: _octet(of, _at(of, address), ORDER),
    "barrier": _fence,
    "rmb": lambda of: _fence(of, "acquire"),
    "wmb": lambda of: _fence(of, "release"),
    "unexplained": lambda of: NOTHING,  # compiled code does not know which exception it handles
    "remember_stack": lambda of, word: _store_word(of, _at(of, word), "%stack"),
    "copy_stack": lambda of, target, source: NOTHING,  # the number of a stack is in the word itself
}
"""What a CPU does in so few instructions that a function for it would only cost time to compile."""
