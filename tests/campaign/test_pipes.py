"""A machine's process and the pipes that its job comes by."""

import subprocess
import sys

from stress.campaign.pipes import Failed, Lost, read_message

WITHOUT_THREADS = """
import threading
from stress.campaign.pipes import Failed, serve

def refuse(thread):
    raise RuntimeError("can't start new thread")

threading.Thread.start = refuse
serve(Failed, lambda job, speak, stop: speak(job))
"""


def test_a_process_that_gets_no_thread_says_so_in_one_line() -> None:
    job = b'{"user": false, "text": "a job"}\n'
    done = subprocess.run([sys.executable, "-c", WITHOUT_THREADS], input=job, capture_output=True, timeout=60)
    message = read_message(done.stdout, (Lost, Failed))
    assert isinstance(message, Lost)
    assert message.text.startswith("out of memory: can't start new thread; ")
    assert done.stderr == b""
