"""A config with the engine's defaults filled in: what a run is really made with."""

from fractions import Fraction

import attrs

from stress.config import Config
from stress.machine.engines import DEFAULTS, choose_engine, cores_for
from stress.machine.events import Events
from stress.machine.features import Features
from stress.scenario import Hardware, Scenario

LONGEST_STALL_AFTER = 5.0


@attrs.frozen
class Settled:
    """A config with the engine's defaults filled in; `engine` is its name."""

    config: Config
    engine: str
    noise: Fraction
    pace_s: float
    stall_after_s: float

    @property
    def as_config(self) -> Config:
        """The config with the engine's defaults filled in."""
        return attrs.evolve(
            self.config,
            engine=self.engine,
            noise=self.noise,
            pace_s=self.pace_s,
            stall_after_s=self.stall_after_s,
        )

    def events(self, hardware: Hardware) -> Events:
        """The events that a scenario's CPUs take, and how often."""
        return Events(self.noise, hardware.gap, hardware.interrupt, hardware.nmi, hardware.gap_s)

    def features(self, scenario: Scenario) -> Features:
        """What the CPUs of a scenario can do at an access."""
        events = self.events(scenario.hardware)
        return Features(
            kasan=self.config.kasan,
            unmapped=scenario.fate == "unmapped",
            delays=events.total > 0,
            handled=events.interrupt + events.nmi > 0,
            interrupt=scenario.protocol.interrupt,
            nmi=scenario.hardware.nmi_handler,
        )


def settle(config: Config) -> Settled:
    """Choose the engine and fill in what `config` leaves open."""
    engine = choose_engine(config.engine)
    defaults = DEFAULTS[engine]
    crowd = max(config.cpus / cores_for(engine), 1.0)
    stall_after = config.stall_after_s or min(LONGEST_STALL_AFTER, config.duration_s / 2) * crowd
    noise = defaults.noise if config.noise is None else config.noise
    pace = defaults.pace_s if config.pace_s is None else config.pace_s
    return Settled(config, engine, Fraction(noise), pace, stall_after)
