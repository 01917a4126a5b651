"""The switch between stacks by the C library's `swapcontext`, for processors that have no switch of their own here.

Each stack, the main program's too, has a `ucontext_t` of its own, and the word that says where it was left has the
address of that. `swapcontext` asks the kernel for the signal mask, so it takes several times as long as instructions.
"""

import ctypes

CONTEXT_BYTES = 1 << 13
"""Room for a `ucontext_t`, whose size Python cannot ask for. The largest of glibc's on a processor in PROCESSORS is
aarch64's with 4,560 bytes, of which 4,096 are for registers that are yet to come; the others have at most 1,440."""
PROCESSORS = ("x86_64", "aarch64", "riscv64", "powerpc64le", "loongarch64")
"""Those on which glibc's `ucontext_t` begins with uc_flags, uc_link and a `stack_t` of ss_sp, ss_flags and ss_size:
sysdeps/unix/sysv/linux/{x86,aarch64,riscv,powerpc,loongarch}/sys/ucontext.h, bits/types/stack_t.h. Those of mips64,
alpha and sparc64 are other; a program may take a word apart, so none is big-endian."""

# TEXT: uc_link is at 8, ss_sp at 16, ss_size at 32. `makecontext` passes ints on, so the address of the block goes in
# halves. The context is made anew for each schedule: a copy would have the signal mask of another time, and on x86_64
# and powerpc64le pointers into itself. `swapcontext` fails only for a mask that the kernel does not take.
TEXT = """
declare i32 @getcontext(ptr)
declare i32 @swapcontext(ptr, ptr)
declare void @makecontext(ptr, ptr, i32, ...)

define void @ks_switch(i64 %this, i64 %other) nounwind {
  %this.at = inttoptr i64 %this to ptr
  %left = load ptr, ptr %this.at
  %other.at = inttoptr i64 %other to ptr
  %entered = load ptr, ptr %other.at
  %failed = call i32 @swapcontext(ptr %left, ptr %entered)
  ret void
}

define void @ks_begin(i32 signext %high, i32 signext %low) nounwind {
  %high.word = zext i32 %high to i64
  %high.half = shl i64 %high.word, 32
  %low.half = zext i32 %low to i64
  %word = or i64 %high.half, %low.half
  %block = inttoptr i64 %word to ptr
  call void @ks_run(ptr %block)
  unreachable
}

define void @ks_ready(ptr %block) nounwind {
  %status.at = getelementptr i64, ptr %block, i64 6
  store i64 0, ptr %status.at
  %stack.at = getelementptr i64, ptr %block, i64 9
  %stack = load i64, ptr %stack.at
  %size.at = getelementptr i64, ptr %block, i64 10
  %size = load i64, ptr %size.at
  %context.at = getelementptr i64, ptr %block, i64 11
  %context = load ptr, ptr %context.at
  %failed = call i32 @getcontext(ptr %context)
  %link.at = getelementptr i8, ptr %context, i64 8
  store i64 0, ptr %link.at
  %sp.at = getelementptr i8, ptr %context, i64 16
  store i64 %stack, ptr %sp.at
  %bytes.at = getelementptr i8, ptr %context, i64 32
  store i64 %size, ptr %bytes.at
  %word = ptrtoint ptr %block to i64
  %low = trunc i64 %word to i32
  %high.word = lshr i64 %word, 32
  %high = trunc i64 %high.word to i32
  call void (ptr, ptr, i32, ...) @makecontext(ptr %context, ptr @ks_begin, i32 signext 2,
      i32 signext %high, i32 signext %low)
  %this.at = getelementptr i64, ptr %block, i64 7
  %this = load ptr, ptr %this.at
  store ptr %context, ptr %this
  ret void
}
"""


def can_switch(triple: str) -> bool:
    """Whether this host's C library can switch stacks and has a layout that is known; LLVM names the host."""
    if triple.partition("-")[0] not in PROCESSORS or "-linux-gnu" not in triple:
        return False
    library = ctypes.CDLL(None)
    return all(hasattr(library, name) for name in ("getcontext", "makecontext", "swapcontext"))
