"""The frames of all threads are taken without a collection in the middle, which could wait for ever."""

import gc
import subprocess
import sys
import threading

import pytest

from stress.host.frames import current_frames

pytestmark = pytest.mark.threads

COLLECTS_ALWAYS = """
import gc, threading
from stress.host.frames import current_frames

class Holder:
    def __init__(self):
        self.own, self.me = threading.local(), self
        self.own.word = 1

gc.set_threshold(1)
for _ in range(200):
    Holder()
    current_frames()
print("done")
"""


def test_what_is_freed_meanwhile_cannot_hold_it_up() -> None:
    done = subprocess.run((sys.executable, "-c", COLLECTS_ALWAYS), stdout=subprocess.PIPE, text=True, timeout=20)
    assert done.stdout == "done\n"


def test_it_has_every_thread_and_leaves_collection_as_it_was() -> None:
    gate = threading.Event()
    thread = threading.Thread(target=gate.wait)
    thread.start()
    for turn in (gc.disable, gc.enable):
        turn()
        before = gc.isenabled()
        assert {thread.ident, threading.get_ident()} <= set(current_frames())
        assert gc.isenabled() is before
    gate.set()
    thread.join()
