"""What processes of the nursery's tests run: one line says what to do."""

import os
import signal
import sys

TIMES: list[int] = []


def main() -> int:
    """Do it; the exit code."""
    TIMES.append(1)
    line = sys.stdin.buffer.readline().split()
    match [word.decode() for word in line]:
        case ["times"]:
            os.write(1, str(len(TIMES)).encode())
        case ["leave", code]:
            return int(code)
        case ["raise"]:
            raise RuntimeError("planted")
        case ["die"]:
            signal.raise_signal(signal.SIGSEGV)
    return 0
