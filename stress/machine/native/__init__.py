"""The native engine: kernel code as machine code, by LLVM. Needs the extra `native` (llvmlite)."""
