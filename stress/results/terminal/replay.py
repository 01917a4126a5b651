"""What `kstress replay` prints: what the schedule shows, its timeline, the report on the violation."""

from pathlib import Path

from stress.judge.explain import explain
from stress.results.pages.timeline import timeline_svg
from stress.results.terminal.consoles import console
from stress.results.terminal.places import write_results
from stress.results.terminal.timeline import timeline_lines
from stress.runs.controlled.replay import Replayed
from stress.runs.report import violation_text
from stress.runs.timeline import timeline
from stress.schedule.schedule import preemptions_of
from stress.units import counted


def show(replayed: Replayed, svg: Path | None = None) -> None:
    """Print one replay, and draw its timeline into a file if one is given."""
    out, machine = console(), replayed.machine
    made = machine.made()
    out.print(f"{replayed.scenario.name}: {replayed.outcome}", markup=False, soft_wrap=True)
    for line in replayed.notes:
        out.print(f"  {line}", markup=False, soft_wrap=True)
    counts = f"{counted(preemptions_of(made), 'preemption')}, {counted(machine.steps, 'access', 'accesses')}"
    out.print(f"  engine {machine.image.settings.engine}, {counts}", markup=False)
    out.print()
    drawn = timeline(machine, replayed.shows)
    if svg is not None:
        write_results(svg, timeline_svg(drawn), "--svg")
    for line in timeline_lines(drawn, out.width):
        out.print(line, markup=False, soft_wrap=True)
    again = f"kstress replay {replayed.schedule.token}"
    for violation in explain(machine.violations(), replayed.world.corpus, replayed.world.names)[:1]:
        out.print()
        out.print(violation_text(violation, replayed.scenario.outcomes, again), markup=False, soft_wrap=True)
    machine.finish()
