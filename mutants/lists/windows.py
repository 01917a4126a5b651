"""Race windows, the denominator of every rate: the edges that writers mark, and what readers make of them."""

from mutants.mutant import Group, Part, suite

LOOP = Part("stress/machine/loop.py")
MODULE = Part("stress/kernel/module.py")
FREE = MODULE.of("def free_module(")
ADD = MODULE.of("def add_module(")
STOP = Part("stress/kernel/protocols/stop_machine.py", "def end_stop(")
DROP = Part("stress/kernel/init_tables.py", "def drop_init_tables(")
MARK = LOOP.of("def mark_edge(")
PASSED = LOOP.of("def edges_passed(")
TOTAL = LOOP.of("def total_of(")
WINDOW = LOOP.of("def is_window(")

UNLINK_EDGE = "unlink(cpu, mod)\n    mark_edge(cpu)"
EDGE_UNLINK = "mark_edge(cpu)\n    unlink(cpu, mod)"
EDGE_FREE = "mark_edge(cpu)\n    free(cpu, mod)"
FREE_EDGE = "free(cpu, mod)\n    mark_edge(cpu)"
EDGE_LINK = "mark_edge(cpu)\n    link(cpu, mod)"
LINK_EDGE = "link(cpu, mod)\n    mark_edge(cpu)"
EDGE_SWITCH = "mark_edge(cpu)\n    switch(cpu, mod)"
SWITCH_EDGE = "switch(cpu, mod)\n    mark_edge(cpu)"
EDGE_DROP = "mark_edge(cpu)\n    kfree(cpu, tables)"
DROP_EDGE = "kfree(cpu, tables)\n    mark_edge(cpu)"
THEN = "cpu.poke(cpu.log + WINDOWS_THEN, windows)"
FIRST_TRIAL = "cpu.poke(cpu.log + FIRST_TRIAL, trial_of(cpu))"
BUMP = "cpu.poke(cpu.log + EDGES, cpu.peek(cpu.log + EDGES) + 1)"

GROUP = Group(
    "Race windows: the edges and who counts them",
    (
        suite(
            "kernel/test_edges.py",
            "kernel/test_module.py",
            "machine/test_loop.py",
            "machine/test_order.py",
            "judge/test_lookups.py",
            without="native",
        ),
    ),
    (
        FREE.mutant("edge-requested", "no edge where an unlink is requested", EDGE_UNLINK, "unlink(cpu, mod)"),
        FREE.mutant("edge-unlinked", "no edge where a module is unlinked", UNLINK_EDGE, "unlink(cpu, mod)"),
        FREE.mutant("edge-free-begun", "no edge where the free begins", EDGE_FREE, "free(cpu, mod)"),
        FREE.mutant("edge-freed", "no edge where the free has ended", FREE_EDGE, "free(cpu, mod)"),
        FREE.mutant("edge-requested-late", "the request is marked behind the unlink", EDGE_UNLINK, UNLINK_EDGE),
        FREE.late("edge-unlinked-early", "the unlink is marked before it", "unlink(cpu, mod)"),
        FREE.mutant("edge-free-begun-late", "the beginning of the free is marked behind it", EDGE_FREE, FREE_EDGE),
        FREE.late("edge-freed-early", "the end of the free is marked before it", "free(cpu, mod)"),
        ADD.mutant("edge-add-requested", "no edge where a link is requested", EDGE_LINK, "link(cpu, mod)"),
        ADD.mutant("edge-linked", "no edge where a module is linked", LINK_EDGE, "link(cpu, mod)"),
        ADD.mutant("edge-add-requested-late", "the request is marked behind the link", EDGE_LINK, LINK_EDGE),
        ADD.late("edge-linked-early", "the link is marked before it", "link(cpu, mod)"),
        DROP.mutant("edge-switch-late", "the request to switch tables is marked behind it", EDGE_SWITCH, SWITCH_EDGE),
        DROP.late("edge-switched-early", "the switch of tables is marked before it", "switch(cpu, mod)"),
        DROP.mutant("edge-drop-late", "the beginning of the tables' free is marked behind it", EDGE_DROP, DROP_EDGE),
        DROP.late("edge-dropped-early", "the end of the tables' free is marked before it", "kfree(cpu, tables)"),
        STOP.mutant("edge-nmi", "NMIs in a stop see no edge of a change", "    mark_edge(cpu)\n", ""),
        MARK.without("edge-unmarked", "marking an edge does nothing", "cpu.poke("),
        MARK.mutant(
            "edge-barrier-before", "an edge is seen before what came before it", f"cpu.barrier()\n    {BUMP}", BUMP
        ),
        MARK.mutant(
            "edge-barrier-after", "what comes behind an edge is seen before it", f"{BUMP}\n    cpu.barrier()", BUMP
        ),
        LOOP.of("def begin_operation(").without(
            "edges-before",
            "an operation does not remember where writers stood",
            "cpu.poke(cpu.log + EDGES_BEFORE, edges_passed(cpu))",
        ),
        PASSED.mutant(
            "edges-first-writer", "only the first writer counts", "cpu.peek(WRITERS)", "min(cpu.peek(WRITERS), 1)"
        ),
        TOTAL.mutant("edges-last-writer", "only the last writer counts", "total += ", "total = "),
        TOTAL.mutant("edges-own-log", "a reader looks for writers in the wrong place", " - cpu.number * LOG_BYTES", ""),
        WINDOW.mutant("window-always", "every operation is a window", "!= cpu.peek(cpu.log + EDGES_BEFORE)", ">= 0"),
        WINDOW.mutant("window-never", "no operation is a window", "!= cpu.peek(cpu.log + EDGES_BEFORE)", "< 0"),
        WINDOW.mutant(
            "window-two-edges", "one edge alone makes no window", "edges_passed(cpu) !=", "edges_passed(cpu) - 1 >"
        ),
        LOOP.of("def begin_change(").mutant(
            "overlapped-always", "a change that no window overlapped counts", "if windows != cpu", "if 0 <= cpu"
        ),
        LOOP.of("def begin_change(").without(
            "overlapped-once", "what was overlapped once is overlapped ever after", THEN
        ),
        MARK.mutant("change-each-edge", "every edge begins a change", "cpu.peek(cpu.log + OPERATIONS) + 1", "-1"),
        LOOP.of("def windows_ended(").mutant(
            "windows-of-cpu-0", "only windows of the first CPU count", "cpu.peek(CPUS)", "1"
        ),
        LOOP.of("def trial_of(").mutant(
            "trial-of-writer-0", "only the first writer's trials count", "cpu.peek(WRITERS)", "1"
        ),
        LOOP.of("def count_violation(").mutant(
            "trial-of-last-violation",
            "the trial of a CPU's last violation counts",
            f"        {FIRST_TRIAL}\n",
            f"    {FIRST_TRIAL}\n",
        ),
        LOOP.of("def count_outcome(").never("window-uncounted", "windows are not counted", "is_window("),
    ),
)
