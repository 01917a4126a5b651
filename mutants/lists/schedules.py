"""One CPU at a time: turns, spins, strategies, replays, shrinking; what explorations say, and where they go on."""

from mutants.mutant import Group, Part, suite

TURNS = Part("stress/machine/control/turns.py")
BLOCKED = TURNS.of("def is_blocked(")
NEXT = TURNS.of("def next_cpu(")
FORCED = TURNS.of("def next_forced(")
RELAX = TURNS.of("def relax(")
SPINS = Part("stress/machine/control/spins.py")
REPEATS = SPINS.of("def repeats(")
BULK = Part("stress/machine/control/on_threads.py")
GIVEN = Part("stress/schedule/strategies/given.py")
DEPTH = Part("stress/schedule/strategies/depth_first.py")
SHRINK = Part("stress/schedule/shrink.py")
MACHINE = Part("stress/runs/controlled/machine.py")
PRISTINE = Part("stress/runs/controlled/pristine.py")
CHOOSING = Part("stress/schedule/choosing.py")
SEARCH = Part("stress/runs/controlled/search.py")
EXPLORED = Part("stress/runs/controlled/explored.py")
VERDICT = Part("stress/runs/controlled/verdict.py")
STANDING = Part("stress/runs/controlled/standing.py")
DIGESTS = Part("stress/runs/controlled/digests.py")
SWITCH = Part("stress/machine/native/stack_switch.py")

CONTROLLED = suite("run/test_controlled.py")
BARE = suite("run/test_bare_spins.py", without="native")
IMPATIENT = suite("run/test_impatience.py")
KEPT = suite("results/test_schedules_kept.py", without="compiled")
RESUME = suite("frontdoor/test_explore_resume.py")
WANTED = suite("run/test_wanted_outcomes.py")
SAID = suite("run/test_exploration_verdict.py")
SHRUNK = suite("schedule")
ODD = suite("frontdoor/test_odd_values.py", without="native")
STACKS = suite("machine/test_stack_switch.py", "run/test_controlled.py")

GROUP = Group(
    "One CPU at a time",
    (BARE, KEPT, CONTROLLED),
    (
        BULK.of("def fill(").without(
            "range-unchecked", "a range under control is checked piece by piece alone", "must_reach(", ODD
        ),
        BULK.of("def _point(").mutant(
            "address-unwrapped", "an address of more than 64 bits ends a schedule", "wrapped(address)", "address", ODD
        ),
        BLOCKED.mutant(
            "blocked-never", "a CPU that waits goes on at once", "return address != 0 and", "return False and"
        ),
        NEXT.never("turn-unbounded", "a schedule has no bound", "cpu.peek(STEPS) >= cpu.peek(BUDGET)"),
        FORCED.mutant(
            "forced-spinner", "a CPU that spins gets turns for ever", "while spins(cpu, number)", "while False"
        ),
        TURNS.mutant(
            "forced-too-soon",
            "a machine is stalled before a wait could give up",
            "MOST_FRUITLESS, FEWER_AGAIN = 128,",
            "MOST_FRUITLESS, FEWER_AGAIN = 0,",
            IMPATIENT,
        ),
        TURNS.mutant(
            "stalls-among-many",
            "where there are many CPUs a wait gets few turns to give up",
            "FRUITLESS_PART = 5",
            "FRUITLESS_PART = 50",
            IMPATIENT,
        ),
        TURNS.of("def may_end_wait(").mutant(
            "relax-promised",
            "a wait lasts for as long as others need",
            "return is_blocked(cpu, number)",
            "return False",
            IMPATIENT,
        ),
        CHOOSING.of("def draw_yield(").never(
            "yield-promised", "a yield lasts for as long as others need", "why == YIELDS and", IMPATIENT
        ),
        DEPTH.of("def is_impatient(").mutant(
            "depth-patient", "depth first lets a yield last", "cpu.peek(SKIPPED) == number", "False", IMPATIENT
        ),
        TURNS.of("def pass_round(").without(
            "time-stands", "no time passes while all wait", "cpu.poke(SLEPT", IMPATIENT
        ),
        TURNS.of("def pass_round(").mutant(
            "no-event-while-all-wait",
            "no interrupt comes while all wait",
            "cpu.poke(EVENT, event if",
            "cpu.poke(EVENT, 0 if",
            IMPATIENT,
        ),
        RELAX.mutant(
            "relax-forgets", "a spin does not wait for its word", "cpu.log + WAITS_ON, address", "cpu.log + WAITS_ON, 0"
        ),
        SPINS.of("def is_due(").mutant("spin-unexamined", "no spin is looked for", "EXAMINE_EVERY if", "0 if"),
        REPEATS.mutant(
            "spin-any-access", "what does not repeat is a spin", "return is_same(", "return True or is_same("
        ),
        SPINS.of("def is_same(").mutant(
            "spin-other-values",
            "a spin is one whatever it meets",
            "return cpu.peek(entry + VALUE) == cpu.peek(address & -8)",
            "return True",
        ),
        SPINS.of("def sees_no_change(").mutant(
            "spin-for-ever",
            "a CPU that spins never sees a change",
            "cpu.peek(entry + VALUE):",
            "cpu.peek(entry + VALUE) and False:",
        ),
        BULK.of("def fill_unchecked(").mutant(
            "bulk-one-step",
            "the filling of freed memory is one step",
            "self._begin_piece(",
            "offset or self._begin_piece(",
        ),
        GIVEN.of("def choose(").without("replay-no-events", "a replay leaves interrupts out", "cpu.poke(EVENT,"),
        GIVEN.of("def choose(").without("replay-silent", "a replay does not say that it departs", "depart(cpu)"),
        DEPTH.of("def alternatives(").mutant(
            "depth-unbounded",
            "depth first has more preemptions than its bound",
            ">= cpu.peek(state(cpu, MOST_PREEMPTIONS))",
            ">= 99",
        ),
        SHRINK.of("def takes(").mutant(
            "shrink-grows",
            "shrinking takes what is larger",
            "(size := size_of(shown)) >= self._size",
            "(size := size_of(shown)) == self._size",
            SHRUNK,
        ),
        SHRINK.of("def keep_few_cpus(").mutant(
            "shrink-keeps-none", "no few CPUs are kept alone", "if run.cpu in kept", "if run.cpu not in kept", SHRUNK
        ),
        SHRINK.of("def leave_out_cpus(").mutant(
            "shrink-cpus-stay", "no CPU is left out whole", "if run.cpu not in left", "if run.cpu in left", SHRUNK
        ),
        PRISTINE.of("def restore(").without(
            "restore-no-heap", "a schedule finds the heap of the one before", "self._restore(heap, used)"
        ),
        MACHINE.of("def _found(").mutant("stall-unsaid", "a stall shows nothing", "(STALLED,)", "()"),
        VERDICT.of("def _doubt(").never(
            "held-unbacked", "held without a twin that was caught", "mine.ended * rate <", SAID
        ),
        VERDICT.of("def _doubt(").never(
            "held-by-a-part", "a part of a search in depth is a sample", "in_depth and not is_complete(mine)", SAID
        ),
        VERDICT.of("def is_complete(").mutant(
            "cut-is-complete", "a search with cut schedules is complete", "or explored.shown[CUT]", "", SAID
        ),
        EXPLORED.of("def ended(").mutant(
            "cut-is-judged", "a schedule that was cut is one without a fault", " - self.shown[CUT]", "", SAID
        ),
        STANDING.of("def check(self").never(
            "resume-other-code", "other code is gone on with", "digests != self.digests", RESUME
        ),
        STANDING.of("def check(self").never(
            "resume-other-twin", "another twin is gone on with", "twin_digest != self.twin_digest", RESUME
        ),
        SEARCH.of("def keeps(").mutant(
            "others-shrunk", "a search for an outcome takes its time for others", "self.keeps_others", "True", WANTED
        ),
        STANDING.of("def go_on(self, explored").without(
            "resume-no-path", "depth first begins again", "set_path", RESUME
        ),
        STANDING.of("def go_on(self, mine").without(
            "resume-no-seen", "distinct schedules count twice", "mine.seen", RESUME
        ),
        DIGESTS.of("def digests_of(").mutant(
            "digest-of-scenario", "another kernel goes unsaid", "*_kernel()", "", SAID
        ),
        SWITCH.mutant("switch-register", "a switch of stacks loses a register", "popq %rbx", "popq %rax", STACKS),
    ),
)
