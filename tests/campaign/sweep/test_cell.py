"""What a cell's process says, heard on paper: each word shows that it goes on, and silence alone may be a hang."""

from collections.abc import Iterator, Sequence

import pytest

from stress.campaign.child import Child
from stress.campaign.pipes import Lost, write_message
from stress.campaign.sweep import cell as cells
from stress.campaign.sweep.cell import CellProcess
from stress.campaign.sweep.messages import GoesOn, Ran, Started
from stress.campaign.sweep.records import HUNG, NO_MEMORY
from stress.machine.patience import Look, Patience

SILENT_SECONDS = 10.0


class Script:
    """A child on paper: at each look a second of CPU time has passed, and it says what comes next."""

    pid = 7
    last_words: Sequence[str] = ()

    def __init__(self, said: Sequence[object]) -> None:
        self._said = list(said)
        self.seconds = 0.0
        self.killed = False

    @property
    def ended(self) -> bool:
        return not self._said

    def poll(self, seconds: float) -> Iterator[bytes]:
        self.seconds += 1.0
        if message := self._said.pop(0):
            yield write_message(message)

    listen = Child.listen

    def kill(self) -> None:
        self.killed = True
        self._said = [one for one in self._said if one]


def listened(monkeypatch: pytest.MonkeyPatch, *said: object) -> CellProcess:
    """A cell's process that has said this."""
    child = Script(said)

    def patience(pid: int, limit: float, longest: float) -> Patience:
        clock = lambda: child.seconds  # noqa: E731
        return Patience(pid, limit, longest, clock=clock, look=lambda pid, threads: Look({pid: child.seconds}, None))

    monkeypatch.setattr(cells, "SILENT_SECONDS", SILENT_SECONDS)
    monkeypatch.setattr(cells, "Patience", patience)
    process = CellProcess(child)  # type: ignore[arg-type]
    process.listen(lambda: False)
    return process


def test_a_cell_that_goes_on_is_waited_for_however_long_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    process = listened(monkeypatch, Started(0.1), *[None, None, None, GoesOn()] * 100)
    assert process.hung is None


def test_a_cell_that_says_nothing_more_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    process = listened(monkeypatch, Started(0.1), GoesOn(), *[None] * 100)
    assert process.how()[0] == HUNG
    assert process.hung == f"after {SILENT_SECONDS:.1f} s of CPU time"


def test_what_a_cell_says_that_hung_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    process = listened(monkeypatch, Started(0.1), *[None] * 100, Ran({"verdict": "held"}))
    assert isinstance(process.said, Ran)
    end, trouble = process.how()
    assert end == HUNG
    assert trouble


@pytest.mark.parametrize("memory", [True, False])
def test_a_machine_that_is_lost_is_told_as_what_it_was_lost_for(memory: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    end, trouble = listened(monkeypatch, Started(0.1), Lost("for a reason", memory)).how()
    assert end == (NO_MEMORY if memory else HUNG)
    assert trouble
    assert "for a reason" in "\n".join(trouble.lines)
