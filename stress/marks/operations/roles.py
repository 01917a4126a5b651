"""Roles: the bodies of a test and the CPUs that run each of them."""

import enum
from collections.abc import Callable, Sequence
from typing import Any

import attrs

from stress.errors import UserError

MIXED = "stress.run(): the roles are tasks and threads; make all of them @stress.tasks, or none"
NO_ROLE = (
    "stress.run(): no role; decorate one body with @stress.thread or @stress.tasks, "
    "or one @stress.reader and one @stress.writer"
)


class Duty(enum.Enum):
    """What a role does to what is shared: a reader looks, a writer changes; a thread or a task does both."""

    READER = "reader"
    WRITER = "writer"
    THREAD = "thread"
    TASK = "task"


@attrs.frozen
class Role:
    """A body and the number of CPUs that run it; None for all that are left."""

    body: Callable[..., Any]
    duty: Duty
    count: int | None

    @property
    def writes(self) -> bool:
        """Whether operations of other CPUs that overlap one of its are counted."""
        return self.duty is not Duty.READER

    @property
    def name(self) -> str:
        """Its name in reports."""
        return f"{self.duty.value} {name_of(self.body)}"


def name_of(body: object) -> str:
    """The name of a body in reports."""
    return str(getattr(body, "__name__", repr(body)))


def deal(roles: Sequence[Role], cpus: int) -> list[Role]:
    """The role of each CPU: first those that write, then those that only read.

    Raises:
        UserError: when there is no role, or some are tasks and some are not, or there are too few CPUs for the roles.
    """
    if not roles:
        raise UserError(NO_ROLE)
    if len({role.duty is Duty.TASK for role in roles}) > 1:
        raise UserError(MIXED)
    fixed = sum(role.count or 0 for role in roles)
    open_roles = [role for role in roles if role.count is None]
    if fixed + len(open_roles) > cpus:
        needed = fixed + len(open_roles)
        raise UserError(f"stress.run(): the roles need at least {needed} CPUs, not {cpus}; give cpus={needed} or more")
    spare = cpus - fixed
    dealt: list[Role] = []
    for role in sorted(roles, key=lambda role: not role.writes):
        share = role.count
        if share is None:
            share = -(-spare // len(open_roles))
            spare -= share
            open_roles.pop()
        dealt += [role] * share
    return dealt
