"""Descriptors 0 to 2, standard input, output and error, in a process that was started without them."""

import os


def open_descriptors() -> None:
    """Open the missing ones on /dev/null, so that no other file or socket gets their numbers."""
    while (handle := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(handle, True)
    os.close(handle)
