"""The image that each machine of a scenario starts from: the kernel up, then the settings and seeds of a slice."""

import attrs

from stress.judge import lookups
from stress.judge.harvest import Slice, ungraded
from stress.judge.outcomes import codes_of, forbidden_mask
from stress.machine import words
from stress.machine.engines import yield_mask
from stress.machine.events import place_events
from stress.machine.language.errors import error_of_ungraded
from stress.machine.ram import Ram, RamMap
from stress.machine.random import seed_of
from stress.runs.boot import World, boot_ram
from stress.runs.boot_structure import boot_structure
from stress.runs.settled import Settled
from stress.scenario import Scenario


@attrs.frozen
class Image:
    """A scenario's kernel as it has just booted, and what its machines are set to."""

    scenario: Scenario
    settings: Settled
    ram_map: RamMap
    content: bytes

    @property
    def programs(self) -> list[str]:
        """The name of each CPU's program."""
        return [program.name for program in self.scenario.deal(self.settings.config.cpus)]

    def slice_of(self, ram: Ram, started_ns: int = 0, seconds: float = 0.0) -> Slice:
        """What is harvested of a machine: `seconds` of the scenario's own time had passed when it started."""
        structure = self.scenario.structure
        named = (structure.name, structure.labels) if structure else ()
        return Slice(ram, self.programs, self.scenario.outcomes, started_ns, seconds, *named)

    def check_outcomes(self, ram: Ram) -> None:
        """KernelCodeError where an operation returned what is no outcome of the scenario; the machine is off."""
        if found := ungraded(self.slice_of(ram)):
            cpu, code, is_handlers = found
            program = self.scenario.deal(self.settings.config.cpus)[cpu]
            operation = self.scenario.hardware.nmi_handler if is_handlers else program.under(self.scenario.protocol)
            raise error_of_ungraded(operation, code, codes_of(self.scenario.outcomes))

    def fresh_ram(self, number: int) -> Ram:
        """RAM of slice `number` of the run, whose seeds are its own: nothing of the slices before it is left."""
        ram = Ram(self.ram_map, self.content)
        self._place_settings(ram)
        self._place_seeds(ram, number)
        return ram

    def _place_settings(self, ram: Ram) -> None:
        """Write what is the same in every slice."""
        settings, config = self.settings, self.settings.config
        ram.poke(words.PACE, round(settings.pace_s * 1e9))
        ram.poke(words.YIELD_MASK, yield_mask(settings.engine, config.cpus, float(settings.noise)))
        place_events(ram, settings.events(self.scenario.hardware))
        ram.poke(words.WRITERS, sum(program.writes for program in self.scenario.deal(config.cpus)))
        ram.poke(words.FORBIDDEN, forbidden_mask(self.scenario.outcomes))
        ram.poke(lookups.KASAN, int(config.kasan))

    def _place_seeds(self, ram: Ram, number: int) -> None:
        """Write each CPU's seeds: one for the workload, one for events, so that noise changes no draw of a program."""
        seed = self.settings.config.seed
        for cpu in range(ram.map.cpus):
            ram.poke(ram.map.log(cpu) + words.RANDOM, seed_of(seed, number, cpu))
            ram.poke(ram.map.log(cpu) + words.EVENT_RANDOM, seed_of(seed, ~number, cpu))


def boot_image(scenario: Scenario, settings: Settled, world: World) -> Image:
    """Boot a scenario's kernel once. UserError if the corpus, or the structure, is larger than RAM can be."""
    cpus, fate, structure = settings.config.cpus, scenario.fate, scenario.structure
    booted = boot_structure(structure, cpus, fate) if structure else boot_ram(world, cpus, fate)
    return Image(scenario, settings, booted.map, booted.image())
