"""The index of names: every string once, cut as a copy is, sorted as read forwards and as read backwards."""

import struct

from hypothesis import given
from hypothesis import strategies as st

from stress.judge.names import ADDRESS_MASK, LENGTH_SHIFT
from stress.judge.tables import pack_names, padded
from tests.support import bounded

AT = 0x400_8000
NAMES = st.sets(
    st.one_of(st.binary(max_size=6), st.sampled_from([b"n" * 126, b"n" * 127, b"n" * 128, b"n" * 300])).map(
        lambda name: name.replace(b"\0", b"\1")
    ),
    max_size=12,
)


def entries(packed: bytes, start: int, end: int) -> list[bytes]:
    """The names that a table from `start` to `end` points to; each must end in a NUL."""
    names = []
    for (entry,) in struct.iter_unpack("<q", packed[start - AT : end - AT]):
        at, length = (entry & ADDRESS_MASK) - AT, entry >> LENGTH_SHIFT
        assert packed[at + length] == 0
        names.append(packed[at : at + length])
    return names


@bounded(150)
@given(NAMES)
def test_both_tables_hold_every_name_once_in_their_order(names: set[bytes]) -> None:
    packed, forward, backward = pack_names(names, AT)
    cut = {name[:127] for name in names if name}
    assert entries(packed, forward, backward) == sorted(cut)
    assert entries(packed, backward, AT + len(packed)) == sorted(cut, key=lambda name: name[::-1])


@bounded(50)
@given(NAMES)
def test_both_tables_are_aligned(names: set[bytes]) -> None:
    packed, forward, backward = pack_names(names, AT)
    assert forward % 8 == backward % 8 == len(packed) % 8 == 0


@bounded(50)
@given(st.binary(max_size=200))
def test_a_padded_name_is_128_bytes_cut_at_127(name: bytes) -> None:
    assert padded(name) == name[:127] + bytes(128 - len(name[:127]))
