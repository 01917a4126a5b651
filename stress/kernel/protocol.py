"""A protocol: the kernel functions by which writers change what lockless readers walk, as one value.

What is made of a protocol (system calls, a writer's program) is made by closures, since compiled code takes functions
as constants only. A scenario names its protocol, and may differ from its twin in nothing else.
"""

from collections.abc import Callable
from functools import cache
from types import FunctionType
from typing import Any, Generic, TypeVar, cast

import attrs

from stress.kernel.module import ListChange
from stress.kernel.stop_machine import cond_resched, preempt_schedule
from stress.machine.seam import Cpu, kernel
from stress.machine.slab import kfree

F = TypeVar("F", bound=Callable[..., Any])


@attrs.frozen
class Protocol:
    """How a list that readers walk without a lock is changed. All but the name are kernel functions.

    name: ends the names of what is made of it, as in `rmmod_locked`. link, unlink: put a module on the list, take it
    off. free: called with an unlinked module that no new reader can find; frees it, at once or later. safepoint: called
    between two operations of each CPU. interrupt: the interrupt handler.
    """

    name: str
    link: ListChange
    unlink: ListChange
    free: ListChange = kfree
    safepoint: Callable[[Cpu], None] = cond_resched
    interrupt: Callable[[Cpu], None] = preempt_schedule

    def but(self, name: str, **changes: Callable[..., None]) -> "Protocol":
        """The same with another name and some other functions, given as unlink=... and so on."""
        return attrs.evolve(self, name=name, **changes)


@attrs.frozen
class PerProtocol(Generic[F]):
    """A kernel function that differs by protocol: called with one, it gives the function for it, the same each time."""

    _make: Callable[[Protocol], F]

    def __call__(self, protocol: Protocol) -> F:
        """The function for `protocol`."""
        return self._make(protocol)


def per_protocol(name: str) -> Callable[[Callable[[Protocol], F]], PerProtocol[F]]:
    """Let a function that makes a kernel function of a protocol make it once for each.

    What is made is kernel code, and called `name` and the protocol's name, which stacks in reports show.
    """

    def decorate(make: Callable[[Protocol], F]) -> PerProtocol[F]:
        return PerProtocol(cache(lambda protocol: kernel(_named(make(protocol), f"{name}_{protocol.name}"))))

    return decorate


def _named(function: F, name: str) -> F:
    """`function` under another name, which its code has too: a stack knows nothing but code."""
    made = cast(FunctionType, function)
    made.__name__ = made.__qualname__ = name
    made.__code__ = made.__code__.replace(co_name=name, co_qualname=name)
    return function
