"""Damaged run directories of every kind are read for what they are, or refused in one line; never changed."""

import contextlib
import io
import json
import os
from fractions import Fraction
from pathlib import Path
from typing import Any, NoReturn

import attrs
import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from stress.campaign.converter import to_json
from stress.campaign.folder import encode, manifest_bytes
from stress.campaign.reading import GIVE, MANIFEST, RESTORE, kind_of
from stress.campaign.soak import local
from stress.campaign.soak.records import Manifest, Plan
from stress.campaign.soak.rundir import FINDINGS, SAMPLES, StoredSoak, read_run
from stress.campaign.soak.soak import resume
from stress.cli import call
from stress.errors import UserError
from stress.runs.conditions import Conditions
from tests.campaign.damage import DIRECTORY, FIFO, LOOP, NOTHING, Content, Damage, damages, put_down, snapshot
from tests.campaign.soak.made import (
    FILES,
    FOUND,
    PAIR,
    SAMPLED,
    SINCE,
    make_run,
    plan_of,
    renamed,
    sample_at,
    samples_in,
    session_of,
)
from tests.support import bounded

GOOD = {
    MANIFEST: manifest_bytes("soak", Manifest(1, "a test", "running", plan_of(), (session_of(),))),
    SAMPLES: b"".join(map(encode, SAMPLED)),
    FINDINGS: b"".join(map(encode, FOUND)),
}
LINES = (SAMPLES, FINDINGS)
OTHERS = (
    encode(attrs.evolve(sample_at(9), standing=sample_at(9, "another").standing)),
    encode(attrs.evolve(FOUND[0], scenario="another")),
    encode(sample_at(0)),
    encode(attrs.evolve(sample_at(9), session=1)),
    encode(attrs.evolve(sample_at(9), session=-1)),
    encode(session_of()),
)


def other_lines(draw: st.DrawFn, good: bytes, file: str) -> Content:
    if file == MANIFEST:
        other = attrs.evolve(plan_of(), scenarios=plan_of().scenarios[:1])
        return manifest_bytes("soak", Manifest(1, "a test", "running", other, (session_of(),)))
    lines = good.splitlines(keepends=True)
    at = draw(st.integers(0, len(lines)))
    return b"".join([*lines[:at], draw(st.sampled_from([*OTHERS, GOOD[SAMPLES], GOOD[FINDINGS]])), *lines[at:]])


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the run directories of a module's cases are, one after the other."""
    return tmp_path_factory.mktemp("cases")


def read_or_refused(folder: Path) -> StoredSoak | None:
    """What is read; None if it was refused, in one printable line that names the directory. Nothing is changed."""
    before = snapshot(folder)
    try:
        run = read_run(folder)
    except UserError as error:
        run = None
        assert str(error).isprintable()
        assert str(folder) in str(error)
        assert len(str(error)) < 1000
    assert snapshot(folder) == before
    return run


def without_zeros(line: Any) -> Any:
    """A line of JSON without empty buckets, which are not written but do no harm."""
    if isinstance(line, dict):
        rest = {name: without_zeros(value) for name, value in line.items() if name != "latencies"}
        full = line.get("latencies", {})
        return {**rest, "latencies": {bucket: count for bucket, count in full.items() if count}}
    return line


def assert_true(run: StoredSoak) -> None:
    """The run is what is on the disk, no more and no less, but for a torn last line of either file."""
    document = json.loads((run.folder / MANIFEST).read_bytes())
    for holder in [document["plan"], *(session["conditions"] for session in document["sessions"])]:
        for name in SINCE & {field.name for field in attrs.fields(Plan if holder is document["plan"] else Conditions)}:
            holder.setdefault(name, None)
    manifest = {"kind": kind_of("soak"), **to_json(run.manifest)}
    assert Fraction(document["plan"].pop("noise")) == Fraction(manifest["plan"].pop("noise"))
    assert manifest == document
    for name, records in ((SAMPLES, run.samples), (FINDINGS, run.findings)):
        raw = (run.folder / name).read_bytes()
        *lines, torn = raw.split(b"\n")
        if len(lines) > len(records):
            torn = lines.pop() + b"\n" + torn
        assert [without_zeros(to_json(one)) for one in records] == [without_zeros(json.loads(one)) for one in lines]
        assert run.sizes[name] == len(raw) - len(torn)
        assert b"\0" in torn or not torn.endswith(b"\n")


@bounded(1000)
@given(damage=damages(GOOD, [other_lines]))
def test_damage_is_refused_in_one_line_or_what_is_read_is_what_was_written(home: Path, damage: Damage) -> None:
    run = read_or_refused(put_down(home, damage.contents))
    event(f"{damage.kind}: {'read' if run else 'refused'}")
    if run is not None:
        assert_true(run)


def reported(*arguments: str) -> tuple[int, str, str]:
    """The exit code, output and errors of a command line that is run in this process."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = call(list(arguments))
    return code, out.getvalue(), err.getvalue()


def not_json(text: str) -> NoReturn:
    raise AssertionError(f"{text} is not JSON")


@bounded(120)
@given(damage=damages(GOOD, [other_lines]))
def test_a_report_of_damage_is_one_line_and_exit_2_or_whole(home: Path, damage: Damage) -> None:
    folder = put_down(home, damage.contents)
    run, before = read_or_refused(folder), snapshot(folder)
    code, out, err = reported("report", str(folder), "--reports", "8", "--markdown", os.devnull)
    same, text, errors = reported("report", str(folder), "--json", "-")
    assert snapshot(folder) == before
    event(f"exit {code}")
    if run is None:
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert err.startswith("kstress: ")
        assert (same, text, errors) == (2, "", err)
        return
    assert (code, err, same) == (0, "", 0), err + errors
    scenarios = [part.name for part in run.manifest.plan.scenarios]
    assert out.count("End of soak: ") == len(scenarios)
    assert [one["scenario"] for one in json.loads(text, parse_constant=not_json)["runs"]] == scenarios


@bounded(80)
@given(damage=damages(GOOD, [other_lines]))
def test_what_cannot_be_read_cannot_be_resumed_and_is_left_as_it_is(home: Path, damage: Damage) -> None:
    folder = put_down(home, damage.contents)
    if read_or_refused(folder) is not None:
        return
    before = snapshot(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(local, "Child", not_json)
        for _ in range(2):
            with pytest.raises(UserError) as caught:
                resume(folder)
            assert "another kstress" not in str(caught.value), "the lock was kept"
            assert str(folder) in str(caught.value)
    assert snapshot(folder) == before


def test_the_good_one_is_read_whole(tmp_path: Path) -> None:
    run = read_run(make_run(tmp_path))
    assert run.samples == SAMPLED
    assert run.findings == FOUND
    assert run.sizes == {name: len(GOOD[name]) for name in LINES}
    assert run.standings() == {PAIR[0]: SAMPLED[7].standing, PAIR[1]: SAMPLED[6].standing}


@pytest.mark.parametrize("file", LINES)
def test_cut_off_at_any_byte_the_whole_lines_are_read_and_nothing_else(file: str, home: Path) -> None:
    folder = put_down(home, GOOD)
    for length in range(len(GOOD[file]) - len(GOOD[file].splitlines()[-1]) - 3, len(GOOD[file])):
        (folder / file).write_bytes(GOOD[file][:length])
        run, whole = read_run(folder), GOOD[file][:length].count(b"\n")
        assert run.samples == (SAMPLED[:whole] if file == SAMPLES else SAMPLED)
        assert run.findings == (FOUND[:whole] if file == FINDINGS else FOUND)
        assert run.sizes[file] == length - len(GOOD[file][:length].rpartition(b"\n")[2])


@pytest.mark.parametrize(
    "tail", [bytes(1), bytes(4096), bytes(512) + b"\n", b'{"at": "2026', b"\xff", b"garbage", b"[" * 9]
)
@pytest.mark.parametrize("file", LINES)
def test_a_torn_tail_is_left_out(file: str, tail: bytes, home: Path) -> None:
    run = read_run(put_down(home, {**GOOD, file: GOOD[file] + tail}))
    assert (run.samples, run.findings) == (SAMPLED, FOUND)
    assert run.sizes[file] == len(GOOD[file])


@pytest.mark.parametrize("junk", [b"\n", b"{}\n", b"junk\n", bytes(100) + b"\n", b'{"at": \n', b"[]\n", b"\xff\n"])
@pytest.mark.parametrize("file", LINES)
def test_what_is_wrong_before_the_last_line_is_refused_with_its_number(file: str, junk: bytes, home: Path) -> None:
    first, *rest = GOOD[file].splitlines(keepends=True)
    with pytest.raises(UserError, match=f"{file}, line 2 is no"):
        read_run(put_down(home, {**GOOD, file: b"".join([first, junk, *rest])}))


@pytest.mark.parametrize("junk", [b"\n", b"garbage\n", b"[]\n", b"\xff\n", b'{"at": "2026\n', b"[" * 9 + b"\n"])
@pytest.mark.parametrize("file", LINES)
def test_a_last_line_that_has_its_end_is_not_torn_but_damaged(file: str, junk: bytes, home: Path) -> None:
    number = GOOD[file].count(b"\n") + 1
    with pytest.raises(UserError, match=f"{file}, line {number} is no.*: it is damaged: copy the run directory again"):
        read_run(put_down(home, {**GOOD, file: GOOD[file] + junk}))


def test_a_newer_schema_says_to_use_a_newer_kstress(home: Path) -> None:
    newer = {**json.loads(GOOD[MANIFEST]), "schema": 2, "more": 1}
    with pytest.raises(UserError, match=r"schema 2, this kstress knows up to 1; use a newer kstress$"):
        read_run(put_down(home, {**GOOD, MANIFEST: json.dumps(newer).encode()}))


@pytest.mark.parametrize(
    ("line", "part"),
    [
        (encode(sample_at(9, "another")), "a line is of another, which the manifest does not name"),
        (encode(sample_at(3)), "goes back in time"),
        (encode(attrs.evolve(sample_at(9), session=1)), "of a session that the manifest does not have"),
        (encode(attrs.evolve(sample_at(9), session=-1)), "of a session that the manifest does not have"),
    ],
)
def test_lines_of_another_soak_are_refused(line: bytes, part: str, home: Path) -> None:
    with pytest.raises(UserError, match=part):
        read_run(put_down(home, {**GOOD, SAMPLES: GOOD[SAMPLES] + line}))


def test_a_violation_of_another_soak_is_refused(home: Path) -> None:
    line = encode(attrs.evolve(FOUND[0], scenario="an\nother"))
    with pytest.raises(UserError, match=r"a line is of 'an\\nother', which"):
        read_run(put_down(home, {**GOOD, FINDINGS: GOOD[FINDINGS] + line}))


def test_a_manifest_of_other_scenarios_is_refused(home: Path) -> None:
    other = Manifest(1, "a test", "running", renamed(plan_of(), stop_machine="mine"), (session_of(),))
    with pytest.raises(UserError, match="a line is of stop_machine"):
        read_run(put_down(home, {**GOOD, MANIFEST: manifest_bytes("soak", other)}))


def test_a_setting_out_of_range_is_named_with_its_file(home: Path) -> None:
    other = json.loads(GOOD[MANIFEST])
    other["plan"]["cpus"] = 10_000
    with pytest.raises(UserError, match=r"manifest\.json: --cpus: must be from 1 to 1024 \(got 10000\)"):
        read_run(put_down(home, {**GOOD, MANIFEST: json.dumps(other).encode()}))


@pytest.mark.parametrize("place", [DIRECTORY, FIFO, LOOP, NOTHING])
@pytest.mark.parametrize("file", FILES)
def test_what_is_no_plain_file_is_named(file: str, place: str, home: Path) -> None:
    with pytest.raises(UserError, match=f"{file}: [^;]+; {GIVE if file == MANIFEST else RESTORE}$"):
        read_run(put_down(home, {**GOOD, file: place}))


def test_a_file_larger_than_a_soak_writes_is_not_read(home: Path) -> None:
    folder = put_down(home, GOOD)
    os.truncate(folder / SAMPLES, 1 << 40)
    with pytest.raises(UserError, match=r"samples\.jsonl: it has 1,099,511,627,776 bytes"):
        read_run(folder)


def test_a_directory_that_is_not_there_is_refused(tmp_path: Path) -> None:
    for folder in (tmp_path / "nosuch", tmp_path / ("x" * 300), tmp_path):
        with pytest.raises(UserError, match=r"cannot read .*; give a run directory"):
            read_run(folder)


def test_a_fresh_one_without_any_line_is_read(tmp_path: Path) -> None:
    assert samples_in(make_run(tmp_path, (), ())) == ()
