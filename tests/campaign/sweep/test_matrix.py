"""Plans and flags: what is wrong is told at once, each with file, key and value; what is right is taken as it is."""

import os
import re
import string
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stress.campaign.sweep.matrix import KEYS, Matrix, matrix_of, read_plan
from stress.errors import UserError
from stress.extras import install_hint
from stress.machine.gil import gil_enabled
from stress.settings import AXES
from tests.campaign.sweep.made import errors_of, plan_file
from tests.support import bounded

SCENARIOS = 'scenarios = ["stop_machine"]\n'
WRONG_AXES = {
    "cpus": ["0", "1025", '"four"', "-1", "1.5", "true", "[2, 2]", "[]", "[[1]]", "99999999999999999999999"],
    "engine": ['"c"', "1", '""'],
    "readers-per-writer": ["0", "1024", '"x"'],
    "noise": ['"2"', '"1/0"', "-0.5", '"often"', "nan", "1e-12"],
    "switch-interval": ["1", '"0s"', '"2s"', '"soon"'],
    "gap": ["200", '"0s"', '"1s"'],
    "pace": ["1", '"-1s"', "inf"],
    "fate": ['"eaten"', "7"],
    "corpus": ["7", "true"],
}
WRONG_KEYS = {
    "scenarios": ["[]", "7", "[7]", '"stop_machine"', "{}"],
    "repeat": ["0", "1.5", '"many"', "1_000_000"],
    "seed": ["-1", '"x"', "true", "9223372036854775808"],
    "duration": ["5", '"0s"', '"long"', "[]"],
    "kasan": ['"yes"', "1"],
    "stall-after": ["5", '"0s"'],
    "stop-on-violation": ["0", '"no"'],
    "find": ["7", '"pace"', '["cpus"]'],
    "share": ["95", '"95"', '"0%"', '"100%"', '"-5%"'],
    "confidence": ["0.95", '"all"'],
    "axes": ["7", "[]", '"cpus"'],
}


@pytest.mark.parametrize(
    ("key", "value"), [(key, value) for key, values in WRONG_AXES.items() for value in values], ids=str
)
def test_a_wrong_value_on_an_axis_is_told_with_file_key_and_value(key: str, value: str, tmp_path: Path) -> None:
    path = plan_file(tmp_path, f"{SCENARIOS}[axes]\n{key} = {value}\n")
    [line] = errors_of(path)
    assert line.startswith(f"{path}: axes.{key}: ")
    assert says(line, value)


@pytest.mark.parametrize(
    ("key", "value"), [(key, value) for key, values in WRONG_KEYS.items() for value in values], ids=str
)
def test_a_wrong_setting_is_told_with_file_key_and_value(key: str, value: str, tmp_path: Path) -> None:
    path = plan_file(tmp_path, f"{'' if key == 'scenarios' else SCENARIOS}{key} = {value}\n")
    [line] = errors_of(path)
    assert line.startswith(f"{path}: {key}: ")
    assert says(line, value)


def says(line: str, value: str) -> bool:
    """Whether an error has the value that is wrong, in Python's spelling or as a number of seconds."""
    bare = value.strip('[]{}"').split(",")[0].replace("true", "True").replace("1_000_000", "1000000")
    seconds = {"0s": "0 s", "2s": "2 s", "1s": "1 s"}
    return not bare or any(word in line.replace(",", "") for word in (bare, bare[:20], seconds.get(bare, bare)))


def test_every_error_of_a_plan_is_told_at_once(tmp_path: Path) -> None:
    path = plan_file(tmp_path, 'seed = -1\ndurations = "2s"\n[axes]\ncpus = [2, 0]\ncpu = 4\nfate = "eaten"\n')
    lines = errors_of(path)
    keys = ["'durations'", "axes", "scenarios", "seed", "axes.cpus", "axes.fate"]
    assert [re.split(r":| is not a key", line.removeprefix(f"{path}: "))[0] for line in lines] == keys


def texts() -> st.SearchStrategy[str]:
    """Texts that TOML can hold between plain quotes."""
    return st.text(string.ascii_letters + string.digits + "/._- ", max_size=12)


def toml(value: object) -> str:
    """A value as TOML writes it."""
    if isinstance(value, list):
        return f"[{', '.join(map(toml, value))}]"
    return f'"{value}"' if isinstance(value, str) else str(value).lower()


PLAIN = st.one_of(texts(), st.integers(-(10**25), 10**25), st.booleans(), st.floats(allow_nan=False))
VALUES = st.one_of(PLAIN, st.lists(PLAIN, max_size=4))
NAMES = st.one_of(st.sampled_from([axis.name for axis in AXES]), st.sampled_from(list(KEYS)), st.just("colour"))


@bounded(300)
@given(st.dictionaries(NAMES, VALUES, max_size=4), st.dictionaries(NAMES, VALUES, max_size=4))
def test_any_plan_is_read_or_refused_in_lines_that_name_the_file(
    tmp_path_factory: pytest.TempPathFactory, settings: dict[str, Any], axes: dict[str, Any]
) -> None:
    text = "".join(f"{key} = {toml(value)}\n" for key, value in settings.items())
    text += "[axes]\n" + "".join(f"{key} = {toml(value)}\n" for key, value in axes.items())
    path = plan_file(tmp_path_factory.mktemp("plans", numbered=True), text)
    try:
        matrix = read_plan(path)
    except UserError as error:
        for line in str(error).split("\n"):
            assert line.startswith(f"{path}: ")
            assert line.isprintable()
    else:
        assert set(matrix.axes) == {axis.field for axis in AXES if axis.name in axes}


@bounded(60)
@given(st.binary(max_size=200))
def test_no_bytes_at_all_make_a_traceback(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.mktemp("bytes", numbered=True) / "plan.toml"
    path.write_bytes(data)
    with pytest.raises(UserError, match=r"plan\.toml"):
        read_plan(path)


def test_a_whole_plan_is_read_as_it_says(tmp_path: Path) -> None:
    path = plan_file(
        tmp_path,
        'scenarios = ["modlist_spinlock", "stop_machine"]\nduration = "1m30s"\nrepeat = 5\nseed = 3\nkasan = false\n'
        'stall-after = "4s"\nstop-on-violation = true\n'
        '[axes]\ncpus = [2, 64]\nengine = "python"\nnoise = ["1/64", 0]\npace = ["0s", "1ms"]\nfate = ["reused"]\n',
    )
    assert read_plan(path) == Matrix(
        scenarios=("modlist_spinlock", "stop_machine"),
        axes={
            "cpus": (2, 64),
            "engine": ("python",),
            "noise": (Fraction(1, 64), Fraction(0)),
            "pace_s": (0.0, 0.001),
            "fate": ("reused",),
        },
        repeat=5,
        seed=3,
        duration_s=90.0,
        kasan=False,
        stall_after_s=4.0,
        stop_on_violation=True,
    )


def test_flags_say_the_same_as_a_plan(tmp_path: Path) -> None:
    path = plan_file(tmp_path, f'{SCENARIOS}seed = 3\nduration = "1s"\n[axes]\ncpus = [2, 4]\npace = ["0s", "1ms"]\n')
    flags = {"seed": "3", "duration": "1s", "cpus": "2,4", "pace": "0s,1ms"}
    assert matrix_of(["stop_machine"], flags) == read_plan(path)


@pytest.mark.parametrize(
    ("names", "flags", "told"),
    [
        (["plan.toml", "stop_machine"], {}, "leave stop_machine out"),
        (["plan.toml"], {"stop_on_violation": True}, "leave --stop-on-violation out"),
        (["stop_machine"], {"cpus": "2,,4"}, "--cpus: '' is not a whole number"),
        (["stop_machine"], {"cpus": "2,2"}, "--cpus: '2' is given twice; name each value once"),
        (["stop_machine"], {"noise": "1/2,0.5"}, "--noise: '0.5' is given twice: it is the same as '1/2' here; "),
        (
            ["stop_machine"],
            {"repeat": "0", "pace": "7"},
            "--pace: '7' is not a duration; .*\n--repeat: 0 is not from 1 to",
        ),
    ],
)
def test_a_plan_stands_alone_and_flags_are_read_strictly(names: list[str], flags: dict[str, object], told: str) -> None:
    with pytest.raises(UserError, match=told):
        matrix_of(names, flags)


@pytest.mark.native
def test_the_engine_that_auto_stands_for_is_told_where_both_are_given(tmp_path: Path) -> None:
    path = plan_file(tmp_path, f'{SCENARIOS}[axes]\nengine = ["native", "auto"]\n')
    told = "axes.engine: 'auto' is given twice: it is the same as 'native' here; name each value once"
    with pytest.raises(UserError, match=f"^{path}: {told}$"):
        read_plan(path)


def nothing(path: Path) -> None:
    """No file at all."""


@pytest.mark.parametrize("make", [nothing, Path.mkdir, os.mkfifo], ids=["nothing", "a directory", "a pipe"])
def test_what_is_no_file_is_no_plan(make: Callable[[Path], None], tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    make(path)
    with pytest.raises(UserError, match=r"plan.toml'?.*; give a (plan, or names of scenarios|TOML file)$"):
        read_plan(path)


def test_a_number_of_thousands_of_digits_is_no_traceback(tmp_path: Path) -> None:
    [line] = errors_of(plan_file(tmp_path, f"{SCENARIOS}seed = {'9' * 5000}\n"))
    assert "plan.toml is not TOML: " in line


def test_an_engine_that_is_not_there_is_told_with_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stress.machine.engines.has_llvmlite", lambda: False)
    path = plan_file(tmp_path, f'{SCENARIOS}[axes]\nengine = ["native"]\n')
    assert errors_of(path) == [
        f"{path}: axes.engine: --engine native needs llvmlite; install with: {install_hint('native')}, "
        "or use --engine python"
    ]


@pytest.mark.skipif(gil_enabled(), reason="there is a GIL to wait for")
def test_without_a_gil_there_is_no_switch_interval(tmp_path: Path) -> None:
    path = plan_file(tmp_path, f'{SCENARIOS}[axes]\nswitch-interval = ["1ms"]\n')
    [line] = errors_of(path)
    assert "there is no GIL to wait for" in line
