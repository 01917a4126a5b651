"""What workers bring back, whole or damaged: a result that can be kept, or a loss that is told; never anything else."""

import json
from concurrent.futures import Future
from typing import Any

import attrs
import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from stress.campaign.crews.crew import Returned
from stress.campaign.crews.futures import taken
from stress.campaign.crews.hand import Answer, Introduction
from stress.campaign.crews.letters import LostError, letter, opened
from stress.campaign.folder import encode
from stress.campaign.identity import made_by
from stress.campaign.reading import parse
from stress.campaign.runs import run_of
from stress.campaign.sweep.cell import Came
from stress.campaign.sweep.plan import seed_of_cell
from stress.campaign.sweep.records import CRASHED, DONE, Ended
from stress.campaign.sweep.remote import came_of
from stress.errors import UserError
from tests.campaign.damage import changed
from tests.campaign.sweep.made import LOST, plan_of, run_json
from tests.support import bounded

PLAN, CELL = plan_of(), (1, 2)
VALUES = PLAN.cells[CELL[0]]
RUN = {
    **run_json(), "scenario": VALUES.scenario, "cpus": VALUES.cpus, "seed": seed_of_cell(PLAN, *CELL),
}  # fmt: skip
WELL = Came(end=DONE, seconds=0.5, first_lookup_s=0.1, run=RUN)
BADLY = Came(end=CRASHED, seconds=0.5, trouble=LOST)
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


@pytest.mark.parametrize("came", [WELL, BADLY])
def test_what_is_whole_is_taken_as_it_was_meant(came: Came) -> None:
    assert came_of(brought(letter(came)), PLAN) == came


@pytest.mark.parametrize("text", UNREADABLE)
def test_what_cannot_be_read_is_a_loss_that_names_who_it_was(text: str) -> None:
    with pytest.raises(LostError, match=f"^{WHO} says what cannot be read"):
        came_of(brought(text), PLAN)
    for kind in (Answer, Introduction):
        with pytest.raises(UserError) as caught:
            opened(text, kind, WHO)
        assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("key", "value"),
    [("scenario", "another"), ("cpus", 7), ("seed", 1), ("engine", "native"), ("verdict", "fine"), ("lookups", -1)],
)
def test_the_run_of_another_cell_is_no_result(key: str, value: Any) -> None:
    with pytest.raises(LostError, match=f"^{WHO} "):
        came_of(brought(letter(attrs.evolve(WELL, run={**RUN, key: value}))), PLAN)


@pytest.mark.parametrize("more", [{"run": None}, {"trouble": LOST}, {"end": CRASHED}, {"end": "fine"}, {"seconds": -1}])
def test_what_contradicts_itself_is_no_result(more: dict[str, Any]) -> None:
    document = json.loads(letter(WELL))
    document["of"] = {**document["of"], **json.loads(letter_of(more))}
    with pytest.raises(LostError):
        came_of(brought(json.dumps(document)), PLAN)


def letter_of(more: dict[str, Any]) -> str:
    """Some values as JSON."""
    return json.dumps({key: attrs.asdict(value) if attrs.has(type(value)) else value for key, value in more.items()})


def kept(came: Came) -> None:
    """It goes to the disk as a line, and is read back as what it was."""
    one = Ended(
        at="2026-01-01T00:00:01Z", session=0, number=CELL[0], repeat=CELL[1], seed=1, end=came.end, worker=WHO,
        seconds=came.seconds, first_lookup_s=came.first_lookup_s, run=came.run, trouble=came.trouble,
    )  # fmt: skip
    line = encode(one)
    assert b"NaN" not in line
    assert parse(line, "")["end"] == came.end
    assert (came.end == DONE) == (came.run is not None)
    if came.run is not None:
        assert run_of(came.run, "").seed == RUN["seed"]


@st.composite
def spoilt(draw: st.DrawFn) -> str:
    """A letter of a worker that is no longer whole, or anything else."""
    good = json.loads(letter(draw(st.sampled_from([WELL, BADLY]))))
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
        came = came_of(brought(text), PLAN)
    except LostError as error:
        assert "\n" not in str(error)
        event("lost")
    else:
        kept(came)
        event("kept")


@bounded(100)
@given(spoilt(), st.booleans())
def test_whatever_a_task_ends_with_it_comes_back(text: str, wrapped: bool) -> None:
    notes: list[str] = []
    answer = letter(Answer(text, ("a\nnote",))) if wrapped else text
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
