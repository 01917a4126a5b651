"""What happens on a CPU's thread reaches the test: every kind of exception, every bad outcome, every hang."""

import re
import time

import pytest

from stress.marks.noise.switches import Kind

pytestmark = pytest.mark.old_pytest

SMALL = ("-p", "no:cacheprovider", "-p", "no:hypothesispytest", "--stress-duration", "300ms", "--stress-seed", "1")

RAISING = """
    import sys, warnings
    import pytest

    @pytest.mark.stress(cpus=2)
    def test_it(stress):
        @stress.reader
        def look(cpu):
            {body}

        @stress.writer(count=1)
        def change(cpu):
            pass

        stress.run(acceptable={{"good"}})
"""

KINDS = {
    "an exception": ("raise ValueError('no')", "ValueError: no"),
    "a failed assertion": ("assert cpu.number < 0", "AssertionError"),
    "pytest.fail": ("pytest.fail('no')", "Failed: no"),
    "sys.exit": ("sys.exit(0)", "SystemExit: 0"),
    "an interrupt": ("raise KeyboardInterrupt", "KeyboardInterrupt"),
    "a warning that is an error": ("warnings.warn('no')", "UserWarning: no"),
    "an outcome that is no text": ("return 3", "TypeError: reader look returned 3"),
}


def failed(pytester: pytest.Pytester, source: str, *arguments: str) -> str:
    """What pytest prints of one test that must fail."""
    pytester.makepyfile(source)
    result = pytester.runpytest_inprocess(*SMALL, "-W", "error", "--strict-markers", *arguments)
    result.assert_outcomes(failed=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    return result.stdout.str()


@pytest.mark.parametrize("kind", KINDS)
def test_whatever_is_raised_on_a_cpu_fails_the_test_and_says_where(kind: str, pytester: pytest.Pytester) -> None:
    body, told = KINDS[kind]
    out = failed(pytester, RAISING.format(body=body))
    assert told in out
    assert re.search(r"on CPU 1 \(reader look, operation 1\), \d+\.\d+ s after the start", out)
    assert "1 of " in out
    assert "seed 1" in out


def test_a_warning_that_is_no_error_is_in_the_summary(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(RAISING.format(body="warnings.warn('look here'); return 'good'"))
    result = pytester.runpytest_inprocess(*SMALL, "-W", "default")
    result.assert_outcomes(passed=1, warnings=1)
    assert "look here" in result.stdout.str()


def test_exceptions_of_several_cpus_are_one_group(pytester: pytest.Pytester) -> None:
    source = RAISING.format(body="gate.wait(); raise ValueError(cpu.number)").replace("cpus=2", "cpus=3")
    source = source.replace(
        "def test_it(stress):", "def test_it(stress):\n        gate = __import__('threading').Barrier(2)"
    )
    out = failed(pytester, source)
    assert "ValueError: 1" in out
    assert "ValueError: 2" in out
    assert "RAISED: 2 of " in out


SHARED = """
    import threading
    from concurrent.futures import Future
    import pytest

    @pytest.mark.stress(cpus=3)
    def test_it(stress):
        meet, result = threading.Barrier(3), Future()
        result.set_exception(ValueError("one for all"))

        @stress.thread
        def look(cpu):
            meet.wait()
            return result.result()

        stress.run()
"""


def test_an_exception_that_all_cpus_raise_is_told_once_without_the_harness(pytester: pytest.Pytester) -> None:
    out = failed(pytester, SHARED)
    assert "RAISED: 3 of 3 operations" in out
    assert out.count("| ValueError: one for all") == 1
    assert all(f"on CPU {number} (thread look, operation 1)" in out for number in range(3))
    assert "_acceptable" not in out
    assert "_traced" not in out


def test_a_skip_on_a_cpu_is_a_skip_and_skips_for_one_reason_are_counted_together(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(RAISING.format(body="pytest.skip('not here')"))
    result = pytester.runpytest_inprocess(*SMALL, "--stress-repeat", "2", "-rs")
    result.assert_outcomes(skipped=2)
    result.stdout.re_match_lines([r"SKIPPED \[2\] \S+: not here$"])
    assert "after the start" not in result.stdout.str()


def test_an_expected_failure_on_a_cpu_is_one(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(RAISING.format(body="pytest.xfail('known')"))
    result = pytester.runpytest_inprocess(*SMALL, "-rx")
    result.assert_outcomes(xfailed=1)
    result.stdout.fnmatch_lines(["XFAIL *known*"])


@pytest.mark.parametrize("ending", ["skip", "xfail"])
def test_an_ending_hides_no_violation(ending: str, pytester: pytest.Pytester) -> None:
    body = f"seen.append(1); len(seen) > 9 and pytest.{ending}('no'); return 'bad'"
    source = RAISING.format(body=body).replace("def test_it(stress):", "def test_it(stress):\n        seen = []")
    out = failed(pytester, source)
    assert re.search(r"VIOLATED: bad in [1-9]\d* ", out), "how many come before depends on who is interrupted where"


POISONED = """
    import threading
    import pytest

    class Node:
        x = 1

    def use_it(node):
        try:
            node.x
        except Exception:
            pass

    @pytest.mark.stress(cpus=2)
    def test_it(stress):
        seen, node = [], Node()
        stress.poison(node)

        @stress.reader
        def look(cpu):
            {body}

        @stress.writer(count=1)
        def change(cpu):
            pass

        stress.run(acceptable={{"good"}})
"""


def test_the_first_of_each_outcome_is_told_with_its_stacks(pytester: pytest.Pytester) -> None:
    body = "seen.append(1); return 'bad' if len(seen) < 5 else str(node.x)"
    for duration in ("200ms", "3s", "20s"):  # on a busy host there may be fewer than five operations in a moment
        out = failed(pytester, POISONED.format(body=body), "--stress-duration", duration)
        if "first: freed" in out:
            break
    assert re.search(r"first: bad by CPU 1 \(reader look, operation 1\), after", out)
    assert re.search(r"first: freed by CPU 1 \(reader look, operation 5\), after", out)
    assert "Node used (__getattribute__('x')) by CPU 1 (reader look, operation 5):" in out
    assert "freed by thread MainThread, " in out


def test_a_use_that_the_code_under_test_catches_is_told_all_the_same(pytester: pytest.Pytester) -> None:
    out = failed(pytester, POISONED.format(body="use_it(node); return 'good'"))
    assert re.search(r"VIOLATED: freed in ([0-9,]+) \(.* of [0-9,]+ operations", out)
    assert "good" not in out


def test_a_use_on_a_thread_of_ones_own_is_told_too(pytester: pytest.Pytester) -> None:
    body = "one = threading.Thread(target=use_it, args=(node,), name='mine'); one.start(); one.join()"
    out = failed(pytester, POISONED.format(body=body))
    assert "VIOLATED: freed, outside of any operation" in out
    assert "Node used (__getattribute__('x')) by thread mine:" in out
    assert re.search(r"use_it \(.*:\d+\)", out)


def test_a_bad_outcome_says_which_cpu_which_operation_how_many_of_how_many_and_at_what_rate(
    pytester: pytest.Pytester,
) -> None:
    body = "n = seen[0] = seen[0] + 1; return 'bad' if n == 5 else 'good'"
    source = RAISING.format(body=body).replace("def test_it(stress):", "def test_it(stress):\n        seen = [0]")
    out = failed(pytester, source)
    assert re.search(r"VIOLATED: bad in 1 \([0-9.]+/s\) of [0-9,]+ operations, [0-9,]+ of which overlapped a", out)
    assert re.search(r"CPU 1  reader look: [0-9,]+ operations, [0-9,]+ overlapped: good [0-9,]+, FORBIDDEN bad 1", out)
    kinds = "|".join(kind.name.lower() for kind in Kind)
    assert re.search(rf"first: bad by CPU 1 \(reader look, operation 5\), after [0-9.]+ [mu]?s, ({kinds}) slice", out)
    assert "Traceback" not in out
    assert 'pytest "test_a_bad_outcome' in out
    assert "--stress-cpus 2 --stress-seed 1 --stress-duration 300ms" in out


def test_of_many_outcomes_the_most_frequent_are_told_and_how_many_others_there_are(pytester: pytest.Pytester) -> None:
    body = "n = seen[0] = seen[0] + 1; return 'often' if n % 2 else f'value {n}'"
    source = RAISING.format(body=body).replace("def test_it(stress):", "def test_it(stress):\n        seen = [0]")
    for duration in ("200ms", "5s", "20s"):  # on a busy host there are too few operations in a moment
        out = failed(pytester, source, "--stress-duration", duration)
        headline = next(line for line in out.splitlines() if line.startswith("VIOLATED"))
        [operations] = re.findall(r" of ([\d,]+) operations", headline)
        if int(operations.replace(",", "")) >= 200:
            break
    told = re.fullmatch(
        r"VIOLATED: often in [\d,]+ \(\S+/s\)(?:, value \d+ in 1 \(\S+/s\)){7},"
        r" ([\d,]+) other forbidden outcomes in ([\d,]+) \(\S+/s\) of [\d,]+ operations, .*",
        headline,
    )
    assert told, headline
    assert told[1] == told[2]
    assert re.search(r"FORBIDDEN often [\d,]+(, FORBIDDEN value \d+ 1){7}, [\d,]+ other outcomes [\d,]+$", out, re.M)
    assert out.count("first: ") == 8
    assert len(out) < 20_000


def test_the_run_ends_at_the_first_violation_if_pytest_is_to(pytester: pytest.Pytester) -> None:
    began = time.monotonic()
    out = failed(pytester, RAISING.format(body="return 'bad'"), "-x", "--stress-duration", "10h")
    assert "VIOLATED: bad in 1 " in out
    assert time.monotonic() - began < 60


def test_a_run_without_overlap_says_so(pytester: pytest.Pytester) -> None:
    source = RAISING.format(body="return 'good'").replace(
        "        @stress.writer(count=1)\n", "        @stress.reader\n"
    )
    out = failed(pytester, source)
    assert re.search(r"INCONCLUSIVE: none of [0-9,]+ operations overlapped a writer's, so nothing was tested", out)


def test_roles_that_never_run_fail_the_test(pytester: pytest.Pytester) -> None:
    source = RAISING.format(body="return 'good'").replace('stress.run(acceptable={"good"})', "pass")
    out = failed(pytester, source)
    assert "the roles never ran; call stress.run(acceptable={...}) in the test" in out
    assert "Traceback" not in out


def test_the_seed_is_in_a_failure_of_the_tests_own_too(pytester: pytest.Pytester) -> None:
    source = RAISING.format(body="return 'good'") + "        assert stress.cpus == 3\n"
    out = failed(pytester, source)
    assert "assert 2 == 3" in out
    assert "--stress-cpus 2 --stress-seed 1 --stress-duration 300ms" in out


@pytest.mark.parametrize("check", ["assert stress.cpus == 3", "raise KeyError"])
def test_a_failure_after_the_run_says_what_the_run_did(check: str, pytester: pytest.Pytester) -> None:
    out = failed(pytester, RAISING.format(body="return 'good'") + f"        {check}\n")
    _, _, told = out.partition("Captured stress run call")
    assert re.search(r"\nno fault in [0-9,]+ operations, [0-9,]+ of which overlapped a writer's\n", told)
    assert re.search(r"\n  CPU 1  reader look: [0-9,]+ operations, [0-9,]+ overlapped: good [0-9,]+\n", told)
    assert re.search(r"\nran \S+ m?s on 2 CPUs, GIL \w+, seed 1\nnoise: \S+", told)


def test_a_failure_of_the_run_is_told_once(pytester: pytest.Pytester) -> None:
    assert "Captured stress run" not in failed(pytester, RAISING.format(body="return 'bad'"))


DEADLOCK = """
    import threading
    import pytest

    @pytest.mark.stress(cpus=2)
    def test_it(stress):
        a, b = threading.Lock(), threading.Lock()

        @stress.writer(count=1)
        def ab(cpu):
            with a:
                with b:  # second of ab
                    pass

        @stress.writer(count=1)
        def ba(cpu):
            with b:
                with a:  # second of ba
                    pass

        stress.run()

    def test_next():
        pass
"""


@pytest.mark.timeout(60)
def test_a_deadlock_is_told_with_both_stacks_within_the_budget_and_pytest_ends(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(DEADLOCK)
    began = time.monotonic()
    result = pytester.runpytest_subprocess(*SMALL, "-W", "error", "--stress-duration", "2s", timeout=60)
    result.assert_outcomes(failed=1, passed=1)
    out = result.stdout.str()
    assert "STALLED: 2 of 2 CPUs do not end their operation" in out
    assert re.search(r"CPU 0 \(writer ab, operation [0-9,]+\) does not end", out)
    assert "with b:  # second of ab" in out
    assert "with a:  # second of ba" in out
    report, _, _ = out.partition("short test summary info")  # which repeats it where the variable CI is set
    [call] = [float(seconds) for seconds in re.findall(r"ran ([0-9.]+) s on 2 CPUs", report)]
    assert call <= 2 + 5
    assert time.monotonic() - began < 60


def test_a_stop_that_never_ends_is_told_as_a_stall(pytester: pytest.Pytester) -> None:
    body = "cpu.stop_machine(lambda: None); return 'good'"
    source = RAISING.format(body=body).replace(
        "            pass", "            import time; time.sleep(0.0001 if cpu.number else 30)"
    )
    pytester.makepyfile(source)
    result = pytester.runpytest_subprocess(*SMALL, timeout=60)  # a thread is left behind
    result.assert_outcomes(failed=1)
    out = result.stdout.str()
    assert "STALLED: CPU 1 (reader look, operation" in out
    assert "stopmachine_ack of CPU 0" in out


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("stress.reader(count=0)", "count must be a number of CPUs, 1 or more (got 0); leave it out for all others"),
        ("stress.run(acceptable='found')", "acceptable must be a set of outcomes' names"),
        (
            "stress.run(acceptable=None)",
            "acceptable must be a set of outcomes' names, like acceptable={'found'} (got None)",
        ),
        ("stress.reader(3)(print)", "a role decorates a function (got 3); a number of CPUs is given as count="),
        (
            "stress.thread(lambda: None); stress.run()",
            "the body `<lambda>` cannot be called with its CPU: too many positional arguments",
        ),
        (
            "stress.fresh(list); stress.thread(lambda cpu: None); stress.run()",
            "the body `<lambda>` cannot be called with its CPU and the round's object: too many positional arguments",
        ),
        (
            "stress.fresh(lambda box: None); stress.thread(print); stress.run()",
            "the fresh function `<lambda>` cannot be called with no argument: missing a required argument: 'box'",
        ),
        (
            "stress.fresh(list); stress.thread(print); stress.final(lambda: None); stress.run()",
            "the final function `<lambda>` cannot be called with the round's object and the list of results: too many",
        ),
        ("stress.run()", "stress.run(): no role; decorate one body"),
        ("stress.reader(count=9)(print); stress.run()", "the roles need at least 9 CPUs, not 2; give cpus=9 or more"),
    ],
)
def test_a_wrong_use_of_the_fixture_is_told_in_a_line(line: str, told: str, pytester: pytest.Pytester) -> None:
    out = failed(pytester, f"import pytest\n\n@pytest.mark.stress(cpus=2)\ndef test_it(stress):\n    {line}\n")
    assert told in out
    assert f">       {line}" in out
    assert "fixture.py" not in out


def test_the_traceback_of_a_failure_ends_in_the_test_unless_all_of_it_is_asked_for(pytester: pytest.Pytester) -> None:
    assert "fixture.py" not in failed(pytester, RAISING.format(body="raise ValueError"))
    assert "fixture.py" in failed(pytester, RAISING.format(body="raise ValueError"), "--full-trace")


LONG_TEXTS = """
    import pytest

    pytestmark = pytest.mark.stress(cpus=2)

    def test_outcomes(stress):
        @stress.thread
        def use(cpu):
            return {value}

        stress.run()

    def test_rounds(stress):
        stress.fresh(list)

        @stress.thread
        def use(cpu, box):
            return "q" * 300_000 + "\\x1b"

        @stress.final
        def judge(box, results):
            raise ValueError

        stress.run()
"""


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("'bad', 'x\\x1b' * 500_000", "and 996,000 characters more"),
        ("'y' * 100_000", "and 99,800 characters more"),
        ("'bad\\n\\x1b[31mred\\udce9'", r"bad\n\x1b[31mred\udce9 in"),
        ("''", "VIOLATED: '' (an empty name) in"),
    ],
)
def test_texts_of_bodies_are_told_shortened_and_escaped(value: str, told: str, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(LONG_TEXTS.format(value=value))
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider", "--stress-duration", "100ms")
    result.assert_outcomes(failed=2)
    out = result.stdout.str()
    assert told in out
    assert "CPU 0 returned 'qqq" in out
    assert "\x1b" not in out
    assert len(out) < 40_000
