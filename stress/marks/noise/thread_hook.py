"""The hook of `threading` for exceptions that end a thread: a run hears of them whatever hook is set meanwhile.

Some libraries set a hook of their own at their first use. While a run lasts, the attribute `threading.excepthook` is a
property, so that the interpreter goes on calling the run's hook, and the run's hook calls the one that was set.
"""

import threading
from collections.abc import Callable
from types import ModuleType
from typing import Any

import attrs

Hook = Callable[[Any], object]


@attrs.define(eq=False)
class ThreadHook:
    """Has `keep` take each exception that ends a thread, from `install` to `remove`; else the hook of before does.

    `keep` is None between runs. A hook that code under test sets meanwhile is called too, and stays afterwards.
    """

    keep: Callable[[BaseException], None] | None = attrs.field(init=False, default=None)
    _before: Hook = attrs.field(init=False, factory=lambda: threading.excepthook)
    _set: Hook | None = attrs.field(init=False, default=None)
    _class: type[ModuleType] | None = attrs.field(init=False, default=None)
    _within: threading.local = attrs.field(init=False, factory=threading.local)

    def install(self, keep: Callable[[BaseException], None]) -> None:
        """Let `keep` take exceptions from now on."""
        self._before, self._set, self.keep = threading.excepthook, None, keep
        threading.excepthook = self._ended
        self._class = type(threading)
        watched = property(lambda module: self._set or self._rest, lambda module, hook: self._take(hook))
        threading.__class__ = type(self._class.__name__, (self._class,), {"excepthook": watched})

    def remove(self) -> None:
        """Leave all exceptions to the hook of before, or to the one that was set since."""
        self.keep = None
        if self._class:
            threading.__class__, self._class = self._class, None
            threading.excepthook = self._set or self._before

    def _take(self, hook: Hook) -> None:
        """Remember a hook that is set, unless it is what was there before, or what the module's dictionary has."""
        self._set = None if hook in (self._rest, self._ended) else hook

    def _ended(self, ended: threading.ExceptHookArgs) -> None:
        """Keep the exception that ended a thread, and call the hook that was set since, or what stands for no hook.

        The hook that was set may call this one in its turn, since it is what the module's dictionary has.
        """
        if getattr(self._within, "ended", False):
            self._rest(ended)
            return
        keep, self._within.ended = self.keep, True
        try:
            if keep and (error := _error_of(ended)):
                keep(error)
            (self._set or self._rest)(ended)
        finally:
            self._within.ended = False

    def _rest(self, ended: threading.ExceptHookArgs) -> None:
        """What others see as the hook of before: it has nothing to do with an exception that is kept."""
        if self.keep is None or _error_of(ended) is None:
            self._before(ended)


def _error_of(ended: threading.ExceptHookArgs) -> BaseException | None:
    """The exception that ended a thread; None for SystemExit, by which a thread ends itself."""
    return None if isinstance(ended.exc_value, SystemExit) else ended.exc_value
