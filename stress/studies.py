"""A study: a structure under several protocols, broken and whole, each variant a scenario with its twin."""

from collections.abc import Callable, Iterable, Mapping

from stress.judge.outcomes import OUTCOMES
from stress.kernel.protocol import Protocol
from stress.machine.seam import Cpu
from stress.scenario import PLAIN, Hardware, Program, Scenario
from stress.structure import Structure

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
        ValueError: for a protocol that is to hold and has no twin, or two with one name.
    """
    programs = _programs(writer, 1) + _programs(readers, None)

    def variant(protocol: Protocol, expect: str, twin: Protocol | None = None) -> Scenario:
        return Scenario(
            f"{protocol.name}{suffix}",
            protocol.claim or f"the structure is read and changed under {protocol.name}",
            protocol.source or "a study",
            programs,
            expect,
            f":{twin.name}{suffix}" if twin else None,
            outcomes=structure.all_outcomes if structure else OUTCOMES,
            hardware=hardware,
            fate=protocol.fate or fate,
            protocol=protocol,
            structure=structure,
        )

    given = held if isinstance(held, Mapping) else dict.fromkeys(held)
    twins = {protocol: twin or _twin_of(protocol) for protocol, twin in given.items()}
    whole = [variant(protocol, "held", twin) for protocol, twin in twins.items()]
    broken = dict.fromkeys([*twins.values(), *violated])
    return [*whole, *(variant(protocol, "violated") for protocol in broken)]


def _programs(work: Work, cpus: int | None) -> tuple[Program, ...]:
    """The programs of a side: one operation is one program."""
    if isinstance(work, tuple):
        return work
    return (Program(work.__name__, work, cpus, writes=cpus is not None),)


def _twin_of(protocol: Protocol) -> Protocol:
    """The protocol without its protection."""
    if protocol.lacking is None:
        raise ValueError(f"the protocol {protocol.name} has no twin; give held={{PROTOCOL: TWIN}}")
    return protocol.lacking
