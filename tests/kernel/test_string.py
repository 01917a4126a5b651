"""strncpy writes exactly as many bytes as it is told and reads no further than it must; strcmp orders bytes."""

from hypothesis import given
from hypothesis import strategies as st

from stress.kernel.kallsyms import KSYM_NAME_LEN
from stress.kernel.string import strcmp, strncpy
from tests.support import RecordingCpu, blank_ram, bounded, put_string, python_cpu

CANARY = 0xCC
TEXT = st.binary(max_size=200).map(lambda text: text.replace(b"\0", b"\1"))


def copied(text: bytes, count: int = KSYM_NAME_LEN) -> tuple[RecordingCpu, int, int, bytes]:
    """strncpy of `text` onto canaries: the CPU, target and source, and the 256 bytes at the target afterwards."""
    ram = blank_ram()
    cpu = RecordingCpu(ram)
    target, source = ram.map.data, ram.map.data + 0x1000
    ram.write(target, bytes([CANARY]) * 256)
    strncpy(cpu, target, put_string(ram, source, text), count)
    return cpu, target, source, ram.mapping[target : target + 256]


@bounded(100)
@given(TEXT)
def test_strncpy_writes_127_bytes_padded_with_zeros_and_leaves_the_canaries_behind(text: bytes) -> None:
    *_, got = copied(text)
    assert got == text[:127].ljust(127, b"\0") + bytes([CANARY]) * 129


@bounded(50)
@given(TEXT)
def test_strncpy_stores_each_byte_once_from_low_to_high(text: bytes) -> None:
    cpu, target, *_ = copied(text)
    assert cpu.stored_bytes == list(range(target, target + 127))
    assert cpu.stores == []


@bounded(50)
@given(TEXT)
def test_strncpy_reads_up_to_the_nul_and_no_further(text: bytes) -> None:
    cpu, _, source, _ = copied(text)
    assert cpu.loaded_bytes == list(range(source, source + min(len(text) + 1, 127)))


def test_a_name_of_127_bytes_or_more_gets_no_nul() -> None:
    for length in (127, 128, 200):
        assert 0 not in copied(b"n" * length)[3]
    assert copied(b"n" * 126)[3][126] == 0


def test_strncpy_of_no_bytes_writes_nothing() -> None:
    cpu, *_ = copied(b"name", count=0)
    assert cpu.stored_bytes == []


@bounded(100)
@given(TEXT, TEXT, st.integers(0, 200))
def test_strcmp_has_the_sign_of_the_comparison_of_bytes(left: bytes, right: bytes, common: int) -> None:
    ram = blank_ram()
    right = left[:common] + right
    addresses = put_string(ram, ram.map.data, left), put_string(ram, ram.map.data + 0x1000, right)
    difference = strcmp(python_cpu(ram), *addresses)
    assert (difference > 0) - (difference < 0) == (left > right) - (left < right)


@bounded(30)
@given(TEXT)
def test_strcmp_of_equal_strings_is_zero_whatever_lies_behind_them(text: bytes) -> None:
    ram = blank_ram()
    left = put_string(ram, ram.map.data, text + b"\0left")
    right = put_string(ram, ram.map.data + 0x1000, text + b"\0right")
    assert strcmp(python_cpu(ram), left, right) == 0
