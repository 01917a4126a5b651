"""The switch between stacks: it keeps the registers that a called function must keep, and changes the stack.

A stack that does not run has its registers on top, and its pointer in a word. A new one begins in `ks_begin`, which
calls the program of a CPU with the numbers in a block of words, and hands back to the main program when that ends.
"""

from stress.errors import HostError

BLOCK = ("entry", "base", "number", "area", "log", "out", "status", "this", "main")
"""What a new stack is given: the program, its five arguments, its result, and where two stack pointers are kept."""

X86_64 = """
module asm ".text"
module asm ".globl ks_switch"
module asm ".type ks_switch,@function"
module asm "ks_switch:"
module asm "pushq %rbp"
module asm "pushq %rbx"
module asm "pushq %r12"
module asm "pushq %r13"
module asm "pushq %r14"
module asm "pushq %r15"
module asm "movq %rsp, (%rdi)"
module asm "movq (%rsi), %rsp"
module asm "popq %r15"
module asm "popq %r14"
module asm "popq %r13"
module asm "popq %r12"
module asm "popq %rbx"
module asm "popq %rbp"
module asm "ret"
module asm ".globl ks_begin"
module asm "ks_begin:"
module asm "movq %r12, %rdi"
module asm "callq *%r13"
module asm "ud2"
"""
AARCH64 = """
module asm ".text"
module asm ".globl ks_switch"
module asm ".type ks_switch,@function"
module asm "ks_switch:"
module asm "sub sp, sp, #160"
module asm "stp x19, x20, [sp, #0]"
module asm "stp x21, x22, [sp, #16]"
module asm "stp x23, x24, [sp, #32]"
module asm "stp x25, x26, [sp, #48]"
module asm "stp x27, x28, [sp, #64]"
module asm "stp x29, x30, [sp, #80]"
module asm "stp d8, d9, [sp, #96]"
module asm "stp d10, d11, [sp, #112]"
module asm "stp d12, d13, [sp, #128]"
module asm "stp d14, d15, [sp, #144]"
module asm "mov x9, sp"
module asm "str x9, [x0]"
module asm "ldr x9, [x1]"
module asm "mov sp, x9"
module asm "ldp x19, x20, [sp, #0]"
module asm "ldp x21, x22, [sp, #16]"
module asm "ldp x23, x24, [sp, #32]"
module asm "ldp x25, x26, [sp, #48]"
module asm "ldp x27, x28, [sp, #64]"
module asm "ldp x29, x30, [sp, #80]"
module asm "ldp d8, d9, [sp, #96]"
module asm "ldp d10, d11, [sp, #112]"
module asm "ldp d12, d13, [sp, #128]"
module asm "ldp d14, d15, [sp, #144]"
module asm "add sp, sp, #160"
module asm "ret"
module asm ".globl ks_begin"
module asm "ks_begin:"
module asm "mov x0, x19"
module asm "blr x20"
module asm "brk #0"
"""
COMMON = """
declare void @ks_switch(i64, i64)
declare void @ks_begin()

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

define i64 @ks_begin_address() { ret i64 ptrtoint (ptr @ks_begin to i64) }
define i64 @ks_run_address() { ret i64 ptrtoint (ptr @ks_run to i64) }
"""

# What a new stack has on top, from the lowest word on: the registers that `ks_switch` takes, as it takes them. The
# block is in the first that `ks_begin` passes on, what it calls in the second, and where it returns to is `ks_begin`.
LAYOUTS = {"x86_64": (7, 3, 2, 6), "aarch64": (20, 0, 1, 11)}
"""For each processor: the words in all, and the places of the block, of what is called and of the return address."""
INSTRUCTIONS = {"x86_64": X86_64, "aarch64": AARCH64}


def processor_of(triple: str) -> str:
    """The processor of a host, as LLVM calls it; HostError for one that has no switch here."""
    name = triple.partition("-")[0].replace("arm64", "aarch64")
    if name not in LAYOUTS:
        raise HostError(f"controlled runs need x86_64 or aarch64 on the native engine, not {name}; use --engine python")
    return name


def text_for(triple: str) -> str:
    """The unit that has the switch, as LLVM's text."""
    return INSTRUCTIONS[processor_of(triple)] + COMMON


def first_words(triple: str, block: int, run: int, begin: int) -> list[int]:
    """The words on top of a new stack."""
    size, block_at, run_at, return_at = LAYOUTS[processor_of(triple)]
    words = [0] * size
    words[block_at], words[run_at], words[return_at] = block, run, begin
    return words
