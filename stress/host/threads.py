"""Exceptions that one thread raises in another."""

import threading


def set_exception(thread: threading.Thread, exception: object) -> None:
    """Set what CPython raises at the next instruction of a thread, as a `ctypes.py_object` of it; None for nothing."""
    import ctypes  # takes milliseconds, and is seldom needed

    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident or 0), exception)
