"""Bodies run on real threads, in their roles; a stop holds the others; the seed fixes a CPU's draws."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from random import Random

import pytest

from stress.machine.words import EDGES, WRITERS
from stress.marks.crews.withheld import Withheld
from stress.marks.operations.cpu import Signals, StressCpu
from stress.marks.operations.player import Player
from stress.marks.operations.roles import Duty, Role
from stress.marks.operations.tally import Judging
from tests.support import UNTIL_FOUND, blank_ram, python_cpu

pytestmark = pytest.mark.threads

SMALL = ("-p", "no:cacheprovider", "-p", "no:hypothesispytest", "--stress-duration", "300ms")


def passed(pytester: pytest.Pytester, source: str, *arguments: str) -> None:
    """Run a test that must pass."""
    pytester.makepyfile(source)
    result = pytester.runpytest_inprocess(*SMALL, "-W", "error", "--strict-markers", *arguments)
    result.assert_outcomes(passed=1)


def test_a_role_without_a_count_takes_the_cpus_that_are_left_and_writers_come_first(pytester: pytest.Pytester) -> None:
    passed(pytester, """
        import threading
        import pytest

        @pytest.mark.stress(cpus=5)
        def test_it(stress):
            seen = set()

            @stress.reader
            def look(cpu):
                seen.add((cpu.number, cpu.role))

            @stress.reader(count=1)
            def stare(cpu):
                seen.add((cpu.number, cpu.role))

            @stress.writer(count=2)
            def change(cpu):
                seen.add((cpu.number, cpu.role))

            stress.run()
            writers = [number for number, role in seen if role == "writer change"]
            starers = [number for number, role in seen if role == "reader stare"]
            assert (len(seen), sorted(writers), len(starers)) == (5, [0, 1], 1)
            assert not [one for one in set(threading.enumerate()) - BEFORE if one.name.startswith("cpu")]

        BEFORE = set(threading.enumerate())
    """)  # fmt: skip


TWO_STEPS = """
    import pytest

    @pytest.mark.stress(cpus=4)
    def test_it(stress):
        pair = [0, 0]

        @stress.reader
        def look(cpu):
            first = pair[0]
            second = pair[1]
            return "whole" if first == second else "torn"

        def change_both():
            pair[0] += 1
            pair[1] += 1

        @stress.writer(count=1)
        def change(cpu):
            {change}

        seen = stress.run(acceptable={{"whole"}})
        assert seen["whole"] and pair[0] == pair[1] > 0
"""


def test_a_stop_holds_every_other_cpu_between_its_operations(pytester: pytest.Pytester) -> None:
    passed(pytester, TWO_STEPS.format(change="cpu.stop_machine(change_both)"))


def test_without_the_stop_the_same_change_is_seen_half_done(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(TWO_STEPS.format(change="change_both()"))
    result = pytester.runpytest_inprocess(*SMALL, *UNTIL_FOUND)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["VIOLATED: torn in *"])


def test_an_exception_in_a_stop_lets_the_others_go(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(TWO_STEPS.format(change="cpu.stop_machine(lambda: pair[2])"))
    result = pytester.runpytest_inprocess(*SMALL)
    result.assert_outcomes(failed=1)
    out = result.stdout.str()
    assert "IndexError" in out
    assert "STALLED" not in out


RUNS_ON = """
    import threading
    import pytest

    @pytest.mark.stress(cpus=2)
    def test_it(stress):
        inside = threading.Event()

        @stress.reader
        def look(cpu):
            inside.set()
            while True:
                pass

        @stress.writer
        def change(cpu):
            inside.wait()
            cpu.stop_machine(lambda: None)

        stress.run()
"""


@pytest.mark.usefixtures("until_sure")
@pytest.mark.parametrize("has_core", [True, False])
def test_a_stop_has_stalled_only_if_the_host_gave_its_cpus_a_core(
    has_core: bool, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Withheld, "is_crowded", property(lambda withheld: not has_core))
    pytester.makepyfile(RUNS_ON)
    result = pytester.runpytest_inprocess(*SMALL, *UNTIL_FOUND)
    result.assert_outcomes(failed=1)
    told = "stopmachine_ack of CPU 1 -> CPU 1 (reader look, operation 0) runs on within that operation"
    assert (told in result.stdout.str()) == has_core


@pytest.mark.usefixtures("until_sure")
@pytest.mark.parametrize("is_crowded", [True, False])
def test_a_stop_that_waits_for_who_waits_has_stalled_on_any_host(
    is_crowded: bool, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Withheld, "is_crowded", property(lambda withheld: is_crowded))
    pytester.makepyfile(RUNS_ON.replace("while True:\n                pass", "threading.Event().wait()"))
    result = pytester.runpytest_inprocess(*SMALL, *UNTIL_FOUND)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines("STALLED: CPU 0 (writer change, operation 0) has spun for *stopmachine_ack of CPU 1*")


def test_a_stop_within_a_stop_is_refused(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(TWO_STEPS.format(change="cpu.stop_machine(lambda: cpu.stop_machine(change_both))"))
    result = pytester.runpytest_inprocess(*SMALL)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines("*UserError: cpu.stop_machine was called within cpu.stop_machine: all other CPUs are*")
    assert "STALLED" not in result.stdout.str()


def test_a_seed_fixes_what_a_cpu_draws(pytester: pytest.Pytester) -> None:
    source = """
        import pytest

        @pytest.mark.stress(cpus=2)
        def test_it(stress):
            drawn = []

            @stress.reader
            def look(cpu):
                drawn.append(cpu.random.random())

            @stress.writer
            def change(cpu):
                cpu.yield_core()

            stress.run()
            print("drawn", stress.seed, drawn[0])
    """
    lines = []
    for seed in ("7", "7", "8"):
        pytester.makepyfile(source)
        result = pytester.runpytest_inprocess(*SMALL, "-s", "--stress-seed", seed)
        result.assert_outcomes(passed=1)
        lines += [line[line.index("drawn") :] for line in result.outlines if "drawn " in line]
    assert lines[0] == lines[1]
    assert lines[0].split()[2] != lines[2].split()[2]


def test_no_operation_is_cut_short_between_two_slices_or_in_a_stop(pytester: pytest.Pytester) -> None:
    passed(pytester, """
        import pytest

        @pytest.mark.stress(cpus=4, duration="400ms")
        def test_it(stress):
            begun, stopped, ended = [0] * 4, [0] * 4, [0] * 4

            @stress.reader
            def look(cpu):
                begun[cpu.number] += 1
                cpu.cond_resched()
                stopped[cpu.number] += 1
                ended[cpu.number] += 1

            @stress.writer(count=2)
            def change(cpu):
                begun[cpu.number] += 1
                cpu.stop_machine(lambda: stopped.__setitem__(cpu.number, stopped[cpu.number] + 1))
                ended[cpu.number] += 1

            stress.run()
            assert begun == stopped == ended
            assert min(begun) > 0
    """)  # fmt: skip


@pytest.mark.parametrize(("number", "edges", "overlapped"), [(1, 4, 0), (1, 5, 1), (0, 5, 0)])
def test_an_operation_within_a_writers_overlaps_it_and_none_overlaps_itself(
    number: int, edges: int, overlapped: int
) -> None:
    ram = blank_ram(2)
    ram.poke(WRITERS, 1)
    ram.poke(ram.map.log(0) + EDGES, edges)
    role = Role(lambda cpu: None, Duty.READER if number else Duty.WRITER, 1)
    cpu = StressCpu(number, role.name, Random(1), Signals())
    player = Player(cpu, role)
    player.operation(python_cpu(ram, number))
    assert player.overlapped == overlapped


def test_every_outcome_of_a_burst_is_counted_whatever_ends_it() -> None:
    random = Random(7)
    for _ in range(200):
        script: list[object] = [random.choice(["good", "good", "fine", None]) for _ in range(random.randrange(1, 90))]
        script += random.choice([["bad"], [3], [ValueError()], []])
        calls = iter(script)

        def body(cpu: StressCpu, calls: Iterator[object] = calls) -> object:
            value = next(calls)
            if isinstance(value, ValueError):
                raise value
            return value

        role = Role(body, Duty.THREAD, 1)
        player = Player(StressCpu(0, role.name, Random(1), Signals()), role, Judging(frozenset({"good", "fine"})))
        player.cpu.signals.begin(60.0)
        ram = blank_ram(1)
        while not player.tally.errors:  # the script's end is an exception too
            player.operation(python_cpu(ram, 0))
        done = script[: player.operations]
        expected = Counter(value for value in done if isinstance(value, str))
        assert player.tally.outcomes == expected
        assert player.left_behind().tally.outcomes == expected


FEW_ROLES = """
    import asyncio
    import pytest

    pytestmark = pytest.mark.stress(cpus=4)

    def test_loops(stress):
        @stress.writer(count=1)
        def change(cpu):
            cpu.stop_machine(bool)

        @stress.reader(count=1)
        def look(cpu):
            return "bad" if {fails} else None

        stress.run()

    def test_rounds(stress):
        stress.fresh(list)

        @stress.thread(count=2)
        def add(cpu, box):
            box.append(cpu.number)

        @stress.final
        def judge(box, results):
            if {fails} or sorted(box) != [0, 1] or results != [None, None]:
                return "bad"

        stress.run()

    def test_tasks(stress):
        @stress.tasks(count=2)
        async def use(cpu):
            await asyncio.sleep(0)
            return "bad" if {fails} else None

        stress.run()
"""


@pytest.mark.parametrize("fails", [False, True])
def test_roles_with_fewer_cpus_than_the_item_run_on_theirs(fails: bool, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(FEW_ROLES.format(fails=fails))
    result = pytester.runpytest_inprocess(*SMALL, "-W", "error", "--stress-results", "out")
    result.assert_outcomes(passed=0 if fails else 3, failed=3 if fails else 0)
    assert len(re.findall(r"ran .* on 2 CPUs \(2 more without a role\)", result.stdout.str())) == (3 if fails else 0)
    kept = [json.loads(file.read_text())["runs"][0] for file in (pytester.path / "out").glob("run-*.json")]
    assert [one["cpus"] for one in kept] == [2, 2, 2]
