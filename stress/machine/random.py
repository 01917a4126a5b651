"""Pseudo-random numbers for kernel code: a small generator of its own in each CPU's log."""

from stress.machine.notes import note_bad_call
from stress.machine.seam import Cpu, Oops, kernel
from stress.machine.words import BAD_ARGUMENT, RANDOM

MULTIPLIER = 48_271
MODULUS = 2_147_483_647
LARGEST = (1 << 63) - 1
BITS = 21
"""How many bits one number of the generator gives to a larger one: three give the 63 of LARGEST."""


@kernel
def draw(cpu: Cpu, state: int, below: int) -> int:
    """The next number from 0 to `below` - 1, `below` from 1 to MODULUS, of the generator in the log word `state`.

    The minimal standard generator (Park, Miller and Stockmeyer 1993): no product overflows 64 bits.
    """
    value = cpu.peek(cpu.log + state) * MULTIPLIER % MODULUS
    cpu.poke(cpu.log + state, value)
    return value * below // MODULUS


@kernel
def draw_bits(cpu: Cpu, state: int) -> int:
    """A number from 0 to LARGEST, of three numbers of the generator."""
    number = 0
    for _ in range(3):
        number = number << BITS | draw(cpu, state, 1 << BITS)
    return number


@kernel
def draw_large(cpu: Cpu, state: int, below: int) -> int:
    """The next number from 0 to `below` - 1, `below` from 1 to LARGEST.

    Raises Oops (CAUSE_WILD) for any other `below`: there is no such number.
    """
    if not 1 <= below <= LARGEST:
        note_bad_call(cpu, below, BAD_ARGUMENT)
        raise Oops
    # A number behind the last whole multiple of `below` would make the first remainders likelier than the others.
    end = LARGEST - LARGEST % below
    number = draw_bits(cpu, state)
    while number >= end:
        number = draw_bits(cpu, state)
    return number % below


@kernel
def prandom(cpu: Cpu, below: int) -> int:
    """The next number from 0 to `below` - 1 of the workload's generator, which events do not disturb.

    Raises Oops (CAUSE_WILD) for a `below` of less than 1.
    """
    # Every lookup draws: what is rare is a call of its own, since code that loops is not inlined.
    if 0 < below <= MODULUS:
        return draw(cpu, RANDOM, below)
    return draw_large(cpu, RANDOM, below)


def seed_of(seed: int, part: int, cpu: int) -> int:
    """The generator's first state, 1 to 2**31 - 2, for CPU `cpu` in part `part` (its slice) of a run with `seed`.

    The mixing follows SplitMix64 (Steele, Lea and Flood 2014).
    """
    mixed = (seed * 0x9E37_79B9_7F4A_7C15 + part * 0xD1B5_4A32_D192_ED03 + cpu * 0x8CB9_2BA7_2F3D_8DD7) % 2**64
    mixed = (mixed ^ mixed >> 29) * 0xBF58_476D_1CE4_E5B9 % 2**64
    return (mixed ^ mixed >> 32) % (MODULUS - 1) + 1
