"""What a scenario states: a guarantee, the programs that should keep it, the verdict that is expected."""

from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from functools import cache, update_wrapper
from typing import Any

import attrs

from stress.judge.outcomes import OUTCOMES, Outcome, with_findings
from stress.kernel.modlist import STOPPED
from stress.kernel.protocol import PerProtocol, Protocol, must_be_ended, no_step, per_protocol, watched
from stress.kernel.rest import rest_passing
from stress.kernel.updates import count_update
from stress.machine.features import no_nmi
from stress.machine.language.errors import refusal
from stress.machine.loop import undone
from stress.machine.seam import Cpu, Operation
from stress.programs.idle import cpu_spare
from stress.settings import FATES, LONGEST_GAP_SECONDS
from stress.structure import Structure
from stress.units import counted

VERDICTS = ("held", "violated", "stalled", "inconclusive")
POINTS = {
    "1": "kallsyms takes no lock, so that an oops report can call it",
    "2": "the locks of insmod and rmmod do nothing for kallsyms",
    "3": "rmmod's first stop leaves the module in the list, and its mark cannot be trusted",
    "4": "insmod probably isn't a problem, rmmod is",
    "5": "pointers that kallsyms returns cannot be trusted",
    "6": "a hypervisor makes it worse",
    "cure": "link and unlink only under stop_machine: valid until the reader reschedules",
    "doubt": "how is this affected by preemption?",
    "unsaid": "what the patch does not say: NMIs, oopses inside the change, a stop that fails",
    "": "not about the patch",
}
"""The patch's six points, its cure, its doubt and what it leaves unsaid: what a scenario is about."""
TYPE_STABLE = "type-stable"
NEVER = Fraction(0)
OF_CPU_AND_PROTOCOL = 2
SAME_FILE = ":"
"""What the name of a twin begins with that stands in the same file."""


def one_of(known: Iterable[str]) -> "Callable[[object, attrs.Attribute[str], str], None]":
    """A validator that raises ValueError, in one line, for what is none of `known`."""

    def check(instance: object, attribute: "attrs.Attribute[str]", value: str) -> None:
        if value not in known:
            raise ValueError(f"{attribute.name}={value!r} is none of {', '.join(filter(None, known))}")

    return check


def _check_share(instance: object, attribute: "attrs.Attribute[Fraction]", value: Fraction) -> None:
    """Raise ValueError for what is not a share of accesses."""
    if not 0 <= value <= Fraction(1, 2):
        raise ValueError(f"{attribute.name}={value} is not a share of accesses; give 0 to 1/2")


@attrs.frozen(kw_only=True)
class Hardware:
    """What the scenario's CPUs do that is not in their programs. Shares are of memory accesses, 0 for never.

    interrupt: an interrupt comes, and preempts where preemption is allowed. nmi: `nmi_handler` runs, whatever
    is masked, and is judged as an operation of its own. gap: a hypervisor takes the core away for `gap_s` seconds.
    """

    interrupt: Fraction = attrs.field(default=NEVER, validator=_check_share)
    nmi: Fraction = attrs.field(default=NEVER, validator=_check_share)
    nmi_handler: Operation = no_nmi
    gap: Fraction = attrs.field(default=NEVER, validator=_check_share)
    gap_s: float = attrs.field(
        default=0.0, validator=[attrs.validators.ge(0.0), attrs.validators.le(LONGEST_GAP_SECONDS)]
    )


PLAIN = Hardware()


StructureOperation = Callable[[Cpu, Protocol], int]
"""An operation on a structure, which is written for every protocol."""


def of_kind(kind: type, usual: str) -> "Callable[[object, attrs.Attribute[Any], object], None]":
    """A validator that raises ValueError, in one line, for what is no `kind`; `usual` is what to give."""

    def check(instance: object, attribute: "attrs.Attribute[Any]", value: object) -> None:
        if not isinstance(value, kind):
            raise ValueError(f"{attribute.name} is {value!r:.60}; give {usual}")

    return check


def _check_cpus(program: "Program", attribute: "attrs.Attribute[int | None]", cpus: object) -> None:
    """Raise ValueError for what is no number of CPUs."""
    if cpus is not None and (not isinstance(cpus, int) or isinstance(cpus, bool) or cpus < 1):
        usual = "give a whole number, 1 or more, or leave it out for all CPUs that are left"
        raise ValueError(f"the program {program.name} has cpus={cpus!r:.40}; {usual}")


@attrs.frozen
class Program:
    """One kind of work for a CPU: `operation` runs again and again until power-off.

    `operation` is a kernel function of a CPU; or of a CPU and the scenario's protocol; or what makes one of that
    protocol, like `modprobe_under`. `cpus` is how many CPUs run it; None for all that are left, which are idle if no
    program takes them. `writes` says that it passes edges, so that readers' race windows are counted against it; a
    writer of a CPU and a protocol rests after each operation, for the run's pace.
    """

    name: str = attrs.field(validator=of_kind(str, "the program's name in quotes"))
    operation: Operation | StructureOperation | PerProtocol[Operation]
    cpus: int | None = attrs.field(default=None, validator=_check_cpus)
    writes: bool = attrs.field(default=False, validator=of_kind(bool, "True or False"))

    def under(self, protocol: Protocol) -> Operation:
        """The operation under `protocol`, which ends what an oops leaves of it."""
        made = _made_for(self.operation, self.writes, protocol)
        return made if protocol.oops is no_step else _ending_oopses(made)(protocol)


def _made_for(operation: Any, writes: bool, protocol: Protocol) -> Operation:
    """An operation of a CPU alone."""
    if isinstance(operation, PerProtocol):
        made: Operation = operation(protocol)
        return made
    takes = _parameters(operation)
    return _bound(operation, writes)(protocol) if takes == OF_CPU_AND_PROTOCOL else operation


def _parameters(operation: Any) -> int:
    """How many parameters an operation has. KernelCodeError for a number that none has."""
    code = getattr(operation, "__code__", None)
    if code is None:  # no function, which is told where it is checked
        return 1
    takes: int = code.co_argcount
    fits = takes > 0 if takes <= OF_CPU_AND_PROTOCOL else takes - len(operation.__defaults__ or ()) <= 1
    if not fits:
        name = operation.__name__
        usual = f"give it 2: def {name}(cpu: Cpu, p: Protocol) -> int, or the first alone"
        raise refusal(code.co_filename, code.co_firstlineno, f"{name} has {counted(takes, 'parameter')}", usual)
    return takes


@cache
def _bound(operation: StructureOperation, writes: bool) -> PerProtocol[Operation]:
    """An operation with its protocol, which marks the edges of race windows; one that writes rests after it."""

    @per_protocol(operation.__name__)
    def under(protocol: Protocol) -> Operation:
        marking, safepoint, section = watched(protocol), protocol.safepoint, protocol.section

        def run(cpu: Cpu) -> int:
            outcome = operation(cpu, marking)
            must_be_ended(cpu, section(cpu))
            return outcome

        def run_and_rest(cpu: Cpu) -> int:
            began = cpu.clock()
            outcome = operation(cpu, marking)
            must_be_ended(cpu, section(cpu))
            count_update(cpu, began)
            rest_passing(cpu, safepoint)
            return outcome

        return as_part_of(operation, run_and_rest if writes else run)

    return under


@cache
def _ending_oopses(operation: Operation) -> PerProtocol[Operation]:
    """An operation at whose oops the protocol ends what has begun."""

    @per_protocol(operation.__name__)
    def under(protocol: Protocol) -> Operation:
        oops = protocol.oops

        def run(cpu: Cpu) -> int:
            return undone(cpu, operation, oops)

        return as_part_of(operation, run)

    return under


def as_part_of(operation: Callable[..., int], run: Operation) -> Operation:
    """`run`, of which errors are told as of `operation`, which it calls."""
    return update_wrapper(run, operation, assigned=(), updated=())


def _outcomes_of(scenario: "Scenario") -> Mapping[str, Outcome]:
    """What a scenario's operations can end in where it does not say: those of its structure, or of a lookup."""
    return scenario.structure.all_outcomes if isinstance(scenario.structure, Structure) else OUTCOMES


def _all_programs(given: Iterable[Program]) -> tuple[Program, ...]:
    """The programs of a scenario. ValueError for what is none, and two that results could not tell apart."""
    usual = "give programs in parentheses, with a comma behind each: programs=(Program('find', find),)"
    if isinstance(given, Program) or not isinstance(given, Iterable):
        raise ValueError(f"programs is {'one Program' if isinstance(given, Program) else repr(given)[:60]}; {usual}")
    programs = tuple(given)
    operations: dict[str, object] = {}
    for one in programs:
        if not isinstance(one, Program):
            raise ValueError(f"programs has {one!r:.60}, which is no Program; {usual}")
        if operations.setdefault(one.name, one.operation) is not one.operation:
            raise ValueError(
                f"two programs are called {one.name}, and do different things; give each a name of its own"
            )
    return programs


def _name_of_twin(twin: "str | Scenario | None") -> str | None:
    """A twin by the name that is written down; a value is another scenario of the same file."""
    if twin is None or isinstance(twin, str):
        return twin
    if not isinstance(twin, Scenario):
        raise ValueError(f"twin is {twin!r:.60}; give a scenario of the same file, or a name or path in quotes")
    return f"{SAME_FILE}{twin.name}"


IDLE = Program("idle", cpu_spare)


@attrs.frozen
class Scenario:
    """A guarantee under test; `scenarios/` holds one in each file.

    `expect` is the verdict that the facts support. A scenario that expects "held" names its `twin`, which expects
    "violated" or "stalled" and differs only in the protection under test: a name of the catalogue, a path, or another
    scenario of the same file's SCENARIOS, as a value or as ":name". `structure` is what readers read; without one it is
    the module list, with the symbols of the corpus. `outcomes` is what operations can end in: by default all outcomes
    of the structure, or what a lookup can end in; it is given to add or grade some. `protocol` is how it is read and
    changed, by default as the patch has it. `hardware` is what else the CPUs do; `fate` what becomes of freed memory:
    "poisoned", "reused" (not poisoned, and handed out again to the next module), "unmapped" (touching it faults) or
    "type-stable" (it keeps what is in it and may be touched, as with SLAB_TYPESAFE_BY_RCU: the detector of such touches
    is off). `learnt` is what its runs taught, in a line; `point` is the point of the patch that it is about, one of
    `POINTS`. `origin` is what to call it by on the command line: its name, or the path that it was loaded from.
    """

    name: str = attrs.field(validator=of_kind(str, "the scenario's name in quotes"))
    claim: str = attrs.field(validator=of_kind(str, "what it guarantees, in quotes"))
    source: str = attrs.field(validator=of_kind(str, "where it comes from, in quotes"))
    programs: tuple[Program, ...] = attrs.field(converter=_all_programs)
    expect: str = attrs.field(validator=one_of(VERDICTS))
    twin: str | None = attrs.field(default=None, converter=_name_of_twin)
    structure: Structure | None = attrs.field(
        default=None, kw_only=True, validator=attrs.validators.optional(of_kind(Structure, "a Structure"))
    )
    outcomes: Mapping[str, Outcome] = attrs.field(
        default=attrs.Factory(_outcomes_of, takes_self=True), converter=with_findings
    )
    hardware: Hardware = attrs.field(default=PLAIN, validator=of_kind(Hardware, "Hardware(...)"))
    point: str = attrs.field(default="", validator=one_of(POINTS))
    fate: str = attrs.field(default="poisoned", validator=one_of((*FATES, TYPE_STABLE)))
    learnt: str = ""
    origin: str = attrs.field(default=attrs.Factory(lambda self: self.name, takes_self=True))
    protocol: Protocol = attrs.field(
        default=STOPPED, kw_only=True, validator=of_kind(Protocol, "a protocol, which stress.protocols has")
    )
    structure_name: str | None = attrs.field(
        default=attrs.Factory(lambda self: getattr(self.structure, "name", None), takes_self=True), kw_only=True
    )

    @property
    def variant(self) -> str:
        """Its name in its own file."""
        return self.name.rpartition(SAME_FILE)[2]

    @property
    def twin_label(self) -> str | None:
        """What reports call the twin: its name or its path; None without one."""
        return self.twin and self.twin.removeprefix(SAME_FILE)

    @property
    def least_cpus(self) -> int:
        """The fewest CPUs on which every program runs."""
        return sum(1 if program.cpus is None else program.cpus for program in self.programs)

    @property
    def has_writer(self) -> bool:
        """Whether a program says that it writes: without one no operation is ever a trial."""
        return any(program.writes for program in self.programs)

    def deal(self, cpus: int) -> tuple[Program, ...]:
        """The program of each of `cpus` CPUs: writers first, as window counting needs, then the rest; idle at the end.

        A CPU is idle that no program has a use for.

        Raises:
            ValueError: when there are fewer CPUs than `least_cpus`.
        """
        if cpus < self.least_cpus:
            raise ValueError(f"{self.name} needs at least {self.least_cpus} CPUs, not {cpus}")
        spare = cpus - sum(program.cpus or 0 for program in self.programs)
        takers = sum(1 for program in self.programs if program.cpus is None)
        dealt: list[Program] = []
        for program in sorted(self.programs, key=lambda program: not program.writes):
            share = program.cpus
            if share is None:
                share, takers = -(-spare // takers), takers - 1
                spare -= share
            dealt += [program] * share
        return (*dealt, *[IDLE] * (cpus - len(dealt)))
