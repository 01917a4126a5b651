"""RAM without a kernel, for CPUs that run bodies: only the words of stops, edges and draws are used."""

from stress.machine.ram import Ram, RamMap
from stress.machine.random import seed_of
from stress.machine.words import RANDOM

PAGE = 4096


def small_ram(cpus: int, seed: int) -> Ram:
    """RAM for a number of CPUs, each with random words of its own, which the seed fixes."""
    ram = Ram(RamMap(cpus, PAGE, PAGE, PAGE))
    for number in range(cpus):
        ram.poke(ram.map.log(number) + RANDOM, seed_of(seed, 0, number))
    return ram
