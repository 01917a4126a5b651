"""A stall as text, as a kernel reports it: the cycle, then each CPU with what it spins on and its call trace."""

from stress.machine.waits import ACTIVITIES, Stall


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
