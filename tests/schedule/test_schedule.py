"""A schedule as text: what is written is read again, and anything else is refused in one line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stress.errors import UserError
from stress.machine.control.words import EXPIRED, INTERRUPT, NMI, WAITS
from stress.schedule.schedule import MOST_OPERATIONS, Made, Run, Schedule, Small, as_runs, preemptions_of

RUNS = st.builds(Run, st.integers(0, 1023), st.integers(0, 10**12), st.sampled_from([0, INTERRUPT, NMI]))
WORLDS = st.builds(
    Small,
    cpus=st.just(1024),
    operations=st.integers(0, MOST_OPERATIONS),
    modules=st.integers(0, 10**4),
    seed=st.integers(0, 2**31),
)
DIGESTS = st.tuples(*[st.from_regex(r"[0-9a-f]{8}", fullmatch=True)] * 2)
TOKEN = "ks1~linked_list:none~c2.o2.m0.s9~502b44d2.ae48370d~1_0_1x3i_0x16_1n"


@given(st.text(min_size=1), WORLDS, DIGESTS, st.lists(RUNS))
def test_a_schedule_is_read_as_it_was_written(
    name: str, world: Small, digests: tuple[str, str], runs: list[Run]
) -> None:
    try:
        name.encode()
    except UnicodeEncodeError:
        return
    one = Schedule(scenario=name, world=world, digests=digests, runs=tuple(runs))
    assert Schedule.parse(one.token) == one
    assert one.token.isascii()
    assert not set(one.token) & set(" \"'<>$`\\;&|\n")


def test_a_token_says_what_it_is_made_of() -> None:
    one = Schedule.parse(TOKEN)
    assert one.scenario == "linked_list:none"
    assert one.world == Small(cpus=2, operations=2, modules=0, seed=9)
    assert one.runs == (Run(1), Run(0), Run(1, 3, INTERRUPT), Run(0, 16), Run(1, 0, NMI))
    assert one.token == TOKEN


@pytest.mark.parametrize(
    "text",
    [
        "", "ks1", "ks2" + TOKEN[3:], TOKEN + "~", TOKEN.replace("c2.", ""), TOKEN.replace("c2", "c0"),
        TOKEN.replace("502b44d2", "502b44d"), TOKEN.replace("x16", "x0"), TOKEN.replace("x16", "x-1"),
        TOKEN.replace("_1n", "_1q"), TOKEN.replace("1x3i", "1x"), TOKEN.replace("s9", "s99999999999"),
        TOKEN + "\x1b[2J", TOKEN.replace("1x3i", "2x3i"),
    ],
)  # fmt: skip
def test_anything_else_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(UserError) as refused:
        Schedule.parse(text)
    assert "\n" not in str(refused.value)
    assert "\x1b" not in str(refused.value)


def test_only_a_cpu_that_could_have_gone_on_is_preempted() -> None:
    made = [
        Made(0, 5, 0, EXPIRED, False),
        Made(1, 3, 0, WAITS, False),
        Made(0, 2, 0, EXPIRED, True),
        Made(0, 2, 0, WAITS, False),
    ]
    assert preemptions_of(made) == 1
    assert as_runs(made) == (Run(0, 5), Run(1), Run(0))
