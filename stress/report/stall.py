"""A stall, told like a kernel tells a deadlock: the cycle, then each CPU with what it spins on and its call trace."""

from typing import Any

from stress.machine.waits import ACTIVITIES, Link, Stall
from stress.machine.words import name_of


def stall_lines(stall: Stall) -> list[str]:
    """The report on a stall, line by line."""
    lines = [f"stall: {_headline(stall)}"]
    for link in stall.links:
        lines += [f"  {link.text}", *(f"    {entry}" for entry in link.stack)]
    if stall.others:
        lines.append("  also spinning: " + ", ".join(f"CPU {number}" for number in stall.others))
    if not any(link.stack for link in stall.links):
        lines.append("  no call traces here: --engine python has them")
    return lines


def _headline(stall: Stall) -> str:
    """What kind of stall it is, and who is in it."""
    last = stall.links[-1]
    if len(stall.cycle) > 1:
        return "a cycle: " + " -> ".join(f"CPU {cpu}" for cpu in (*stall.cycle, stall.cycle[0]))
    if stall.cycle:
        return f"CPU {last.cpu} waits for itself"
    return f"no cycle: CPU {last.cpu} {ACTIVITIES.get(last.activity, 'waits for nobody')}"


def stall_json(stall: Stall) -> dict[str, Any]:
    """The object `stall` of a run's JSON."""
    return {
        "seconds": round(stall.seconds, 3),
        "cycle": bool(stall.cycle),
        "cpus": [_link_json(link) for link in stall.links],
        "others": list(stall.others),
    }


def _link_json(link: Link) -> dict[str, Any]:
    """One CPU of the chain."""
    wait = link.wait
    return {
        "cpu": link.cpu,
        "program": link.program,
        "operation": link.operation,
        "activity": link.activity,
        "seconds": round(link.seconds, 3) if wait else None,
        "spins_on": wait.spins_on if wait else None,
        "address": f"{wait.address:#x}" if wait else None,
        "lock": name_of(wait.guard) if wait and wait.guard is not None else None,
        "held_by": wait.held_by if wait else None,
        "waits_for": link.waits_for,
        "stack": list(link.stack),
    }
