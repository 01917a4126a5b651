"""Looks at the threads of CPUs for a monitor: what Linux says of each, and what only Python and the machine know.

Linux says that a thread which waits for the GIL sleeps, though it wants a core. It says that a CPU which spins in a
stop wants a core: beside busy programs it yields at once whenever it has one. But it has looked again each time, so it
does not starve.
"""

import attrs

from stress.host.frames import current_frames
from stress.machine.gil import gil_enabled
from stress.machine.machine import Machine
from stress.machine.words import SPINS
from stress.marks.crews.monitor import ThreadSample

Place = tuple[int, int]
"""The identity of a function's code, and the offset of the instruction in it."""


@attrs.frozen
class Progress:
    """How far a thread is: the spins of its CPU, and where it stands, unknown if nothing can keep it from its code."""

    spins: int
    place: Place | None = None


@attrs.define
class ThreadLook:
    """Looks at the threads of `machine`, each since it was last looked at."""

    machine: Machine
    _seen: dict[int, Progress] = attrs.field(init=False, factory=dict)

    def sample(self, number: int) -> ThreadSample:
        """The state of the thread of CPU `number`."""
        now = self._progress(number)
        before, self._seen[number] = self._seen.get(number, now), now
        thread = self.host_sample(number)
        wants_a_core = thread.ready or now.place != before.place
        return attrs.evolve(thread, ready=wants_a_core and now.spins == before.spins)

    def host_sample(self, number: int) -> ThreadSample:
        """What Linux says about the thread of CPU `number`."""
        return ThreadSample.at(self.machine.native_id(number))

    def _progress(self, number: int) -> Progress:
        """How far the thread of CPU `number` is. Without a GIL none has to wait for it."""
        [spins] = self.machine.ram.log_words(SPINS)[number]
        frame = current_frames().get(self.machine.thread(number).ident or 0) if gil_enabled() else None
        return Progress(spins, frame and (id(frame.f_code), frame.f_lasti))
