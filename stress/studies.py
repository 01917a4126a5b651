"""A study: a structure under several protocols, broken and whole, each variant a scenario with its twin."""

from collections.abc import Callable, Iterable, Mapping

from stress.kernel.protocol import Protocol
from stress.machine.seam import Cpu
from stress.scenario import OF_CPU_AND_PROTOCOL, PLAIN, Hardware, Program, Scenario
from stress.structure import Structure
from stress.units import counted

Work = Callable[[Cpu, Protocol], int] | tuple[Program, ...]
"""One operation, or several programs."""


def study(
    structure: Structure | None,
    *,
    readers: Work,
    writer: Work,
    held: Iterable[Protocol] | Mapping[Protocol, Protocol | None] = (),
    violated: Iterable[Protocol] = (),
    hardware: Hardware = PLAIN,
    fate: str = "poisoned",
    suffix: str = "",
) -> list[Scenario]:
    """The scenarios of a structure under protocols: those that hold, then the broken ones, their twins first.

    structure: None for the module list and its symbols. readers: the operation of all CPUs but one. writer: that of
    one CPU; give several programs, with the CPUs of each, where it takes more. held: protocols that protect the
    readers, each with `lacking` for a twin; a mapping gives other twins, None for `lacking`. violated: broken ones that
    are no twin. suffix: what the names of the variants have behind the protocol's, where a file has the structure in
    several studies.

    Raises:
        ValueError: for what is no protocol or no operation, and a protocol that is to hold and has no broken twin.
    """
    programs = _programs("writer", writer, 1, structure) + _programs("readers", readers, None, structure)

    def variant(protocol: Protocol, expect: str, twin: Protocol | None = None) -> Scenario:
        return Scenario(
            f"{protocol.name}{suffix}",
            protocol.claim or f"the structure is read and changed under {protocol.name}",
            protocol.source or "a study",
            programs,
            expect,
            f":{twin.name}{suffix}" if twin else None,
            hardware=hardware,
            fate=protocol.fate or fate,
            protocol=protocol,
            structure=structure,
        )

    given = held if isinstance(held, Mapping) else {}
    twins = {one: _broken(one, given.get(one)) or _twin_of(one) for one in _protocols("held", held)}
    whole = [variant(protocol, "held", twin) for protocol, twin in twins.items()]
    broken = dict.fromkeys([*twins.values(), *_protocols("violated", violated)])
    return [*whole, *(variant(protocol, "violated") for protocol in broken)]


def _programs(side: str, work: Work, cpus: int | None, structure: Structure | None) -> tuple[Program, ...]:
    """The programs of a side: one operation is one program. ValueError for what is neither."""
    if isinstance(work, tuple) and all(isinstance(one, Program) for one in work):
        return work
    code = getattr(work, "__code__", None)
    if isinstance(work, tuple) or code is None:
        usual = f"give one operation, as {side}=find, or programs, as {side}=(Program('find', find),)"
        raise ValueError(f"{side} is {work!r:.60}; {usual}")
    if structure and code.co_argcount != OF_CPU_AND_PROTOCOL:
        usual = f"give it 2: def {work.__name__}(cpu: Cpu, p: Protocol) -> int"
        raise ValueError(f"{work.__name__} has {counted(code.co_argcount, 'parameter')}; {usual}")
    return (Program(work.__name__, work, cpus, writes=cpus is not None),)


def _protocols(side: str, given: object) -> list[Protocol]:
    """The protocols of a side. ValueError for what is none."""
    several = isinstance(given, Iterable) and not isinstance(given, str)
    found: list[object] = list(given) if isinstance(given, Iterable) and several else [given]
    usual = f"give a list of protocols, as {side}=[RCU], which stress.protocols has"
    for one in found:
        if not isinstance(one, Protocol):
            raise ValueError(f"{side} has {one!r:.60}, which is no protocol; {usual}")
    if not several:
        raise ValueError(f"{side} is one protocol; {usual}")
    return [one for one in found if isinstance(one, Protocol)]


def _broken(protocol: Protocol, twin: object) -> Protocol | None:
    """The twin that was given for a protocol, None for none. ValueError for one that protects its readers itself."""
    if twin is None:
        return None
    usual = "give one that lacks protection, or None for its own"
    if not isinstance(twin, Protocol):
        raise ValueError(f"held has the twin {twin!r:.60} of {protocol.name}, which is no protocol; {usual}")
    if twin.lacking is not None:
        what = f"held has the twin {twin.name} of {protocol.name}, which protects its readers itself"
        raise ValueError(f"{what}: nothing would ever be HELD; {usual}")
    return twin


def _twin_of(protocol: Protocol) -> Protocol:
    """The protocol without its protection."""
    if protocol.lacking is None:
        raise ValueError(f"the protocol {protocol.name} has no twin; give held={{PROTOCOL: TWIN}}")
    return protocol.lacking
