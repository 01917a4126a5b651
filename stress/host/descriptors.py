"""Descriptors 0 to 2, which everything takes for standard input, output and error, also in a process without them."""

import os


def open_descriptors() -> None:
    """Open those that this process was started without, so that no file or socket that it opens gets their numbers."""
    while (handle := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(handle, True)
    os.close(handle)
