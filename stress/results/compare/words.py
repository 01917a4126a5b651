"""What the words of a comparison mean, for somebody who was not there."""

INTRODUCTION = (
    "A and B are two campaigns of kstress, such as one before a change of the code and one after it. Each cell is one "
    "scenario on one engine with so many CPUs, run several times on both sides. Figures of the cells are compared by a "
    "test over these repeats; verdicts are facts and need no test."
)
GLOSSARY = (
    ("regression", "B is worse: a figure by more than the tolerance, which chance does not explain, or a bad end that "
     "A never had."),
    ("cannot tell", "No regression was seen, but of some cell of A nothing can be said."),
    ("no regression", "Every cell of A could be compared, and none is worse. It does not mean that both are equal."),
    ("cell", "One scenario, engine and CPU count, and a value on each other axis that varies."),
    ("repeat", "One run of a cell. Repeats are the sample of every test."),
    ("figure", "A number that a run has: lookups and unloads a second, the median and the 99 % length of a stop, "
     "violations per window, the share of repeats as expected."),
    ("B / A", "How many times A B is: the median over all pairs of repeats. Below 1 is less, above 1 is more, endless "
     "is up from 0; which of both is worse depends on the figure."),
    ("between", "The interval that holds this factor, for each figure by itself."),
    ("p", "How often such a difference comes by chance where nothing differs, over all tests together."),
    ("worse, better", "More than the tolerance apart, and p is at most the level."),
    ("may be noise", "Not shown by so many repeats; the interval says how large the difference may still be."),
    ("not tested", "So few repeats that no test could come out, whatever they were."),
    ("tolerance", "How far off a figure may be and count as equal: hosts drift by a few per cent in minutes."),
    ("level", "How often anything at all may be called different where nothing is."),
    ("HELD, VIOLATED, STALLED, INCONCLUSIVE", "Verdicts of a run: nothing forbidden in so many trials that the same "
     "code without its protection would have been caught; a forbidden answer was seen; CPUs waited for each other for "
     "ever; too little was seen. A scenario whose code is known to be wrong must be VIOLATED or STALLED."),
    ("stop", "stop_machine holds every other CPU while the list changes; its length is what readers pay."),
)  # fmt: skip
