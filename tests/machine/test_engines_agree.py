"""Both engines do the same with any kernel code: random programs, and what random ones seldom do."""

import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import bounded

from .random_batches import batch
from .random_programs import EDGES, LEAST, MOST, PRELUDE

pytestmark = pytest.mark.native

PROGRAMS = 3
EDGE = st.sampled_from([*EDGES, *[-edge for edge in EDGES], LEAST])
HEAD = "@kernel\ndef chosen(cpu: Cpu, number: int, x: int, y: int) -> int:\n"


def agree(source: str, calls: Sequence[tuple[int, int, int]]) -> Sequence[int | str]:
    """Run calls of `chosen` on both engines, which must do the same; how they end."""
    from .agreement import Pair

    pair, ended = Pair(source), []
    for words in calls:
        python, native = pair.outcomes(*words)
        assert python == native, f"chosen{words} ends in {python} and {native}, and leaves RAM that differs"
        ended.append(python.ended)
    return ended


@bounded(24)
@given(st.integers(0, 1 << 32), EDGE, EDGE)
def test_random_programs_do_the_same(seed: int, x: int, y: int) -> None:
    draws = [random.Random(seed + number) for number in range(PROGRAMS)]
    agree(batch(draws), [(number, *words) for number in range(PROGRAMS) for words in ((x, y), (y, x), (0, -1))])


BINARY = (
    "x // y", "x % y", "x >> (y & 127)", "wrap(cpu, x << (y & 127))", "min(x, y)", "max(x, y)", "x >> y", "x // int(y)",
    "wrap(cpu, -x)", "x // -3", "x % -3", "wrap(cpu, x // -1)", "x % -1", "x // 7", "x % 8",
    "x // int(0)", "x >> int(70)",
)  # fmt: skip
VALUES = (0, 1, -1, 2, -2, 3, -3, 7, -8, 63, 64, 65, 1 << 32, -(1 << 32), MOST, MOST - 1, LEAST, LEAST + 1)


@pytest.mark.parametrize("expression", BINARY)
def test_operators_do_the_same_at_the_edges(expression: str) -> None:
    source = f"{PRELUDE}{HEAD}    return {expression}\n"
    agree(source, [(0, x, y) for x in VALUES for y in VALUES if (x, y) != (LEAST, -1) or "wrap" in expression])


RANGES = [
    (MOST - 1, MOST, 2), (MOST - 3, MOST, 2), (MOST - 4, MOST - 1, 3), (0, MOST, MOST - 1), (LEAST, MOST, MOST),
    (LEAST + 1, LEAST, -2), (LEAST + 3, LEAST, -2), (0, LEAST, LEAST), (MOST, LEAST, LEAST), (MOST - 2, MOST, 1),
    (LEAST + 2, LEAST, -1), (3, 3, 1), (3, 3, -1), (3, 2, 1), (2, 3, -1), (0, 10, 3), (10, 0, -3), (MOST, LEAST, 1),
]  # fmt: skip


@pytest.mark.parametrize(("first", "limit", "step"), RANGES)
def test_a_range_has_the_same_numbers_at_the_edges(first: int, limit: int, step: int) -> None:
    body = f"    for i in range(x, y, {step}):\n        number = wrap(cpu, number * 31 + i)\n    return number\n"
    constant = body.replace("range(x, y", f"range({first}, {limit}")
    expected = 0
    for number in range(first, limit, step):
        expected = expected * 31 + number
    for text in (body, constant):
        [ended] = agree(PRELUDE + HEAD + text, [(0, first, limit)])
        assert isinstance(ended, int)
        assert (ended - expected) % (1 << 64) == 0


BODIES = {
    "arguments by keyword are evaluated as they are written": "return first(cpu, y=count(cpu, 1), x=count(cpu, 2))",
    "and of several, of which one ends it": "return 1 if x and count(cpu) and y and count(cpu) else cpu.peek(WORDS)",
    "or of several, of which one ends it": "return 1 if x or count(cpu) == 9 or y or count(cpu) else cpu.peek(WORDS)",
    "a chain is evaluated as far as it is true, each part once":
        "return (x < count(cpu) <= y < count(cpu)) + cpu.peek(WORDS) * 2",
    "a chain as a test": "if x < count(cpu) <= y < count(cpu):\n        return 7\n    return cpu.peek(WORDS)",
    "all values are taken before the first name gets its own":
        "x, y, number = y, number, x\n    return wrap(cpu, x - y * 3 + number)",
    "a name that is not ASCII": "größe, x = x, 0\n    return größe",
    "a range is evaluated once":
        "for i in range(count(cpu) & 3, 8):\n        number += i\n    return number + cpu.peek(WORDS)",
    "the number of a range may be changed in its turn":
        "for i in range(5):\n        number += i\n        i = 9\n    return number",
    "an index is left as it was last": "i = 7\n    for i in range(x & 3):\n        number += 1\n    return i",
    "a fault in a test":
        "while cpu.load(x):\n        number += 1\n        if number > 3:\n            break\n    return number",
    "a fault in an argument": "return first(cpu, count(cpu), cpu.load8(x))",
    "the next turn of a loop":
        "for i in range(6):\n        if i & x:\n            continue\n        number += i\n    return number",
    "the next turn of a while loop":
        "while number < 5:\n        number += 1\n        if x & 1:\n            continue\n        y += 1\n    return y",
    "a byte of freed memory": "return cpu.load8(FREED + 5)",
    "a word of freed memory": "return cpu.load(FREED + 8)",
    "a store to freed memory": "cpu.store(FREED, x)\n    return cpu.load(FREED)",
    "a store of a byte nowhere": "cpu.store8(8, x)\n    return 1",
    "a load of a byte nowhere": "return cpu.load8(-1)",
    "a compare-exchange nowhere": "return cpu.cmpxchg(WORDS + 2, x, y)",
    "a misaligned address": "return cpu.load(WORDS + 4)",
    "a misaligned store": "cpu.store(WORDS + 1, x)\n    return 1",
    "a compare-exchange of freed memory": "return cpu.cmpxchg(FREED, x, y)",
    "a byte of freed memory, and a store there": "cpu.store8(FREED + 3, x)\n    return cpu.load8(FREED + 3)",
}  # fmt: skip


@pytest.mark.parametrize("name", BODIES)
def test_what_random_programs_seldom_do_is_the_same(name: str) -> None:
    agree(
        f"{PRELUDE}{HEAD}    {BODIES[name]}\n", [(0, x, y) for x in (0, 1, 5, -1, MOST, LEAST) for y in (0, 3, 9, -1)]
    )


def test_the_comparison_sees_a_word_a_value_and_a_line_that_differ() -> None:
    from .agreement import Pair

    pair = Pair(PRELUDE + HEAD + "    return x // y\n")
    good = pair.outcomes(0, 7, 2)
    assert good[0] == good[1]
    assert good[0].ended == 3
    by_zero = pair.outcomes(0, 7, 0)
    assert by_zero[0] == by_zero[1]
    assert str(by_zero[0].ended).endswith(f":{(PRELUDE + HEAD).count(chr(10)) + 1}")
    assert len({*good, *by_zero, pair.outcomes(0, 9, 2)[0]}) == 3
