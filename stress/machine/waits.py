"""Which CPU waits for which: from a CPU that spins to the cycle that it is in, or to a CPU that waits for none.

The watchdog sees which CPUs spin and on which words. The declaration of a word (`stress.machine.words`) says which CPU
can end such a wait, so that nothing here depends on the purpose of a lock or a word.
"""

from collections.abc import Callable, Sequence

import attrs

from stress.machine.ram import Address, Ram
from stress.machine.words import guard_of, holder_of, name_of, owner_of

SPINS = "spins"
GOES_ON = "goes on"
SLEEPS = "sleeps"
RUNS_ON = "runs on"
ENDED = "ended"

ACTIVITIES = {
    GOES_ON: "goes on with other operations and ends no wait",
    SLEEPS: "sleeps within that operation",
    RUNS_ON: "runs on within that operation",
    ENDED: "has ended: its thread is gone",
}


@attrs.frozen
class Wait:
    """The word at `address` that a CPU spins on, in a machine of `cpus`.

    `guard` is the lock that decides over it: the word itself if it is one, or the one whose holder alone stores the
    word; else None. `held_by` was its holder at the time of looking, if it had one.
    """

    address: int
    cpus: int
    guard: int | None
    held_by: int | None

    @property
    def spins_on(self) -> str:
        """The word's name."""
        return name_of(self.address, self.cpus)

    @property
    def waits_for(self) -> int | None:
        """The CPU that can end the wait: the lock's holder, or the CPU whose per-CPU word it is.

        None for a lock that is free or whose holder does not exist, and for a word that anyone may store.
        """
        number = owner_of(self.address, self.cpus) if self.guard is None else self.held_by
        return number if number is not None and number < self.cpus else None

    @property
    def lock(self) -> str | None:
        """The name of the lock that decides over the word."""
        return None if self.guard is None else name_of(self.guard, self.cpus)


def wait_on(ram: Ram, address: int) -> Wait:
    """What a CPU that spins on the word at `address` waits for just now."""
    guard = guard_of(address)
    held_by = None if guard is None else holder_of(guard, ram.peek(guard))
    return Wait(address, ram.map.cpus, guard, held_by)


@attrs.frozen
class Link:
    """One CPU of a chain, as the JSON of a stall has it. `activity` is one of this module's words.

    `operation` is how many operations it had finished. What comes from a `Wait`, and for how many seconds it has spun,
    is None for a CPU that does not spin. `stack` is its kernel functions, innermost first, as
    `function (file:line)`; empty on the native engine.
    """

    cpu: int
    program: str
    operation: int
    activity: str
    seconds: float | None = None
    spins_on: str | None = None
    address: Address | None = None
    lock: str | None = None
    held_by: int | None = None
    waits_for: int | None = None
    stack: tuple[str, ...] = ()

    def spinning(self, seconds: float, wait: Wait) -> "Link":
        """The same CPU, which has spun for so long; rounded as in JSON, so that what is read back has the same text.

        Who spins on a per-CPU word of its own waits for another CPU to store it, whichever that is (an MCS lock).
        """
        is_own = wait.guard is None and wait.waits_for == self.cpu
        return attrs.evolve(
            self,
            seconds=round(seconds, 3),
            spins_on=wait.spins_on,
            address=wait.address,
            lock=wait.lock,
            held_by=wait.held_by,
            waits_for=None if is_own else wait.waits_for,
        )

    @property
    def text(self) -> str:
        """The CPU and what it does, in one line."""
        who = f"CPU {self.cpu} ({self.program}, operation {self.operation})"
        if self.spins_on is None:
            return f"{who} {ACTIVITIES[self.activity]}"
        holder = "itself" if self.held_by == self.cpu else f"CPU {self.held_by}"
        return f"{who} has spun for {self.seconds or 0.0:.1f} s on {self.spins_on}{self._holder_text(holder)}"

    def _holder_text(self, holder: str) -> str:
        """Who decides over the word, called `holder` if it is a CPU."""
        if self.lock is None:
            return "" if self.waits_for is not None else ", which no CPU in particular stores"
        if self.lock != self.spins_on:
            return f", stored only by the holder of {self.lock}: {'nobody' if self.held_by is None else holder}"
        return ", which is free just now" if self.held_by is None else f", held by {holder}"


@attrs.frozen
class Stall:
    """A stall: `links` lead from the CPU that spun too long to the CPU that does not end the wait.

    Each link waits for the next one. `others` are the spinning CPUs that are not in the chain.
    """

    links: tuple[Link, ...]
    others: tuple[int, ...] = ()

    @property
    def seconds(self) -> float:
        """How long the first CPU has spun."""
        return self.links[0].seconds or 0.0

    @property
    def cycle(self) -> tuple[int, ...]:
        """The CPUs that wait for each other in a circle, from the one where the chain enters it; empty if none do."""
        back = self.links[-1].waits_for
        cpus = [link.cpu for link in self.links]
        return tuple(cpus[cpus.index(back) :]) if back is not None else ()

    @property
    def text(self) -> str:
        """The whole chain in one line."""
        chain = " -> ".join(link.text for link in self.links)
        ring = f" -> CPU {self.cycle[0]}, a cycle" if len(self.cycle) > 1 else ""
        more = f"; {len(self.others)} more spin" if self.others else ""
        return chain + ring + more

    def with_stacks(self, stacks: Sequence[tuple[str, ...]]) -> "Stall":
        """This stall with each link's stack; `stacks` has one for every CPU of the machine."""
        return attrs.evolve(self, links=tuple(attrs.evolve(link, stack=stacks[link.cpu]) for link in self.links))


def follow(first: int, link_of: Callable[[int], Link]) -> tuple[Link, ...]:
    """The chain of waits from CPU `first` on, up to a CPU that waits for none, or for one that is in the chain."""
    chain: dict[int, Link] = {}
    number: int | None = first
    while number is not None and number not in chain:
        chain[number] = link_of(number)
        number = chain[number].waits_for
    return tuple(chain.values())
