"""Several random programs in one source, so that LLVM compiles them together."""

import random
from collections.abc import Sequence

from .random_programs import KNOWN, PRELUDE, Author, Callee


def program(draw: random.Random, name: str) -> str:
    """A function of this name, after some that it may call."""
    callees, texts = list(KNOWN), []
    for part in (*[f"{name}_{number}" for number in range(draw.choice((0, 1, 1, 2)))], name):
        author = Author(draw, callees)
        author.has_value = part == name or draw.random() < 0.8
        texts.append(author.text(part))
        callees.append(Callee(part, author.cost, author.has_value))
    return "\n".join(texts)


def batch(draws: Sequence[random.Random]) -> str:
    """A source with a program from each of these: `chosen` runs the one with a number."""
    texts = [program(draw, f"p{number}") for number, draw in enumerate(draws)]
    ways = [f"    if number == {number}:\n        return p{number}(cpu, x, y)\n" for number in range(len(draws))]
    head = "@kernel\ndef chosen(cpu: Cpu, number: int, x: int, y: int) -> int:\n"
    return "\n".join([PRELUDE, *texts, head + "".join(ways) + "    return 0\n"])
