"""The threads of a mark: who waits, who runs, and who is left at its end."""

from mutants.mutant import Group, Part, suite

CREW = Part("stress/marks/crews/crew.py")
TASK_CREW = Part("stress/marks/crews/task_crew.py")
TASK_PLAYER = Part("stress/marks/crews/task_player.py")
STEPS = Part("stress/marks/crews/task_steps.py")
BLOCKED = Part("stress/marks/crews/blocked.py")
RUN_END = Part("stress/marks/crews/run_end.py")
MONITOR = Part("stress/marks/crews/monitor.py")
END_THREADS = Part("stress/marks/crews/end_threads.py")
THREAD_LOOK = Part("stress/marks/crews/thread_look.py")
WITHHELD = Part("stress/marks/crews/withheld.py")
FINALIZERS = Part("stress/marks/crews/finalizers.py")
LOOPS = Part("stress/marks/crews/async_bodies.py")
TIMERS = Part("stress/marks/crews/timers.py")
EXPRESSIONS = Part("stress/marks/noise/expressions.py")
TESTS = suite("plugin/test_failures.py", "plugin/test_prepared.py")
WAITS, LOOKS, POOLS, BUSY, IN_ROUNDS, ASYNC, TASKS, DROPPED, TIMED, LEFT = (
    suite(f"plugin/test_{part}.py")
    for part in (
        "waits",
        "thread_look",
        "other_work",
        "busy_host",
        "rounds",
        "async_bodies",
        "tasks",
        "finalizers",
        "timers",
        "left_as_found",
    )
)

GROUP = Group(
    "The threads of a mark",
    (TESTS,),
    (
        RUN_END.of("def goes_on(").mutant(
            "no-grace",
            "an operation that ends a little late is left",
            "is_late = self._seconds >= GRACE_SECONDS",
            "is_late = True",
            WAITS,
        ),
        RUN_END.of("def state_of(").mutant(
            "stuck-unseen",
            "a deadlock is not reported",
            "stalls = stands or doing",
            "stalls = doing",
            WAITS,
        ),
        RUN_END.of("def state_of(").never("cycle-waits", "a circle of locks is a note", "in_a_cycle", WAITS),
        RUN_END.of("def state_of(").never(
            "over-stalls", "who waits for one that raised has stalled", "self.over.is_set(", WAITS
        ),
        RUN_END.of("def goes_on(").without(
            "nobody-helps", "CPUs that rest do not go on for those that wait", "self._helpers.help(", WAITS
        ),
        RUN_END.of("def help(").without(
            "helps-in-circles",
            "one that waits when let go on again is let go on again",
            "self._once.add(",
            WAITS,
        ),
        MONITOR.of("def sample(self, calm").mutant(
            "suspended-waits",
            "a process that was suspended has waited",
            "min(now - self._sampled, LONGEST_SAMPLE_SECONDS)",
            "now - self._sampled",
            WAITS,
        ),
        MONITOR.of("def has_stalled(").mutant(
            "starved-stalls", "who gets no core has stalled", "and not self.starves", "", WAITS
        ),
        MONITOR.of("def doing(self, cpus").mutant(
            "runs-unseen", "an endless loop waits", "return Activity.RUNS", "return Activity.WAITS", WAITS
        ),
        THREAD_LOOK.of("def sample(").mutant(
            "spinner-starves", "a CPU that spins in a stop starves", " and now.spins == before.spins", "", LOOKS
        ),
        THREAD_LOOK.of("def sample(").mutant(
            "gil-unseen", "a thread that waits for the GIL wants no core", " or now.place != before.place", "", LOOKS
        ),
        END_THREADS.of("def end_threads(").without(
            "waiter-asleep", "who waits for a condition takes from it later", "waiter.release(", WAITS
        ),
        END_THREADS.of("def withdraw(").always(
            "pends-for-all",
            "who is left in a deadlock stalls what comes later",
            "not PENDS_FOR_ALL",
            WAITS,
        ),
        END_THREADS.of("def end_threads(").mutant(
            "runs-for-ever", "an endless loop goes on after its test", "        _raise_in(thread)\n", "", WAITS
        ),
        CREW.of("def _end(").without(
            "follower-runs-on", "who gets a lock from one that was ended runs on for ever", "end_followers(", WAITS
        ),
        CREW.of("def leave(").without(
            "counts-later",
            "a thread that is left counts what it does later",
            "self.players[number] = self.players[number].left_behind()",
            WAITS,
        ),
        CREW.of("def operation(").mutant(
            "no-player", "a CPU does not know its player", "self.here.player = player =", "player ="
        ),
        CREW.of("def operation(").mutant(
            "no-context",
            "a body does not run in its test's context",
            "player.context.run(player.operation, cpu)",
            "player.operation(cpu)",
        ),
        RUN_END.of("def _is_slowed(").mutant(
            "slowed-stalls",
            "a CPU that noise slows has stalled",
            "return self",
            "return False and self",
            WAITS,
        ),
        RUN_END.of("def state_of(").mutant(
            "round-waits",
            "a CPU that waits in a round in which all others have ended is a note",
            "self.in_rounds or ",
            "",
            IN_ROUNDS,
        ),
        MONITOR.of("def starves(").mutant(
            "rests-starving",
            "a CPU that has done its round, and gets no core, hides a stall",
            "if not player.has_done",
            "if True",
            WAITS,
        ),
        RUN_END.of("def state_of(").never(
            "pool-stalls", "who waits for a thread that works has stalled", "stands and self.monitor.is_helped", POOLS
        ),
        RUN_END.of("def goes_on(").mutant(
            "pool-unwaited", "the end does not wait for threads that work", "self.monitor.is_helped", "False", POOLS
        ),
        MONITOR.of("def sample(self, calm").without(
            "timer-unseen", "a timer that goes off soon after the run ends no wait", "self.timers.look(", TIMED
        ),
        MONITOR.of("def sample(self, calm").without(
            "timer-once",
            "an operation that waits as long as the last one did has stalled",
            "self.timers.forget(",
            TIMED,
        ),
        TIMERS.of("def _calls(").mutant(
            "timeout-of-before",
            "the timeout of an operation counts from that of an earlier one",
            "self.players[number].operations, ",
            "",
            TIMED,
        ),
        TIMERS.of("def look(").mutant(
            "timer-by-timer",
            "who looks again and again whether it may go on has not stalled",
            "if self._first is None else self._first & self._far",
            "",
            TIMED,
        ),
        TIMERS.of("def look(").mutant(
            "timeout-for-ever",
            "a wait without an end has a timeout that may end it",
            " if seconds <= NEVER_SECONDS",
            "",
            TIMED,
        ),
        RUN_END.of("def state_of(").never(
            "timeouts-stall",
            "who waits with a timeout that is not over has stalled",
            "stands and doing is Activity.WAITS",
            TIMED,
        ),
        RUN_END.of("def state_of(").never(
            "long-stalls",
            "who has waited for less time than an operation took has stalled",
            "stalls and self._is_usual",
            TIMED,
        ),
        RUN_END.without(
            "sleeps-again",
            "a CPU begins an operation of seconds once more at the end of a run",
            "player.begin_no_more(",
            TIMED,
        ),
        EXPRESSIONS.of("def _keeps_its_names(").mutant(
            "locals-changed",
            "the look at a timeout changes the dict that code under test has from `locals()`",
            "return sys.version_info",
            "return False and sys.version_info",
            TIMED,
        ),
        MONITOR.of("def doing(self, cpus").mutant(
            "computed-once",
            "who has computed and waits now runs on",
            "has_run and (is_hungry or self._keeps_pace(cpus))",
            "has_run",
            WAITS,
        ),
        EXPRESSIONS.of("def timeout(").mutant(
            "timeout-unread",
            "a timeout of a call ends no wait",
            "if given and is_readable",
            "if not given and is_readable",
            TIMED,
        ),
        MONITOR.of("def _works(").mutant(
            "work-for-ever",
            "a thread that runs on for ever hides a stall",
            "and watch.may_end(served)",
            "",
            POOLS,
        ),
        MONITOR.of("def other_threads(").mutant(
            "own-work", "a CPU counts as a thread that helps it", ", *cpus}", "}", POOLS
        ),
        WITHHELD.of("def begin(").mutant(
            "withheld-before",
            "what a process had before a run began counts as that of the run",
            "self._used, self._began = self.used() or 0.0, self.clock()",
            "self._used = self._began = 0.0",
            BUSY,
        ),
        WITHHELD.of("def sample(").mutant(
            "crowd-unseen", "a busy host looks idle", "if ran < CROWDED_PART * wanted", "if False", BUSY
        ),
        LOOPS.of("def wake(").mutant(
            "loop-asleep", "a loop that waits for ever stays", "call_soon_threadsafe(bool)", "is_closed()", ASYNC
        ),
        STEPS.of("def _waits(").mutant(
            "awaits-quiet",
            "no step of a task is delayed",
            "self._stepping.noise.row(self.player, self.coroutine)",
            "0",
            TASKS,
        ),
        STEPS.of("def _step(").mutant(
            "child-owned-by-none",
            "what a task that a body made uses is nobody's",
            "stepping.now, stepping.here.player = self, self.player",
            "stepping.now = self",
            TASKS,
        ),
        TASK_CREW.of("def _unheard(").without(
            "task-unheard", "an exception of a task that nobody waits for is lost", "self.strays(error)", TASKS
        ),
        TASK_CREW.of("def stepping(").mutant(
            "spins-unseen",
            "a task that keeps the loop waits",
            "None if now is None or now.player is None else",
            "None if True else",
            TASKS,
        ),
        TASK_PLAYER.mutant(
            "task-unjudged", "what a task returns is not judged", "value if self.is_judged else None", "None", TASKS
        ),
        FINALIZERS.of("def _ignored(").without(
            "finalizer-unheard", "what a finalizer raises is lost", "self.keep(error)", DROPPED
        ),
        FINALIZERS.of("def heard(").without(
            "finalizer-heard-for-ever", "a run that is over takes what finalizers raise", "self._hears = False", LEFT
        ),
        STEPS.of("def throw(").mutant(
            "failed-awaits-quiet",
            "a step that begins with an exception is not delayed",
            "self._error = error\n        return self.send(None)",
            "return self._step(self.coroutine.throw, *error)",
            TASKS,
        ),
        TASK_CREW.of("def close(").mutant(
            "cut-short-too-soon",
            "a run without tasks yet ends in an IndexError",
            " or [True] * len(self.players)",
            "",
            LEFT,
        ),
        FINALIZERS.of("def _is_ours(").mutant(
            "other-s-garbage", "a run answers for what another test left", "self.is_of_run() and", "", DROPPED
        ),
        BLOCKED.of("def cycle(").mutant(
            "timed-deadlock",
            "who may give up a lock is in a deadlock",
            "want.may_give_up or ",
            "",
            TIMED,
        ),
        EXPRESSIONS.of("def may_give_up(").mutant(
            "patient-gives-up",
            "who says that it waits for as long as it takes is in no deadlock",
            'one.arg or "": one.value for one',
            'one.arg or "": one for one',
            TIMED,
        ),
        BLOCKED.of("def _timeout_of(").mutant(
            "timeout-untold",
            "the timeout that would end a wait is not told",
            "seconds is None or",
            "True or",
            TIMED,
        ),
        BLOCKED.of("def _wanted(").mutant(
            "inner-lock",
            "a task waits for the inside of its lock",
            "if not _is_primitive(one)",
            "if True",
            TASKS,
        ),
    ),
)
