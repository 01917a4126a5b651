"""The watchdog: who only spins, since when, for whom, and where that chain ends."""

from mutants.mutant import Group, Part, suite

DOG = Part("stress/machine/watchdog.py")
SAMPLE = DOG.of("def sample(self, seen")
ACTIVITY = DOG.of("def activity(")
WAITS = Part("stress/machine/waits.py")
WORDS = Part("stress/machine/words.py")

GROUP = Group(
    "The watchdog and the chain of waits",
    (suite("machine/test_watchdog.py"),),
    (
        SAMPLE.mutant(
            "spun-other-word",
            "spinning on one word after the other is a stall",
            "if not (within and _address(seen) == _address(last)) or",
            "if not within or",
        ),
        SAMPLE.mutant(
            "spun-operations",
            "spinning in one operation after the other is a stall",
            "within and _address(seen) == _address(last)",
            "_address(seen) == _address(last)",
        ),
        SAMPLE.mutant("spun-idle", "a CPU that got no core counts as spinning", "elif spins:", "else:"),
        SAMPLE.mutant("confirmed-at-once", "a lock just taken is waited for", "(self.confirmed or spins)", "True"),
        SAMPLE.mutant(
            "confirmed-holder", "a spin counts though the holder has changed", " and seen.wait == last.wait", ""
        ),
        SAMPLE.mutant(
            "since-operation", "a CPU that finishes operations seems to hang", "if within else 0.0", "if True else 0.0"
        ),
        SAMPLE.mutant("since-sleep", "a CPU that sleeps seems to run", "0.0 if sleeps else", "1e9 if sleeps else"),
        ACTIVITY.mutant("spins-unconfirmed", "a spin that has ended is a wait", "self.confirmed and ", ""),
        ACTIVITY.mutant("spins-long-ago", "who spun once spins for ever", " and self.since_spin < recent", ""),
        DOG.of("def sample(self) ").mutant(
            "suspended",
            "a process that was suspended has stalled",
            "min(now - self._sampled, LONGEST_SAMPLE_SECONDS)",
            "now - self._sampled",
        ),
        DOG.of("def sample(self) ").mutant(
            "shortest-spinner", "a stall is reported from who spins shortest", "max(stalled,", "min(stalled,"
        ),
        DOG.of("def _activity(").never(
            "dead-holder", "a thread that has ended seems to run", "not self._is_alive(number)"
        ),
        DOG.of("def _spinning(").mutant(
            "stall-too-soon", "half the time is a stall", "watch.spun >= seconds", "watch.spun >= seconds / 2"
        ),
        DOG.of("def _stall(").mutant(
            "others-in-chain", "who is in the chain is counted beside it", "if number not in chain", "if True"
        ),
        WAITS.of("def follow(").mutant(
            "chain-of-one", "a chain ends at the first CPU", "number = chain[number].waits_for", "number = None"
        ),
        WAITS.of("def cycle(").mutant(
            "cycle-whole", "the whole chain is called the cycle", "cpus[cpus.index(back) :]", "cpus"
        ),
        WAITS.of('def waits_for(self) -> int | None:\n        """The CPU that can end the wait').mutant(
            "holder-unknown",
            "a holder that does not exist is followed",
            "number is not None and number < self.cpus",
            "True",
        ),
        WORDS.of("def holder_of(").mutant(
            "holder-off-by-one", "the next CPU is taken for the holder", "value - 1", "value"
        ),
        WORDS.of("def guard_of(").mutant(
            "guard-forgotten", "who alone stores a word is forgotten", "_stored_by.get(address)", "None"
        ),
        WORDS.of("def owner_of(").mutant(
            "owner-forgotten", "whose per-CPU word it is is forgotten", "number if 0 <= number < cpus else None", "None"
        ),
        Part("stress/runs/drive.py").mutant(
            "stall-across-slices",
            "a stall longer than a slice goes unseen",
            " and not watchdog.suspects(self.seconds / 2)",
            "",
            suite("run/test_run.py::test_a_stall_is_found_though_slices_are_shorter_than_it_takes", without="native"),
        ),
        Part("stress/runs/harvest.py", "def add(").mutant(
            "stall-stacks",
            "a stall has no stacks",
            "self.stall = stall.with_stacks(stacks_of(of.ram))",
            "self.stall = stall",
            suite("run/test_stalls.py", without="native"),
        ),
        Part("stress/machine/machine.py", "def power_off(").never(
            "stuck-cpu",
            "a CPU that does not end is left behind",
            "stuck",
            suite("run/test_last_resort.py::test_a_cpu_that_does_not_end_ends_the_process_and_loses_no_result"),
        ),
        Part("stress/machine/machine.py", "def _play(").mutant(
            "dead-cpu",
            "the error that ended a CPU is swallowed",
            "self.errors.append(",
            "str(",
            suite("machine/test_power_off.py", without="native"),
        ),
    ),
)
