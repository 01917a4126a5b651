"""A soak on many machines: every turn that comes back is counted once, wherever it was played, and no other is."""

import json
from collections import Counter
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stress.campaign.journal import JournalError
from stress.campaign.soak.ending import Ending
from stress.campaign.soak.journal import SoakJournal
from stress.campaign.soak.messages import Turn
from stress.campaign.soak.records import Sample, Standing
from stress.campaign.soak.remote import TurnResult, TurnTask, objections, service_of
from stress.campaign.soak.rundir import read_run
from stress.campaign.soak.soak import resume, soak
from stress.campaign.soak.view import Watcher
from stress.campaign.workers.envelope import pack, unpack
from stress.campaign.workers.executor import on_executor
from stress.campaign.workers.in_process import InProcess
from stress.campaign.workers.pool import Interrupted, MakePool, Note, Returned, Service
from stress.config import Config
from stress.errors import UserError
from stress.judge.tally import Tally
from stress.machine.latency import BUCKETS
from stress.runs.report import Report
from tests.campaign.soak.made import PAIR, TORN, plan_of, session_of
from tests.support import bounded

WORKERS = ("one", "two", "three")
QUICK = Config(engine="python", duration_s=1.0, cpus=3)
DIED = Report(("FAILED: died", "of that"), {"reason": "died"})

Answer = Callable[[TurnTask, int], TurnResult | str]
"""What a shift comes to, given how many came before it; a text is why its worker was lost."""


@attrs.define
class Script:
    """A pool that answers at once, and remembers what it was given. `at_most` turns come back; then a signal comes."""

    answer: Answer
    at_most: int
    shifts: list[TurnTask] = attrs.field(factory=list)
    back: int = 0
    _waiting: list[tuple[Hashable, TurnTask]] = attrs.field(factory=list)

    def __call__(self, service: Service, note: Note, interrupted: Interrupted) -> "Script":
        return self

    @property
    def has_room(self) -> bool:
        return len(self._waiting) < len(WORKERS)

    def begin(self, tag: Hashable, text: str) -> None:
        self.shifts.append(unpack(text, TurnTask, "a test"))
        self._waiting.append((tag, self.shifts[-1]))

    def returned(self) -> list[Returned]:
        if self.interrupted():
            return []
        tag, shift = self._waiting.pop(0)
        worker, said = WORKERS[self.back % len(WORKERS)], self.answer(shift, self.back)
        self.back += 1
        if isinstance(said, str):
            return [Returned(tag, worker, None, said)]
        return [Returned(tag, worker, pack(said))]

    def close(self) -> None:
        pass

    def interrupted(self) -> bool:
        return self.back >= self.at_most


def played(shift: TurnTask, **standing: object) -> TurnResult:
    """A turn in which something was counted."""
    latencies = [0] * BUCKETS
    latencies[100] = 2
    tally = Tally(seconds=1.0, lookups=10, loads=3, unloads=2, race_windows=5, latencies=latencies)
    tally.outcomes = Counter({"found": 9, "absent": 1})
    given = {"scenario": shift.plan.scenarios[0].name, "slices": 4, "tally": tally, **standing}
    return TurnResult(session_of().conditions, Turn(1.0, Standing(**given), {}), None, 1 << 20)  # type: ignore[arg-type]


LONG = attrs.evolve(QUICK, duration_s=600.0)


def scripted(home: Path, answer: Answer, turns: int) -> tuple[Script, Ending]:
    """A soak of the pair by a script, until so many turns have come back."""
    script = Script(answer, turns)
    return script, soak(PAIR, LONG, results=home, interrupted=script.interrupted, workers=script)


class Watched(Watcher):
    """A watcher that keeps what it is told."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)

    def glance(self, view: object) -> None:
        raise AssertionError("nobody sees the CPUs of other machines")


def test_what_workers_count_becomes_one_verdict_with_one_bound(tmp_path: Path) -> None:
    script, ending = scripted(tmp_path, lambda shift, at: played(shift), 30)
    for standing in ending.standings.values():
        assert (standing.slices, standing.tally.lookups, standing.tally.race_windows) == (60, 150, 75)
        assert standing.tally.outcomes == {"found": 135, "absent": 15}
        assert standing.tally.stops == 30
    assert [run["rate_upper_95"] for run in ending.as_json()] == [3 / 75, 3 / 75]
    assert Counter(shift.plan.scenarios[0].name for shift in script.shifts[:30]) == dict.fromkeys(PAIR, 15)


def test_every_turn_has_a_seed_of_its_own_in_every_session(tmp_path: Path) -> None:
    first, ending = scripted(tmp_path, lambda shift, at: played(shift), 30)
    second = Script(lambda shift, at: played(shift), 30)
    resume(ending.folder, interrupted=second.interrupted, workers=second)
    seeds = [shift.plan.seed for shift in (*first.shifts, *second.shifts)]
    assert len(set(seeds)) == len(seeds) > 60
    assert {standing.tally.lookups for standing in read_run(ending.folder).standings().values()} == {300}


def test_every_worker_has_a_session_with_the_conditions_of_its_host(tmp_path: Path) -> None:
    conditions = [attrs.evolve(session_of().conditions, affinity=[core], cores=1) for core in range(3)]

    def answer(shift: TurnTask, at: int) -> TurnResult:
        return attrs.evolve(played(shift), conditions=conditions[at % 3])

    _, ending = scripted(tmp_path, answer, 9)
    sessions = ending.manifest.sessions
    assert [one.worker for one in sessions] == [None, *WORKERS]
    assert [one.conditions for one in sessions[1:]] == conditions
    assert [one.session for one in ending.samples] == [1, 2, 3] * 3


def test_a_turn_that_is_lost_is_told_and_not_counted(tmp_path: Path) -> None:
    script, watched = Script(lambda shift, at: "it left" if at % 2 else played(shift), 20), Watched()
    ending = soak(PAIR, LONG, results=tmp_path, interrupted=script.interrupted, workers=script, watcher=watched)
    assert sum(standing.tally.lookups for standing in ending.standings.values()) == 100
    assert sum(note.endswith("did not return it: it left") for note in watched.notes) == 10
    assert sum(standing.lost_turns for standing in read_run(ending.folder).standings().values()) == 10
    assert ending.manifest.status == "interrupted"


def test_workers_that_lose_every_turn_end_it_and_what_was_learnt_is_kept(tmp_path: Path) -> None:
    _, ending = scripted(tmp_path, lambda shift, at: "no memory" if at > 3 else played(shift), 1000)
    assert ending.trouble == "10 turns in a row did not come back, the last one: no memory"
    assert ending.manifest.status == "interrupted"
    assert sum(standing.tally.lookups for standing in read_run(ending.folder).standings().values()) == 40


def test_what_cannot_be_read_is_a_lost_turn(tmp_path: Path) -> None:
    garbled = ["", "[]", "{}", "null", '{"made_by": 1}', pack(session_of()), '"\\ud800"']

    class Garbled(InProcess):
        def returned(self) -> list[Returned]:
            assert self._task
            (tag, _), self._task = self._task, None
            return [Returned(tag, "one", garbled[int(str(tag)) % len(garbled)])]

    ending = soak(PAIR, LONG, results=tmp_path, workers=Garbled)
    assert ending.trouble
    assert ending.trouble.startswith("10 turns in a row did not come back")
    assert_nothing_is_counted(ending)


def assert_nothing_is_counted(ending: Ending) -> None:
    """All that is known is how many turns were lost."""
    assert sum(one.lost_turns for one in ending.standings.values()) == len(ending.samples) == 10
    assert all(one.standing.tally == Tally() and one.standing.slices == 0 for one in ending.samples)


@pytest.mark.parametrize("wrong", ["nothing", "another"])
def test_what_is_not_the_turn_that_was_given_is_a_lost_turn(tmp_path: Path, wrong: str) -> None:
    def answer(shift: TurnTask, at: int) -> TurnResult:
        if wrong == "nothing":
            return attrs.evolve(played(shift), turn=None)
        return played(shift, scenario="a\nb")

    _, ending = scripted(tmp_path, answer, 1000)
    assert ending.trouble
    assert ending.trouble.isprintable()
    assert_nothing_is_counted(ending)


def test_a_disk_that_is_full_ends_it_with_what_was_learnt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    append, taken = SoakJournal.append, list[Sample]()

    def full(journal: SoakJournal, sample: Sample) -> None:
        if len(taken) == 5:
            raise JournalError("no space")
        taken.append(sample)
        append(journal, sample)

    monkeypatch.setattr(SoakJournal, "append", full)
    script, ending = scripted(tmp_path, lambda shift, at: played(shift), 1000)
    assert ending.trouble == "no space"
    assert script.back == 6, "nobody is given anything more"
    assert sum(standing.tally.lookups for standing in ending.standings.values()) == 60
    assert read_run(ending.folder).samples == tuple(taken)
    assert read_run(ending.folder).manifest.status == "running"


@pytest.mark.parametrize("refused", ["keep", "join", "append"])
def test_a_violation_that_the_disk_refuses_is_in_the_verdict(
    refused: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(journal: SoakJournal, record: object) -> None:
        raise JournalError("no space")

    def answer(shift: TurnTask, at: int) -> TurnResult:
        one = played(shift, tally=Tally(1.0, 10, race_windows=5, violations=2))
        assert one.turn
        return attrs.evolve(one, turn=attrs.evolve(one.turn, reports={"torn": TORN, "wild": TORN}))

    monkeypatch.setattr(SoakJournal, refused, full)
    _, ending = scripted(tmp_path, answer, 3)
    assert ending.trouble == "no space"
    assert [one.outcome for one in ending.findings] == ["torn", "wild"]
    first = ending.findings[0].scenario
    [result] = [result for result in ending.results if result.scenario.name == first]
    assert (result.verdict.name, result.tally.violations) == ("violated", 2)
    assert read_run(ending.folder).samples == ()


def test_a_scenario_that_failed_or_has_ended_gets_no_more_turns(tmp_path: Path) -> None:
    def answer(shift: TurnTask, at: int) -> TurnResult:
        if shift.plan.scenarios[0].name == PAIR[0]:
            return attrs.evolve(played(shift), failure=DIED) if at > 10 else played(shift)
        return played(shift)

    script, ending = scripted(tmp_path, answer, 60)
    standing = ending.standings[PAIR[0]]
    assert standing.failure == DIED
    assert standing.done
    assert standing.tally.lookups >= 60, "what was counted before it failed stays"
    assert {shift.plan.scenarios[0].name for shift in script.shifts[-20:]} == {PAIR[1]}
    assert ending.failed


def test_the_first_violation_of_each_outcome_is_kept_wherever_it_was_seen(tmp_path: Path) -> None:
    def answer(shift: TurnTask, at: int) -> TurnResult:
        one = played(shift)
        assert one.turn
        return attrs.evolve(one, turn=attrs.evolve(one.turn, reports={"torn": TORN}))

    _, ending = scripted(tmp_path, answer, 12)
    assert sorted((one.scenario, one.outcome) for one in ending.findings) == sorted((name, "torn") for name in PAIR)


COUNT = st.integers(0, 100)
COUNTERS = ("lookups", "loads", "unloads", "race_windows", "violations", "disagreements")


@st.composite
def tallies(draw: st.DrawFn) -> Tally:
    tally = Tally(float(draw(COUNT)), first_violation_s=draw(st.none() | st.floats(0, 9)))
    for name in COUNTERS:
        setattr(tally, name, draw(COUNT))
    tally.outcomes = Counter(draw(st.dictionaries(st.sampled_from("abc"), COUNT)))
    tally.latencies[7] = draw(COUNT)
    return tally


@bounded(200)
@given(parts=st.lists(tallies(), min_size=1, max_size=5))
def test_tallies_joined_are_those_of_all_the_time_together(parts: list[Tally]) -> None:
    whole = Tally()
    for one in parts:
        whole = whole.joined(one)
    for name in (*COUNTERS, "seconds", "stops"):
        assert getattr(whole, name) == sum(getattr(one, name) for one in parts)
    assert whole.outcomes == Counter({k: n for k in "abc" if (n := sum(one.outcomes[k] for one in parts))})
    before = 0.0
    firsts = []
    for one in parts:
        firsts += [] if one.first_violation_s is None else [before + one.first_violation_s]
        before += one.seconds
    assert whole.first_violation_s == (firsts[0] if firsts else None)


def test_a_stall_or_an_end_anywhere_is_one_of_the_whole() -> None:
    standing, told = Standing(scenario="one", twin=Tally(lookups=3)), Report(("stalled",), {})
    turn = Standing(scenario="one", stall=told, twin_stall="twin", done=True, twin=Tally(lookups=4), slices=2)
    both = standing.joined(turn, 7.0).joined(Standing(scenario="one"), 8.0)
    assert (both.stall, both.twin_stall, both.done, both.elapsed_s, both.slices) == (told, "twin", True, 8.0, 2)
    assert both.twin == Tally(lookups=7)


@pytest.mark.parametrize("made_by", [InProcess, "threads"], ids=["alone", "threads"])
def test_turns_are_really_played(tmp_path: Path, made_by: MakePool | str) -> None:
    with ThreadPoolExecutor(2) as pool:
        chosen = on_executor(pool, 2) if isinstance(made_by, str) else made_by
        ending = soak(PAIR, attrs.evolve(QUICK, duration_s=6.0), 0.5, tmp_path, workers=chosen)
    service_of(plan_of()).release()
    assert ending.manifest.status == "complete"
    assert {result.scenario.name for result in ending.results if result.tally.race_windows} == set(PAIR)
    assert ending.standings["modlist_spinlock"].tally.violations
    assert not ending.standings["stop_machine"].tally.violations


def test_a_worker_with_other_sources_scenarios_or_corpora_objects_and_names_both() -> None:
    plan = plan_of()
    assert list(objections(pack(plan))) == []
    other = attrs.evolve(
        plan,
        sources_digest="0" * 16,
        corpus_digest="1" * 16,
        scenarios=tuple(attrs.evolve(part, digest="2" * 16) for part in plan.scenarios),
    )
    told = list(objections(pack(other)))
    assert len(told) == 2 + len(PAIR)
    pairs = [(plan.sources_digest, "0" * 16), (plan.corpus_digest, "1" * 16)]
    pairs += [(part.digest, "2" * 16) for part in plan.scenarios]
    for here, planned in pairs:
        assert any(here in text and planned in text for text in told)
    with pytest.raises(UserError, match=r"the soak has kstress 9\.9, and this is kstress "):
        list(objections(json.dumps({**json.loads(pack(plan)), "made_by": "kstress 9.9"})))
