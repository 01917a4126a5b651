"""The mutants, in the order of the document: by the part of the harness or of its kernel that they break."""

from mutants.lists import (
    compare,
    detectors_native,
    detectors_python,
    events,
    grader,
    judging,
    locks,
    loop,
    marks,
    module_list,
    shadow,
    soak,
    stops,
    sweep,
    watchdog,
    windows,
)

GROUPS = (
    detectors_python.GROUP,
    detectors_native.GROUP,
    shadow.GROUP,
    judging.GROUP,
    windows.GROUP,
    loop.GROUP,
    grader.GROUP,
    module_list.GROUP,
    stops.GROUP,
    locks.GROUP,
    events.GROUP,
    watchdog.GROUP,
    soak.GROUP,
    sweep.GROUP,
    compare.GROUP,
    marks.GROUP,
)
