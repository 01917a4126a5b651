"""The pool of a cluster, without dask: one task each, none that one cannot do, nothing is lost with who leaves."""

import pickle
from concurrent.futures import Future
from typing import Any

import pytest

from stress.campaign.identity import made_by
from stress.campaign.workers import cluster as clusters
from stress.campaign.workers import futures
from stress.campaign.workers.calls import introduce
from stress.campaign.workers.cluster import on_worker
from stress.campaign.workers.pool import NoWorkersError, Returned, Service
from tests.campaign.workers.made import (
    ADDRESS,
    ECHO,
    Client,
    Made,
    Place,
    echo,
    made_pool,
    no_objection,
    nothing,
    objection,
)

A, B = "tcp://127.0.0.1:1001", "tcp://127.0.0.1:1002"


def of_another_version(objections: Any, offer: str) -> str:
    """What a worker of another kstress says."""
    return introduce(objections, offer).replace(made_by(), "kstress 99.0")


def of_no_kstress(objections: Any, offer: str) -> str:
    """What becomes of a question to a worker that has no kstress."""
    raise ModuleNotFoundError("No module named 'stress'")


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is waited for that a test does not do."""
    monkeypatch.setattr(futures, "POLL_SECONDS", 0.001)


@pytest.fixture
def pair(monkeypatch: pytest.MonkeyPatch) -> Made:
    """A pool of two, both of which have introduced themselves."""
    made = made_pool(monkeypatch, Client({A: Place(), B: Place()}))
    made.look()
    return made


def test_each_has_one_task_at_a_time_however_many_threads_it_has(pair: Made) -> None:
    for number in range(2):
        assert pair.pool.has_room
        pair.pool.begin(number, str(number))
    assert not pair.pool.has_room
    assert [len(place.tasks) for place in pair.client.places.values()] == [1, 1]
    pair.client.places[B].answer("said", "noted")
    [returned] = pair.look(1)
    assert (returned.tag, returned.said) == (1, "said")
    assert returned.worker.startswith(B)
    assert any(B in note and "noted" in note for note in pair.notes)
    assert pair.pool.has_room
    pair.pool.begin(2, "2")
    assert [len(place.tasks) for place in pair.client.places.values()] == [1, 1]


def test_nothing_is_sent_but_names_of_functions_and_text(pair: Made) -> None:
    pair.pool.begin(0, "a text")
    for call, *arguments in [one for place in pair.client.places.values() for one in place.sent]:
        for part in (call, *arguments):
            assert type(part) is str or pickle.loads(pickle.dumps(part)) is part
    assert {one[0] for place in pair.client.places.values() for one in place.sent} == {introduce, on_worker}


def test_what_a_worker_had_comes_back_when_it_leaves_and_it_is_given_up(pair: Made) -> None:
    pair.pool.begin("mine", "a text")
    lost = pair.client.places.pop(A)
    assert pair.look() == [Returned("mine", f"{A} on {pair_host(pair)}", None, "it has left the cluster")]
    assert lost.tasks[0].cancelled()
    pair.pool.begin("mine", "a text")
    assert len(pair.client.places[B].tasks) == 1
    assert not pair.pool.has_room


def pair_host(made: Made) -> str:
    """The host that the workers say they are on."""
    return made.notes[0].split(" on ")[1].split()[0]


def test_one_that_comes_later_works_too(pair: Made) -> None:
    pair.pool.begin(0, "0")
    pair.pool.begin(1, "1")
    later = pair.client.places.setdefault("tcp://127.0.0.1:1003", Place())
    pair.look()
    pair.pool.begin(2, "2")
    assert len(later.tasks) == 1


@pytest.mark.parametrize(
    ("introduces", "told"),
    [
        (of_another_version, "has kstress 99.0, and this is kstress"),
        (of_no_kstress, "ModuleNotFoundError: No module named 'stress'"),
        (lambda objections, offer: "garbage", "has an answer that cannot be read: 'garbage'"),
        (lambda objections, offer: introduce(objection, offer), "an offer is not for this"),
    ],
)
def test_who_cannot_work_is_told_with_why_and_gets_nothing(
    introduces: Any, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = made_pool(monkeypatch, Client({A: Place(introduces), B: Place()}))
    made.look()
    [note] = [note for note in made.notes if A in note]
    assert told in note
    assert "gets no work" in note
    made.pool.begin(0, "0")
    assert not made.pool.has_room
    assert made.client.places[A].tasks == []


def test_if_nobody_can_work_it_says_so_and_leaves_the_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    client = Client({A: Place(of_no_kstress), B: Place(of_another_version)})
    with pytest.raises(NoWorkersError, match=r"^--scheduler: no worker of .* can do this"):
        made_pool(monkeypatch, client)
    assert client.closed


@pytest.mark.parametrize("broken", [OSError("no route"), TimeoutError(), ConnectionResetError()])
def test_a_scheduler_that_is_gone_is_told_with_what_to_do(pair: Made, broken: Exception) -> None:
    pair.client.gone = broken
    with pytest.raises(NoWorkersError, match=f"{ADDRESS} is gone .*{type(broken).__name__}.*--resume"):
        pair.look()


def test_nobody_is_waited_for_for_ever(pair: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    pair.client.places.clear()
    pair.look(3)
    assert [note for note in pair.notes if "waits for a worker" in note] == [
        f"waits for a worker; this starts one: dask worker {ADDRESS}"
    ]
    monkeypatch.setattr(clusters, "LONGEST_WAIT", -1.0)
    with pytest.raises(NoWorkersError, match=r"has had no worker for .*; start one"):
        pair.look(1)


def test_a_worker_that_does_not_answer_is_told_once_and_not_waited_for_for_ever(
    pair: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair.client.places.clear()
    pair.client.places[B + "0"] = Place(silent=True)
    pair.look(3)
    assert not [note for note in pair.notes if "waits" in note]
    monkeypatch.setattr(clusters, "SILENT_SECONDS", -1.0)
    pair.look(3)
    assert [note for note in pair.notes if "waits" in note] == [
        "waits for the answer of these workers, which may be busy: 1"
    ]
    monkeypatch.setattr(clusters, "LONGEST_WAIT", -1.0)
    with pytest.raises(NoWorkersError, match=r"has had no worker that answers for .*; see what they do"):
        pair.look(1)


def test_a_worker_that_comes_in_time_ends_the_waiting(pair: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    pair.client.places.clear()
    pair.look()
    pair.client.places[A] = Place()
    pair.look()
    monkeypatch.setattr(clusters, "LONGEST_WAIT", -1.0)
    pair.client.places.clear()
    pair.look(1)
    assert len([note for note in pair.notes if "waits for a worker" in note]) == 2


@pytest.mark.parametrize("trouble", [None, TimeoutError(), OSError()])
def test_when_it_is_closed_all_tasks_are_taken_back(pair: Made, trouble: Exception | None) -> None:
    pair.pool.begin(0, "0")
    pair.client.gone = trouble
    task = pair.client.places[A].tasks[0]
    pair.pool.close()
    assert task.cancelled()


@pytest.mark.parametrize("how", ["cancelled", "raised", "garbage", "bytes"])
def test_whatever_a_worker_brings_the_task_comes_back_and_the_worker_works_on(how: str, pair: Made) -> None:
    pair.pool.begin("mine", "a text")
    task = pair.client.places[A].tasks.pop()
    spoil(task, how)
    [returned] = pair.look(1)
    assert (returned.tag, returned.said) == ("mine", None)
    assert returned.why.isprintable()
    assert pair.pool.has_room


def spoil(task: Future[Any], how: str) -> None:
    """End a task in a bad way."""
    if how == "cancelled":
        task.cancel()
        task.set_running_or_notify_cancel()
    elif how == "raised":
        task.set_exception(RuntimeError("planted\x1b[2J"))
    else:
        task.set_result("{}" if how == "garbage" else b"\xff")


def test_an_offer_reaches_every_worker_that_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    service = Service("what it is about", no_objection, echo, nothing)
    made = made_pool(monkeypatch, Client({A: Place()}), service)
    assert made.client.places[A].sent == [(introduce, no_objection, "what it is about")]
    assert service != ECHO
