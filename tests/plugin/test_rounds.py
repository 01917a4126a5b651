"""Rounds: each has a fresh object, one operation of each CPU and one judgement, in that order, on every host."""

import re
import threading
from collections.abc import Callable
from random import Random

import pytest

from stress.marks.noise.last_switches import LastSwitches
from stress.marks.operations.rounds import Rounds
from stress.marks.operations.tally import Judging

pytestmark = pytest.mark.threads

SMALL = ("-p", "no:cacheprovider", "-p", "no:hypothesispytest", "--stress-duration", "800ms", "--stress-seed", "1")

ORDER = """
    import threading
    import pytest

    @pytest.mark.stress(cpus=4)
    def test_it(stress):
        log, made, judged = [], [], []

        @stress.fresh
        def make():
            made.append([])
            return made[-1]

        @stress.thread(count=3)
        def change(cpu, calls):
            calls.append(cpu.number)
            return cpu.number * 10

        @stress.reader
        def look(cpu, calls):
            calls.append(cpu.number)

        @stress.final
        def judge(calls, returned):
            judged.append(calls)
            assert sorted(calls) == [0, 1, 2, 3]
            assert returned == [0, 10, 20, None]

        stress.run()
        assert len(judged) > 3
        assert len(made) - len(judged) in (0, 1)
        assert all(one is other for one, other in zip(judged, made))
"""

CREATED = """
    import pytest

    class Registry:
        def __init__(self):
            self.made = {{}}

        def get(self, key):
            if key not in self.made:
                self.made[key] = {value}
            return self.made[key]

    @pytest.mark.stress
    def test_it(stress):
        @stress.fresh
        def registry():
            return Registry()

        @stress.thread
        def get(cpu, registry):
            return registry.get("k")

        @stress.final
        def once(registry, results):
            assert len(set(map(id, results))) == 1

        stress.run()
"""


def run(pytester: pytest.Pytester, source: str, *arguments: str) -> pytest.RunResult:
    """Run one test."""
    pytester.makepyfile(source)
    return pytester.runpytest_inprocess(*SMALL, "-W", "error", "--strict-markers", *arguments)


def failed(pytester: pytest.Pytester, source: str, *arguments: str) -> str:
    """What pytest prints of one test that must fail, and that ends at its first fault."""
    result = run(pytester, source, "-x", *arguments)
    result.assert_outcomes(failed=1)
    return result.stdout.str()


def test_every_round_has_its_object_an_operation_of_each_cpu_and_a_judgement_in_this_order(
    pytester: pytest.Pytester,
) -> None:
    run(pytester, ORDER).assert_outcomes(passed=1)


def test_a_check_that_fails_names_the_round_what_came_back_and_the_last_switches(pytester: pytest.Pytester) -> None:
    out = failed(pytester, CREATED.format(value="object()"), "--stress-duration", "20s")
    assert re.search(r"RAISED: 1 of [\d,]+ rounds? ended in an exception", out)
    assert re.search(r"on round [\d,]+ \(final once\), \d\.\d+ s after the start, \w+ slice", out)
    assert len(re.findall(r"CPU \d returned <object object at", out)) == 4
    assert re.search(r"[\d,]+ rounds?, fresh registry, final once, raised AssertionError", out)


def test_a_run_in_which_nothing_has_overlapped_yet_goes_on(pytester: pytest.Pytester) -> None:
    late = judged('return "good"').replace("return [0]", "return threading.Event().wait(0.2)")
    late = late.replace("> 3", "> 0")
    # It ends with the first round that overlaps, in which noise may have reached nothing.
    few = ("--stress-duration", "50ms", "-W", "ignore::pytest.PytestWarning")
    run(pytester, late, *few).assert_outcomes(passed=1)


def test_its_twin_that_makes_what_is_the_same_passes(pytester: pytest.Pytester) -> None:
    run(pytester, CREATED.format(value="key")).assert_outcomes(passed=1)


JUDGED = """
    import threading
    import pytest

    @pytest.mark.stress(cpus=2)
    def test_it(stress):
        meet = threading.Barrier(2)  # so that operations overlap on every host

        @stress.fresh
        def box():
            return [0]

        @stress.thread
        def add(cpu, box):
            meet.wait()
            {body}

        {final}

        seen = stress.run(acceptable={{"good"}})
        assert seen["good"] > 3
"""
FINAL = """@stress.final
        def judge(box, returned):
            {}
"""


def judged(body: str = "box[0] += 1", final: str = "") -> str:
    """A test of two CPUs in rounds."""
    return JUDGED.format(body=body, final=FINAL.format(final) if final else "")


def test_without_a_judge_bodies_return_outcomes_and_with_one_it_does(pytester: pytest.Pytester) -> None:
    run(pytester, judged('return "good"')).assert_outcomes(passed=1)
    run(pytester, judged('return "anything"', 'return "good"')).assert_outcomes(passed=1)
    out = failed(pytester, judged("pass", 'return ("bad", f"{box} is bad")'))
    assert re.search(r"VIOLATED: bad in [\d,]+ \(.*\) of [\d,]+ rounds?, [\d,]+ operations", out)
    assert re.search(r"first: bad by round 1 \(final judge\), after", out)
    assert "  [0] is bad" in out


def test_what_is_raised_in_a_round_fails_the_test_wherever_it_is(pytester: pytest.Pytester) -> None:
    out = failed(pytester, judged("raise ValueError('no')", "raise KeyError('never judged')"))
    assert "ValueError: no" in out
    assert "never judged" not in out
    out = failed(pytester, judged().replace("return [0]", "raise LookupError('not made')"))
    assert "LookupError: not made" in out
    assert "on round 1 (fresh box)" in out
    out = failed(pytester, judged("pass", "return 3"))
    assert "TypeError: final judge returned 3" in out


def test_a_judge_that_uses_something_freed_is_a_violation_of_its_round(pytester: pytest.Pytester) -> None:
    source = judged("pass", "stress.check(1)").replace(
        "def test_it(stress):", "def test_it(stress):\n        stress.freed(1)"
    )
    out = failed(pytester, source)
    assert re.search(r"first: freed by round 1 \(final judge\)", out)


def test_bodies_of_one_round_may_wait_for_each_other(pytester: pytest.Pytester) -> None:
    source = judged("box.wait(); return 'good'").replace("return [0]", "return __import__('threading').Barrier(2)")
    run(pytester, source).assert_outcomes(passed=1)


def test_a_stop_in_a_round_holds_the_other_cpus_between_operations(pytester: pytest.Pytester) -> None:
    body = "under.append(1); cpu.stop_machine(lambda: seen.append(len(under))); under.pop(); return 'good'"
    source = judged(body).replace("def test_it(stress):", "def test_it(stress):\n        under, seen = [], []")
    # A CPU is in its operation while it waits for the stop of another one; so both may be.
    source = source.replace('assert seen["good"] > 3', "assert len(seen) > 3 and set(seen) <= {1, 2}").replace(
        "seen = stress.run", "stress.run"
    )
    run(pytester, source).assert_outcomes(passed=1)


def test_a_deadlock_in_a_round_is_reported_though_the_others_have_ended(
    pytester: pytest.Pytester, until_sure: None
) -> None:
    source = judged("cpu.number or box.wait(); return 'good'").replace(
        "return [0]", "return __import__('threading').Event()"
    )
    out = failed(pytester, source)
    assert "STALLED: 1 of 2 CPUs does not end its operation" in out
    assert "CPU 0 (thread add, operation 1)" in out


LOST = """
    import threading
    import pytest

    class Event:
        def __init__(self):
            self.is_set, self.waiters = False, []

        def wait(self):
            if not self.is_set:
                waiter = threading.Semaphore(0)
                self.waiters.append(waiter)
                waiter.acquire()

        def set(self):
            for waiter in self.waiters:
                waiter.release()
            self.is_set = True

    @pytest.mark.stress(cpus=2, duration="20s")
    def test_it(stress):
        @stress.fresh
        def event():
            return Event()

        @stress.writer(count=1)
        def set_it(cpu, event):
            event.set()

        @stress.reader
        def wait(cpu, event):
            event.wait()

        stress.run()
"""


def test_a_wake_up_that_a_round_loses_is_told_with_the_last_switches(
    pytester: pytest.Pytester, until_sure: None
) -> None:
    switches = None
    for seed in range(1, 9):  # a wake-up may be lost without noise, too: then the report says that there was none
        out = failed(pytester, LOST, "--stress-seed", str(seed))
        assert "STALLED: 1 of 2 CPUs does not end its operation" in out
        told = out.partition("\nthe last switches in this round, oldest first:\n")[2].partition("\n\n")[0]
        switches = re.search(r"^  CPU \d at Event\.\w+ \(.*:\d+\)$", told, re.MULTILINE)
        if switches:
            break
        assert "noise switched no CPU in this round" in out
    assert switches


@pytest.mark.parametrize(
    ("source", "told"),
    [
        (judged("pass", "pass").replace("@stress.fresh", "# no object"), "make an object for each with @stress.fresh"),
        (
            judged().replace('{"good"})', '{"good"})\n        stress.thread(print)'),
            "@stress.thread stands after stress.run(), so that its function is never called; move it up",
        ),
        (judged().replace("@stress.fresh", "@stress.fresh\n        @stress.fresh"), "@stress.fresh was given twice"),
        (judged().replace("@stress.fresh", "@stress.fresh(3)"), "@stress.fresh decorates a function (got 3)"),
        (judged().replace("def box():", "async def box():"), "the fresh function `box` is `async def`"),
        (judged().replace("seen = stress.run", "return; dict"), "the roles never ran"),
    ],
)
def test_what_a_round_lacks_is_told_in_one_line(source: str, told: str, pytester: pytest.Pytester) -> None:
    assert told in failed(pytester, source)


def rounds_of(cpus: int) -> Rounds:
    """Rounds with an open one."""
    rounds = Rounds(cpus, list, None, Judging(), LastSwitches())
    assert rounds.open_next(rounds.current, lambda: False)
    return rounds


def test_an_operation_overlaps_a_writers_if_either_is_under_way_while_the_other_begins() -> None:
    rounds, random = rounds_of(4), Random(1)
    for _ in range(300):
        one = rounds.current
        times = random.sample(range(100), 8)
        spans = {number: sorted(times[2 * number : 2 * number + 2]) for number in range(4)}
        writes = {number: random.random() < 0.5 for number in range(4)}
        seen: dict[int, int] = {}
        found: dict[int, bool] = {}
        events = sorted((at, number, end) for number, span in spans.items() for end, at in enumerate(span))
        for _, number, ends in events:
            if ends:
                found[number], last = rounds.leave(one, writes[number], seen[number], spoiled=False)
            else:
                seen[number] = rounds.enter(one, writes[number])
        for number, (begin, end) in spans.items():
            others = [spans[other] for other in spans if other != number and writes[other]]
            assert found[number] == any(late > begin and early < end for early, late in others)
        assert last
        one.over = True
        assert rounds.open_next(one, lambda: False)


def test_a_cpu_rests_only_if_the_open_round_does_not_wait_for_it() -> None:
    rounds, rested = rounds_of(2), []
    assert not rounds.rest(0, lambda: rested.append("too early"))
    assert rounds.rest(1, lambda: rested.append("done"))
    rounds.current.over = True
    assert not rounds.open_next(rounds.current, lambda: True)
    assert rounds.current.number == 1
    assert rested == ["done"]


def test_no_cpu_makes_an_object_after_one_that_could_not() -> None:
    rounds, over = Rounds(2, list, None, Judging(), LastSwitches()), threading.Event()
    tries: list[object] = []

    def fails(make: Callable[[], object]) -> None:
        assert not rounds.open_next(rounds.current, over.is_set, tries.append), "another CPU makes one meanwhile"
        over.set()

    assert not rounds.open_next(rounds.current, over.is_set, fails)
    assert not rounds.open_next(rounds.current, over.is_set, tries.append)
    assert (tries, rounds.begun, rounds.current.number) == ([], 1, 0)


@pytest.mark.parametrize("at", [1, 5])
def test_what_makes_no_object_is_counted_once_with_its_round(at: int, pytester: pytest.Pytester) -> None:
    made = judged("pass", "pass").replace("return [0]", f"made.append(1); return [0] if len(made) < {at} else 1 / 0")
    out = failed(pytester, made.replace("meet = ", "made = []; meet = "))
    assert f"RAISED: 1 of {at} round{'s' * (at > 1)} ended in an exception" in out
    assert f"first: ZeroDivisionError by round {at} (fresh box)" in out


@pytest.mark.parametrize(
    ("what", "source"),
    [
        ("fresh box", judged().replace("return [0]", "threading.Event().wait()")),
        ("final judge", judged("pass", "threading.Event().wait()")),
    ],
)
def test_a_function_of_the_rounds_that_never_ends_is_named(
    what: str, source: str, pytester: pytest.Pytester, until_sure: None
) -> None:
    out = failed(pytester, source)
    assert "STALLED: 1 of 2 CPUs does not end its operation" in out
    assert re.search(rf"CPU \d in round 1 \({what}\) does not end its operation", out)
    assert ("in this round" in out) == what.startswith("final"), "the object of a round is not made yet"
