"""What kernel code may be given beside words: names, values made of functions and numbers, and numbers made of them."""

import attrs
import pytest

from stress.machine.language.errors import KernelCodeError
from stress.machine.language.instances import CPU, INSTANCES
from stress.machine.python_engine import PythonCpu
from stress.machine.seam import Cpu, KernelValue, constant, kernel
from tests.support import PLAIN, blank_ram, compiled


@kernel
def double(cpu: Cpu, value: int) -> int:
    return value * 2


@kernel
def negate(cpu: Cpu, value: int) -> int:
    return -value


@attrs.frozen
class Pair(KernelValue):
    """A value with a function and a number."""

    change: object
    STEP: int


DOUBLING, NEGATING = Pair(double, 5), Pair(negate, 7)


@constant
def length_of(name: str) -> int:
    """How long a name is."""
    return len(name)


@kernel
def changed(cpu: Cpu, pair: Pair, name: str, value: int) -> int:
    return pair.change(cpu, value + pair.STEP) + length_of(name)  # type: ignore[operator, no-any-return]


@kernel
def both(cpu: Cpu, value: int) -> int:
    return changed(cpu, DOUBLING, "abc", value) * 1000 + changed(cpu, NEGATING, "", value)


def on_python(value: int) -> int:
    """What the python engine makes of it."""
    ram = blank_ram()
    cpu = PythonCpu(ram, 0, PLAIN)
    return both(cpu, value)


@pytest.mark.parametrize("value", [0, 1, -3, 12])
def test_a_value_gives_its_functions_and_numbers(value: int) -> None:
    assert on_python(value) == ((value + 5) * 2 + 3) * 1000 - (value + 7)


@pytest.mark.native
@pytest.mark.parametrize("value", [0, 1, -3, 12])
def test_compiled_code_does_the_same(value: int) -> None:
    assert compiled(both, CPU, None)(0, 0, 0, 0, value) == on_python(value)


def refusal(function: object) -> str:
    """What is said of a function that is not kernel code."""
    with pytest.raises(KernelCodeError) as refused:
        INSTANCES.root(function, CPU)  # type: ignore[arg-type]
    return str(refused.value).partition(": ")[2]


@kernel
def uses_a_name_as_a_number(cpu: Cpu) -> int:
    return double(cpu, "abc")  # type: ignore[arg-type]


@kernel
def uses_a_value_as_a_number(cpu: Cpu) -> int:
    return double(cpu, DOUBLING)  # type: ignore[arg-type]


@kernel
def counts_a_word(cpu: Cpu) -> int:
    word = cpu.load(8)
    return length_of(word)  # type: ignore[arg-type]


@kernel
def counts_nothing(cpu: Cpu) -> int:
    return length_of()  # type: ignore[call-arg]


@kernel
def asks_for_what_is_not_there(cpu: Cpu) -> int:
    return DOUBLING.nothing  # type: ignore[attr-defined, no-any-return]


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (uses_a_name_as_a_number, "value is a str, where a number is needed; kernel code has only 64-bit integers"),
        (uses_a_value_as_a_number, "value is a Pair, where a number is needed; kernel code has only 64-bit integers"),
        (counts_a_word, "length_of of a word; give it what is known before the code runs: a name, a value, a function"),
        (counts_nothing, "length_of gets 0 arguments; give it 1, by place"),
        (asks_for_what_is_not_there, "DOUBLING has no nothing; define it or correct the name"),
    ],
)
def test_what_is_no_number_is_refused_where_one_is_needed(function: object, said: str) -> None:
    assert refusal(function) == said
