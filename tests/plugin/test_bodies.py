"""What cannot run as a stress test says so: async functions, generators, methods of unittest; what has no text too."""

import re

import pytest

SMALL = ("-p", "no:cacheprovider", "-p", "no:hypothesispytest", "-W", "error", "--stress-duration", "50ms")
BODY = """
    import functools
    import pytest

    class Called:
        async def __call__(self, cpu):
            pass

    class Wordless(Exception):
        def __repr__(self):
            raise KeyboardInterrupt

    async def later():
        pass

    @pytest.mark.stress(cpus=2)
    def test_it(stress):
        {body}
        stress.run()
"""


def told(pytester: pytest.Pytester, source: str, **outcomes: int) -> str:
    """What pytest prints of one test that comes to something else than it seems to; pytest itself does not end."""
    pytester.makepyfile(source)
    result = pytester.runpytest_inprocess(*SMALL)
    result.assert_outcomes(**outcomes)
    return result.stdout.str()


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (
            "@stress.writer\n        async def body(cpu): yield",
            "the body `body` is `async def` and has `yield`: calling",
        ),
        (
            "@stress.reader\n        def body(cpu): yield",
            "the body `body` has `yield`: calling it runs none of its code",
        ),
        ("stress.fresh(functools.partial(Called()))", "is `async def`: calling it runs none of its code"),
        ("stress.writer(lambda cpu: later())", "writer <lambda> returned an awaitable: calling it runs none of"),
        ("stress.writer(lambda cpu: (yield))", "has `yield`: calling it runs none of its code"),
        ("stress.writer(lambda cpu: (one for one in 'a'))", "returned a generator, as a function with `yield` does"),
        (
            "stress.writer(lambda cpu: ('bad', 3))",
            "returned ('bad', 3); a tuple is the name of an outcome and a",
        ),
    ],
)
def test_a_body_of_which_nothing_would_run_is_told(body: str, fault: str, pytester: pytest.Pytester) -> None:
    out = told(pytester, BODY.format(body=body), failed=1)
    assert fault in out
    assert "return the name of an outcome" not in out


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (
            "@stress.writer\n        def body(cpu): raise Wordless",
            "Wordless, which cannot be printed: its __str__ or __repr__",
        ),
        (
            "stress.writer(lambda cpu: Wordless())",
            "returned a Wordless, whose __repr__ raises KeyboardInterrupt; return",
        ),
    ],
)
def test_what_has_no_text_of_its_own_is_told_by_its_type(body: str, fault: str, pytester: pytest.Pytester) -> None:
    out = told(pytester, BODY.format(body=body), failed=1)
    assert fault in out
    assert "on CPU " in out


def test_exceptions_that_are_each_others_context_are_told(pytester: pytest.Pytester) -> None:
    body = """stress.freed("freed")
        @stress.writer
        def body(cpu):
            try:
                stress.check("freed")
            except Exception:
                pass
            one, other = ValueError(1), ValueError(2)
            one.__context__, other.__context__ = other, one
            raise one
    """
    assert "RAISED: " in told(pytester, BODY.format(body=body.strip()), failed=1)


def test_an_async_test_that_nobody_runs_is_told_and_a_plugin_may_run_it(pytester: pytest.Pytester) -> None:
    source = """
        import pytest

        @pytest.mark.stress(cpus=2)
        async def test_it(stress):
            stress.writer(lambda cpu: None)
            stress.run()
    """
    assert "an `async def` test needs a pytest plugin that runs it" in told(pytester, source, failed=1)
    pytester.makeconftest("""
        import asyncio
        import pytest

        @pytest.hookimpl(tryfirst=True)
        def pytest_pyfunc_call(pyfuncitem):
            asyncio.run(pyfuncitem.obj(stress=pyfuncitem.funcargs["stress"]))
            return True
    """)
    told(pytester, source, passed=1)


def test_a_test_with_yield_is_an_error(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("""
        import pytest

        @pytest.mark.stress(cpus=2)
        def test_it(stress):
            yield
    """)
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider", "-p", "no:hypothesispytest", "-W", "default")
    result.assert_outcomes(errors=1)
    assert re.search("a test with `yield` is not run|'yield' keyword is allowed in fixtures", result.stdout.str())


MARKED = """
    import unittest
    import pytest

    {module}

    {marks[0]}
    class TestUnits(unittest.TestCase):
        {marks[1]}
        def test_it(self):
            pass
"""


@pytest.mark.parametrize("at", [0, 1])
def test_a_marked_method_of_unittest_is_an_error(at: int, pytester: pytest.Pytester) -> None:
    marks = ["", ""]
    marks[at] = "@pytest.mark.stress(cpus=2)"
    out = told(pytester, MARKED.format(module="", marks=marks), errors=1)
    assert "the mark `stress` does not work on methods of unittest.TestCase, which cannot take fixtures" in out
    assert "Traceback" not in out


def test_a_marked_test_without_a_role_is_named(pytester: pytest.Pytester) -> None:
    source = "import pytest\npytestmark = pytest.mark.stress(cpus=2)\ndef test_it(stress): pass\n"
    source += "def test_run(stress):\n    stress.thread(lambda cpu: None)\n    stress.run()\n"
    out = told(pytester, source, passed=2)
    assert re.findall(r"::(\S+): takes the fixture `stress` but gives it no role: it ran once", out) == [
        "test_it[2cpus]"
    ]


def test_marked_tests_without_the_fixture_run_once_and_are_named(pytester: pytest.Pytester) -> None:
    source = MARKED.format(module="pytestmark = pytest.mark.stress(repeat=3)", marks=["", ""])
    source += "\n    def test_plain(): pass\n\n    class TestPlain:\n        def test_method(self): pass\n"
    out = told(pytester, source, passed=3)
    assert re.findall(r"::(\w+): has the mark `stress` but not the fixture `stress`: it ran once", out) == [
        "test_it",
        "test_plain",
        "test_method",
    ]
