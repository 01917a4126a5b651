"""`kstress doctor`: the race is caught on every engine that there is."""

import pytest

from stress.machine.engines import has_llvmlite
from tests.frontdoor.command import kstress

pytestmark = pytest.mark.everywhere


def test_doctor_finds_every_engine_at_work() -> None:
    done = kstress("doctor")
    assert done.returncode == 0, done.stdout
    assert "engine python" in done.stdout
    assert ("engine native" in done.stdout) or not has_llvmlite()
