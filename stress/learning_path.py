"""The numbered path through the catalogue, for who starts here: each step needs only what the steps before it show.

docs/path.md tells it at length; `kstress list` shows it first.
"""

import attrs


@attrs.frozen
class Step:
    """A scenario of the catalogue by its name, and in one line what its run shows."""

    scenario: str
    shows: str

    @property
    def command(self) -> str:
        """The command that runs this step; the python engine starts at once and shows call traces."""
        return f"kstress run {self.scenario} --engine python"


PATH = (
    Step("modlist_spinlock", "the race: a lock that readers do not take protects no reader"),
    Step("reused_memory", "damage without a crash: memory that is reused at once gives wrong answers"),
    Step("skip_going", "a flag is no protection: a check and a use are two steps"),
    Step("stop_machine", "the cure: change the list while no reader runs; HELD and its twin"),
    Step("changes_while_stopped", "a stop protects only after every CPU has acknowledged it"),
    Step("oops_lockless", "why readers take no lock: the twin waits for itself and is STALLED"),
    Step("insmod_ordered", "publication: the store that makes an entry visible comes last"),
    Step("name_until_resched", "how long a pointer stays good: until its reader lets a stop in"),
    Step("preempt_disable", "preemption ends a read early, unless the reader forbids it"),
    Step("nmi_list_del_rcu", "NMIs come in spite of a stop: an entry that is unlinked must keep its way on"),
)
"""In this order."""
