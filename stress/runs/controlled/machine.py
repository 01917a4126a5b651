"""A machine under control: one schedule after the other, from the same image, by a strategy or as it is given."""

import struct
from collections.abc import Callable, Sequence
from functools import lru_cache
from hashlib import blake2b

import attrs

from stress.judge.harvest import harvest
from stress.judge.outcomes import names_of
from stress.judge.violation import Violation
from stress.machine import blocks, words
from stress.machine.control import words as control
from stress.machine.control.events import no_event
from stress.machine.control.runs import FORCED
from stress.machine.control.turns import safepoint_of
from stress.machine.engines import Conducted, conducted
from stress.machine.ram import Ram
from stress.machine.random import seed_of
from stress.machine.stacks import Frame, RawStack, reading
from stress.runs.boot import World
from stress.runs.controlled.pristine import Pristine
from stress.runs.image import Image, boot_image
from stress.runs.settled import Settled
from stress.scenario import Scenario
from stress.schedule.choosing import GIVEN, choose, conductor
from stress.schedule.schedule import Made, Run, Step
from stress.schedule.strategies.depth_first import KNOWN
from stress.schedule.strategies.draws import GENERATOR, STRATEGY
from stress.schedule.strategies.given import DEPARTED

LEAST_BUDGET = 20_000
"""Accesses after which a schedule is cut: far more than two operations of two CPUs make, of any program."""
BUDGET_OF_OPERATION = 500
"""Accesses for each operation of each CPU, where that is more."""
NEVER_YIELD = -1
STRATEGY_CPU = 1 << 20
"""The number under which the generator of a schedule gets its seed: that of no CPU."""
ALWAYS = 0
FINGERPRINT_BYTES = 8
BEFORE_ALL = -1
"""When boot was, on the clock of a schedule, which begins at 0."""
STALLED = "stalled"
CUT = "cut"


@attrs.define
class Controlled:
    """The machine of a scenario. `follow` and `replay` run one schedule; what it did can be read until the next one."""

    image: Image
    conducted: Conducted
    ram: Ram
    _pristine: Pristine = attrs.field(init=False)
    _control: int = attrs.field(init=False)
    _logs: list[int] = attrs.field(init=False)
    _found_nothing: bool = attrs.field(init=False, default=True)
    _is_under_way: bool = attrs.field(init=False, default=False)
    _is_running: bool = attrs.field(init=False, default=False)
    _schedules: int = attrs.field(init=False, default=0)

    def __attrs_post_init__(self) -> None:
        self._pristine = Pristine(self.ram)
        # Each is a sum over all of RAM's layout, and a schedule may take no longer than some of these.
        self._control = self.ram.map.control
        self._logs = [self.ram.map.log(cpu) for cpu in range(self.ram.map.cpus)]

    @property
    def scenario(self) -> Scenario:
        """What runs."""
        return self.image.scenario

    def state(self, word: int) -> int:
        """One of the words that strategies keep."""
        return self.ram.peek(self._control + control.STATE + word * 8)

    def set_state(self, word: int, value: int) -> None:
        """Set one of the words that strategies keep."""
        self.ram.poke(self._control + control.STATE + word * 8, value)

    def path(self) -> tuple[int, ...]:
        """Where a search in depth stands: the words of its choices."""
        start = self._control + control.PATH
        count = 2 * self.state(KNOWN)
        return struct.unpack(f"<{count}q", self.ram.mapping[start : start + 8 * count])

    def set_path(self, path: Sequence[int]) -> None:
        """Let a search in depth go on from where one stood."""
        self.ram.write(self._control + control.PATH, struct.pack(f"<{len(path)}q", *path))
        self.set_state(KNOWN, len(path) // 2)

    def follow(self, strategy: int, seed: int, number: int = ALWAYS) -> tuple[str, ...]:
        """Run a schedule of a strategy; `number` varies its choices, `seed` what programs draw. What it found."""
        self.finish()
        self._pristine.restore(everything=not self._found_nothing)
        for log, start in zip(self._logs, _seeds(seed, len(self._logs)), strict=True):
            self.ram.poke(log + words.RANDOM, start)
        self.set_state(STRATEGY, strategy)
        self.set_state(GENERATOR, seed_of(seed, number, STRATEGY_CPU))
        self.ram.poke(self._control + control.TRACE, 0)
        self._is_under_way = True
        why = self._run()
        found = self._found(why)
        self._found_nothing = not found
        return found

    def _run(self) -> int:
        """Run the schedule that RAM is ready for; why it ended."""
        self._schedules += 1
        self._is_running = True
        try:
            return self.conducted.run(self.ram)
        finally:
            self._is_running = False

    def replay(self, runs: Sequence[Run], seed: int) -> tuple[str, ...]:
        """Run a schedule that is given; what it found."""
        given = [number for run in runs[: control.MOST_RUNS] for number in (*run, 0)]
        self.ram.write(self._control + control.GIVEN, struct.pack(f"<{1 + len(given)}q", len(runs), *given))
        return self.follow(GIVEN, seed)

    def finish(self) -> None:
        """End what the last schedule has left."""
        if self._is_under_way:
            self._is_under_way = False
            self.conducted.finish(self.ram)

    @property
    def progress(self) -> tuple[int, ...] | None:
        """What each access and each turn of a schedule changes, for another thread; None while none runs."""
        words = (control.STEPS, control.LEFT, control.TURN_COUNT)
        return (self._schedules, *map(self.ram.peek, words)) if self._is_running else None

    @property
    def turn_of(self) -> int | None:
        """The CPU whose turn it is, or was last; None before the first turn."""
        made = self.made()
        return made[-1].cpu if made else None

    @property
    def departed(self) -> int | None:
        """The number of accesses before the first run that could not be followed; None if all could."""
        found = self.state(DEPARTED)
        return found - 1 if found else None

    @property
    def steps(self) -> int:
        """The accesses that the schedule had."""
        return self.ram.peek(control.STEPS)

    @property
    def budget(self) -> int:
        """The accesses after which a schedule is cut."""
        return self.ram.peek(control.BUDGET)

    @property
    def fingerprint(self) -> int:
        """A number that two schedules share if their runs are the same, in every process."""
        start = self._control + control.MADE
        runs = self.ram.mapping[start : start + self.ram.peek(control.RUN_COUNT) * control.RUN_BYTES]
        return int.from_bytes(blake2b(runs, digest_size=FINGERPRINT_BYTES).digest())

    def made(self) -> list[Made]:
        """The runs of the schedule, as they were made."""
        count = min(self.ram.peek(control.RUN_COUNT), control.MOST_RUNS)
        start = self._control + control.MADE
        data = self.ram.mapping[start : start + count * control.RUN_BYTES]
        records = struct.iter_unpack("<4q", data)
        return [Made(cpu, steps, event, why % FORCED, why >= FORCED) for cpu, steps, event, why in records]

    def trace(self) -> list[Step]:
        """The accesses of the schedule, if this machine is traced: the first MOST_TRACED."""
        start = self._control + control.TRACE
        count = min(self.ram.peek(start), control.MOST_TRACED)
        read = reading()
        return [self._step(start + 8 + number * control.STEP_BYTES, read) for number in range(count)]

    def _step(self, at: int, read: Callable[[RawStack], tuple[Frame, ...]]) -> Step:
        """An access, from its record; `read` makes its stack readable."""
        cpu, access, address, old, new, run, operation = struct.unpack_from("<7q", self.ram.mapping, at)
        stack = read(self.ram.stack(at + control.STEP_STACK, cpu))
        return Step(cpu, access, address, old, new, run, operation, stack)

    def _found(self, why: int) -> tuple[str, ...]:
        """The forbidden outcomes that were seen, and whether the machine stalled, or was cut.

        KernelCodeError for a number that an operation returned and that the scenario has no outcome for.
        """
        if why == control.DONE:
            return ()
        sums = [sum(column) for column in zip(*self.ram.log_words(words.OUTCOMES, words.MOST_OUTCOMES), strict=True)]
        forbidden = self.ram.peek(words.FORBIDDEN)
        names = names_of(self.scenario.outcomes)
        seen = tuple(names[code] for code, count in enumerate(sums) if count and forbidden >> code & 1)
        if any(name not in self.scenario.outcomes for name in seen):
            self.image.check_outcomes(self.ram)
        return seen or {control.STALLED: (STALLED,), control.CUT: (CUT,)}.get(why, ())

    @property
    def reporter(self) -> int | None:
        """The first CPU that has a forbidden outcome; None if none has, as in a stall."""
        forbidden = self.ram.peek(words.FORBIDDEN)
        for cpu, counts in enumerate(self.ram.log_words(words.OUTCOMES, words.MOST_OUTCOMES)):
            if any(count and forbidden >> code & 1 for code, count in enumerate(counts)):
                return cpu
        return None

    def violations(self) -> tuple[Violation, ...]:
        """The first violation of each outcome, as of any other machine."""
        return harvest(self.image.slice_of(self.ram), ())


@lru_cache(maxsize=1)
def _seeds(seed: int, cpus: int) -> tuple[int, ...]:
    """What the generator of each CPU starts from: the same in all schedules of a search."""
    return tuple(seed_of(seed, 0, cpu) for cpu in range(cpus))


def _date_boot(ram: Ram) -> None:
    """Date what boot did, on the clock of the host, on that of schedules."""
    used = ram.peek(blocks.HEAP_NEXT) - ram.map.heap >> blocks.MIN_SHIFT
    for record in range(ram.map.records, ram.map.records + used * blocks.RECORD_BYTES, blocks.RECORD_BYTES):
        for entry in (blocks.ALLOCATED_BY, blocks.FREED_BY):
            ram.poke(record + entry + blocks.BY_CLOCK, BEFORE_ALL)


def controlled(
    scenario: Scenario, settings: Settled, world: World, operations: int, traced: bool = False
) -> Controlled:
    """A machine whose CPUs run `operations` operations each, one CPU at a time.

    Raises:
        UserError: when the corpus, or the structure, is larger than RAM can be.
        KernelCodeError: for code that cannot be compiled.
    """
    features = attrs.evolve(settings.features(scenario), delays=False, choose=choose, traced=traced)
    safepoint = safepoint_of(scenario.protocol.safepoint, choose, no_event)
    dealt = [program.under(scenario.protocol) for program in scenario.deal(settings.config.cpus)]
    image = boot_image(scenario, settings, world)
    image = attrs.evolve(image, ram_map=attrs.evolve(image.ram_map, control_bytes=control.control_bytes(traced)))
    ram = image.fresh_ram(0)
    for word, value in {
        words.YIELD_MASK: NEVER_YIELD,
        words.LAST_OPERATION: operations,
        words.STARTED: 1,
        control.REGION: ram.map.control,
        control.BUDGET: max(LEAST_BUDGET, BUDGET_OF_OPERATION * operations * ram.map.cpus),
    }.items():
        ram.poke(word, value)
    _date_boot(ram)
    machine = Controlled(image, conducted(settings.engine, dealt, safepoint, features, conductor), ram)
    hardware = scenario.hardware
    machine.set_state(control.EVENTS, (hardware.interrupt > 0) << control.INTERRUPT | (hardware.nmi > 0) << control.NMI)
    return machine
