"""What workers bring back, whole or damaged: a result that can be kept, or a loss that is told; never anything else."""

import json
from concurrent.futures import Future
from typing import Any

import attrs
import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from stress.campaign.converter import from_json
from stress.campaign.folder import encode
from stress.campaign.identity import made_by
from stress.campaign.reading import parse
from stress.campaign.runs import Run
from stress.campaign.sweep.cell import result_of
from stress.campaign.sweep.plan import seed_of_cell
from stress.campaign.sweep.records import CRASHED, DONE, CellResult
from stress.campaign.sweep.remote import result_from, task_for
from stress.campaign.workers.calls import Introduction, Reply
from stress.campaign.workers.envelope import LostError, pack, unpack
from stress.campaign.workers.futures import taken
from stress.campaign.workers.pool import Returned
from stress.errors import UserError
from tests.campaign.damage import changed
from tests.campaign.sweep.made import LOST, plan_of, run_json
from tests.support import bounded

PLAN, CELL = plan_of(), (1, 2)
VALUES = PLAN.cells[CELL[0]]
RUN = {
    **run_json(), "scenario": VALUES.scenario, "cpus": VALUES.cpus, "seed": seed_of_cell(PLAN, *CELL),
}  # fmt: skip
TASK = task_for(PLAN, *CELL)
WELL = result_of(TASK, DONE, 0.5, first_lookup_s=0.1, run=RUN)
BADLY = result_of(TASK, CRASHED, 0.5, trouble=LOST)
WHO = "tcp://127.0.0.1:1 on a host"
UNREADABLE = ["", "{", "[]", "1", "null", '"text"', "{}", '{"made_by": "x"}', "[" * 100_000, "1" * 5000, "NaN"]


def brought(said: Any) -> Returned:
    """A task that came back with this."""
    return Returned(CELL, WHO, said)


def a_future(result: Any) -> Future[Any]:
    """A task that is done."""
    future: Future[Any] = Future()
    future.set_result(result)
    return future


@pytest.mark.parametrize("result", [WELL, BADLY])
def test_what_is_whole_is_taken_as_it_was_meant(result: CellResult) -> None:
    assert result_from(brought(pack(result)), PLAN) == result


@pytest.mark.parametrize("text", UNREADABLE)
def test_what_cannot_be_read_is_a_loss_that_names_who_it_was(text: str) -> None:
    with pytest.raises(LostError, match=f"^{WHO} has an answer that cannot be read"):
        result_from(brought(text), PLAN)
    for kind in (Reply, Introduction):
        with pytest.raises(UserError) as caught:
            unpack(text, kind, WHO)
        assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("key", "value"),
    [("scenario", "another"), ("cpus", 7), ("seed", 1), ("engine", "native"), ("verdict", "fine"), ("lookups", -1)],
)
def test_the_run_of_another_cell_is_no_result(key: str, value: Any) -> None:
    with pytest.raises(LostError, match=f"^{WHO} "):
        result_from(brought(pack(attrs.evolve(WELL, run={**RUN, key: value}))), PLAN)


@pytest.mark.parametrize("more", [{"number": 0}, {"repeat": 1}, {"seed": 1}])
def test_the_result_of_another_cell_is_no_result(more: dict[str, Any]) -> None:
    with pytest.raises(LostError, match=f"^{WHO} returned cell "):
        result_from(brought(pack(attrs.evolve(BADLY, **more))), PLAN)


@pytest.mark.parametrize("more", [{"run": None}, {"trouble": LOST}, {"end": CRASHED}, {"end": "fine"}, {"seconds": -1}])
def test_what_contradicts_itself_is_no_result(more: dict[str, Any]) -> None:
    document = json.loads(pack(WELL))
    document["of"] = {**document["of"], **json.loads(letter_of(more))}
    with pytest.raises(LostError):
        result_from(brought(json.dumps(document)), PLAN)


def letter_of(more: dict[str, Any]) -> str:
    """Some values as JSON."""
    return json.dumps({key: attrs.asdict(value) if attrs.has(type(value)) else value for key, value in more.items()})


def kept(result: CellResult) -> None:
    """It goes to the disk as a line, and is read back as what it was."""
    line = encode(result)
    assert b"NaN" not in line
    assert parse(line, "")["end"] == result.end
    assert (result.end == DONE) == (result.run is not None)
    if result.run is not None:
        assert from_json(result.run, Run, "").seed == RUN["seed"]


@st.composite
def spoilt(draw: st.DrawFn) -> str:
    """An envelope of a worker that is no longer whole, or anything else."""
    good = json.loads(pack(draw(st.sampled_from([WELL, BADLY]))))
    how = draw(st.sampled_from(["any", "text", "changed", "changed", "changed"]))
    event(how)
    if how == "any":
        return json.dumps({"made_by": made_by(), "of": draw(anything())})
    if how == "text":
        return draw(st.text(max_size=50) | anything().map(json.dumps))
    return changed(draw, good).decode()


def anything() -> st.SearchStrategy[Any]:
    """Any JSON."""
    plain = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
    return st.recursive(
        plain, lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=5), inner), max_leaves=8
    )


@bounded(300)
@given(spoilt())
def test_whatever_comes_back_is_a_result_that_can_be_kept_or_a_loss(text: str) -> None:
    try:
        result = result_from(brought(text), PLAN)
    except LostError as error:
        assert "\n" not in str(error)
        event("lost")
    else:
        kept(result)
        event("kept")


@bounded(100)
@given(spoilt(), st.booleans())
def test_whatever_a_task_ends_with_it_comes_back(text: str, wrapped: bool) -> None:
    notes: list[str] = []
    answer = pack(Reply(text, ("a\nnote",))) if wrapped else text
    returned = taken(CELL, WHO, a_future(answer), notes.append)
    assert (returned.tag, returned.worker) == (CELL, WHO)
    assert returned.said is None or type(returned.said) is str
    assert returned.why.isprintable()
    assert all(note.isprintable() for note in notes)


@pytest.mark.parametrize("result", [None, 5, b"\xff", ["a"], object(), {"said": "x"}])
def test_what_is_no_text_is_a_loss(result: Any) -> None:
    returned = taken(CELL, WHO, a_future(result), lambda text: None)
    assert returned.said is None
    assert returned.why.isprintable()
