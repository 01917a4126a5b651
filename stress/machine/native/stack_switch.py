"""The switch between stacks, as a unit of three functions, each for one way to switch.

`ks_switch(this, other)` leaves a stack and goes on where another was left; each is named by the address of the word
that says where it was left. `ks_ready(block)` makes a stack begin afresh, in `ks_begin`. That calls `ks_run`, which
calls the program of a CPU with the numbers in a block of words, and hands back to the main program when that ends.

On the processors in INSTRUCTIONS the unit keeps the registers that a called function must keep, and changes the stack:
a stack that was left has its registers on top, and its word has its pointer. On others the C library does it.
"""

from stress.errors import HostError
from stress.machine.native import library_switch

BLOCK = ("entry", "base", "number", "area", "log", "out", "status", "this", "main", "stack", "size", "context")
"""What a stack is given: its program, the five arguments of it, its result, the addresses of its own word and of the
main program's; its lowest address, its bytes, and the address of `library_switch.CONTEXT_BYTES` bytes."""

X86_64 = {
    "ks_switch": """
pushq %rbp
pushq %rbx
pushq %r12
pushq %r13
pushq %r14
pushq %r15
movq %rsp, (%rdi)
movq (%rsi), %rsp
popq %r15
popq %r14
popq %r13
popq %r12
popq %rbx
popq %rbp
ret
""",
    "ks_begin": """
movq %r12, %rdi
callq *%r13
ud2
""",
}
AARCH64 = {
    "ks_switch": """
sub sp, sp, #160
stp x19, x20, [sp, #0]
stp x21, x22, [sp, #16]
stp x23, x24, [sp, #32]
stp x25, x26, [sp, #48]
stp x27, x28, [sp, #64]
stp x29, x30, [sp, #80]
stp d8, d9, [sp, #96]
stp d10, d11, [sp, #112]
stp d12, d13, [sp, #128]
stp d14, d15, [sp, #144]
mov x9, sp
str x9, [x0]
ldr x9, [x1]
mov sp, x9
ldp x19, x20, [sp, #0]
ldp x21, x22, [sp, #16]
ldp x23, x24, [sp, #32]
ldp x25, x26, [sp, #48]
ldp x27, x28, [sp, #64]
ldp x29, x30, [sp, #80]
ldp d8, d9, [sp, #96]
ldp d10, d11, [sp, #112]
ldp d12, d13, [sp, #128]
ldp d14, d15, [sp, #144]
add sp, sp, #160
ret
""",
    "ks_begin": """
mov x0, x19
blr x20
brk #0
""",
}
COMMON = """
define void @ks_run(ptr %block) nounwind {
  %entry.at = getelementptr i64, ptr %block, i64 0
  %entry.word = load i64, ptr %entry.at
  %entry = inttoptr i64 %entry.word to ptr
  %base.at = getelementptr i64, ptr %block, i64 1
  %base = load i64, ptr %base.at
  %number.at = getelementptr i64, ptr %block, i64 2
  %number = load i64, ptr %number.at
  %area.at = getelementptr i64, ptr %block, i64 3
  %area = load i64, ptr %area.at
  %log.at = getelementptr i64, ptr %block, i64 4
  %log = load i64, ptr %log.at
  %out.at = getelementptr i64, ptr %block, i64 5
  %out = load i64, ptr %out.at
  %status = call i64 %entry(i64 %base, i64 %number, i64 %area, i64 %log, i64 %out)
  %status.at = getelementptr i64, ptr %block, i64 6
  store i64 %status, ptr %status.at
  %this.at = getelementptr i64, ptr %block, i64 7
  %this = load i64, ptr %this.at
  %main.at = getelementptr i64, ptr %block, i64 8
  %main = load i64, ptr %main.at
  call void @ks_switch(i64 %this, i64 %main)
  unreachable
}
"""
READY = """
declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)

define void @ks_ready(ptr %block) nounwind {{
  %status.at = getelementptr i64, ptr %block, i64 6
  store i64 0, ptr %status.at
  %address = ptrtoint ptr %block to i64
  %aligned = and i64 %address, -16
  %top.word = sub i64 %aligned, {bytes}
  %top = inttoptr i64 %top.word to ptr
  call void @llvm.memset.p0.i64(ptr %top, i8 0, i64 {bytes}, i1 false)
  %block.at = getelementptr i64, ptr %top, i64 {block}
  store i64 %address, ptr %block.at
  %run.at = getelementptr i64, ptr %top, i64 {run}
  store ptr @ks_run, ptr %run.at
  %begin.at = getelementptr i64, ptr %top, i64 {begin}
  store ptr @ks_begin, ptr %begin.at
  %this.at = getelementptr i64, ptr %block, i64 7
  %this = load ptr, ptr %this.at
  store i64 %top.word, ptr %this
  ret void
}}
"""
"""Both processors want a stack that is aligned to 16 bytes once the registers are taken off."""

# What `ks_ready` puts on top of a stack, from the lowest word on: the registers that `ks_switch` takes, as it takes
# them. The block is in the first that `ks_begin` passes on, what it calls in the second, and where `ks_switch` returns
# to is `ks_begin`.
LAYOUTS = {
    "x86_64": {"bytes": 7 * 8, "block": 3, "run": 2, "begin": 6},
    "aarch64": {"bytes": 20 * 8, "block": 0, "run": 1, "begin": 11},
}
"""For each processor: the bytes in all, and which words are the block, what is called and the return address."""
INSTRUCTIONS = {"x86_64": X86_64, "aarch64": AARCH64}
PARAMETERS = {"ks_switch": "i64 %this, i64 %other", "ks_begin": ""}
FUNCTION = """
define void @{name}({parameters}) naked noinline nounwind {{
  call void asm sideeffect "{instructions}", "~{{memory}}"()
  unreachable
}}
"""
"""LLVM adds the symbol and nothing else. It knows how one is written: macOS has an underscore before each."""


def _assembled(processor: str) -> str:
    """The unit for a processor that is in INSTRUCTIONS."""
    functions = [
        FUNCTION.format(name=name, parameters=PARAMETERS[name], instructions=text.strip().replace("\n", "\\0A"))
        for name, text in INSTRUCTIONS[processor].items()
    ]
    return "".join(functions) + COMMON + READY.format(**LAYOUTS[processor])


def text_for(triple: str) -> str:
    """The unit that has the switch for a host, which LLVM names, as LLVM's text.

    Raises:
        HostError: the host has no way to switch. Windows has none: it passes arguments in other registers.
    """
    processor = triple.partition("-")[0].replace("arm64", "aarch64")
    if processor in INSTRUCTIONS and "windows" not in triple:
        return _assembled(processor)
    if library_switch.can_switch(triple):
        return library_switch.TEXT + COMMON
    raise HostError(
        "controlled runs on the native engine need Linux or macOS on x86_64 or aarch64, or Linux with glibc's "
        f"swapcontext, and this is {triple}; use --engine python"
    )
