"""Processes that have the cores of the host, and keep them until they are ended."""

import subprocess
import sys

HOLD = """
import time
from stress.host.cores import having_cores
with having_cores(print, print):
    print("has it", flush=True)
    time.sleep(60)
"""
Process = subprocess.Popen[str]


def started(code: str, *arguments: str) -> Process:
    process = subprocess.Popen([sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline() == "has it\n"
    return process


def end(process: Process) -> None:
    process.kill()
    process.communicate()
